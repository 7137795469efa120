"""Products with the output matrix: exact enough and the same on every machine, or rounded as the library rounds.

No linear algebra library is called: its sums depend on the processor that it runs on, and scores must not.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tamis.classifiers.compiled import kernel

__all__ = ["multiply", "multiply_as_library"]

Floats = NDArray[np.float32]
Ints = NDArray[np.int64]


@kernel
def multiply(rows: Floats, output: Floats, width: int) -> Floats:
    """Multiplies rows with the output matrix, in double precision.

    Args:
        rows: float32 [n, dim].
        output: float32 [n_labels, dim].
        width: Columns of the product, at least n_labels.

    Returns:
        The product, padded with zeros, float32 [n, width].
    """
    product = np.zeros((rows.shape[0], width), np.float32)
    columns = output.T.astype(np.float64)
    total = np.empty(output.shape[0], np.float64)
    for row in range(rows.shape[0]):
        total[:] = 0
        for k in range(rows.shape[1]):
            value = np.float64(rows[row, k])
            for label in range(total.size):
                total[label] += value * columns[k, label]
        for label in range(total.size):
            product[row, label] = total[label]
    return product


@kernel
def multiply_as_library(rows: Floats, ends: Ints, output: Floats, scale: Floats) -> Floats:
    """Averages the rows of each text and multiplies with the output matrix, rounding at each step as fastText does.

    Args:
        rows: Rows of one text's features after another's, in the library's order, float32 [n_rows, dim].
        ends: Where the rows of each text begin and those of the last end, int64 [n + 1].
        output: Output matrix, before each row is multiplied by its norm, float32 [n_labels, dim].
        scale: Norm of each row, float32 [n_labels].

    Returns:
        float32 [n, n_labels].
    """
    product = np.zeros((ends.size - 1, output.shape[0]), np.float32)
    hidden = np.empty(rows.shape[1], np.float32)
    for text in range(ends.size - 1):
        hidden[:] = 0
        for row in range(ends[text], ends[text + 1]):
            for k in range(hidden.size):
                hidden[k] += rows[row, k]
        for k in range(hidden.size):
            hidden[k] *= np.float32(1 / (ends[text + 1] - ends[text]))
        for label in range(output.shape[0]):
            for k in range(hidden.size):
                product[text, label] += output[label, k] * hidden[k]
            product[text, label] *= scale[label]
    return product
