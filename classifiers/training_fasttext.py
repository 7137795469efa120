"""Trains the fastText kind: one multi-label one-versus-all model, with unknown labels masked exactly.

fastText has no unknown label: with one-versus-all loss every label that a line lacks is a negative. So each
category is trained by itself on the lines that are labelled for it, with one vocabulary and one set of n-gram
buckets for all. There are two solvers. `library` is fastText's own training. `logistic` fits the rows directly,
as a logistic regression over the same features (scikit-learn, averaged SGD, weighted by inverse document
frequency): the same file and the same scoring, and on thin labels a better model, since a penalty and rare-word
weights do what `epoch` and `lr` cannot. fastText's inference is linear until the last step,

    logit_k(text) = (w_k1 - w_k0) · mean of rows(text) = mean of (rows(text) · (w_k1 - w_k0)),

so the n-th category's model is one column of projected rows, and the columns side by side are an ordinary
one-versus-all `.bin` whose dimension is the number of categories and whose output matrix is the identity. It
scores like the separate models, takes less room than one of them (`dim` columns become one per category), and
any fastText reads it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any, Final

import numpy as np
import scipy.sparse
from numpy.typing import NDArray
from sklearn.linear_model import SGDClassifier

from tamis.classifiers import fasttext_library
from tamis.classifiers.base import FloatMatrix
from tamis.classifiers.fasttext_features import Tables, features
from tamis.classifiers.fasttext_model import FastTextModel
from tamis.classifiers.fasttext_parameters import FastTextParameters
from tamis.classifiers.fasttext_write import write, write_scaled
from tamis.classifiers.identity import AMBIGUOUS, COMPOUNDED, single_words
from tamis.classifiers.passages import Passages
from tamis.classifiers.training_data import Fitting

__all__ = ["FastTextParameters", "fit", "train"]

Rows = NDArray[np.float64]

_EOS: Final = "</s>"
_SAMPLE: Final = 20_000
#: Share of the negatives that lie below the logit at which identity terms are made alike.
_FEW: Final = 0.99


def train(
    texts: Sequence[str],
    labels: FloatMatrix,
    copies: NDArray[np.int64],
    path: Path,
    categories: Sequence[str],
    parameters: FastTextParameters,
    seed: int = 0,
    progress: Callable[[str], None] = lambda _: None,
    vectors: Mapping[str, NDArray[np.float32]] | None = None,
) -> None:
    """Trains a model and writes it as a `.bin`; the same arguments give the same bytes.

    Args:
        texts: n normalised texts, one line each.
        labels: float32 [n, n_categories]; NaN = unknown, masked.
        copies: How often each line stands in the training file, int64 [n], or [n, n_categories]; 0 leaves it out.
        path: File to write.
        categories: Names of the columns.
        parameters: Hyper-parameters.
        seed: Order of the lines, and fastText's own seed.
        progress: Told what is being trained.
        vectors: Vectors that words start from ("library" only); others start at random.
    """
    vocabulary = _vocabulary(texts, parameters)
    sample = texts[:: max(1, len(texts) // _SAMPLE)]
    if parameters.solver == "logistic":
        rows, level = _logistic(texts, labels, copies, path, vocabulary, categories, parameters, seed, progress)
        words, columns = vocabulary, list(rows.T)
    else:
        words, columns = fasttext_library.columns(
            texts, labels, copies, vocabulary, categories, parameters, seed, progress, vectors or {}
        )
        level = np.zeros(len(categories))
    parts = _parts(path, words, parameters) if parameters.identity_weight >= 0 else {}
    tied = [_tie(words, column, parameters, parts, at) for column, at in zip(columns, level.tolist(), strict=True)]
    write_scaled(path, words, np.stack(tied, 1), categories, parameters.layout, sample)


def fit(
    data: Fitting, folder: Path, categories: Sequence[str], parameters: Mapping[str, Any], seed: int,
    progress: Callable[[str], None],
) -> dict[str, Any]:  # fmt: skip
    """Writes `model.bin` into a folder; see `training.Trainer`."""
    settings = FastTextParameters.of(parameters)
    train(data.texts, data.labels, data.copies, folder / "model.bin", categories, settings, seed, progress)
    return {"file": "model.bin", "labels": {category: f"__label__{category}" for category in categories}}


def _logistic(
    texts: Sequence[str], labels: FloatMatrix, copies: NDArray[np.int64], path: Path, words: list[str],
    categories: Sequence[str], parameters: FastTextParameters, seed: int, progress: Callable[[str], None],
) -> tuple[Rows, Rows]:  # fmt: skip
    """Logistic regression over fastText's own features.

    Returns:
        Rows of words and buckets, [n_rows, n_categories], and the logit that few negatives reach, [n_categories].

    The features are those that the scoring kernel sees in an empty model with this vocabulary. The intercept is
    left out: fastText has none, and calibration shifts the logits anyway.
    """
    progress(f"features of {len(texts)} texts")
    data, bounds = Passages.of(texts).buffer("none")
    tables = _tables(path, words, parameters)
    indices, ends = features(data, bounds, np.arange(len(texts)), tables)
    size = np.diff(ends)
    values = np.repeat(1.0 / np.maximum(size, 1), size)
    matrix = scipy.sparse.csr_matrix((values, indices, ends), shape=(len(texts), len(words) + parameters.bucket))
    matrix.sum_duplicates()
    seen = np.bincount(matrix.indices, minlength=matrix.shape[1])
    weight = np.where(seen >= parameters.min_count, np.log((1 + len(texts)) / (1 + seen)) + 1, 0.0)
    weight /= weight.max()
    matrix = scipy.sparse.csr_matrix(matrix.multiply(weight[None, :]))
    out, level = np.zeros((matrix.shape[1], len(categories))), np.zeros(len(categories))
    for j, category in enumerate(categories):
        progress(f"training {category}")
        times = copies if copies.ndim == 1 else copies[:, j]
        rows = np.flatnonzero(~np.isnan(labels[:, j]) & (times > 0))
        width = len(words) if category in parameters.words_only else matrix.shape[1]
        model = SGDClassifier(
            loss="log_loss",
            alpha=parameters.alpha,
            max_iter=parameters.epoch,
            tol=None,
            average=True,
            random_state=seed,
        )
        model.fit(matrix[rows, :width], labels[rows, j].astype(int), sample_weight=times[rows])
        out[:width, j] = model.coef_[0] * weight[:width]
        level[j] = np.quantile(matrix[rows[labels[rows, j] == 0], :width] @ model.coef_[0], _FEW)
    return out, level


def _vocabulary(texts: Sequence[str], parameters: FastTextParameters) -> list[str]:
    counts: Counter[str] = Counter()
    for text in texts:
        counts.update(set(text.split(" ")))
    common = sorted((w for w, n in counts.items() if n >= parameters.min_count and w), key=lambda w: (-counts[w], w))
    named = sorted(frozenset.union(*single_words())) if parameters.identity_weight >= 0 else []
    taken = {_EOS, *named}
    rest = (w for w in common if w not in taken and not w.startswith("__label__"))
    return [_EOS, *named, *islice(rest, max(0, parameters.words - len(taken)))]


def _tie(
    words: list[str], column: Rows, parameters: FastTextParameters, parts: Mapping[int, NDArray[np.int32]], level: float
) -> Rows:
    """Makes what each identity term adds, its row and those of its character n-grams, the same, by its word's row.

    A text's logit is a mean, so a term of many parts also weakens the rest of the text. At the logit `level` this is
    made up for: adding `level` for each part moves a mean that is at `level` nowhere.
    """
    padded = np.zeros(len(words) + parameters.bucket)
    padded[: len(column)] = column
    if parameters.identity_weight < 0:
        return padded
    place = {word: i for i, word in enumerate(words)}
    for forms in single_words():
        rows = sorted(place[word] for word in forms if word in place)
        added = np.array([padded[parts[i]].sum() for i in rows])
        spread = np.array([len(parts[i]) for i in rows])
        common = parameters.identity_weight * added.mean() if rows else 0.0
        for i, own, size in zip(rows, added, spread, strict=True):
            wanted = (common / 2 if words[i] in COMPOUNDED else common) + level * (size - spread.mean())
            padded[i] = (min(wanted, own) if words[i] in AMBIGUOUS else wanted) - (own - padded[i])
    return padded


def _parts(path: Path, words: list[str], parameters: FastTextParameters) -> dict[int, NDArray[np.int32]]:
    """The rows that each identity term has: its own and those of its character n-grams."""
    named = sorted(frozenset.union(*single_words()) & set(words))
    place = {word: i for i, word in enumerate(words)}
    if not parameters.maxn:
        return {place[word]: np.array([place[word]], np.int32) for word in named}
    tables = _tables(path, words, parameters)._replace(word_ngrams=1)
    data, bounds = Passages.of(named).buffer("none")
    rows, ends = features(data, bounds, np.arange(len(named)), tables)
    end = place[_EOS]
    cut = [rows[ends[k] : ends[k + 1]] for k in range(len(named))]
    return {place[word]: own[own != end] for word, own in zip(named, cut, strict=True)}


def _tables(path: Path, words: list[str], parameters: FastTextParameters) -> Tables:
    """How the scoring kernel finds the features of a model with this vocabulary."""
    write(
        path, words, np.zeros((len(words) + parameters.bucket, 1)), ["none"], replace(parameters.layout, quantise=False)
    )
    return FastTextModel.from_file(path)._tables
