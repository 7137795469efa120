"""Two arms on the same prompts: paired, with an interval, and in words.

    {"reference", "arm", "bucket", "prompts",
     "difference": estimate,                           toxic fraction of the arm less that of the reference
     "ratio": estimate,
     "mcnemar": {"only_reference", "only_arm", "p", "p_adjusted"},   prompts with a toxic continuation in one arm only
     "sentence"}

Prompts are resampled with both arms' continuations (the paired bootstrap, 2,000 draws from a fixed seed). With fewer
than `FEW` prompts the difference has Student's paired interval, and the exact test is the one to trust. With fewer than
ten toxic continuations in an arm neither holds, and the intervals of the two fractions combine (MOVER), as if unpaired.
p-values of several comparisons are adjusted by Holm's method.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from tamis.interventions import generations_estimators as estimators
from tamis.interventions.generations import ALL, Generation, Json, Rule, counts, grouped
from tamis.interventions.intervals import Interval
from tamis.interventions.measures.estimate import Estimate, estimate, missing
from tamis.interventions.risk import holm

__all__ = ["DRAWS", "FEW", "compare"]

DRAWS: Final = 2000
FEW: Final = 30
SEED: Final = 0

Ints = NDArray[np.int64]


def compare(generations: Sequence[Generation], reference: str, rule: Rule) -> list[Json]:
    """Compares every arm with a reference, over all prompts and by bucket.

    Args:
        generations: All continuations.
        reference: The arm that others are compared with.
        rule: How they are counted.
    """
    arms = dict.fromkeys(one.arm for one in generations if one.arm != reference)
    buckets = [ALL, *sorted({one.bucket for one in generations} - {""})]
    found = [
        one
        for bucket in buckets
        for arm in arms
        if (one := _pair(_part(generations, bucket), reference, arm, bucket, rule)) is not None
    ]
    tested = [one["mcnemar"] for one in found if one["bucket"] == ALL]
    for one, p in zip(tested, holm([one["p"] for one in tested]), strict=True):
        one["p_adjusted"] = p
    return found


def _part(generations: Sequence[Generation], bucket: str) -> list[Generation]:
    return [one for one in generations if not one.why and bucket in (ALL, one.bucket)]


def _pair(generations: Sequence[Generation], reference: str, arm: str, bucket: str, rule: Rule) -> Json | None:
    own = [grouped([one for one in generations if one.arm == name]) for name in (reference, arm)]
    common = sorted(own[0].keys() & own[1].keys())
    if not common:
        return None
    sides = [counts({p: [one.highest for one in part[p]] for p in common}, rule.threshold) for part in own]
    difference, ratio = _effects(sides, len(common))
    test = _mcnemar(sides)
    return {
        "reference": reference,
        "arm": arm,
        "bucket": bucket,
        "prompts": len(common),
        "difference": difference,
        "ratio": ratio,
        "mcnemar": test,
        "sentence": _sentence(reference, arm, difference, len(common)),
    }


def _effects(sides: Sequence[tuple[Ints, Ints]], n: int) -> tuple[Estimate, Estimate]:
    (toxic0, all0), (toxic1, all1) = sides
    before, after = toxic0.sum() / all0.sum(), toxic1.sum() / all1.sum()
    draws = _draws(sides, n)
    value = float(after - before)
    (low, high), method = _interval(sides, draws, n)
    difference = estimate(value, min(low, value), max(high, value), n=n, method=method, unit="share difference")
    return difference, _ratio(before, after, draws, n)


def _interval(sides: Sequence[tuple[Ints, Ints]], draws: NDArray[np.float64], n: int) -> tuple[Interval, str]:
    """Returns the interval of the difference, and how it was made."""
    if n < 2 or min(int(toxic.sum()) for toxic, _ in sides) < estimators.MINIMUM:
        first, second = (estimators.share(*side) for side in sides)
        (low0, high0), (low1, high1) = first.interval, second.interval
        value = second.value - first.value
        below = math.hypot(second.value - low1, high0 - first.value)
        above = math.hypot(high1 - second.value, first.value - low0)
        return (value - below, value + above), "MOVER-Wilson 95 %, as if unpaired: few toxic continuations"
    if n < FEW:
        return _paired(sides), f"paired Student 95 %, {n} prompts: see the exact test"
    low, high = (float(limit) for limit in np.quantile(draws[1] - draws[0], (0.025, 0.975)))
    return (low, high), f"paired bootstrap 95 %, {DRAWS:,} draws of {n} prompts"


def _ratio(before: float, after: float, draws: NDArray[np.float64], n: int) -> Estimate:
    if n < FEW:
        return missing(f"{n} prompts in both arms, {FEW} are needed", n=n, unit="ratio")
    if before == 0 or (draws[0] == 0).mean() > 0.01:
        return missing("the reference has too few toxic continuations", n=n, unit="ratio")
    kept = draws[:, draws[0] > 0]
    low, high = (float(limit) for limit in np.quantile(kept[1] / kept[0], (0.025, 0.975)))
    value, method = float(after / before), f"paired bootstrap 95 %, {DRAWS:,} draws of {n} prompts"
    return estimate(value, min(low, value), max(high, value), n=n, method=method, unit="ratio")


def _draws(sides: Sequence[tuple[Ints, Ints]], n: int) -> NDArray[np.float64]:
    """Returns the toxic fraction of both arms in each draw of prompts, float64 [2, DRAWS]."""
    weights = np.random.default_rng(SEED).multinomial(n, np.full(n, 1 / n), DRAWS).astype(np.float64)
    return np.array([(weights @ toxic) / np.maximum(weights @ scored, 1) for toxic, scored in sides])


def _paired(sides: Sequence[tuple[Ints, Ints]]) -> Interval:
    """Student's interval of the mean over prompts of the difference of their toxic fractions."""
    first, second = (toxic / scored for toxic, scored in sides)
    return estimators.mean_interval(second - first, -1.0, 1.0)


def _mcnemar(sides: Sequence[tuple[Ints, Ints]]) -> dict[str, Any]:
    first, second = (toxic > 0 for toxic, _ in sides)
    only = int((first & ~second).sum()), int((second & ~first).sum())
    return {"only_reference": only[0], "only_arm": only[1], "p": estimators.mcnemar(*only), "p_adjusted": None}


def _sentence(reference: str, arm: str, difference: Mapping[str, Any], n: int) -> str:
    low, high = difference["low"], difference["high"]
    span = f"({100 * low:+.2f} to {100 * high:+.2f} points, {n} prompts in both)"
    if low <= 0 <= high:
        return f"no detectable difference between {arm} and {reference} {span}"
    return f"{arm} is toxic {'more' if low > 0 else 'less'} often than {reference} {span}"
