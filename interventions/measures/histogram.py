"""Histograms of scores: fixed bins, equally wide in logits, so that histograms of any two corpora subtract.

2,048 bins of 24/2048 = 0.0117 logits from -12 to 12; the first and the last take what lies beyond. A score belongs to
the bin whose edges, rounded to float32, enclose it: the same on every machine, whatever its logarithm.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

__all__ = ["BINS", "COARSE", "COARSE_EDGES", "EDGES", "HIGH", "LOW", "bins", "centres", "coarsen"]

BINS: Final = 2048
LOW: Final = -12.0
HIGH: Final = 12.0

#: Bins of the histograms in report.json.
COARSE: Final = 32
COARSE_EDGES: Final = [LOW + (HIGH - LOW) * i / COARSE for i in range(COARSE + 1)]

_WIDTH: Final = (HIGH - LOW) / BINS


def _edges() -> NDArray[np.float32]:
    """Returns the score at each edge between bins, with -inf and inf at the ends, float32 [BINS + 1]."""
    edges: NDArray[np.float32] = (1 / (1 + np.exp(-(LOW + _WIDTH * np.arange(BINS + 1))))).astype(np.float32)
    edges[0], edges[-1] = -np.inf, np.inf
    return edges


#: Score at each edge between bins, with -inf and inf at the ends, float32 [BINS + 1].
EDGES: Final = _edges()


def bins(scores: NDArray[np.float32]) -> NDArray[np.intp]:
    """Returns the bin of each score, of the same shape; -1 where it is NaN.

    A float32 logarithm finds the bin to within one, and the edges decide.
    """
    known = np.nan_to_num(scores, nan=0.5)
    clipped = np.clip(known, np.float32(5e-6), np.float32(1 - 5e-6))
    logits = np.log(clipped / (np.float32(1) - clipped))
    found = np.clip(((logits - np.float32(LOW)) * np.float32(1 / _WIDTH)).astype(np.intp), 0, BINS - 1)
    found -= known < EDGES[found]
    found += known >= EDGES[found + 1]
    found[np.isnan(scores)] = -1
    return found


def centres(count: int) -> NDArray[np.float64]:
    """Returns the logit in the middle of each of `count` equally wide bins, float64 [count]."""
    return LOW + (HIGH - LOW) * (np.arange(count) + 0.5) / count


def coarsen(counts: NDArray[Any]) -> list[int]:
    """Adds neighbouring bins up to the `COARSE` ones of report.json."""
    return [int(count) for count in counts.reshape(COARSE, -1).sum(axis=1)]
