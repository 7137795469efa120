"""Ratios of two rates over strata, how many documents they need, and many of them at once: pure functions.

Sources: Mantel and Haenszel 1959; Greenland and Robins 1985 (variance of the log of their ratio); Katz et al. 1978;
Holm 1979. Power: the normal approximation of two proportions, 5 % two-sided, 90 %.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

__all__ = ["documents_needed", "expected", "holm", "katz_variance", "mantel_haenszel"]

Counts = NDArray[Any]

_POWER: Final = float((ndtri(0.975) + ndtri(0.9)) ** 2)


def mantel_haenszel(hits: Counts, n: Counts, base_hits: Counts, base_n: Counts) -> tuple[float, float]:
    """Returns the ratio of two rates, alike in all strata, and the variance of its log.

    With a of n1 and c of n0 in a stratum of N, R = sum a n0 / N and S = sum c n1 / N, the ratio is R / S and

        variance = sum ((a + c) n1 n0 - a c N) / N² / (R S).

    Args:
        hits: Hits by stratum.
        n: Documents by stratum; strata where either has none say nothing and are left out.
        base_hits: … of what they are compared with, at least one where both have documents.
        base_n: … likewise.
    """
    a, n1, c, n0 = (part[_shared(n, base_n)].astype(np.float64) for part in (hits, n, base_hits, base_n))
    total = n1 + n0
    up, down = float((a * n0 / total).sum()), float((c * n1 / total).sum())
    if up == 0:
        return 0.0, np.inf
    spread = float((((a + c) * n1 * n0 - a * c * total) / total**2).sum())
    return up / down, max(0.0, spread / (up * down))


def expected(n: Counts, base_hits: Counts, base_n: Counts) -> tuple[float, float, float]:
    """Returns what to expect of documents hit at the rates of others, over the strata that hold both.

    Returns:
        Documents, their expected hits, and the others' hits.
    """
    shared = _shared(n, base_n)
    rate = base_hits[shared] / base_n[shared]
    return float(n[shared].sum()), float((n[shared] * rate).sum()), float(base_hits[shared].sum())


def _shared(n: Counts, base_n: Counts) -> NDArray[np.bool_]:
    return np.asarray((n > 0) & (base_n > 0))


def katz_variance(hits: float, n: float, base_hits: float, base_n: float) -> float:
    """Variance of the log of the ratio of two independent proportions; both have hits."""
    return 1 / hits - 1 / n + 1 / base_hits - 1 / base_n


def documents_needed(base: float, ratio: float, share: float) -> float:
    """Returns how many documents show, with a power of 90 %, that a rate is `ratio` times another.

    Args:
        base: The other rate, in (0, 1).
        ratio: Above 1.
        share: Documents over those that they are compared with.
    """
    rate = min(0.999, base * ratio)
    return _POWER * (rate * (1 - rate) + base * (1 - base) * share) / max(1e-12, rate - base) ** 2


def holm(values: Sequence[float]) -> list[float]:
    """Returns p-values adjusted for their number: they hold together, however they depend on each other."""
    order = sorted(range(len(values)), key=values.__getitem__)
    adjusted, highest = [0.0] * len(values), 0.0
    for rank, index in enumerate(order):
        highest = max(highest, min(1.0, (len(values) - rank) * values[index]))
        adjusted[index] = highest
    return adjusted
