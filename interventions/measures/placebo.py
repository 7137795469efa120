"""The placebo: what a random removal of as many words, from the same sources and lengths, would have done.

Every intervention that removes documents has one, without a place in the plan. In each stratum of source and length
(`measures.strata`) the placebo drops every document with the same probability, the share of the stratum's words that
the intervention removes. That probability is known when the corpus has been read, and what the placebo does to a
count is a sum over strata, so it needs neither random numbers nor another pass: what is given is the mean over all
such removals, and the range that 95 % of them fall in.

The placebo's ratio differs from 1 where sources and lengths that lose more hold more, or fewer, flagged documents:
that part of an effect is the choice of sources. What goes beyond it is the choice of documents.

Result (estimates are described in `measures.estimate`):

    {
      "grade", "reason",
      "strata": int,                                   that hold a document
      "interventions": {
        NAME: {
          "reason": str | null,                        why there is no placebo
          "removed_words": number | null,              share of all words
          "categories": {CATEGORY: {
            "effect": estimate,                        after / before; its interval is the 95 % range of the placebo's
            "placebo": estimate,                       the mean of the placebo's, with the same range around it
            "outside": bool | null                     the effect is not in the placebo's range
          }}
        }
      }
    }

`beyond`, the effect divided by the placebo with the interval of the effect, is added by `report`, beside these.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, ClassVar, Final

import numpy as np
from numpy.typing import NDArray

from tamis.interventions.batch import Batch
from tamis.interventions.intervals import Z95
from tamis.interventions.measures import counters, strata
from tamis.interventions.measures.base import Context, State
from tamis.interventions.measures.clusters import MINIMUM
from tamis.interventions.measures.estimate import Estimate, estimate, missing
from tamis.interventions.measures.judged import judge
from tamis.interventions.measures.prevalence_result import grade_of
from tamis.interventions.report_format import several
from tamis.interventions.verdict import Decisions

__all__ = ["Placebo", "beyond"]

#: Columns by stratum before those of the categories.
_WORDS, _SCORED, _FIRST = 0, 1, 2

_RANGE: Final = "mean over all random removals with the same share of each source and length, and 95 % of them"

Json = dict[str, Any]
Counts = NDArray[np.int64]


class Placebo:
    """Counts by stratum what a random removal needs, and what each intervention removes."""

    name: ClassVar[str] = "placebo"

    def __init__(self, context: Context) -> None:
        self._context = context
        self._width = _FIRST + len(context.evaluator) + 1 + len(context.interventions)
        self._strata = np.zeros((strata.COUNT, self._width), np.int64)
        self._lost = np.zeros((len(context.interventions), len(context.evaluator) + 2), np.int64)

    def add(self, batch: Batch, decisions: Mapping[str, Decisions]) -> None:
        """Adds a batch and what each intervention decided on it."""
        if not len(batch):
            return
        judged = judge(batch, self._context.evaluator_thresholds)
        flags = np.column_stack([judged.scored, judged.flagged, judged.any]).astype(np.int64)
        removed = np.column_stack([one.removed for one in decisions.values()]).astype(np.int64)
        columns = np.column_stack([batch.words, flags, removed * batch.words[:, None]])
        where = strata.strata(batch)
        for column, into in zip(columns.T, self._strata.T, strict=True):
            # Sums of words stay below 2**53, in which float64 is exact.
            into += np.bincount(where, column, strata.COUNT).astype(np.int64)
        self._lost += removed.T @ flags

    def state(self) -> State:
        """Returns the mergeable state so far."""
        lost = {name: row.tolist() for name, row in zip(self._context.interventions, self._lost, strict=True)}
        return counters.strip({"strata": strata.sparse(self._strata), "lost": lost})

    @staticmethod
    def merge(*states: State) -> State:
        """Merges states."""
        return counters.total(states)

    @staticmethod
    def result(state: State, context: Context) -> Json:
        """Returns the numbers of report.json; the schema stands at the top of the module."""
        grade, reason = grade_of(context)
        names = [*context.evaluator, "any"] if context.evaluator else []
        table = strata.dense(state.get("strata", {}), _FIRST + len(context.evaluator) + 1 + len(context.interventions))
        return {
            "grade": grade,
            "reason": reason,
            "strata": int(np.count_nonzero(table[:, _WORDS])),
            "interventions": {
                name: _intervention(table, k, state.get("lost", {}).get(name), names, grade)
                for k, name in enumerate(context.interventions)
            },
        }


def _intervention(table: Counts, k: int, lost: list[int] | None, names: list[str], grade: str) -> Json:
    words, removed = table[:, _WORDS], table[:, _FIRST + max(1, len(names)) + k]
    rates = np.divide(removed, words, out=np.zeros(len(words)), where=words > 0)
    total = int(words.sum())
    return {
        "reason": None if removed.any() else "it removes no document",
        "removed_words": float(removed.sum() / total) if total else None,
        "categories": {
            name: _category(table, rates, column, lost, grade) for column, name in enumerate(names) if removed.any()
        },
    }


def _category(table: Counts, rates: NDArray[np.float64], column: int, lost: list[int] | None, grade: str) -> Json:
    scored, flagged = table[:, _SCORED].astype(np.float64), table[:, _FIRST + column].astype(np.float64)
    n = round(float(scored.sum()))
    if flagged.sum() < MINIMUM or lost is None:
        gap = missing(
            f"{several(round(flagged.sum()), 'flagged document')} before, at least {MINIMUM} are needed",
            n=n,
            unit="ratio",
        )
        return {"effect": gap, "placebo": gap, "outside": None}
    output, still = float(scored.sum()) - lost[0], float(flagged.sum()) - lost[1 + column]
    if output <= 0:
        gap = missing("nothing is left after it", n=n, unit="ratio")
        return {"effect": gap, "placebo": gap, "outside": None}
    before = float(flagged.sum()) / float(scored.sum())
    centre, spread = _random(scored, flagged, rates)
    mean, span = centre / before, math.exp(Z95 * spread)
    effect = still / output / before
    return {
        "effect": _ranged(effect, effect / span, effect * span, n, "counted; the range is the placebo's", grade),
        "placebo": _ranged(mean, mean / span, mean * span, n, _RANGE, grade),
        "outside": not mean / span <= effect <= mean * span,
    }


def _random(scored: Any, flagged: Any, rates: NDArray[np.float64]) -> tuple[float, float]:
    """Returns the flagged share that the placebo leaves, and the standard deviation of its log.

    Documents stay independently of each other, so what stays of a count has the variance sum r (1 - r) count, and
    flagged documents the same covariance with all documents.
    """
    chance = rates * (1 - rates)
    output, still = float(scored @ (1 - rates)), float(flagged @ (1 - rates))
    if output <= 0 or still <= 0:
        return 0.0, 0.0
    own, whole = float(flagged @ chance), float(scored @ chance)
    variance = own / still**2 + whole / output**2 - 2 * own / (still * output)
    return still / output, math.sqrt(max(0.0, variance))


def _ranged(value: float, low: float, high: float, n: int, method: str, grade: str) -> Estimate:
    return estimate(value, low, high, n=n, method=method, unit="ratio", grade=grade)


def beyond(placebo: Mapping[str, Any], prevalence: Mapping[str, Any]) -> Json:
    """Returns a placebo's result with `beyond` in each category: the effect over the placebo's mean.

    Args:
        placebo: Result of `Placebo`.
        prevalence: Result of the prevalence measure of the same run.
    """
    found = {}
    for name, part in placebo["interventions"].items():
        effects = prevalence.get("interventions", {}).get(name, {})
        categories = {
            category: {**one, "beyond": _over(effects.get(category, {}).get("ratio"), one["placebo"])}
            for category, one in part["categories"].items()
        }
        found[name] = {**part, "categories": categories}
    return {**placebo, "interventions": found}


def _over(effect: Estimate | None, placebo: Estimate) -> Estimate:
    if effect is None or effect["value"] is None or not placebo["value"]:
        reason = (effect or placebo).get("reason") or "the placebo leaves nothing that is flagged"
        return missing(reason, unit="ratio")
    mean = placebo["value"]
    return {
        **effect,
        **{key: effect[key] / mean for key in ("value", "low", "high")},
        "method": f"{effect['method']}, over the mean of the placebo",
    }
