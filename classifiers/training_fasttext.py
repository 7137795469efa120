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

import struct
import tempfile
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Any, Final

import fasttext
import msgspec
import numpy as np
import scipy.sparse
from numpy.typing import NDArray
from sklearn.linear_model import SGDClassifier

from tamis.classifiers.base import FloatMatrix
from tamis.classifiers.errors import UsageError
from tamis.classifiers.fasttext_features import features
from tamis.classifiers.fasttext_model import FastTextClassifier, FastTextModel
from tamis.classifiers.identity import AMBIGUOUS, COMPOUNDED, single_words
from tamis.classifiers.passages import Passages
from tamis.classifiers.training_data import Fitting

__all__ = ["FastTextParameters", "fit", "train"]

_MAGIC: Final = 793712314
_VERSION: Final = 12
_OVA: Final = 4
_SUPERVISED: Final = 3
_EOS: Final = "</s>"
#: Columns are scaled so that this share of the training texts has logits up to this size.
_WITHIN: Final = 0.999
_REACH: Final = 7.5
_SAMPLE: Final = 20_000


@dataclass(frozen=True, slots=True)
class FastTextParameters:
    """Hyper-parameters, named as in fastText where it has them.

    Attributes:
        dim: Columns while training.
        epoch: Passes over the lines.
        lr: Learning rate at the start.
        word_ngrams: Longest n-gram of words.
        bucket: Rows that n-grams share.
        words: Size of the vocabulary at most.
        min_count: Texts that a word must be in to be in the vocabulary.
        words_only: Categories that are trained on single words; their n-gram rows are 0.
        solver: "library" or "logistic".
        alpha: Strength of the L2 penalty of "logistic".
        identity_weight: If not negative, every identity term (see `identity`) gets the same row: this part of
            the mean of their rows. A term then counts for what people say of its kind, not of its group.
    """

    dim: int = 16
    epoch: int = 5
    lr: float = 0.5
    word_ngrams: int = 2
    bucket: int = 200_000
    words: int = 40_000
    min_count: int = 3
    words_only: tuple[str, ...] = ()
    solver: str = "library"
    alpha: float = 1e-8
    identity_weight: float = -1.0

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> FastTextParameters:
        """Takes parameters from a configuration.

        Raises:
            UsageError: A name is unknown or a value is out of range.
        """
        try:
            made = msgspec.convert(dict(values), cls)
        except msgspec.ValidationError as error:
            raise UsageError(f"parameters of the fasttext kind: {error}; correct the configuration") from error
        if unknown := sorted(set(values) - set(cls.__dataclass_fields__)):
            known = ", ".join(cls.__dataclass_fields__)
            raise UsageError(f"parameters: {unknown[0]!r} is none of {known}; correct the configuration")
        if made.solver not in {"library", "logistic"}:
            raise UsageError(f"parameters: solver {made.solver!r} is none of library, logistic")
        if min(made.dim, made.epoch, made.word_ngrams, made.words, made.min_count) < 1 or made.lr <= 0:
            raise UsageError("parameters: every value must be positive")
        return made


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
    if parameters.solver == "logistic":
        rows = _logistic(texts, labels, copies, path, vocabulary, categories, parameters, seed, progress)
        tied = [_tie(vocabulary, column, parameters) for column in rows.T]
        _scaled(path, vocabulary, np.stack(tied, 1), categories, parameters, texts[:: max(1, len(texts) // _SAMPLE)])
        return
    rng = np.random.default_rng(seed)
    columns = []
    words: list[str] = []
    with tempfile.TemporaryDirectory() as folder:
        start = Path(folder) / "words.vec"
        _write_vectors(start, vocabulary, parameters.dim, rng, vectors or {})
        for j, category in enumerate(categories):
            progress(f"training {category}")
            times = copies if copies.ndim == 1 else copies[:, j]
            _write_lines(Path(folder) / "train.txt", texts, labels[:, j], times, rng)
            longest = 1 if category in parameters.words_only else parameters.word_ngrams
            found, column = _fit(Path(folder), start, replace(parameters, word_ngrams=longest), seed)
            words = words or found
            columns.append(_tie(words, _reorder(words, found, column), parameters))
    _scaled(path, words, np.stack(columns, 1), categories, parameters, texts[:: max(1, len(texts) // _SAMPLE)])


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
) -> NDArray[np.float64]:  # fmt: skip
    """Rows of words and buckets, [n_rows, n_categories], by logistic regression over fastText's own features.

    The features are those that the scoring kernel sees in an empty model with this vocabulary. The intercept is
    left out: fastText has none, and calibration shifts the logits anyway.
    """
    progress(f"features of {len(texts)} texts")
    _write(path, words, np.zeros((len(words) + parameters.bucket, 1)), ["none"], parameters)
    data, bounds = Passages.of(texts).buffer("none")
    tables = FastTextModel.from_file(path)._tables
    indices, ends = features(data, bounds, np.arange(len(texts)), tables)
    size = np.diff(ends)
    values = np.repeat(1.0 / np.maximum(size, 1), size)
    matrix = scipy.sparse.csr_matrix((values, indices, ends), shape=(len(texts), len(words) + parameters.bucket))
    matrix.sum_duplicates()
    seen = np.bincount(matrix.indices, minlength=matrix.shape[1])
    weight = np.where(seen >= parameters.min_count, np.log((1 + len(texts)) / (1 + seen)) + 1, 0.0)
    weight /= weight.max()
    matrix = scipy.sparse.csr_matrix(matrix.multiply(weight[None, :]))
    out = np.zeros((matrix.shape[1], len(categories)))
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
    return out


def _vocabulary(texts: Sequence[str], parameters: FastTextParameters) -> list[str]:
    counts: Counter[str] = Counter()
    for text in texts:
        counts.update(set(text.split(" ")))
    common = sorted((w for w, n in counts.items() if n >= parameters.min_count and w), key=lambda w: (-counts[w], w))
    named = sorted(frozenset.union(*single_words())) if parameters.identity_weight >= 0 else []
    taken = {_EOS, *named}
    rest = (w for w in common if w not in taken and not w.startswith("__label__"))
    return [_EOS, *named, *islice(rest, max(0, parameters.words - len(taken)))]


def _write_vectors(
    path: Path, vocabulary: list[str], dim: int, rng: np.random.Generator, known: Mapping[str, NDArray[np.float32]]
) -> None:
    start = rng.uniform(-1 / dim, 1 / dim, (len(vocabulary), dim))
    for i, word in enumerate(vocabulary):
        if word in known:
            start[i] = known[word]
    with path.open("w", encoding="utf-8", newline="\n") as out:
        out.write(f"{len(vocabulary)} {dim}\n")
        for word, row in zip(vocabulary, start, strict=True):
            out.write(word + " " + " ".join(f"{value:.6f}" for value in row) + "\n")


def _write_lines(
    path: Path,
    texts: Sequence[str],
    labels: NDArray[np.float32],
    copies: NDArray[np.int64],
    rng: np.random.Generator,
) -> None:
    repeated = np.repeat(np.arange(len(texts)), np.where(np.isnan(labels), 0, copies))
    rng.shuffle(repeated)
    with path.open("w", encoding="utf-8", newline="\n") as out:
        for i in repeated.tolist():
            out.write(f"__label__{int(labels[i])} {texts[i]}\n")


def _fit(
    folder: Path, vectors: Path, parameters: FastTextParameters, seed: int
) -> tuple[list[str], NDArray[np.float64]]:
    """One category: (words, projected rows of words and buckets). One thread: more would race, and differ each time."""
    bucket = parameters.bucket if parameters.word_ngrams > 1 else 0
    model = fasttext.train_supervised(
        str(folder / "train.txt"), dim=parameters.dim, epoch=parameters.epoch, lr=parameters.lr, loss="softmax",
        wordNgrams=parameters.word_ngrams, bucket=bucket, minn=0, maxn=0, thread=1, seed=seed,
        minCount=2**31 - 1, minCountLabel=0, pretrainedVectors=str(vectors), verbose=0,
    )  # fmt: skip
    output = np.asarray(model.get_output_matrix(), np.float64)
    labels = model.get_labels()
    direction = output[labels.index("__label__1")] - output[labels.index("__label__0")]
    return list(model.get_words()), np.asarray(model.get_input_matrix(), np.float64) @ direction


def _reorder(words: list[str], found: list[str], column: NDArray[np.float64]) -> NDArray[np.float64]:
    """Puts a model's word rows into the order of the first model's; bucket rows are in place already."""
    place = {word: i for i, word in enumerate(found)}
    index = [place[word] for word in words]
    return np.concatenate([column[index], column[len(found) :]])


def _tie(words: list[str], column: NDArray[np.float64], parameters: FastTextParameters) -> NDArray[np.float64]:
    """Gives identity terms one common row, and n-grams rows where the category has none."""
    padded = np.zeros(len(words) + parameters.bucket)
    padded[: len(column)] = column
    if parameters.identity_weight < 0:
        return padded
    for forms in single_words():
        rows = [i for i, word in enumerate(words) if word in forms]
        common = parameters.identity_weight * padded[rows].mean() if rows else 0.0
        for i in rows:
            part = common / 2 if words[i] in COMPOUNDED else common
            padded[i] = min(part, padded[i]) if words[i] in AMBIGUOUS else part
    return padded


def _scaled(
    path: Path, words: list[str], rows: NDArray[np.float64], categories: Sequence[str],
    parameters: FastTextParameters, texts: Sequence[str],
) -> None:  # fmt: skip
    """Writes the model, its columns scaled so that the logits of texts fill the library's table of the sigmoid.

    The table has 512 steps between -8 and 8. Calibration undoes any scale, but not the loss of steps.
    """
    inside = rows * (_REACH / np.maximum(np.abs(rows).max(axis=0), 1e-9))
    _write(path, words, inside, categories, parameters)
    labels = {category: f"__label__{category}" for category in categories}
    scores = FastTextClassifier(FastTextModel.from_file(path), labels, "none").score(Passages.of(texts))
    logits = np.abs(np.log(scores / (1 - scores)))
    _write(
        path,
        words,
        inside * (_REACH / np.maximum(np.nanquantile(logits, _WITHIN, axis=0), 1e-3)),
        categories,
        parameters,
    )


def _write(
    path: Path, words: list[str], rows: NDArray[np.float64], categories: Sequence[str], parameters: FastTextParameters
) -> None:
    table = np.ascontiguousarray(rows, "<f4")
    count = len(categories)
    with path.open("wb") as out:
        out.write(struct.pack("<ii", _MAGIC, _VERSION))
        out.write(struct.pack(
            "<12id", count, 5, parameters.epoch, 1, 5, parameters.word_ngrams, _OVA, _SUPERVISED, parameters.bucket,
            0, 0, 100, 1e-4,
        ))  # fmt: skip
        out.write(struct.pack("<iiiqq", len(words) + count, len(words), count, len(words), -1))
        for word in words:
            out.write(word.encode("utf-8") + b"\0" + struct.pack("<qb", 1, 0))
        for category in categories:
            out.write(f"__label__{category}".encode() + b"\0" + struct.pack("<qb", 1, 1))
        out.write(struct.pack("<?qq", False, *table.shape) + table.tobytes())
        out.write(struct.pack("<?qq", False, count, count) + np.eye(count, dtype="<f4").tobytes())
