"""Intervals against scipy, published examples, and their coverage in simulation."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.stats import beta, binomtest
from scipy.stats.contingency import relative_risk

from tamis.interventions.intervals import (
    Z95,
    clopper_pearson,
    fisher,
    jeffreys,
    kappa,
    katz,
    log_ratio_variance,
    mover_sum,
    paired_ratio,
    student,
    wilson,
)

COUNTS = [(0, 10), (1, 10), (5, 10), (10, 10), (3, 1000), (999, 1000), (17, 123_456)]


@pytest.mark.parametrize(("count", "n"), COUNTS)
def test_proportions_agree_with_scipy(count: int, n: int) -> None:
    test = binomtest(count, n)
    for ours, name in ((wilson, "wilson"), (clopper_pearson, "exact")):
        theirs = test.proportion_ci(method=name)
        assert ours(count, n) == pytest.approx((theirs.low, theirs.high), abs=1e-12)
    low, high = jeffreys(count, n)
    assert low == (0 if count == 0 else pytest.approx(beta.ppf(0.025, count + 0.5, n - count + 0.5)))
    assert high == (1 if count == n else pytest.approx(beta.ppf(0.975, count + 0.5, n - count + 0.5)))


def test_limits_reach_the_ends_exactly() -> None:
    assert wilson(0, 7)[0] == jeffreys(0, 7)[0] == clopper_pearson(0, 7)[0] == 0
    assert wilson(7, 7)[1] == jeffreys(7, 7)[1] == clopper_pearson(7, 7)[1] == 1


def test_quantiles() -> None:
    assert pytest.approx(1.959964, abs=1e-6) == Z95
    assert student(63) == pytest.approx(1.998341, abs=1e-6)
    assert student(math.inf) == pytest.approx(Z95)


def test_katz_agrees_with_scipy() -> None:
    theirs = relative_risk(15, 100, 30, 120).confidence_interval()
    assert katz(15, 100, 30, 120) == pytest.approx((theirs.low, theirs.high))
    low, high = katz(0, 100, 30, 120)
    assert 0 < low < high < 1


def test_mover_of_one_stratum_is_its_own_interval() -> None:
    assert mover_sum([1.0], [0.2], [(0.1, 0.35)]) == pytest.approx((0.1, 0.35))


def test_mover_jeffreys_covers_a_stratified_prevalence() -> None:
    """Acceptance test 1 of the evaluation: 93 to 97 % at low base rates, where normal intervals fail."""
    rng = np.random.default_rng(5)
    shares = np.array([0.9, 0.07, 0.02, 0.01])
    for prevalence, n in ((0.05, 300), (0.01, 1000), (0.002, 300), (0.002, 1000)):
        rates = np.minimum(prevalence * np.array([0.11, 3.0, 12.0, 45.0]), 0.9)
        truth = float(shares @ rates)
        labels = np.maximum((n * np.array([0.5, 0.2, 0.15, 0.15])).astype(int), 10)
        hits = 0
        for _ in range(500):
            found = rng.binomial(labels, rates)
            limits = [jeffreys(k, m) for k, m in zip(found.tolist(), labels.tolist(), strict=True)]
            low, high = mover_sum(shares.tolist(), (found / labels).tolist(), limits)
            hits += low <= truth <= high
        assert 0.93 <= hits / 500 <= 1.0, (prevalence, n)


def _cells(counts: np.ndarray) -> tuple[float, float, float, float, float]:
    still, cleaned, gone, kept, lost = (float(count) for count in counts)
    return still, cleaned, gone, kept, lost


@pytest.mark.parametrize(
    ("probabilities", "n"),
    [
        ((0.04, 0, 0.01, 0.85, 0.10), 2_000),
        ((0.004, 0, 0.016, 0.94, 0.04), 2_000),
        ((0.02, 0.02, 0.01, 0.94, 0.01), 1_000),
        ((0.0096, 0, 0.0004, 0.9504, 0.0396), 20_000),
    ],
)
def test_the_paired_ratio_covers(probabilities: tuple[float, ...], n: int) -> None:
    """Documents drawn independently; the last case is a null: removal is blind to the flag."""
    rng = np.random.default_rng(1)
    p = np.array(probabilities)
    flagged, output = p[:3].sum(), p[0] + p[1] + p[3]
    truth = p[0] / output / flagged
    hits = 0
    for counts in rng.multinomial(n, p, 1000):
        low, high = paired_ratio(*_cells(counts))
        hits += low <= truth <= high
    assert 0.93 <= hits / 1000 <= 0.995


def test_the_variance_of_the_log_ratio_is_that_of_a_simulation() -> None:
    rng = np.random.default_rng(2)
    p = np.array([0.03, 0.01, 0.02, 0.84, 0.10])
    draws = rng.multinomial(5_000, p, 20_000).astype(float)
    still, cleaned, gone, kept, _ = draws.T
    logs = np.log(still) - np.log(still + cleaned + gone) - np.log(still + cleaned + kept)
    expected = log_ratio_variance(*_cells(p * 5_000))
    assert logs.var() == pytest.approx(expected, rel=0.06)


def test_the_paired_ratio_at_its_edges() -> None:
    low, high = paired_ratio(0, 0, 20, 960, 20)
    assert low == 0
    assert 0.1 < high < 0.25
    low, high = paired_ratio(20, 0, 0, 980, 0)
    assert low < 1 < high < 1.01
    low, high = paired_ratio(20, 0, 0, 0, 0)
    assert low <= 1 <= high


def test_fisher() -> None:
    low, high = fisher(0.5, 103)
    assert (low, high) == pytest.approx((math.tanh(math.atanh(0.5) - Z95 / 10), math.tanh(math.atanh(0.5) + Z95 / 10)))
    assert fisher(1.0, 50) == (1.0, 1.0)


def test_kappa_of_a_known_table() -> None:
    # The textbook table of two raters and 50 items, with agreement 0.7 and chance agreement 0.5.
    value, low, high = kappa(20, 5, 10, 15)
    assert value == pytest.approx(0.4)
    assert (high - low) / 2 / Z95 == pytest.approx(0.1272, abs=5e-4)
    with pytest.raises(ValueError, match="undefined"):
        kappa(10, 0, 0, 0)


def test_kappa_of_perfect_agreement_keeps_an_interval() -> None:
    value, low, high = kappa(38, 0, 0, 253)
    assert (value, high) == (1.0, 1.0)
    # 0 of 291 differ: at most 1 - 0.025^(1/291) do, and chance agrees on 0.773.
    assert low == pytest.approx(1 - (1 - 0.025 ** (1 / 291)) / (1 - (38 / 291) ** 2 - (253 / 291) ** 2), abs=1e-6)
    assert kappa(3, 0, 0, 9)[1] < kappa(30, 0, 0, 90)[1] < 1


def test_kappa_covers_in_simulation() -> None:
    rng = np.random.default_rng(3)
    p = np.array([0.08, 0.04, 0.06, 0.82])
    truth, *_ = kappa(*(p * 1e6).round().astype(int).tolist())
    hits = 0
    for counts in rng.multinomial(800, p, 500):
        _, low, high = kappa(*counts.tolist())
        hits += low <= truth <= high
    assert 0.92 <= hits / 500 <= 0.98
