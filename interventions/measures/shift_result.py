"""The numbers of distribution shift from its merged counts; `shift` says what they are and where they come from."""

from __future__ import annotations

import math
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaln, xlogy

from tamis.interventions.intervals import Z95, wilson
from tamis.interventions.measures.base import State
from tamis.interventions.measures.estimate import Estimate, Grade, estimate, missing
from tamis.interventions.measures.shift_kernel import BUCKETS
from tamis.interventions.report_format import several

__all__ = ["OFTEN", "SMALLEST", "SUMS", "Moved"]

#: Occurrences before, from which on the absence of a word counts as a loss.
OFTEN: Final = 2
#: Documents below which nothing is said.
SMALLEST: Final = 30
#: Names of the sums by bucket in the state.
SUMS: Final = ("counts", "squares", "products")

#: Documents up to which the placebo of a bucket is summed over how many of them stay.
_FEW: Final = 64
_UNIT: Final = "bits"

Floats = NDArray[np.float64]


class Moved:
    """The numbers of one intervention."""

    def __init__(self, state: State, name: str, k: int, note: str | None) -> None:
        self._note = note
        self._documents = int(state.get("documents", 0))
        counts, squares, products = (np.array(state.get(key, [0] * BUCKETS), np.float64) for key in SUMS)
        lost = np.array(state.get("lost", {}).get(name, [0] * BUCKETS), np.float64)
        self._before, self._after = counts, counts - lost
        self._words = counts.sum()
        self._share = float(lost.sum() / self._words) if self._words else 0.0
        self._method = "delta method, documents independent, buckets independent"
        if self._words:
            p = counts / self._words
            self._noise = (squares - 2 * p * products + p**2 * state.get("word_squares", 0)) / self._words**2
        rows = np.array(list(state.get("types", {}).values()), np.int64)
        self._rows = rows[rows[:, 1] >= OFTEN] if rows.size else np.zeros((0, 2), np.int64)
        self._kept = self._rows[:, 1] - self._rows[:, 2 + k] if self._rows.size else np.zeros(0, np.int64)

    def record(self) -> dict[str, Any]:
        """Returns them."""
        lost, random = self._vocabulary()
        divergence, placebo, excess = self._divergence()
        return {
            "removed_words": self._share,
            "divergence": divergence,
            "placebo": placebo,
            "excess": excess,
            "vocabulary_lost": lost,
            "vocabulary_lost_placebo": random,
        }

    def _missing(self) -> str | None:
        return self._note or ("nothing is left after it" if self._share >= 1 else None)

    def _divergence(self) -> tuple[Estimate, Estimate, Estimate]:
        if (reason := self._missing()) is not None:
            return (missing(reason, n=self._documents, unit=_UNIT),) * 3
        used = self._before > 0
        p, q = self._before[used] / self._words, self._after[used] / self._after.sum()
        noise = np.maximum(self._noise[used], 1e-300)
        mean, variance = (
            p**power * part for power, part in zip((1, 2), _random(p**2 / noise, self._share), strict=True)
        )
        s2 = noise * self._share / (1 - self._share)
        systematic = np.maximum((q - p) ** 2 - s2, 0.0)
        spread = math.sqrt(float((variance + 4 * systematic * s2 / (8 * p * math.log(2)) ** 2).sum()))
        value, random = _divergence(p, q), float(mean.sum())
        method = "expected under a random removal of documents"
        return (
            self._estimate(value, Z95 * spread, floor=0.0),
            self._estimate(random, Z95 * math.sqrt(float(variance.sum())), floor=0.0, method=method),
            self._estimate(value - random, Z95 * spread),
        )

    def _estimate(self, value: float, half: float, floor: float = -math.inf, method: str | None = None) -> Estimate:
        low, n = max(min(floor, value), value - half), self._documents
        method = method or self._method
        return estimate(value, low, value + half, n=n, method=method, unit=_UNIT, grade=Grade.CENSUS)

    def _vocabulary(self) -> tuple[Estimate, Estimate]:
        n = len(self._rows)
        reason = self._missing() or (
            None if n >= SMALLEST else f"{several(n, 'frequent word')} sampled, {SMALLEST} are needed"
        )
        if reason:
            return (missing(reason, n=n),) * 2
        gone = int((self._kept == 0).sum())
        chance = self._share ** self._rows[:, 0].astype(np.float64)
        random, spread = float(chance.mean()), math.sqrt(float((chance * (1 - chance)).sum())) / n
        low, high = wilson(gone, n)
        method = f"Wilson 95 %, a hash sample of {n} words"
        expected = f"expected under a random removal of documents, {n} words"
        half = Z95 * spread
        return (
            estimate(gone / n, low, high, n=n, method=method),
            estimate(random, max(0.0, random - half), min(1.0, random + half), n=n, method=expected),
        )


def _divergence(p: Floats, q: Floats) -> float:
    """Returns the Jensen-Shannon divergence of two distributions, in bits; p is above 0 everywhere."""
    middle = (p + q) / 2
    kept = q > 0
    own, other = p * np.log2(p / middle), q[kept] * np.log2(q[kept] / middle[kept])
    return max(0.0, float(own.sum() + other.sum()) / 2)


def _random(documents: Floats, share: float) -> tuple[Floats, Floats]:
    """Returns mean and variance of a bucket's part of the divergence, over p_w, under a random removal.

    Args:
        documents: Documents that the bucket's words stand in, effectively, float64 [n].
        share: Probability that a document is removed.
    """
    table = np.array([_binomial(m, share) for m in range(1, _FEW + 1)])
    large = share / (1 - share) / (8 * np.maximum(documents, 1.0) * math.log(2))
    few = np.arange(1, _FEW + 1, dtype=np.float64)
    mean, variance = (np.interp(documents, few, table[:, column]) for column in (0, 1))
    return np.where(documents > _FEW, large, mean), np.where(documents > _FEW, 2 * large**2, variance)


def _binomial(documents: int, share: float) -> tuple[float, float]:
    """Returns mean and variance of [log2 2/(1+x) + x log2 2x/(1+x)]/2, x being the share that stays over 1 - share."""
    stay = np.arange(documents + 1)
    gone = documents - stay
    # The binomial distribution by its logarithms: scipy.stats, which has it, takes a second and 50 MB to import.
    choices = gammaln(documents + 1) - gammaln(stay + 1) - gammaln(gone + 1)
    weight = np.exp(choices + xlogy(stay, 1 - share) + xlogy(gone, share))
    x = stay / (documents * (1 - share))
    g = (np.log2(2 / (1 + x)) + x * np.log2(np.maximum(2 * x, 1e-300) / (1 + x))) / 2
    mean = float(weight @ g)
    return mean, float(weight @ (g - mean) ** 2)
