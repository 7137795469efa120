"""Length buckets, in words. A maximum over passages grows with their number, so lengths are compared like with like."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

__all__ = ["BUCKETS", "bucket"]

_EDGES: Final = np.array([1, 50, 100, 200, 500, 1000, 2000, 5000], dtype=np.int64)

BUCKETS: Final = ("0", "1-49", "50-99", "100-199", "200-499", "500-999", "1000-1999", "2000-4999", "5000+")


def bucket(words: NDArray[np.int64]) -> NDArray[np.intp]:
    """Returns the index in `BUCKETS` of each length, intp [n]."""
    return np.searchsorted(_EDGES, words, side="right")
