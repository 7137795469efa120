"""Confidence intervals: each a pure function that returns (low, high).

Counts may be real numbers: an effective sample size after clustering is not whole. The level is always 95 % unless
`z` is given: it is the normal quantile, or Student's where the variance comes from few groups.

Sources: Wilson 1927; Clopper and Pearson 1934; Brown, Cai and DasGupta 2001 (Jeffreys); Katz et al. 1978 (ratio of two
independent proportions); Zou and Donner 2008 (MOVER); Fleiss, Cohen and Everitt 1969 (kappa).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

from scipy.special import betaincinv, ndtr, ndtri, stdtrit

__all__ = [
    "Z95",
    "Interval",
    "clopper_pearson",
    "fisher",
    "jeffreys",
    "kappa",
    "katz",
    "log_ratio_variance",
    "mover_sum",
    "paired_ratio",
    "student",
    "wilson",
]

Interval = tuple[float, float]

Z95: Final = float(ndtri(0.975))


def student(degrees: float) -> float:
    """Returns the two-sided 95 % quantile of Student's t."""
    return float(stdtrit(degrees, 0.975))


def wilson(count: float, n: float, z: float = Z95) -> Interval:
    """Score interval of a proportion count/n."""
    share, square = count / n, z * z
    centre = (share + square / (2 * n)) / (1 + square / n)
    half = z * math.sqrt(share * (1 - share) / n + square / (4 * n * n)) / (1 + square / n)
    return (0.0 if count <= 0 else max(0.0, centre - half)), (1.0 if count >= n else min(1.0, centre + half))


def jeffreys(count: float, n: float, z: float = Z95) -> Interval:
    """Equal-tailed Beta(count + 1/2, n - count + 1/2) interval; 0 and 1 are reached at count = 0 and count = n."""
    tail = float(ndtr(-z))
    low = 0.0 if count <= 0 else float(betaincinv(count + 0.5, n - count + 0.5, tail))
    high = 1.0 if count >= n else float(betaincinv(count + 0.5, n - count + 0.5, 1 - tail))
    return low, high


def clopper_pearson(count: float, n: float, z: float = Z95) -> Interval:
    """Exact interval: covers at least its nominal level whatever the truth, so it is the one for guarantees."""
    tail = float(ndtr(-z))
    low = 0.0 if count <= 0 else float(betaincinv(count, n - count + 1, tail))
    high = 1.0 if count >= n else float(betaincinv(count + 1, n - count, 1 - tail))
    return low, high


def katz(count: float, n: float, base_count: float, base_n: float, z: float = Z95) -> Interval:
    """Interval of (count/n) / (base_count/base_n), two independent proportions, by the delta method on the log.

    Half a count is added to an empty cell of either, so that both limits exist.
    """
    if min(count, base_count) <= 0:
        count, n, base_count, base_n = count + 0.5, n + 0.5, base_count + 0.5, base_n + 0.5
    half = z * math.sqrt(1 / count - 1 / n + 1 / base_count - 1 / base_n)
    ratio = (count / n) / (base_count / base_n)
    return ratio * math.exp(-half), ratio * math.exp(half)


def mover_sum(weights: Sequence[float], shares: Sequence[float], limits: Sequence[Interval]) -> Interval:
    """Interval of the weighted sum of independent shares from the limits of each (MOVER).

    low = p - sqrt(sum w² (p_i - l_i)²), high = p + sqrt(sum w² (u_i - p_i)²), with p = sum w_i p_i. Unlike a normal
    interval it stays honest with zero counts in some strata.
    """
    terms = list(zip(weights, shares, limits, strict=True))
    total = sum(weight * share for weight, share, _ in terms)
    below = sum((weight * (share - low)) ** 2 for weight, share, (low, _) in terms)
    above = sum((weight * (high - share)) ** 2 for weight, share, (_, high) in terms)
    return total - math.sqrt(below), total + math.sqrt(above)


def log_ratio_variance(still: float, cleaned: float, gone: float, kept: float, lost: float) -> float:
    """Variance of log(after/before) of a prevalence, documents drawn independently (delta method, multinomial).

    Every document is in one of five cells. Flagged before: `still` flagged in the output, `cleaned` (in the output,
    no longer flagged), `gone` (removed). Not flagged before: `kept`, `lost` (removed). With F = still + cleaned +
    gone, K = still + cleaned + kept and N the sum, log ratio = log still - log F - log K + log N, and

        variance = still (1/still - 1/F - 1/K)² + cleaned (1/F + 1/K)² + gone/F² + kept/K² - 1/N.

    Args:
        still: More than 0.
        cleaned: At least 0, as are the others.
        gone: See above.
        kept: See above.
        lost: See above.
    """
    flagged, output = still + cleaned + gone, still + cleaned + kept
    total = flagged + kept + lost
    variance = still * (1 / still - 1 / flagged - 1 / output) ** 2 + cleaned * (1 / flagged + 1 / output) ** 2
    return max(0.0, variance + gone / flagged**2 + kept / output**2 - 1 / total)


def paired_ratio(still: float, cleaned: float, gone: float, kept: float, lost: float, z: float = Z95) -> Interval:
    """Interval of after/before of a prevalence, for the same documents under two policies (cells as above).

    Given which documents are flagged, s = still/F and the share q of the other documents that are kept are
    independent proportions, and with p = F/N and t = cleaned/F the ratio is g(s, q) = s / (p (s + t) + (1 - p) q):
    rising in s, falling in q. Their Wilson limits combine by MOVER, on the log where s > 0:

        low = r exp(-sqrt(log²(r/g(l_s, q)) + log²(r/g(s, u_q)))), high likewise.

    It needs no normal approximation in the counts, so it holds with none of the flagged documents left.
    """
    flagged, clean = still + cleaned + gone, kept + lost
    p, t, s = flagged / (flagged + clean), cleaned / flagged, still / flagged
    q = kept / clean if clean else 1.0

    def ratio(flagged_share: float, clean_share: float) -> float:
        output = p * min(1.0, flagged_share + t) + (1 - p) * clean_share
        return flagged_share / output if output > 0 else 1.0

    s_low, s_high = wilson(still, flagged, z)
    q_low, q_high = wilson(kept, clean, z) if clean else (1.0, 1.0)
    centre = ratio(s, q)
    if centre == 0:
        return 0.0, ratio(s_high, q_low)
    below = math.hypot(_log(centre, ratio(s_low, q)), _log(centre, ratio(s, q_high)))
    above = math.hypot(_log(ratio(s_high, q), centre), _log(ratio(s, q_low), centre))
    return centre * math.exp(-below), centre * math.exp(above)


def _log(upper: float, lower: float) -> float:
    """Returns log(upper/lower), infinite where lower is 0."""
    return math.log(upper / lower) if lower > 0 else math.inf


def fisher(correlation: float, n: float, z: float = Z95) -> Interval:
    """Interval of Pearson's correlation by Fisher's transform; n > 3 pairs."""
    if abs(correlation) >= 1:
        return correlation, correlation
    centre, half = math.atanh(correlation), z / math.sqrt(n - 3)
    return math.tanh(centre - half), math.tanh(centre + half)


def kappa(both: int, first: int, second: int, neither: int, z: float = Z95) -> tuple[float, float, float]:
    """Cohen's kappa of two yes/no raters with its large-sample interval: (kappa, low, high).

    Where they never differ, that interval has no width; low then comes from the Clopper-Pearson bound of their
    disagreement, at the chance agreement seen.

    Args:
        both: Items to which both say yes.
        first: Items to which only the first does.
        second: Items to which only the second does.
        neither: Items to which neither does.
        z: Normal quantile of the level.

    Raises:
        ValueError: Both raters always say the same one thing, so that chance explains all agreement.
    """
    n = both + first + second + neither
    cells = ((both / n, first / n), (second / n, neither / n))
    rows, columns = ((both + first) / n, (second + neither) / n), ((both + second) / n, (first + neither) / n)
    chance = rows[0] * columns[0] + rows[1] * columns[1]
    if chance >= 1:
        raise ValueError("kappa is undefined: both raters give every item the same answer")
    agreed = cells[0][0] + cells[1][1]
    value = (agreed - chance) / (1 - chance)
    diagonal = sum(cells[i][i] * (1 - (rows[i] + columns[i]) * (1 - value)) ** 2 for i in (0, 1))
    off = (1 - value) ** 2 * sum(cells[i][1 - i] * (columns[i] + rows[1 - i]) ** 2 for i in (0, 1))
    variance = (diagonal + off - (value - chance * (1 - value)) ** 2) / (n * (1 - chance) ** 2)
    half = z * math.sqrt(max(0.0, variance))
    if first + second == 0:
        half = clopper_pearson(0, n, z)[1] / (1 - chance)
    return value, max(-1.0, value - half), min(1.0, value + half)
