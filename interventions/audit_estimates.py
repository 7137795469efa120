"""What human labels of a stratified sample say: prevalence, precision, recall, residual, with intervals that hold.

With N_h documents in stratum h, k_h of n_h labels positive and p_h = k_h/n_h, a prevalence is sum W_h p_h with
W_h = N_h/N, and its interval is MOVER over the strata's Jeffreys limits. Unlike a normal interval, a bootstrap or
prediction-powered inference it keeps its coverage where most strata have no positive label at all.

TP = sum of N_h p_h over what was hit and FN = that over what was spared are independent, so recall = TP/(TP + FN) has
the interval of log(TP/FN) by MOVER; where one of the two may be 0 there is no logarithm, and the ends are combined as
they are, which is wider. The residual ratio is (1 - recall)/(1 - r) with r the share of documents that was removed.

A document that an annotator skipped, or that is shown to nobody, is in every interval as 0 at its lower and as 1 at its
upper end: what is skipped is not what is harmless. A stratum without a label is in it with (0, 1).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from tamis.interventions.audit_design import HIT, SPARED, Stratum
from tamis.interventions.intervals import Interval, jeffreys, mover_sum
from tamis.interventions.measures.estimate import Estimate, Grade, estimate, missing
from tamis.interventions.report_format import several

__all__ = ["FEWEST", "METHOD", "Tally", "evaluate", "expected", "floor", "share"]

METHOD: Final = "human labels, stratified, MOVER-Jeffreys 95 %"
#: Labels below which nothing is said; the intervals hold with fewer, and are too wide to be of use.
FEWEST: Final = 10


@dataclass(frozen=True, slots=True)
class Tally:
    """Labels of one category in one stratum.

    Attributes:
        stratum: The stratum.
        positive: Positive labels; annotators who differ count in part.
        labels: Labels.
        skipped: Documents without one that were to have one.
    """

    stratum: Stratum
    positive: float
    labels: float
    skipped: float = 0

    @property
    def share(self) -> float:
        """Share of positive labels; the mean score where there is none."""
        return self.positive / self.labels if self.labels else self.stratum.mean

    def limits(self) -> Interval:
        """Returns the Jeffreys limits, with what was skipped as 0 below and as 1 above."""
        asked = self.labels + self.skipped
        if not self.labels:
            return 0.0, 1.0
        return jeffreys(self.positive, asked)[0], jeffreys(self.positive + self.skipped, asked)[1]


def _total(found: Sequence[Tally]) -> tuple[float, Interval]:
    """Returns the documents that are positive, and the limits."""
    if not found:
        return 0.0, (0.0, 0.0)
    sizes = [float(one.stratum.documents) for one in found]
    shares = [one.share for one in found]
    low, high = mover_sum(sizes, shares, [one.limits() for one in found])
    value = sum(size * part for size, part in zip(sizes, shares, strict=True))
    return value, (max(0.0, low), min(sum(sizes), high))


def share(found: Sequence[Tally]) -> Estimate:
    """Estimates the share of documents that are positive."""
    n, documents = round(sum(one.labels for one in found)), sum(one.stratum.documents for one in found)
    if not documents:
        return missing("no such document", grade=Grade.NOT_RESOLVABLE)
    if n < min(FEWEST, documents):
        return missing(f"{several(n, 'label')}, at least {FEWEST} are needed", n=n)
    value, (low, high) = _total(found)
    return estimate(value / documents, low / documents, high / documents, n=n, method=METHOD, grade=Grade.CERTIFIED)


def evaluate(found: Sequence[Tally]) -> dict[str, Estimate]:
    """Returns the estimates of one category.

    Args:
        found: Labels by stratum.

    Returns:
        "before": prevalence among all documents; "residual": among the spared; "precision": among the hit; "recall":
        share of the positive that was hit; "ratio": residual divided by before.
    """
    hit = [one for one in found if one.stratum.side == HIT]
    spared = [one for one in found if one.stratum.side == SPARED]
    recall = _recall(hit, spared)
    return {
        "before": share(found),
        "residual": share(spared),
        "precision": share(hit),
        "recall": recall,
        "ratio": _ratio(recall, hit, spared),
    }


def _recall(hit: Sequence[Tally], spared: Sequence[Tally]) -> Estimate:
    n = round(sum(one.labels for one in (*hit, *spared)))
    caught, (caught_low, caught_high) = _total(hit)
    missed, (missed_low, missed_high) = _total(spared)
    if n < FEWEST:
        return missing(f"{several(n, 'label')}, at least {FEWEST} are needed", n=n)
    if caught + missed == 0:
        return missing("no label is positive", n=n)
    low, high = _odds((caught, caught_low, caught_high), (missed, missed_low, missed_high))
    value = caught / (caught + missed)
    method = "human labels, stratified, MOVER-Jeffreys 95 % on log odds"
    return estimate(value, min(low, value), max(high, value), n=n, method=method, grade=Grade.CERTIFIED)


def _odds(caught: tuple[float, float, float], missed: tuple[float, float, float]) -> Interval:
    """Returns the limits of caught/(caught + missed) from those of the two."""
    if min(*caught, *missed) > 0:
        centre = math.log(caught[0] / missed[0])
        below = math.hypot(math.log(caught[0] / caught[1]), math.log(missed[2] / missed[0]))
        above = math.hypot(math.log(caught[2] / caught[0]), math.log(missed[0] / missed[1]))
        return 1 / (1 + math.exp(below - centre)), 1 / (1 + math.exp(-centre - above))
    return _part(caught[1], missed[2]), _part(caught[2], missed[1])


def _part(first: float, second: float) -> float:
    return first / (first + second) if first + second else 1.0


def _ratio(recall: Estimate, hit: Sequence[Tally], spared: Sequence[Tally]) -> Estimate:
    """Turns recall into what is left of the prevalence: (1 - recall)/(1 - r)."""
    left = sum(one.stratum.documents for one in spared)
    total = left + sum(one.stratum.documents for one in hit)
    if recall["value"] is None or not left:
        return missing(str(recall.get("reason", "nothing is left")), n=recall["n"], unit="ratio")
    low, value, high = ((1 - recall[key]) * total / left for key in ("high", "value", "low"))
    return estimate(value, low, high, n=recall["n"], method=recall["method"], unit="ratio", grade=Grade.CERTIFIED)


def floor(found: Sequence[Tally]) -> float | None:
    """Returns the residual prevalence below which these labels certify nothing: 3 W/n of the lowest spared band."""
    spared = [one for one in found if one.stratum.side == SPARED]
    if not spared or not spared[0].labels:
        return None
    weight = spared[0].stratum.documents / sum(one.stratum.documents for one in spared)
    return min(1.0, 3 * weight / spared[0].labels)


def expected(found: Sequence[Stratum]) -> dict[str, Any]:
    """Returns the estimates that a plan's labels would give if the mean scores were the truth.

    Args:
        found: Strata with their numbers of labels.
    """
    tallies = [Tally(one, one.mean * one.labels, one.labels) for one in found]
    return {**evaluate(tallies), "floor": floor(tallies)}
