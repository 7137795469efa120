"""Trains the fastText kind: one multi-label one-versus-all model, with unknown labels masked exactly.

fastText has no unknown label: with one-versus-all loss every label that a line lacks is a negative. So each
category is trained by itself on the lines that are labelled for it, with one vocabulary and one set of n-gram
buckets for all. There are two solvers. `library` is fastText's own training. `logistic` fits the rows directly
(see `training_logistic`): the same file and the same scoring, and on thin labels a better model, since a penalty and
rare-word weights do what `epoch` and `lr` cannot. fastText's inference is linear until the last step,

    logit_k(text) = (w_k1 - w_k0) · mean of rows(text) = mean of (rows(text) · (w_k1 - w_k0)),

so the n-th category's model is one column of projected rows, and the columns side by side are an ordinary
one-versus-all `.bin` whose dimension is the number of categories and whose output matrix is the identity. It
scores like the separate models, takes less room than one of them (`dim` columns become one per category), and
any fastText reads it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from tamis.classifiers import fasttext_library, training_logistic
from tamis.classifiers.base import FloatMatrix
from tamis.classifiers.fasttext_classifier import MENTION, mentioning
from tamis.classifiers.fasttext_parameters import FastTextParameters
from tamis.classifiers.fasttext_write import write_scaled
from tamis.classifiers.identity import AMBIGUOUS, COMPOUNDED, single_words
from tamis.classifiers.training_data import Fitting
from tamis.classifiers.training_features import RowSpace, row_space, vocabulary
from tamis.classifiers.training_logistic import Column, mention_marks
from tamis.classifiers.training_mentions import parts_of_terms
from tamis.classifiers.training_vectors import Vectors

__all__ = ["FastTextParameters", "fit", "tie", "train"]

Rows = NDArray[np.float64]

_SAMPLE: Final = 20_000


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
        columns = training_logistic.columns(
            space.matrix(texts), labels, copies, space, categories, parameters, seed, progress, known
        )
    else:
        words, found = fasttext_library.columns(
            texts, labels, copies, words, categories, parameters, seed, progress, known
        )
        space = row_space(path, texts, words, parameters)
        columns = [Column(category, rows, 0.0) for category, rows in zip(categories, found, strict=True)]
    tied = tie(columns, space, parameters)
    marks = {MENTION: mention_marks(space)} if len(columns) > len(categories) else {}
    names = [column.label for column in columns]
    write_scaled(path, words, tied, names, parameters.layout, sample, space.kept, marks)


def tie(columns: Sequence[Column], space: RowSpace, parameters: FastTextParameters) -> Rows:
    """The columns side by side, the identity terms of each made alike, [width, n_columns]."""
    parts = parts_of_terms(space) if parameters.identity_weight >= 0 else {}
    tied = [_tie(space.words, column.rows, parameters, parts, column.level, space.width) for column in columns]
    return np.stack(tied, axis=1)


def fit(
    data: Fitting, folder: Path, categories: Sequence[str], parameters: Mapping[str, Any], seed: int,
    progress: Callable[[str], None],
) -> dict[str, Any]:  # fmt: skip
    """Writes `model.bin` into a folder; see `training.Trainer`."""
    settings = FastTextParameters.of(parameters)
    settings.check(categories)
    path = folder / "model.bin"
    train(data.texts, data.labels, data.copies, path, categories, settings, seed, progress, data.vectors)
    out: dict[str, Any] = {"file": "model.bin", "labels": {category: _label(category) for category in categories}}
    if further := {c: _label(mentioning(c)) for c in categories if c in settings.mentions}:
        out["mention"] = {"mark": _label(MENTION), "labels": further}
    return out


def _label(name: str) -> str:
    return f"__label__{name}"


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
