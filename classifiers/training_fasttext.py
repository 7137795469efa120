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

Labelled texts hold few of the words of a language. With word vectors from unlabelled text the regression also sees
the mean of the words' vectors v, and what it learns of that, u, is as linear as the rest: u · v is added to the row of
each word, of those that no labelled text holds too. Scoring costs what it cost.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import numpy as np
import scipy.sparse
from numpy.typing import NDArray
from sklearn.linear_model import SGDClassifier

from tamis.classifiers import fasttext_library
from tamis.classifiers.base import FloatMatrix
from tamis.classifiers.fasttext_parameters import FastTextParameters
from tamis.classifiers.fasttext_write import write_scaled
from tamis.classifiers.identity import AMBIGUOUS, COMPOUNDED, single_words, words_of_terms
from tamis.classifiers.training_data import Fitting
from tamis.classifiers.training_features import END, RowSpace, row_space, vocabulary
from tamis.classifiers.training_vectors import Vectors

__all__ = ["FastTextParameters", "fit", "train"]

Rows = NDArray[np.float64]

_SAMPLE: Final = 20_000
#: Share of the negatives that lie below the logit at which identity terms are made alike: near the thresholds.
_FEW: Final = 0.96


def train(
    texts: Sequence[str],
    labels: FloatMatrix,
    copies: NDArray[np.int64],
    path: Path,
    categories: Sequence[str],
    parameters: FastTextParameters,
    seed: int = 0,
    progress: Callable[[str], None] = lambda _: None,
    vectors: Vectors | None = None,
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
        vectors: Vectors of words, the commonest first: what words start from ("library"), or what counts beside the
            rows ("logistic", with `vector_weight`).
    """
    known = vectors or {}
    words = vocabulary(texts, parameters, known if parameters.vector_weight else {})
    sample = texts[:: max(1, len(texts) // _SAMPLE)]
    if parameters.solver == "logistic":
        space = row_space(path, texts, words, parameters)
        progress(f"features of {len(texts)} texts, {space.width} rows")
        columns, level = _logistic(texts, labels, copies, space, categories, parameters, seed, progress, known)
    else:
        words, columns = fasttext_library.columns(
            texts, labels, copies, words, categories, parameters, seed, progress, known
        )
        space, level = row_space(path, texts, words, parameters), np.zeros(len(categories))
    parts = _parts(space) if parameters.identity_weight >= 0 else {}
    tied = [_tie(words, column, parameters, parts, at, space.width)
            for column, at in zip(columns, level.tolist(), strict=True)]  # fmt: skip
    write_scaled(path, words, np.stack(tied, 1), categories, parameters.layout, sample, space.kept)


def fit(
    data: Fitting, folder: Path, categories: Sequence[str], parameters: Mapping[str, Any], seed: int,
    progress: Callable[[str], None],
) -> dict[str, Any]:  # fmt: skip
    """Writes `model.bin` into a folder; see `training.Trainer`."""
    settings = FastTextParameters.of(parameters)
    path = folder / "model.bin"
    train(data.texts, data.labels, data.copies, path, categories, settings, seed, progress, data.vectors)
    return {"file": "model.bin", "labels": {category: f"__label__{category}" for category in categories}}


def _logistic(
    texts: Sequence[str], labels: FloatMatrix, copies: NDArray[np.int64], space: RowSpace, categories: Sequence[str],
    parameters: FastTextParameters, seed: int, progress: Callable[[str], None], vectors: Vectors,
) -> tuple[list[Rows], Rows]:  # fmt: skip
    """Logistic regression over fastText's own features.

    Returns:
        Rows of words and buckets of each category, [width], and the logit that few negatives reach, [n_categories].

    The features are those that the scoring kernel sees. The intercept is left out: fastText has none, and
    calibration shifts the logits anyway.
    """
    matrix = space.matrix(texts)
    weight = parameters.scale * _weights(matrix, space, parameters)
    weighted = scipy.sparse.csr_matrix(matrix.multiply(weight[None, :]))
    of_words = _word_vectors(space.words, vectors, parameters)
    means = matrix[:, : len(space.words)] @ of_words
    out, level = [], np.zeros(len(categories))
    for j, category in enumerate(categories):
        progress(f"training {category}")
        times = copies if copies.ndim == 1 else copies[:, j]
        rows = np.flatnonzero(~np.isnan(labels[:, j]) & (times > 0))
        width = len(space.words) if category in parameters.words_only else space.width
        chosen = scipy.sparse.hstack([weighted[rows, :width], scipy.sparse.csr_matrix(means[rows])], format="csr")
        model = SGDClassifier(
            loss="log_loss",
            alpha=parameters.alpha,
            max_iter=parameters.epoch,
            tol=None,
            average=True,
            random_state=seed,
        )
        model.fit(chosen, labels[rows, j].astype(int), sample_weight=times[rows])
        column = np.zeros(space.width)
        own, of_means = np.split(model.coef_[0], [width])
        column[:width] = own * weight[:width]
        column[: len(space.words)] += of_words @ of_means
        out.append(column)
        level[j] = np.quantile(matrix[rows[labels[rows, j] == 0]] @ column, _FEW)
    return out, level


def _weights(matrix: scipy.sparse.csr_matrix, space: RowSpace, parameters: FastTextParameters) -> Rows:
    """Inverse document frequency of each row, the largest 1; 0 for what is in too few texts, [width]."""
    seen = np.bincount(matrix.indices, minlength=matrix.shape[1])
    weight = np.where(seen >= parameters.min_count, np.log((1 + matrix.shape[0]) / (1 + seen)) + 1, 0.0)
    weight /= weight.max()
    if parameters.end_weight:
        weight[space.words.index(END)] = parameters.end_weight
    return np.asarray(weight)


def _word_vectors(words: list[str], vectors: Vectors, parameters: FastTextParameters) -> Rows:
    """Weighted vectors of the vocabulary, [n_words, dim]; of identity terms that share a row 0: they would differ."""
    if not parameters.vector_weight or not vectors:
        return np.zeros((len(words), 0))
    out = np.zeros((len(words), len(next(iter(vectors.values())))))
    shared = words_of_terms() if parameters.identity_weight >= 0 else frozenset[str]()
    for i, word in enumerate(words):
        if word in vectors and word not in shared:
            out[i] = parameters.vector_weight * vectors[word]
    return out


def _tie(
    words: list[str], column: Rows, parameters: FastTextParameters, parts: Mapping[int, NDArray[np.int64]],
    level: float, width: int,
) -> Rows:  # fmt: skip
    """Makes what each identity term adds, its row and those of its character n-grams, the same, by its word's row.

    A text's logit is a mean, so a term of many parts also weakens the rest of the text. At the logit `level` this is
    made up for: adding `level` for each part moves a mean that is at `level` nowhere.
    """
    padded = np.zeros(width)
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


def _parts(space: RowSpace) -> dict[int, NDArray[np.int64]]:
    """The rows that each identity term has: its own and those of its character n-grams."""
    place = {word: i for i, word in enumerate(space.words)}
    named = sorted(words_of_terms() & set(space.words))
    rows, ends = replace(space, tables=space.tables._replace(word_ngrams=1)).rows(named)
    cut = [rows[ends[k] : ends[k + 1]].astype(np.int64) for k in range(len(named))]
    return {place[word]: own[own != place[END]] for word, own in zip(named, cut, strict=True)}
