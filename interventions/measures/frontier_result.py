"""The numbers of `measures.frontier` from its state."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from tamis.interventions.intervals import student
from tamis.interventions.measures.base import Context, State
from tamis.interventions.measures.clusters import GROUPS, Before, Lost, level, ratio
from tamis.interventions.measures.collateral_result import removes
from tamis.interventions.measures.estimate import Grade, estimate, missing
from tamis.interventions.measures.frontier_kernel import BINS, FIELDS, GROUP_FIELDS, LEVELS, STEP
from tamis.interventions.measures.histogram import BINS as FINE
from tamis.interventions.measures.histogram import EDGES as FINE_EDGES
from tamis.interventions.measures.histogram import HIGH, LOW
from tamis.interventions.measures.paired import difference
from tamis.interventions.measures.prevalence_result import grade_of

__all__ = ["Column", "build", "columns"]

#: Logits of the bins' edges.
_LOGITS: Final = LOW + (HIGH - LOW) * np.arange(BINS + 1) / BINS
#: First level of categories, from a score of 0.011 to one of 0.994, and of interventions, from -5.1 to 4.5 logits.
_FIRSTS: Final = {"score": 80, "logits": 74}
#: A residual of at most this many times another one is as safe.
_AS_SAFE: Final = 1.1

Json = dict[str, Any]


@dataclass(frozen=True, slots=True, eq=False)
class Column:
    """A score or a margin that has a histogram.

    Attributes:
        key: Its name in the state.
        unit: "score" or "logits".
        category: The category that `residual` is about.
        edges: Edges of the bins, float64 [BINS + 1].
    """

    key: str
    unit: str
    category: str
    edges: NDArray[np.float64]

    @property
    def first(self) -> int:
        """The bin in which the first level starts."""
        return _FIRSTS[self.unit]

    def at(self, edge: int) -> float:
        """Returns the threshold at an edge, rounded for reading."""
        value = _LOGITS[edge]
        return float(round(1 / (1 + math.exp(-value)), 6) if self.unit == "score" else round(value, 5))


def columns(context: Context) -> list[Column]:
    """Returns the columns of a run, in the order of the histograms."""
    scores = FINE_EDGES[:: FINE // BINS].astype(np.float64)
    found = [
        Column(f"category {name}.{category}", "score", category if category in context.evaluator else "any", scores)
        for name, categories in context.classifiers.items()
        for category in categories
    ]
    return found + [Column(f"intervention {name}", "logits", "any", _LOGITS) for name in context.interventions]


def build(state: State, context: Context) -> Json:
    """Returns the result of `Frontier`; the schema stands at the top of `measures.frontier`."""
    grade, reason = grade_of(context)
    totals = _Totals(state, context)
    curves = {column.key: _Curve(column, state, totals, grade) for column in columns(context)}
    _mark_best(list(curves.values()))
    names = {key: curve for key, curve in curves.items() if key.startswith("category ")}
    return {
        "grade": grade,
        "reason": reason,
        "seen": {"documents": totals.documents, "words": totals.words, "evaluated": totals.evaluated},
        "categories": {key.partition(" ")[2]: curve.result() for key, curve in names.items()},
        "interventions": {
            name: _intervention(k, name, state, curves, context) for k, name in enumerate(context.interventions)
        },
    }


class _Totals:
    """What there is before anything is removed."""

    def __init__(self, state: State, context: Context) -> None:
        self.documents, self.words, self.evaluated, self.clean_words = state.get("seen", (0, 0, 0, 0))
        size = len(context.evaluator) + 2
        table = np.array(state.get("groups") or [0] * (size * GROUPS), np.int64).reshape(size, GROUPS)
        self.scored = table[0]
        self.flagged = {"any": table[1], **dict(zip(context.evaluator, table[2:], strict=True))}

    def before(self, category: str) -> Before:
        """Returns the flagged documents of a category."""
        flagged = self.flagged[category]
        return Before(self.scored, flagged, self.evaluated, int(flagged.sum()), self.evaluated)


class _Curve:
    """The points of one column."""

    def __init__(self, column: Column, state: State, totals: _Totals, grade: str) -> None:
        self.column, self._totals, self._grade = column, totals, grade
        bins = _table(state.get("bins", {}).get(column.key, {}), BINS // 16, 16 * FIELDS).reshape(BINS, FIELDS)
        levels = _table(state.get("levels", {}).get(column.key, {}), LEVELS, GROUPS * GROUP_FIELDS)
        self.removed = np.cumsum(bins[::-1], axis=0)[::-1]
        self.groups = np.cumsum(levels.reshape(LEVELS, GROUPS, GROUP_FIELDS)[::-1], axis=0)[::-1].transpose(0, 2, 1)
        self.filled = bool(bins.any())
        self.points = [self._point(k) for k in range(LEVELS)] if self.filled else []

    def edge(self, k: int) -> int:
        """Returns the bin in which level k starts."""
        return self.column.first + STEP * k

    def left(self, k: int) -> tuple[Any, Any]:
        """Returns evaluated documents, and those flagged in any category, that level k leaves, by group."""
        lost, _, flagged = self.groups[k]
        return self._totals.scored - lost, self._totals.flagged["any"] - flagged

    def _point(self, k: int) -> Json:
        documents, words, *_, clean_words = self.removed[self.edge(k)].tolist()
        totals = self._totals
        return {
            "at": self.column.at(self.edge(k)),
            "documents": documents / totals.documents,
            "words": words / totals.words if totals.words else 0.0,
            "residual": self._residual(k, 1, self.column.category),
            "residual_any": self._residual(k, 2, "any"),
            "clean": self._clean(k),
            "clean_words": clean_words / totals.clean_words if totals.clean_words else None,
            "worth": self._worth(k),
            "best": False,
        }

    def _residual(self, k: int, field: int, category: str) -> Json:
        if self._grade == Grade.NOT_MEASURED:
            return missing("no evaluator", unit="ratio", grade=self._grade)
        lost, flagged = self.groups[k][0], self.groups[k][field]
        return ratio(self._totals.before(category), Lost(lost, flagged, int(flagged.sum())), self._grade)

    def _clean(self, k: int) -> Json:
        if self._grade == Grade.NOT_MEASURED:
            return missing("no evaluator", grade=self._grade)
        lost, _, flagged = self.groups[k]
        total, part = self._totals.scored - self._totals.flagged["any"], lost - flagged
        n = int(total.sum())
        return level(Before(total, part, n, int(part.sum()), n), self._grade)

    def _worth(self, k: int) -> float | None:
        """Returns flagged documents for 1,000 clean ones between this level and the next."""
        here = self.groups[k] - (self.groups[k + 1] if k + 1 < LEVELS else 0)
        lost, _, flagged = (int(field.sum()) for field in here)
        return 1000 * flagged / (lost - flagged) if lost > flagged else None

    def result(self) -> Json | None:
        """Returns the curve; None where no document has a score."""
        if not self.filled:
            return None
        names = ("documents", "words", "evaluated", "flagged", "flagged_any", "clean_words")
        edges = _steps(self.removed[:, 0])
        return {
            "unit": self.column.unit,
            "category": self.column.category,
            "points": self.points,
            "dense": {
                "at": [self.column.at(edge) for edge in edges],
                **{name: self.removed[edges, field].tolist() for field, name in enumerate(names)},
            },
        }


def _table(state: Mapping[str, Sequence[int]], rows: int, width: int) -> NDArray[np.int64]:
    table = np.zeros((rows, width), np.int64)
    for row, values in state.items():
        table[int(row)] = values
    return table


def _steps(documents: NDArray[np.int64]) -> list[int]:
    """Returns the edges above which the number of removed documents changes."""
    after = np.append(documents[1:], 0)
    return [int(edge) for edge in np.flatnonzero(documents != after) if edge]


def _mark_best(curves: Sequence[_Curve]) -> None:
    """Marks the points that no other one beats: on what is left in any category, and on clean words removed."""
    points = [point for curve in curves for point in curve.points if _placed(point)]
    lowest = math.inf
    for point in sorted(points, key=_cost):
        left = point["residual_any"]["value"]
        point["best"], lowest = left < lowest, min(lowest, left)


def _placed(point: Json) -> bool:
    return point["residual_any"]["value"] is not None and point["clean_words"] is not None


def _cost(point: Json) -> tuple[float, float]:
    return point["clean_words"], point["residual_any"]["value"]


def _intervention(k: int, name: str, state: State, curves: Mapping[str, _Curve], context: Context) -> Json:
    curve = curves[f"intervention {name}"]
    here = (BINS // 2 - curve.column.first) // STEP
    astray = state.get("astray") or [0] * len(context.interventions)
    return {
        "outcome": "removed" if removes(name, context) else "acted on",
        "reason": None if curve.filled else "its rules compare no score, or no document has one",
        "curve": curve.result(),
        "here": curve.points[here] if curve.filled else None,
        "exact": not astray[k],
        "cheaper": _cheaper(curve, here, curves) if curve.filled else None,
    }


def _cheaper(curve: _Curve, here: int, curves: Mapping[str, _Curve]) -> Json | None:
    """Returns the cheapest point of another curve that is shown to be as safe."""
    own = curve.points[here]
    if not _placed(own):
        return None
    for other, k in _cheapest_first(own, [one for one in curves.values() if one is not curve]):
        scored, flagged = other.left(k)
        base_scored, base_flagged = curve.left(here)
        found = difference(flagged, scored, base_flagged, base_scored)
        if found is None:
            continue
        half = student(found.degrees) * found.error
        low, value, high = (math.exp(found.value + step) for step in (-half, 0.0, half))
        if high <= _AS_SAFE:
            method = "paired by cluster group, jackknife 95 %"
            n, grade = own["residual_any"]["n"], own["residual_any"]["grade"]
            change = estimate(value, low, high, n=n, method=method, unit="ratio", grade=grade)
            point = other.points[k]
            name = other.column.key.partition(" ")[2]
            return {
                "curve": name, "at": point["at"], "residual_ratio": change, "clean_words": point["clean_words"],
            }  # fmt: skip
    return None


def _cheapest_first(own: Json, curves: Sequence[_Curve]) -> Iterator[tuple[_Curve, int]]:
    found = [
        (point["clean_words"], curve.column.key, k, curve)
        for curve in curves
        for k, point in enumerate(curve.points)
        if _placed(point) and point["clean_words"] < own["clean_words"]
    ]
    for _, _, k, curve in sorted(found, key=lambda item: item[:3]):
        yield curve, k
