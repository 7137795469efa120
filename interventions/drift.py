"""How two sets of documents differ: two runs, or two parts of one; and what of it is the web's and what the bundle's.

Scores are compared by the population stability index on 20 fixed bins of logits,

    PSI = sum (a_i - b_i) ln(a_i / b_i)

with half a document added to each bin. Its expectation between two samples of one population is about
(bins - 1)(1/n + 1/m) times the design effect: the *noise*, beside which it is told. The customary cut-offs of 0.1 and
0.25 know nothing of sample sizes, so a difference counts where it is beyond a limit and beyond three times the noise.

Prevalences are compared by their difference, with the interval that MOVER makes of the two intervals, as if the
documents were independent: runs share most of theirs, which makes it too wide rather than too narrow. The intervals of
all categories hold together (Bonferroni).

Sources: Siddiqi 2006 (PSI); Yurdakul and Naranjo 2020 (its distribution); Zou and Donner 2008 (MOVER).

COMPARISON (estimates are described in `measures.estimate`):

    {
      "documents": {"then": int, "now": int},
      "drop_rate": {"then": number | null, "now": …, "change": …},
      "scores": {"CLASSIFIER.CATEGORY": {"psi": number, "noise": number, "then": int, "now": int}},   documents scored
      "prevalence": {
        "reason": str | null,                            why it was not compared
        "corpus": {CATEGORY: {"then": estimate, "now": estimate, "change": estimate}},      before the intervention
        "published": {…}                                 after it
      }
    }

Result of `build`:

    COMPARISON of the run before with this one, and
    {
      "previous": RUN,
      "shards": {"new": int, "changed": int, "unchanged": int, "retired": int},
      "instruments": [{"what": str, "then": str, "now": str}],   what scored differently; [] = the same bundles did
      "rules_changed": bool,
      "bundle": PART,                                    the same documents, scored then and now
      "web": PART                                        documents that were not there, beside those that were
    }

    PART = {"reason": str | null, "shards": {"then": int, "now": int}, …COMPARISON}; only the reason where there is none
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
from scipy.special import ndtri

from tamis.interventions.intervals import Z95
from tamis.interventions.measures.base import State
from tamis.interventions.measures.clusters import design_effect, level
from tamis.interventions.measures.counters import dense
from tamis.interventions.measures.estimate import Estimate, Grade, estimate, missing
from tamis.interventions.measures.histogram import BINS, COARSE, coarsen
from tamis.interventions.measures.prevalence_result import parts

__all__ = ["Side", "compare", "psi"]

#: Coarse bins at either end that are one: 18 bins of 0.75 logits between them, from 0.1 % to 99.9 %.
_TAIL: Final = 7

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Side:
    """One set of documents.

    Attributes:
        seen: Records.
        dropped: … of them, those that the published intervention dropped.
        scores: Documents by score of each "CLASSIFIER.CATEGORY", in the `COARSE` bins of report.json.
        corpus: Share that the evaluator flags before the intervention, by category.
        published: … after the published intervention.
        effect: Design effect of the documents.
    """

    seen: int
    dropped: int
    scores: Mapping[str, Sequence[int]] = field(default_factory=dict)
    corpus: Mapping[str, Estimate] = field(default_factory=dict)
    published: Mapping[str, Estimate] = field(default_factory=dict)
    effect: float = 1.0

    @classmethod
    def of_result(
        cls, counts: Mapping[str, int], prevalence: Mapping[str, Any], published: str | None, effect: float = 1.0
    ) -> Side:
        """Reads a run out of the `prevalence` of its report, which does not tell the design effect."""
        histograms = prevalence.get("histograms", {}).get("filter", {})
        after = prevalence.get("interventions", {}).get(published or "", {})
        return cls(
            counts["seen"],
            counts["dropped"],
            {name: found["before"] for name, found in histograms.items()},
            {name: found["documents"] for name, found in prevalence.get("before", {}).items()},
            {name: found["after"] for name, found in after.items()},
            effect,
        )

    @classmethod
    def of_state(
        cls, counts: Mapping[str, int], state: State, categories: Sequence[str], published: str | None
    ) -> Side:
        """Reads a set of documents out of a merged state of `measures.prevalence`.

        Args:
            counts: Records by outcome.
            state: The state.
            categories: The evaluator's categories, "any" last; () where there was none.
            published: The published intervention.
        """
        before = parts(state.get("before", {}), categories)
        lost = parts(state.get("lost", {}).get(published or "", {}), categories)
        return cls(
            counts["seen"],
            counts["dropped"],
            {name: coarsen(dense(found, BINS)) for name, found in state.get("bins", {}).get("filter", {}).items()},
            {name: level(part.documents(), Grade.ESTIMATED) for name, part in before.items()},
            {name: level(part.without(lost[name]).documents(), Grade.ESTIMATED) for name, part in before.items()},
            design_effect(before["any"].documents()) if "any" in before else 1.0,
        )


def compare(then: Side, now: Side, reason: str | None = None) -> Json:
    """Compares two sets of documents.

    Args:
        then: The earlier one.
        now: The later one.
        reason: Why prevalences cannot be compared, None where they can.
    """
    effect = max(then.effect, now.effect)
    columns = [name for name in now.scores if name in then.scores]
    rates = [side.dropped / side.seen if side.seen else None for side in (then, now)]
    return {
        "documents": {"then": then.seen, "now": now.seen},
        "drop_rate": {
            "then": rates[0],
            "now": rates[1],
            "change": None if rates[0] is None or rates[1] is None else rates[1] - rates[0],
        },
        "scores": {name: _scores(then.scores[name], now.scores[name], effect) for name in columns},
        "prevalence": {
            "reason": reason,
            "corpus": {} if reason else _changes(then.corpus, now.corpus),
            "published": {} if reason else _changes(then.published, now.published),
        },
    }


def _scores(then: Sequence[int], now: Sequence[int], effect: float) -> Json:
    value, noise = psi(then, now, effect)
    return {"psi": value, "noise": noise, "then": sum(then), "now": sum(now)}


def psi(then: Sequence[int], now: Sequence[int], effect: float = 1.0) -> tuple[float, float]:
    """Returns the population stability index of two histograms, and its noise.

    Args:
        then: Documents by bin, `COARSE` bins.
        now: The same of the other set.
        effect: Design effect of the documents.
    """
    first, second = _folded(then), _folded(now)
    used = (first + second) > 0
    n, m = float(first.sum()), float(second.sum())
    if not n or not m:
        return 0.0, 0.0
    a, b = ((counts[used] + 0.5) / (counts.sum() + 0.5 * used.sum()) for counts in (first, second))
    value = float(((a - b) * np.log(a / b)).sum())
    return value, float((used.sum() - 1) * (1 / n + 1 / m) * effect)


def _folded(counts: Sequence[int]) -> Any:
    found = np.asarray(counts, np.float64)
    assert found.size == COARSE
    middle = found[_TAIL:-_TAIL]
    return np.concatenate([[found[:_TAIL].sum()], middle, [found[-_TAIL:].sum()]])


def _changes(then: Mapping[str, Estimate], now: Mapping[str, Estimate]) -> Json:
    names = [name for name in now if name in then]
    return {name: _change(then[name], now[name], len(names)) for name in names}


def _change(then: Estimate, now: Estimate, tests: int) -> Json:
    return {"then": then, "now": now, "change": _difference(then, now, tests)}


def _difference(then: Estimate, now: Estimate, tests: int) -> Estimate:
    if then.get("value") is None or now.get("value") is None:
        absent = then if then.get("value") is None else now
        return missing(str(absent.get("reason", "not measured")), n=now["n"], unit="share difference")
    value, wider = now["value"] - then["value"], float(ndtri(1 - 0.025 / tests)) / Z95
    below = math.hypot(now["value"] - now["low"], then["high"] - then["value"]) * wider
    above = math.hypot(now["high"] - now["value"], then["value"] - then["low"]) * wider
    method = f"MOVER of two intervals, 95 % for {tests} categories together"
    grade = now["grade"]
    return estimate(
        value, value - below, value + above, n=now["n"], method=method, unit="share difference", grade=grade
    )
