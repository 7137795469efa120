"""The solver "library" of the fastText kind: fastText's own training, one category at a time, projected to columns."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import fasttext
import numpy as np
from numpy.typing import NDArray

from tamis.classifiers.base import FloatMatrix
from tamis.classifiers.fasttext_parameters import FastTextParameters

__all__ = ["columns"]


def columns(
    texts: Sequence[str], labels: FloatMatrix, copies: NDArray[np.int64], vocabulary: list[str],
    categories: Sequence[str], parameters: FastTextParameters, seed: int, progress: Callable[[str], None],
    vectors: Mapping[str, NDArray[np.float32]],
) -> tuple[list[str], list[NDArray[np.float64]]]:  # fmt: skip
    """Trains a model for each category; see `training_fasttext.train` for the arguments.

    Returns:
        The words in the order of the rows, and for each category its projected rows: words, then buckets (none where
        the category is trained on single words).
    """
    rng = np.random.default_rng(seed)
    out = []
    words: list[str] = []
    with tempfile.TemporaryDirectory() as folder:
        start = Path(folder) / "words.vec"
        _write_vectors(start, vocabulary, parameters.dim, rng, vectors)
        for j, category in enumerate(categories):
            progress(f"training {category}")
            times = copies if copies.ndim == 1 else copies[:, j]
            _write_lines(Path(folder) / "train.txt", texts, labels[:, j], times, rng)
            longest = 1 if category in parameters.words_only else parameters.word_ngrams
            found, column = _fit(Path(folder), start, replace(parameters, word_ngrams=longest), seed)
            words = words or found
            out.append(_reorder(words, found, column))
    return words, out


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
