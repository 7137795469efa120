"""Writes projected rows as a fastText model: an ordinary one-versus-all `.bin` whose output matrix is the identity.

Any fastText reads the file. Quantised, a value takes one byte instead of four: a product quantiser with one column a
part, whose 256 centroids lie closer together near 0, where most rows are. Zero stays zero.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import BinaryIO, Final

import numpy as np
from numpy.typing import NDArray

from tamis.classifiers.fasttext_classifier import FastTextClassifier
from tamis.classifiers.fasttext_file import MAGIC, SUPERVISED, VERSIONS, Loss
from tamis.classifiers.fasttext_model import FastTextModel
from tamis.classifiers.passages import Passages

__all__ = ["Layout", "write", "write_scaled"]

Rows = NDArray[np.float64]
Ints = NDArray[np.int64]

#: Columns are scaled so that this share of the training texts has logits up to this size.
_WITHIN: Final = 0.999
_REACH: Final = 7.5
#: Codes -127 to 127 stand for ± (code / 127) ** _BEND of the largest value.
_STEPS: Final = 127
_BEND: Final = 2.0


@dataclass(frozen=True, slots=True)
class Layout:
    """What the file says about its features.

    Attributes:
        word_ngrams: Longest n-gram of words.
        bucket: Rows that n-grams share.
        minn: Shortest character n-gram of a word.
        maxn: Longest, 0 for none.
        epoch: Passes over the lines; kept for the reader's information.
        quantise: Whether rows are stored as codes.
    """

    word_ngrams: int
    bucket: int
    minn: int = 0
    maxn: int = 0
    epoch: int = 5
    quantise: bool = False


def write_scaled(
    path: Path, words: Sequence[str], rows: Rows, categories: Sequence[str], layout: Layout, texts: Sequence[str],
    kept: Ints | None = None, marks: Mapping[str, Rows] = MappingProxyType({}),
) -> None:  # fmt: skip
    """Writes a model whose columns are scaled so that the logits of texts fill the library's table of the sigmoid.

    The table has 512 steps between -8 and 8. Calibration undoes any scale, but not the loss of steps.

    Args:
        path: File to write.
        words: The vocabulary, in the order of the first rows.
        rows: Rows of words, then of buckets, float64 [n_words + n_buckets, n_categories].
        categories: Names of the columns.
        layout: What the features are.
        texts: Normalised texts to scale by.
        kept: Buckets that have rows, int64 [n_buckets]; None = all. Only a quantised file can leave some out.
        marks: Further columns by name, float64 [n_words + n_buckets] each, that are not scaled.
    """
    names = [*categories, *marks]
    inside = rows * (_REACH / np.maximum(np.abs(rows).max(axis=0), 1e-9))
    write(path, words, np.column_stack([inside, *marks.values()]), names, layout, kept)
    labels = {category: f"__label__{category}" for category in categories}
    scores = FastTextClassifier(FastTextModel.from_file(path), labels, "none").score(Passages.of(texts))
    logits = np.abs(np.log(scores / (1 - scores)))
    reached = np.maximum(np.nanquantile(logits, _WITHIN, axis=0), 1e-3)
    write(path, words, np.column_stack([inside * (_REACH / reached), *marks.values()]), names, layout, kept)


def write(
    path: Path, words: Sequence[str], rows: Rows, categories: Sequence[str], layout: Layout, kept: Ints | None = None
) -> None:
    """Writes a model; see `write_scaled` for the arguments."""
    count = len(categories)
    with path.open("wb") as out:
        out.write(struct.pack("<ii", MAGIC, max(VERSIONS)))
        out.write(struct.pack(
            "<12id", count, 5, layout.epoch, 1, 5, layout.word_ngrams, Loss.ONE_VS_ALL, SUPERVISED, layout.bucket,
            layout.minn, layout.maxn, 100, 1e-4,
        ))  # fmt: skip
        pruned = -1 if kept is None else len(kept)
        out.write(struct.pack("<iiiqq", len(words) + count, len(words), count, len(words), pruned))
        for word in words:
            out.write(word.encode("utf-8") + b"\0" + struct.pack("<qb", 1, 0))
        for category in categories:
            out.write(f"__label__{category}".encode() + b"\0" + struct.pack("<qb", 1, 1))
        if kept is not None:
            out.write(np.stack([kept, np.arange(len(kept))], 1).astype("<i4").tobytes())
        (_write_codes if layout.quantise else _write_values)(out, rows)
        _write_values(out, np.eye(count))


def _write_values(out: BinaryIO, rows: Rows) -> None:
    table = np.ascontiguousarray(rows, "<f4")
    out.write(struct.pack("<?qq", False, *table.shape) + table.tobytes())


def _write_codes(out: BinaryIO, rows: Rows) -> None:
    count, columns = rows.shape
    largest = np.maximum(np.abs(rows).max(axis=0), 1e-9)
    steps = np.rint(_STEPS * (np.abs(rows) / largest) ** (1 / _BEND)) * np.sign(rows)
    codes = np.ascontiguousarray(steps.astype(np.int64) + _STEPS, np.uint8)
    levels = np.minimum(np.arange(256) - _STEPS, _STEPS) / _STEPS
    centroids = np.ascontiguousarray(largest[:, None] * np.sign(levels) * np.abs(levels) ** _BEND, "<f4")
    out.write(struct.pack("<??qqi", True, False, count, columns, codes.size) + codes.tobytes())
    out.write(struct.pack("<iiii", columns, columns, 1, 1) + centroids.tobytes())
