"""Estimates by cluster group: groups, design effects, and what is not resolvable."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tamis.interventions.intervals import paired_ratio, wilson
from tamis.interventions.measures.clusters import GROUPS, Before, Lost, groups, level, mean, ratio
from tamis.interventions.testing import make_batch

ZEROS = np.zeros(GROUPS, dtype=np.int64)


def _before(total: np.ndarray, flagged: np.ndarray) -> Before:
    return Before(total, flagged, int(total.sum()), int(flagged.sum()), int(total.sum()))


def _even(per_group: int, flagged: int) -> Before:
    return _before(np.full(GROUPS, per_group), np.full(GROUPS, flagged))


def test_documents_of_a_domain_share_a_group_and_the_others_spread() -> None:
    domains = ["a.example"] * 50 + [""] * 150
    batch = make_batch(["x"] * 200, {"p": {"hate": [0.1] * 200}}, target=0, domains=domains)
    found = groups(batch)
    assert len(set(found[:50].tolist())) == 1
    assert len(set(found[50:].tolist())) > 45
    assert found.max() < GROUPS
    plain = make_batch(["x"] * 200, {"p": {"hate": [0.1] * 200}}, target=0)
    assert (groups(plain)[50:] == found[50:]).all()


def test_without_clustering_a_level_has_about_wilsons_interval() -> None:
    rng = np.random.default_rng(0)
    found = level(_before(np.full(GROUPS, 300), rng.binomial(300, 0.05, GROUPS)), "estimated")
    low, high = wilson(found["value"] * found["n"], found["n"])
    assert found["low"] <= low < high <= found["high"]
    assert (found["high"] - found["low"]) / (high - low) < 1.35


def test_flags_in_few_groups_widen_a_level() -> None:
    flagged = ZEROS.copy()
    flagged[:12] = 80
    found = level(_before(np.full(GROUPS, 300), flagged), "estimated")
    effect = float(found["method"].split("design effect ")[1].split()[0])
    assert 20 < effect < 100


@pytest.mark.parametrize(
    ("documents", "flagged", "words"),
    [(0, 0, "0 documents"), (29, 5, "29 documents, at least 30"), (30, 0, None), (5000, 9, None)],
)
def test_a_level_needs_documents_and_not_flags(documents: int, flagged: int, words: str | None) -> None:
    total, found = ZEROS.copy(), ZEROS.copy()
    total[3], found[3] = documents, flagged
    estimate = level(_before(total, found), "estimated")
    if words is None:
        assert estimate["low"] <= estimate["value"] == flagged / documents < estimate["high"]
        assert "independent documents" in estimate["method"]
    else:
        assert words in estimate["reason"]


def test_a_ratio_needs_flagged_documents_and_something_left() -> None:
    before = _even(10, 0)
    assert "at least 10" in ratio(before, Lost(ZEROS, ZEROS, 0), "x")["reason"]
    before = _even(10, 1)
    assert ratio(before, Lost(before.total, before.flagged, 64), "x")["reason"] == "nothing is left after it"


def test_all_flagged_documents_gone_is_a_ratio_of_zero_with_an_upper_limit() -> None:
    before = _even(100, 1)
    found = ratio(before, Lost(before.flagged, before.flagged, 64), "x")
    assert found["value"] == found["low"] == 0
    assert 0.03 < found["high"] < 0.08


def test_heavy_documents_widen_an_interval_of_words() -> None:
    even = Before(np.full(GROUPS, 1000), np.full(GROUPS, 0), 640, 0, 640 * 100**2)
    heavy = Before(np.full(GROUPS, 1000), np.full(GROUPS, 0), 640, 0, 640 * 100**2 * 9)
    assert level(heavy, "x")["high"] > 5 * level(even, "x")["high"]


def test_a_mean_score() -> None:
    before = _even(100, 5)
    found = mean(before, 640.0, 128.0, "x")
    assert found["value"] == pytest.approx(0.1)
    assert found["high"] - found["value"] == pytest.approx(2.0 * math.sqrt((0.02 - 0.01) / 6400), rel=0.01)
    assert mean(_before(ZEROS, ZEROS), 0, 0, "x")["value"] is None


@given(*[st.integers(0, 400) for _ in range(5)], st.floats(1, 60))
def test_a_paired_ratio_has_limits_in_order_whatever_the_cells(
    still: int, cleaned: int, gone: int, kept: int, lost: int, effect: float
) -> None:
    if still + cleaned + gone == 0 or still + cleaned + kept == 0:
        return
    cells = [cell / effect for cell in (still, cleaned, gone, kept, lost)]
    low, high = paired_ratio(*cells)
    flagged, output, total = still + cleaned + gone, still + cleaned + kept, still + cleaned + gone + kept + lost
    value = still / output / (flagged / total)
    assert 0 <= low <= value * (1 + 1e-9)
    assert high >= value * (1 - 1e-9)
