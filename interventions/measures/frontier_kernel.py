"""Histograms of scores and margins, whole and by cluster group, in machine code."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from tamis.classifiers.compiled import kernel

__all__ = ["BINS", "FIELDS", "GROUP_FIELDS", "LEVELS", "STEP", "spread"]

#: Bins of a histogram. Between `LEVELS` edges, `STEP` bins apart, counts are kept by cluster group too.
BINS: Final = 256
STEP: Final = 6
LEVELS: Final = 18

#: Counts of a bin: documents, words, evaluated documents, flagged by the column's category, by any, clean words.
FIELDS: Final = 6
#: Counts of a level and cluster group: evaluated documents, flagged by the column's category, by any.
GROUP_FIELDS: Final = 3

Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]


@kernel
def spread(
    values: NDArray[np.float64], edges: NDArray[np.float64], firsts: Ints, words: Ints, evaluated: Flags, own: Flags,
    flagged: Flags, clusters: Ints, bins: Ints, levels: Ints,
) -> None:  # fmt: skip
    """Adds documents to the histogram of each column.

    Args:
        values: Score or margin of each document, float64 [n, n_columns]; NaN and minus infinity are in no bin.
        edges: Lower edge of each bin from the second on, float64 [n_columns, BINS - 1].
        firsts: Bin in which the first level of each column starts, int64 [n_columns].
        words: Words of each document, int64 [n].
        evaluated: What the evaluator scored, bool [n].
        own: What it flags in the column's own category, bool [n, n_columns].
        flagged: What it flags in any category, bool [n].
        clusters: Cluster group of each document, int64 [n].
        bins: Updated, int64 [n_columns, BINS, FIELDS].
        levels: Updated, int64 [n_columns, LEVELS, GROUPS, GROUP_FIELDS]; the last level holds everything above.
    """
    for document in range(values.shape[0]):
        seen, hit = evaluated[document], flagged[document]
        for column in range(values.shape[1]):
            value = values[document, column]
            if not value > -np.inf:
                continue
            low, size = 0, BINS - 1
            while size > 0:
                half = size >> 1
                if edges[column, low + half] <= value:
                    low, size = low + half + 1, size - half - 1
                else:
                    size = half
            cell = bins[column, low]
            cell[0] += 1
            cell[1] += words[document]
            if not seen:
                continue
            cell[2] += 1
            cell[3] += own[document, column]
            cell[4] += hit
            if not hit:
                cell[5] += words[document]
            if low >= firsts[column]:
                level = min(LEVELS - 1, (low - firsts[column]) // STEP)
                group = levels[column, level, clusters[document]]
                group[0] += 1
                group[1] += own[document, column]
                group[2] += hit
