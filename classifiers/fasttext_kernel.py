"""The average of a text's rows, for a whole batch in one call without the GIL.

fastText averages the rows of a text's features and multiplies the average with the output matrix. Both are linear:
the rows here may already be multiplied (a row is then one number for each label), and a word's row may already hold
the sum of its character n-grams.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from tamis.classifiers.compiled import inlined, kernel
from tamis.classifiers.fasttext_features import Tables, longest, push_features, push_subwords, scratch
from tamis.classifiers.vector_code import sum_eights, sum_sixteens, sum_thirty_twos

__all__ = ["WIDTHS", "average", "expand_words"]

Bytes = NDArray[np.uint8]
Ints = NDArray[np.int64]
Int32s = NDArray[np.int32]
UInt32s = NDArray[np.uint32]
Floats = NDArray[np.float32]

#: Numbers of columns that are added up in registers.
WIDTHS: Final = (8, 16, 32)


@kernel
def _add_wide(matrix: Floats, rows: UInt32s, n: int, out: Floats) -> None:
    """Adds rows of any number of columns."""
    out[:] = 0
    for i in range(n):
        for column in range(matrix.shape[1]):
            out[column] += matrix[rows[i], column]


@inlined
def _add_up(matrix: Floats, rows: UInt32s, n: int, averages: Floats, text: int) -> None:
    width = matrix.shape[1]
    base, numbers, out = matrix.ctypes.data, rows.ctypes.data, averages.ctypes.data + 4 * width * text
    if matrix.strides[0] != 4 * width:
        _add_wide(matrix, rows, n, averages[text])
    elif width == WIDTHS[0]:
        sum_eights(base, numbers, n, out)
    elif width == WIDTHS[1]:
        sum_sixteens(base, numbers, n, out)
    elif width == WIDTHS[2]:
        sum_thirty_twos(base, numbers, n, out)
    else:
        _add_wide(matrix, rows, n, averages[text])


@kernel
def average(data: Bytes, bounds: Ints, tables: Tables, matrix: Floats, counts: Int32s) -> Floats:
    """Averages the rows of each text.

    Args:
        data: Texts in UTF-8, one after another.
        bounds: Offset of each text and the end of the last, int64 [n + 1].
        tables: The model's tables.
        matrix: Rows of words and buckets, float32 [n_rows, width].
        counts: Rows that are added up in each word's row, int32 [n_words]; empty where words stand alone.

    Returns:
        The averages, float32 [n, width]; NaN for a text of which the model knows nothing.
    """
    averages = np.empty((bounds.size - 1, matrix.shape[1]), np.float32)
    tokens, rows = scratch(longest(bounds)), np.empty(1024, np.uint32)
    for text in range(bounds.size - 1):
        n, rows = push_features(data, bounds[text], bounds[text + 1], tables, counts.size > 0, tokens, rows)
        total = n
        if counts.size > 0:
            for i in range(n):
                total += counts[rows[i]] - 1 if rows[i] < tables.n_words else 0
        _add_up(matrix, rows, n, averages, text)
        averages[text] *= np.float32(1 / total) if total > 0 else np.float32(np.nan)
    return averages


@kernel
def expand_words(entries: Bytes, start: Ints, closing: int, tables: Tables, matrix: Floats) -> Int32s:
    """Adds to each word's row those of its character n-grams.

    Args:
        entries: Dictionary entries, one after another.
        start: Offset of each entry and the end of the last.
        closing: Bytes of each entry after its word.
        tables: The model's tables.
        matrix: Rows of words and buckets, float32 [n, width]; those of words are changed.

    Returns:
        Rows that were added up in each word's row, int32 [n_words].
    """
    counts = np.ones(tables.n_words, np.int32)
    rows = np.empty(64, np.uint32)
    for word in range(tables.n_words):
        first, last = start[word], start[word + 1] - closing
        room = (last - first + 2) * max(0, tables.maxn - tables.minn + 1)
        if room > rows.size:
            rows = np.empty(2 * room, np.uint32)
        n = 0 if word == tables.end else push_subwords(entries, first, last, tables, rows, 0)
        for column in range(matrix.shape[1]):
            total = np.float64(matrix[word, column])
            for i in range(n):
                total += matrix[rows[i], column]
            matrix[word, column] = total
        counts[word] = n + 1
    return counts
