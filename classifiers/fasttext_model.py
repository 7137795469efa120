"""fastText models: scores that equal the library's, several times faster and without the GIL.

fastText scores a text by `output · mean(rows of its features)`. Where it saves work, the rows are multiplied with
the output matrix once, when the model is loaded; a token then costs one short row, with a number for each label.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from tamis.classifiers.base import FloatMatrix
from tamis.classifiers.errors import BundleError
from tamis.classifiers.fasttext_features import Tables, features
from tamis.classifiers.fasttext_file import ENTRY, FastTextFile, read
from tamis.classifiers.fasttext_index import index_buckets, index_words, number_of
from tamis.classifiers.fasttext_kernel import WIDTHS, average, expand_words
from tamis.classifiers.fasttext_loss import STEP, STEPPED, label_tree, scores
from tamis.classifiers.fasttext_matrix import DenseMatrix, Matrix, QuantisedMatrix
from tamis.classifiers.fasttext_product import multiply, multiply_as_library
from tamis.classifiers.fasttext_words import END_OF_LINE, word_hash

__all__ = ["FastTextModel"]

Bytes = NDArray[np.uint8]
Ints = NDArray[np.int64]
Int32s = NDArray[np.int32]

#: Rows multiplied with the output matrix, or copied, take at most this many bytes beside the model.
MEMORY: Final = 256 * 2**20

#: A quantised model that is larger than this when expanded is refused.
EXPANDED: Final = 4 * 2**30

#: Rows that are multiplied at a time.
BLOCK: Final = 65_536

#: Bytes of a cache line.
LINE: Final = 64

#: Logits this near to a step of the library's sigmoid are computed again with its own rounding. The two ways
#: differ by less; `tests/test_fasttext_model.py` measures it.
NEAR: Final = 2e-5


class FastTextModel:
    """A supervised fastText model."""

    def __init__(self, file: FastTextFile) -> None:
        """Prepares a model for scoring.

        Args:
            file: The model, as read.

        Raises:
            BundleError: Its quantised rows would take more than 4 GiB.
        """
        self.labels: tuple[str, ...] = file.dictionary.labels
        self._loss = file.settings.loss
        self._tree = label_tree(file.dictionary.label_counts.tolist())
        self._tables = _tables(file)
        self._output = file.output.take(slice(None))
        self._exact = (file.input, *file.output.unscaled()) if self._loss in STEPPED else None
        self._projected = _worth_projecting(file)
        self._rows = _projected(file) if self._projected else _unprojected(file)
        self._counts = _merge_subwords(file, self._tables, self._rows)
        self._tables = self._tables._replace(address=self._rows.ctypes.data, row_bytes=self._rows.strides[0])

    @classmethod
    def from_file(cls, path: Path) -> FastTextModel:
        """Reads a .bin or .ftz file.

        Raises:
            BundleError: It is damaged, or no supervised fastText model.
        """
        return cls(read(path))

    def label_scores(self, data: Bytes, bounds: Ints) -> FloatMatrix:
        """Scores texts like the library's `predict(text, k=-1)`, to 1e-5.

        Args:
            data: Texts in UTF-8, one after another, uint8. A line feed counts as white space. As in the library,
                a text ends at a token `</s>`: whatever normalises hostile text must not let that pass.
            bounds: Byte offset of each text and the end of the last, int64 [n + 1].

        Returns:
            Scores of `labels`, clipped to [0, 1], float32 [n, n_labels]; NaN for a text of which the model knows
            nothing, for which the library returns no labels.
        """
        logits = self.logits(data, bounds)
        if self._exact is not None:
            self._settle(logits, data, bounds, *self._exact)
        return scores(self._loss, logits, self._tree)

    def logits(self, data: Bytes, bounds: Ints) -> FloatMatrix:
        """What the loss function makes scores of: the output matrix times the mean of a text's rows.

        Args:
            data: As for `label_scores`.
            bounds: As for `label_scores`.

        Returns:
            Logits of `labels`, float32 [n, n_labels]; NaN for a text of which the model knows nothing.
        """
        means = average(data, bounds, self._tables, self._rows, self._counts)
        n_labels = len(self.labels)
        return means[:, :n_labels].copy() if self._projected else multiply(means, self._output, n_labels)

    def _settle(
        self, logits: FloatMatrix, data: Bytes, bounds: Ints, inputs: Matrix, output: FloatMatrix, norms: FloatMatrix
    ) -> None:
        """Computes logits near a step of the library's sigmoid again, rounding as the library does."""
        steps = logits / STEP
        near = np.flatnonzero((np.abs(steps - np.rint(steps)) < NEAR / STEP).any(axis=1))
        rows, ends = features(data, bounds, near, self._tables)
        logits[near] = multiply_as_library(inputs.take(rows), ends, output, norms)


def _tables(file: FastTextFile) -> Tables:
    dictionary, settings = file.dictionary, file.settings
    slots = index_words(dictionary.entries, dictionary.start, ENTRY)
    pruned = np.zeros((0, 2), np.int32) if dictionary.pruned is None else dictionary.pruned
    return Tables(
        slots=slots,
        kept=index_buckets(pruned),
        pruned=dictionary.pruned is not None,
        n_words=dictionary.n_words,
        end=number_of(END_OF_LINE, slots),
        end_hash=word_hash(END_OF_LINE),
        bucket=settings.bucket,
        inverse=np.uint64((2**64 - 1) // settings.bucket if settings.bucket else 0),
        word_ngrams=settings.word_ngrams,
        minn=max(1, settings.minn),
        maxn=settings.maxn,
    )


def _width(file: FastTextFile) -> int:
    """Columns of a projected row; padded to a width that the kernel adds in registers, where there is one."""
    n_labels = len(file.dictionary.labels)
    return next((width for width in WIDTHS if width >= n_labels), n_labels)


def _worth_projecting(file: FastTextFile) -> bool:
    rows, dim = file.input.shape
    return len(file.dictionary.labels) <= dim and 4 * rows * _width(file) <= MEMORY


def _projected(file: FastTextFile) -> FloatMatrix:
    """Returns the product of the input with the output matrix, float32 [n_rows, width], padded with zeros."""
    output, width = file.output.take(slice(None)), _width(file)
    product = _at_cache_lines((file.input.shape[0], width))
    unchanged = np.array_equal(output, np.eye(len(output), file.input.shape[1], dtype=np.float32))
    for first in range(0, len(product), BLOCK):
        block = slice(first, first + BLOCK)
        rows = file.input.take(block)
        product[block] = _padded(rows, width) if unchanged else multiply(rows, output, width)
    return product


def _padded(rows: FloatMatrix, width: int) -> FloatMatrix:
    return np.pad(rows, ((0, 0), (0, width - rows.shape[1])))


def _at_cache_lines(shape: tuple[int, int]) -> FloatMatrix:
    """Returns an empty float32 matrix that starts where a cache line does: no row of eight lies on two of them."""
    size = 4 * shape[0] * shape[1]
    held = np.empty(size + LINE, np.uint8)
    first = -held.ctypes.data % LINE
    return held[first : first + size].view(np.float32).reshape(shape)


def _unprojected(file: FastTextFile) -> FloatMatrix:
    """Returns the input as float32 [n_rows, dim]; as a copy where subwords are to be merged into words."""
    size = 4 * file.input.shape[0] * file.input.shape[1]
    if size > EXPANDED and isinstance(file.input, QuantisedMatrix):
        raise BundleError(
            f"the quantised fastText model takes {size / 2**30:.1f} GiB when expanded, more than "
            f"{EXPANDED / 2**30:.0f} GiB; quantise it with a cutoff"
        )
    rows = file.input.take(slice(None))
    return rows.copy() if file.settings.maxn > 0 and size <= MEMORY else rows


def _merge_subwords(file: FastTextFile, tables: Tables, rows: FloatMatrix) -> Int32s:
    """Adds to each word's row those of its character n-grams, unless `rows` is the input itself.

    Returns:
        Rows in each word's row, int32 [n_words]; empty where nothing was merged.
    """
    shared = isinstance(file.input, DenseMatrix) and rows is file.input.values
    if shared or tables.maxn == 0:
        return np.empty(0, np.int32)
    return expand_words(file.dictionary.entries, file.dictionary.start, ENTRY, tables, rows)
