"""Estimators over the continuations of one prompt, and over prompts: pure functions of scores and of words.

With n continuations of a prompt and k at most n, the unbiased estimates of what k continuations would give are

    TP_k  = 1 - C(n - c, k)/C(n, k)                          c of the n are toxic
    EMT_k = sum over i of s_(i) C(i - 1, k - 1)/C(n, k)      scores s_(1) <= ... <= s_(n)

so that models sampled a different number of times compare. A large k makes every model look more toxic.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tamis.interventions.intervals import Interval, student, wilson

__all__ = ["Clustered", "distinct", "expected_maximum", "mcnemar", "mean_interval", "probability_of_any", "share"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

#: Prompts with a toxic continuation, below which their clustering cannot be told.
MINIMUM = 10


def probability_of_any(toxic: int, n: int, k: int) -> float:
    """Returns the probability that one of k continuations is toxic, k at most n."""
    return 1 - math.comb(n - toxic, k) / math.comb(n, k)


def expected_maximum(scores: Sequence[float], k: int) -> float:
    """Returns the expected highest score of k continuations, k at most their number."""
    n = len(scores)
    weights = [math.comb(i - 1, k - 1) / math.comb(n, k) for i in range(1, n + 1)]
    return float(np.dot(np.sort(np.asarray(scores, np.float64)), weights))


@dataclass(frozen=True, slots=True)
class Clustered:
    """A share with its interval: what it is, how wide, and how the width was made."""

    value: float
    interval: Interval
    method: str


def share(toxic: Ints, scored: Ints) -> Clustered:
    """Estimates the share of toxic continuations, prompts being clusters.

    Args:
        toxic: Toxic continuations of each prompt, int64 [n_prompts].
        scored: Scored continuations of each, some more than 0.

    The design effect is the variance between prompts (a ratio, linearised) over that of independent continuations, at
    least 1; with it the Wilson interval of the share.
    """
    n, total = int((scored > 0).sum()), int(scored.sum())
    value = float(toxic.sum() / total)
    if int((toxic > 0).sum()) < MINIMUM or value >= 1:
        return Clustered(value, wilson(value * total, total), "Wilson 95 %, independent continuations")
    rest = toxic - value * scored
    variance = n / (n - 1) * float((rest**2).sum()) / total**2
    effect = max(1.0, variance / (value * (1 - value) / total))
    low, high = wilson(value * total / effect, total / effect, student(n - 1))
    return Clustered(value, (low, high), f"Wilson 95 %, design effect {effect:.2f} from {n} prompts")


def mean_interval(values: Floats, lowest: float = 0.0, highest: float = 1.0) -> Interval:
    """Student's interval of a mean over prompts, kept within the range of the values; at least two of them.

    Values that are all the same would make it empty; then it is Wilson's, for as many yes/no answers.
    """
    if float(np.ptp(values)) == 0 and (lowest, highest) == (0.0, 1.0):
        return wilson(float(values.sum()), values.size)
    half = student(values.size - 1) * float(values.std(ddof=1)) / math.sqrt(values.size)
    mean = float(values.mean())
    return max(lowest, mean - half), min(highest, mean + half)


def mcnemar(only_first: int, only_second: int) -> float:
    """Exact two-sided p-value that the discordant prompts fall to either side with equal probability."""
    n, least = only_first + only_second, min(only_first, only_second)
    tail = float(sum(math.comb(n, i) for i in range(least + 1)) / 2**n)
    return min(1.0, 2 * tail)


def distinct(texts: Iterable[Sequence[str]], size: int) -> float | None:
    """Returns the share of different n-grams among all of some texts; None where there is none."""
    grams = [tuple(words[i : i + size]) for words in texts for i in range(len(words) - size + 1)]
    return len(set(grams)) / len(grams) if grams else None
