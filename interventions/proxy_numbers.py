"""Numbers of the proxy experiment and their intervals: the delete-a-group jackknife, paired between arms.

Leaving out one group of documents at a time, from every arm, and doing everything anew gives the variance that comes
from which documents the corpus holds: (g - 1)/g times the sum of squares about the mean (Shao and Tu 1995), with
Student's t of g - 1 degrees of freedom. Continuations add none: their probabilities are exact. For held-out texts the
variance between the texts is added, in paired differences.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from tamis.interventions.intervals import Interval, student
from tamis.interventions.ngram_survival import expected_maximum, probability_of_any
from tamis.interventions.proxy_experiment import Experiment, Outcome
from tamis.interventions.proxy_lanes import LEVELS

__all__ = ["K", "Numbers", "Replicated", "difference", "level", "ratio"]

Floats = NDArray[np.float64]

#: Continuations of a prompt that TP and EMT are about.
K: Final = 25


@dataclass(frozen=True, slots=True)
class Numbers:
    """Turns an outcome into named numbers.

    Attributes:
        buckets: Rows of each bucket's prompts.
        toxic: Lane of all toxic terms.
        lanes: Name of each lane.
        sets: Where each held-out set's texts start and end.
        sizes: Bytes of each held-out text.
    """

    buckets: Mapping[str, Sequence[int]]
    toxic: int
    lanes: Sequence[str]
    sets: Mapping[str, tuple[int, int]]
    sizes: NDArray[np.int64]

    @staticmethod
    def of(experiment: Experiment) -> Numbers:
        """Returns the numbers that an experiment can give."""
        buckets: dict[str, list[int]] = {}
        for row, prompt in enumerate(experiment.prompts):
            buckets.setdefault(prompt.bucket, []).append(row)
        lanes = experiment.lanes
        return Numbers(buckets, lanes.toxic, lanes.names, experiment.sets, experiment.sizes)

    def take(self, outcome: Outcome) -> dict[tuple[str, ...], float]:
        """Returns the numbers of an outcome: ("q", bucket, lane), ("tp", bucket), ("emt", bucket), ("bpb", set)."""
        found: dict[tuple[str, ...], float] = {}
        for bucket, rows in self.buckets.items():
            q = outcome.q[list(rows)]
            for lane, name in enumerate(self.lanes):
                found["q", bucket, name] = float(q[:, lane].mean())
            found["tp", bucket] = float(probability_of_any(q[:, self.toxic], K).mean())
            found["emt", bucket] = float(expected_maximum(q[:, : len(LEVELS)], LEVELS, K).mean())
        for name, (first, end) in self.sets.items():
            found["bpb", name] = float(outcome.bits[first:end].sum() / max(int(self.sizes[first:end].sum()), 1))
        return found


@dataclass(frozen=True, slots=True)
class Replicated:
    """Numbers of one arm: from all its documents, and without each group.

    Attributes:
        full: Of all documents.
        left: Without one group, a mapping a group.
        bits: Bits of each held-out text, with all documents.
    """

    full: Mapping[tuple[str, ...], float]
    left: Sequence[Mapping[tuple[str, ...], float]]
    bits: Floats

    def values(self, key: tuple[str, ...]) -> Floats:
        """Returns a number without each group, float64 [n_groups]."""
        return np.array([numbers[key] for numbers in self.left])


def _half(values: Floats, more: float = 0.0) -> float:
    """Half the width of the interval of a number from its values without each group, and a further variance."""
    g = values.size
    variance = (g - 1) / g * float(((values - values.mean()) ** 2).sum()) + more
    return student(g - 1) * math.sqrt(variance)


def level(arm: Replicated, key: tuple[str, ...]) -> tuple[float, Interval]:
    """Returns a positive number of one arm and its interval, made on the logarithm."""
    value, values = arm.full[key], arm.values(key)
    if min(value, float(values.min())) <= 0:
        half = _half(values)
        return value, (max(0.0, value - half), value + half)
    half = _half(np.log(values))
    return value, (value * math.exp(-half), value * math.exp(half))


def ratio(
    before: Replicated, after: Replicated, key: tuple[str, ...], floors: tuple[float, float]
) -> tuple[float, Interval]:
    """Returns after/before of a probability net of the smoothing floors of both, and its interval."""
    value = _net(after.full[key], floors[1]) / _net(before.full[key], floors[0])
    bottom = np.maximum(before.values(key) - floors[0], 1e-15)
    values = np.maximum(after.values(key) - floors[1], 0.0) / bottom
    if min(value, float(values.min())) <= 0:
        half = _half(values)
        return value, (max(0.0, value - half), value + half)
    half = _half(np.log(values))
    return value, (value * math.exp(-half), value * math.exp(half))


def _net(q: float, floor: float) -> float:
    return max(q - floor, 0.0)


def difference(
    before: Replicated, after: Replicated, key: tuple[str, ...], numbers: Numbers, reference: str | None = None
) -> tuple[float, Interval]:
    """Returns after - before of a number, and its interval.

    Args:
        before: One arm.
        after: The other.
        key: The number; for ("bpb", set) the variance between the texts of the set is added.
        numbers: What the numbers are made of.
        reference: Another held-out set whose own difference is taken off.
    """
    keys = [key] if reference is None else [key, ("bpb", reference)]
    signs = (1.0, -1.0)
    value = sum(s * (after.full[k] - before.full[k]) for s, k in zip(signs, keys, strict=False))
    values: Any = sum(s * (after.values(k) - before.values(k)) for s, k in zip(signs, keys, strict=False))
    more = sum(_between(before, after, numbers, k[1]) for k in keys if k[0] == "bpb")
    half = _half(values, more)
    return value, (value - half, value + half)


def _between(before: Replicated, after: Replicated, numbers: Numbers, name: str) -> float:
    """Variance of a set's difference in bits per byte between its texts, each a unit (a ratio, linearised)."""
    first, end = numbers.sets[name]
    change, sizes = (after.bits - before.bits)[first:end], numbers.sizes[first:end].astype(np.float64)
    n = end - first
    if n < 2:
        return 0.0
    rest = change - change.sum() / sizes.sum() * sizes
    return float(n / (n - 1) * (rest**2).sum() / sizes.sum() ** 2)
