"""The threshold frontier: what other thresholds would have removed, and what they would have left, from one pass.

Two kinds of curves. *By category*: drop what scores at least t in one category of a classifier, whatever the plan's
rules are. *By intervention*: move all of its thresholds together by d logits (`interventions.margins`); at d = 0 it is
the intervention. Histograms hold documents by score or margin, and a curve is their sums from the top down.

A threshold that was chosen from these curves was chosen on the documents that it is judged on: it will do a little
worse on others.

Result (estimates are described in `measures.estimate`):

    {
      "grade", "reason",
      "seen": {"documents": int, "words": int, "evaluated": int},
      "categories": {"CLASSIFIER.CATEGORY": CURVE},
      "interventions": {
        NAME: {
          "outcome": "removed" | "acted on",           the latter as if it had removed what it acts on
          "reason": str | null,                        why there is no curve
          "curve": CURVE | null,
          "here": POINT | null,                        at d = 0
          "exact": bool,                               false: some of its removals follow no threshold
          "cheaper": {"curve": str, "at": number, "residual_ratio": estimate, "clean_words": number} | null
        }
      }
    }

    CURVE = {
      "unit": "score" | "logits",
      "category": str,                                 category of the evaluator that `residual` is about, or "any"
      "points": [POINT, …],                            from the lowest threshold to the highest
      "dense": {"at": [number, …], "documents": [int, …], "words": […], "evaluated": […], "flagged": […],
                "flagged_any": […], "clean_words": […]}    removed at each threshold, in numbers
    }

    POINT = {
      "at": number, "documents": number, "words": number,    threshold; shares of all documents and words removed
      "residual": estimate, "residual_any": estimate,        after / before, unit "ratio"
      "clean": estimate,                                     share of the evaluator's clean documents removed
      "clean_words": number | null,                          share of their words
      "worth": number | null,                                flagged documents for 1,000 clean ones, at the margin
      "best": bool                                           no other point of any curve is safer and cheaper
    }

`cheaper` is another curve's point that costs fewer clean words and whose residual, in any category, is shown to be at
most a tenth above the intervention's (upper limit of `residual_ratio`, paired): the cheapest of those.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Final

import numpy as np
from numpy.typing import NDArray

from tamis.interventions.batch import Batch
from tamis.interventions.measures import counters, frontier_result
from tamis.interventions.measures.base import Context, State
from tamis.interventions.measures.clusters import GROUPS, groups
from tamis.interventions.measures.collateral_result import removes
from tamis.interventions.measures.frontier_kernel import BINS, FIELDS, GROUP_FIELDS, LEVELS, spread
from tamis.interventions.measures.judged import Judged, judge
from tamis.interventions.verdict import Decisions

__all__ = ["Frontier"]

#: Bins of a histogram that are kept together.
_BLOCK: Final = 16

Ints = NDArray[np.int64]


class Frontier:
    """Histograms of scores by category, and of margins by intervention."""

    name: ClassVar[str] = "frontier"

    def __init__(self, context: Context) -> None:
        self._context = context
        self._columns = frontier_result.columns(context)
        self._edges = np.stack([column.edges[1:-1] for column in self._columns])
        self._firsts = np.array([column.first for column in self._columns], np.int64)
        # Where the evaluator lacks a column's category the last one, "any", stands for it.
        own = [column.category for column in self._columns]
        self._own = [context.evaluator.index(one) if one in context.evaluator else -1 for one in own]
        self._removes = {name: removes(name, context) for name in context.interventions}
        self._bins = np.zeros((len(self._columns), BINS, FIELDS), np.int64)
        self._levels = np.zeros((len(self._columns), LEVELS, GROUPS, GROUP_FIELDS), np.int64)
        self._seen = np.zeros(4, np.int64)
        self._groups = np.zeros((len(context.evaluator) + 2, GROUPS), np.int64)
        self._astray = np.zeros(len(context.interventions), np.int64)

    def add(self, batch: Batch, decisions: Mapping[str, Decisions]) -> None:
        """Adds a batch and what each intervention decided on it."""
        if not len(batch):
            return
        judged = judge(batch, self._context.evaluator_thresholds)
        cluster = groups(batch).astype(np.int64)
        self._add_totals(batch, judged, cluster)
        flags = np.column_stack([judged.flagged, judged.any])
        values = self._values(batch, decisions)
        spread(
            values, self._edges, self._firsts, batch.words, judged.scored, flags[:, self._own], judged.any, cluster,
            self._bins, self._levels,
        )  # fmt: skip
        for k, (name, decided) in enumerate(decisions.items()):
            if decided.margin is not None:
                acted = decided.removed if self._removes[name] else decided.action > 0
                self._astray[k] += np.count_nonzero(acted != (decided.margin >= 0))

    def _add_totals(self, batch: Batch, judged: Judged, cluster: Ints) -> None:
        words, clean_words = int(batch.words.sum()), int(batch.words[judged.clean].sum())
        self._seen += np.array([len(batch), words, np.count_nonzero(judged.scored), clean_words])
        for column, into in zip([judged.scored, judged.any, *judged.flagged.T], self._groups, strict=True):
            into += np.bincount(cluster[column], minlength=GROUPS)

    def _values(self, batch: Batch, decisions: Mapping[str, Decisions]) -> NDArray[np.float64]:
        """Returns scores and margins by column, float64 [n, n_columns]."""
        nothing = np.full(len(batch), np.nan)
        margins = [nothing if one.margin is None else one.margin for one in decisions.values()]
        return np.column_stack([*(scores.document for scores in batch.scores.values()), *margins])

    def state(self) -> State:
        """Returns the mergeable state so far."""
        moved = self._levels.reshape(len(self._columns), LEVELS, -1)
        return counters.strip(
            {
                "seen": self._seen.tolist(),
                "groups": self._groups.ravel().tolist(),
                "astray": self._astray.tolist(),
                "bins": {
                    column.key: _rows(counts.reshape(BINS // _BLOCK, -1))
                    for column, counts in zip(self._columns, self._bins, strict=True)
                },
                "levels": {column.key: _rows(counts) for column, counts in zip(self._columns, moved, strict=True)},
            }
        )

    @staticmethod
    def merge(*states: State) -> State:
        """Merges states."""
        return counters.total(states)

    @staticmethod
    def result(state: State, context: Context) -> dict[str, Any]:
        """Returns the numbers of report.json; the schema stands at the top of the module."""
        return frontier_result.build(state, context)


def _rows(table: Ints) -> dict[str, list[int]]:
    """Returns the rows of a table that hold anything, by index."""
    return {str(row): table[row].tolist() for row in np.flatnonzero(table.any(axis=1)).tolist()}
