"""Counts of flagged documents by category, cluster group and length: what prevalence is computed from."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from tamis.classifiers.base import FloatMatrix
from tamis.interventions.batch import Batch
from tamis.interventions.measures.base import State
from tamis.interventions.measures.clusters import GROUPS, groups
from tamis.interventions.measures.lengths import BUCKETS, bucket

__all__ = ["SCALE", "SHARED", "Page", "Tally", "View"]

#: Scores are added up as integers, in units of 2**-16, so that no order of addition changes the sum.
SCALE: Final = 65536

#: Sums that are alike for all categories, see `Tally.state`.
SHARED: Final = frozenset(("n", "words", "words_squares"))

#: Longer documents weigh as much as this, in words, in the sum of squares that gives an effective sample size.
_HEAVIEST: Final = 2**20

Rows = NDArray[np.intp]
Ints = NDArray[np.int64]


class View:
    """What the evaluator says of m documents, by category and, in the last column, "any".

    Attributes:
        scored: Where there is a score, bool [m, n_categories + 1].
        flagged: Where it reaches the threshold, bool [m, n_categories + 1].
        values: Scores in units of 1/SCALE, 0 where there is none, int64 [m, n_categories + 1].
    """

    def __init__(self, scores: FloatMatrix, thresholds: NDArray[np.float32]) -> None:
        unknown = np.isnan(scores)
        known = np.where(unknown, np.float32(0), scores)
        self.scored = np.column_stack([~unknown, ~unknown.all(axis=1)])
        flagged = known >= thresholds
        flagged &= ~unknown
        self.flagged = np.column_stack([flagged, flagged.any(axis=1)])
        highest = known.max(axis=1, initial=0)
        self.values = np.rint(np.column_stack([known, highest]) * np.float32(SCALE)).astype(np.int64)


class Page:
    """A batch as tallies see it: its view, and each document's cluster group and length bucket."""

    def __init__(self, batch: Batch, view: View) -> None:
        self.batch = batch
        self.view = view
        self.groups = groups(batch)
        self.lengths = bucket(batch.words)


class Tally:
    """Sums over documents, by category and "any"."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._groups = {
            key: np.zeros(size * GROUPS, dtype=np.int64) for key in ("n", "words", "flagged", "flagged_words")
        }
        self._lengths = {key: np.zeros(size * len(BUCKETS), dtype=np.int64) for key in ("n", "flagged", "gone")}
        self._sums = {key: np.zeros(size, dtype=np.int64) for key in ("scores", "squares", "words_squares", "gone")}

    def add(self, page: Page, view: View, rows: Rows, words: Ints, sign: int = 1) -> None:
        """Adds documents.

        Args:
            page: The batch that they are from.
            view: What the evaluator says of them: the page's own view of all its documents, or one of the rows.
            rows: Which documents, rising.
            words: Words of each document of the batch, or of each row, as the view.
            sign: -1 takes them away again.
        """
        whole = view is page.view
        scored, flagged, values = ((part[rows] if whole else part) for part in (view.scored, view.flagged, view.values))
        words = words[rows] if whole else words
        weights = np.broadcast_to(words[:, None], scored.shape)
        columns = np.arange(self._size)
        group = columns * GROUPS + page.groups[rows][:, None]
        length = columns * len(BUCKETS) + page.lengths[rows][:, None]
        for key, mask in (("", scored), ("flagged", flagged)):
            at, weight = group[mask], weights[mask]
            _add(self._groups[key or "n"], at, None, sign)
            _add(self._groups[f"{key}_words" if key else "words"], at, weight, sign)
            _add(self._lengths[key or "n"], length[mask], None, sign)
        self._sums["scores"] += sign * values.sum(axis=0)
        self._sums["squares"] += sign * (values * values).sum(axis=0)
        heavy = np.minimum(words, _HEAVIEST)
        self._sums["words_squares"] += sign * (heavy * heavy) @ scored

    def add_gone(self, page: Page, rows: Rows) -> None:
        """Counts which of some removed documents were flagged."""
        flagged = page.view.flagged[rows]
        self._sums["gone"] += flagged.sum(axis=0)
        length = np.arange(self._size) * len(BUCKETS) + page.lengths[rows][:, None]
        _add(self._lengths["gone"], length[flagged], None, 1)

    def state(self, names: Sequence[str]) -> State:
        """Returns the sums by category.

        What does not depend on flags (`SHARED`) is kept for "any", the last of the names; for the others it is the
        difference from that, which is nothing where a document has all scores or none.
        """
        return {
            name: {
                "groups": {key: self._row(key, values, k, GROUPS) for key, values in self._groups.items()},
                "lengths": {key: self._row(key, values, k, len(BUCKETS)) for key, values in self._lengths.items()},
                "sums": {key: self._row(key, values, k, 1)[0] for key, values in self._sums.items()},
            }
            for k, name in enumerate(names)
        }

    def _row(self, key: str, values: Ints, row: int, width: int) -> list[int]:
        table = values.reshape(self._size, width)
        shared = key in SHARED and row < self._size - 1
        found: list[int] = (table[-1] - table[row] if shared else table[row]).tolist()
        return found


def _add(into: Ints, at: NDArray[np.intp], weights: Ints | None, sign: int) -> None:
    """Adds 1, or a weight, at each index."""
    if at.size > 200:
        into += sign * np.bincount(at, weights, len(into)).astype(np.int64)
    else:
        np.add.at(into, at, sign if weights is None else sign * weights)
