"""Agreement: how filter and evaluator see the same documents.

High agreement is not good news by itself: two models that share data or family agree on their errors as well.

Result (estimates are described in `measures.estimate`):

    {
      "grade": "estimated" | "relative" | "not measured",
      "reason": str | null,
      "edges": [number, …],                            33 edges in logits, for the heat maps
      "pairs": {
        "CLASSIFIER.CATEGORY": {                       categories that the evaluator scores as well
          "n": int,                                    documents that both scored
          "correlation": estimate,                     Pearson, of logits, unit "correlation"
          "heatmap": [[i, j, count], …],               filter bin i, evaluator bin j, documents; empty cells left out
          "at": [{
            "intervention": NAME, "filter_threshold": number, "evaluator_threshold": number,
            "both": int, "filter_only": int, "evaluator_only": int, "neither": int,
            "kappa": estimate                          Cohen's, unit "kappa"
          }]
        }
      }
    }
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, ClassVar, Final

import numpy as np
from numpy.typing import NDArray

from tamis.interventions.batch import Batch
from tamis.interventions.intervals import fisher, kappa
from tamis.interventions.measures import counters
from tamis.interventions.measures.base import Context, State
from tamis.interventions.measures.estimate import Estimate, estimate, missing
from tamis.interventions.measures.histogram import BINS, COARSE, COARSE_EDGES, bins, centres
from tamis.interventions.measures.prevalence_result import grade_of
from tamis.interventions.report_format import several
from tamis.interventions.verdict import Decisions

__all__ = ["SIDE", "Agreement"]

#: Bins of a joint histogram on each side.
SIDE: Final = 128
_SHIFT: Final = (BINS // SIDE).bit_length() - 1
_FEWEST: Final = 30
_FEWEST_FLAGGED: Final = 10

Pair = tuple[str, str]


class Agreement:
    """Joint histograms of filter and evaluator scores, and counts at the thresholds of the interventions."""

    name: ClassVar[str] = "agreement"

    def __init__(self, context: Context) -> None:
        self._context = context
        self._pairs = _pairs(context)
        self._points = _points(context)
        self._joint = np.zeros((len(self._pairs), SIDE * SIDE), dtype=np.int64)
        self._tables = np.zeros((len(self._points), 4), dtype=np.int64)

    def add(self, batch: Batch, decisions: Mapping[str, Decisions]) -> None:  # noqa: ARG002
        """Adds a batch; what was decided plays no part."""
        if batch.evaluator is None or not len(batch) or not self._pairs:
            return
        rows = np.flatnonzero(batch.evaluated)
        own = batch.evaluator.categories
        mine = np.stack([_column(batch, pair)[rows] for pair in self._pairs], axis=1)
        theirs = batch.evaluator.document[rows][:, [own.index(category) for _, category in self._pairs]]
        first, second = bins(mine), bins(theirs)
        cells = (first >> _SHIFT) * SIDE + (second >> _SHIFT) + np.arange(len(self._pairs)) * SIDE * SIDE
        np.add.at(self._joint.reshape(-1), cells[(first >= 0) & (second >= 0)], 1)
        if self._points:
            self._add_points(mine, theirs)

    def _add_points(self, mine: NDArray[np.float32], theirs: NDArray[np.float32]) -> None:
        """Counts who flags at each threshold: both, the filter only, the evaluator only, neither."""
        at = [self._pairs.index(pair) for pair, _ in self._points]
        mine, theirs = mine[:, at], theirs[:, at]
        known = ~(np.isnan(mine) | np.isnan(theirs))
        evaluator = [self._context.evaluator_thresholds[category] for (_, category), _ in self._points]
        yes = mine >= np.array([threshold for _, threshold in self._points], np.float32)
        too = theirs >= np.array(evaluator, np.float32)
        self._tables += np.stack(
            [np.count_nonzero(cell, axis=0) for cell in (yes & too, yes & ~too & known, ~yes & too & known)]
            + [np.count_nonzero(known & ~yes & ~too, axis=0)],
            axis=1,
        )

    def state(self) -> State:
        """Returns the mergeable state so far."""
        joint = {".".join(pair): counters.sparse(row) for pair, row in zip(self._pairs, self._joint, strict=True)}
        points = {_key(*point): row.tolist() for point, row in zip(self._points, self._tables, strict=True)}
        return counters.strip({"joint": joint, "points": points})

    @staticmethod
    def merge(*states: State) -> State:
        """Merges states."""
        return counters.total(states)

    @staticmethod
    def result(state: State, context: Context) -> dict[str, Any]:
        """Returns the numbers of report.json; the schema stands at the top of the module."""
        grade, reason = grade_of(context)
        pairs = _pairs(context)
        if context.evaluator and not pairs:
            grade, reason = "not measured", "filter and evaluator have no category in common"
        joint, points = state.get("joint", {}), state.get("points", {})
        return {
            "grade": grade,
            "reason": reason,
            "edges": list(COARSE_EDGES),
            "pairs": {
                ".".join(pair): _pair(pair, joint.get(".".join(pair), {}), points, context, grade) for pair in pairs
            },
        }


def _pairs(context: Context) -> list[Pair]:
    """Returns (classifier, category) of the categories that the evaluator has too."""
    return [
        (name, category)
        for name, categories in context.classifiers.items()
        for category in categories
        if category in context.evaluator
    ]


def _points(context: Context) -> list[tuple[Pair, float]]:
    """Returns the thresholds that interventions use on those categories, each once."""
    pairs = set(_pairs(context))
    used = (
        ((name, category), threshold) for found in context.conditions.values() for name, category, threshold in found
    )
    return list(dict.fromkeys(point for point in used if point[0] in pairs))


def _key(pair: Pair, threshold: float) -> str:
    return f"{pair[0]}.{pair[1]}@{threshold:.9g}"


def _column(batch: Batch, pair: Pair) -> NDArray[np.float32]:
    scores = batch.scores[pair[0]]
    return scores.document[:, scores.categories.index(pair[1])]


def _pair(pair: Pair, joint: State, points: State, context: Context, grade: str) -> dict[str, Any]:
    counts = counters.dense(joint, SIDE * SIDE).reshape(SIDE, SIDE)
    step = SIDE // COARSE
    coarse = counts.reshape(COARSE, step, COARSE, step).sum(axis=(1, 3))
    return {
        "n": int(counts.sum()),
        "correlation": _correlation(counts, grade),
        "heatmap": [[int(i), int(j), int(coarse[i, j])] for i, j in np.argwhere(coarse)],
        "at": [
            _point(name, pair, threshold, points.get(_key(pair, threshold), [0, 0, 0, 0]), context, grade)
            for name, found in context.conditions.items()
            for threshold in dict.fromkeys(t for classifier, category, t in found if (classifier, category) == pair)
        ],
    }


def _correlation(counts: NDArray[np.int64], grade: str) -> Estimate:
    """Pearson's correlation of the logits, from the middles of the bins."""
    n = int(counts.sum())
    if n < _FEWEST:
        return missing(f"{several(n, 'document')}, at least {_FEWEST} are needed", n=n, unit="correlation")
    logits, weights = centres(SIDE), counts / n
    first, second = weights.sum(axis=1), weights.sum(axis=0)
    x, y = logits - first @ logits, logits - second @ logits
    spread = math.sqrt((first @ x**2) * (second @ y**2))
    if spread == 0:
        return missing("one of them scores every document alike", n=n, unit="correlation")
    value = float(np.clip((x @ weights @ y) / spread, -1, 1))
    low, high = fisher(value, n)
    return estimate(value, low, high, n=n, method="Fisher 95 %", unit="correlation", grade=grade)


def _point(name: str, pair: Pair, threshold: float, table: list[int], context: Context, grade: str) -> dict[str, Any]:
    both, mine, theirs, neither = table
    return {
        "intervention": name,
        "filter_threshold": threshold,
        "evaluator_threshold": float(context.evaluator_thresholds[pair[1]]),
        "both": both,
        "filter_only": mine,
        "evaluator_only": theirs,
        "neither": neither,
        "kappa": _kappa(both, mine, theirs, neither, grade),
    }


def _kappa(both: int, mine: int, theirs: int, neither: int, grade: str) -> Estimate:
    n = both + mine + theirs + neither
    if n < _FEWEST or min(both + mine, both + theirs) < _FEWEST_FLAGGED:
        reason = f"flagged {both + mine} and {both + theirs} of {n} documents, {_FEWEST_FLAGGED} each are needed"
        return missing(reason, n=n, unit="kappa")
    if mine + neither == 0 or theirs + neither == 0:
        return missing("one of them flags every document", n=n, unit="kappa")
    value, low, high = kappa(both, mine, theirs, neither)
    return estimate(value, low, high, n=n, method="large-sample 95 %", unit="kappa", grade=grade)
