"""Ratios over strata, power and multiplicity against hand-worked values and scipy."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from tamis.interventions.risk import documents_needed, expected, holm, katz_variance, mantel_haenszel


def arrays(*lists: list[float]) -> list[np.ndarray]:
    return [np.array(one, np.float64) for one in lists]


def test_one_stratum_is_the_plain_ratio_with_katz_variance() -> None:
    ratio, variance = mantel_haenszel(*arrays([30], [100], [20], [200]))
    assert ratio == pytest.approx(3.0)
    assert variance == pytest.approx(katz_variance(30, 100, 20, 200))
    found = stats.contingency.relative_risk(30, 100, 20, 200).confidence_interval(0.95)
    assert math.log(found.high / ratio) == pytest.approx(stats.norm.ppf(0.975) * math.sqrt(variance))


def test_two_strata_worked_by_hand() -> None:
    # R = 10*80/100 + 30*40/100 = 20; S = 8*20/100 + 10*60/100 = 7.6
    ratio, variance = mantel_haenszel(*arrays([10, 30, 5], [20, 60, 9], [8, 10, 0], [80, 40, 0]))
    assert ratio == pytest.approx(20 / 7.6)
    spread = (18 * 20 * 80 - 10 * 8 * 100) / 1e4 + (40 * 60 * 40 - 30 * 10 * 100) / 1e4
    assert variance == pytest.approx(spread / (20 * 7.6))


def test_confounding_by_stratum_goes_away() -> None:
    # Both have 50 % in the first stratum and 1 % in the second; one lives in the first.
    hits, n, base_hits, base_n = arrays([450, 1], [900, 100], [50, 9], [100, 900])
    assert hits.sum() / n.sum() / (base_hits.sum() / base_n.sum()) > 7
    assert mantel_haenszel(hits, n, base_hits, base_n)[0] == pytest.approx(1.0)
    assert expected(n, base_hits, base_n) == pytest.approx((1000, 451, 59))


def test_no_hits_is_a_ratio_of_zero() -> None:
    assert mantel_haenszel(*arrays([0, 0], [10, 10], [3, 0], [10, 10])) == (0.0, math.inf)


@pytest.mark.parametrize(
    ("base", "ratio", "thousands"),
    [(0.005, 1.5, 21), (0.005, 2.0, 6.3), (0.01, 1.5, 10.4), (0.01, 2.0, 3.1), (0.05, 1.5, 2.0), (0.05, 2.0, 0.58)],
)
def test_documents_needed(base: float, ratio: float, thousands: float) -> None:
    assert documents_needed(base, ratio, 1.0) == pytest.approx(1000 * thousands, rel=0.03)
    assert documents_needed(base, ratio, 0.01) < documents_needed(base, ratio, 1.0)
    assert documents_needed(0.9, ratio, 1.0) > 0


def test_power_is_what_it_says() -> None:
    rng, n = np.random.default_rng(0), round(documents_needed(0.05, 2.0, 1.0))
    a, c = rng.binomial(n, 0.1, 4000), rng.binomial(n, 0.05, 4000)
    z = (a - c) / np.sqrt(a * (1 - a / n) + c * (1 - c / n))
    assert (z > 1.96).mean() == pytest.approx(0.9, abs=0.02)


@given(st.lists(st.floats(0, 1), max_size=12))
def test_holm_is_monotone_and_at_least_the_value(values: list[float]) -> None:
    adjusted = holm(values)
    assert all(value <= found <= 1 for value, found in zip(values, adjusted, strict=True))
    order = sorted(range(len(values)), key=values.__getitem__)
    assert [adjusted[k] for k in order] == sorted(adjusted)


def test_holm_worked_by_hand() -> None:
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
