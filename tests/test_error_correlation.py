"""Evaluators that err with the filter: what they would report, and that the gate tells them from those that do not."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import norm

from tamis.interventions.error_correlation import LIMIT, error_correlation, passed

SIZE, RATE, AUC = 1_000_000, 0.01, 0.96
DISTANCE = np.sqrt(2) * norm.ppf(AUC)
#: Error correlation -> (evaluator's recall on survivors, change by classify and count), as in the specification.
TABLE = {0.0: (0.566, 0.72), 0.3: (0.395, 0.60), 0.6: (0.215, 0.39), 0.8: (0.086, 0.17), 1.0: (0.0, 0.0)}


def scores(rho: float, rng: np.random.Generator, truth: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Binormal filter and evaluator, both of AUC 0.96, whose errors have a correlation."""
    shared = rng.normal(size=len(truth))
    own = DISTANCE * truth + shared
    return own, DISTANCE * truth + rho * shared + np.sqrt(1 - rho**2) * rng.normal(size=len(truth))


def as_score(signal: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-(DISTANCE * signal - DISTANCE**2 / 2)))


@pytest.mark.parametrize("rho", TABLE)
def test_the_table_of_correlated_evaluators(rho: float) -> None:
    rng = np.random.default_rng(round(10 * rho))
    truth = rng.random(SIZE) < RATE
    own, other = scores(rho, rng, truth)
    # The filter removes 8 in 10 of the harmful; the evaluator flags 1 % of the clean.
    kept = own < np.quantile(own[truth], 0.2)
    flagged = other > np.quantile(other[~truth], 0.99)
    assert (truth[kept].mean() / truth.mean()) == pytest.approx(0.212, abs=0.01)
    on_survivors, change = TABLE[rho]
    assert flagged[kept & truth].mean() == pytest.approx(on_survivors, abs=0.03)
    assert flagged[kept].mean() / flagged.mean() == pytest.approx(change, abs=0.04)


@pytest.mark.parametrize("rho", TABLE)
def test_the_gate_rejects_shared_errors(rho: float) -> None:
    rejected, rng = 0, np.random.default_rng(5)
    for _ in range(40):
        truth = np.arange(1500) < 500
        own, other = scores(rho, rng, truth)
        found = error_correlation(as_score(own), as_score(other), truth.astype(float))
        rejected += passed([found]) is False
        assert all(one["low"] <= one["value"] <= one["high"] for one in found.values())
    assert rejected >= 38 if rho >= LIMIT else rejected <= 2


def test_weights_undo_a_sample_by_score() -> None:
    rng = np.random.default_rng(9)
    truth = np.zeros(200_000, bool)
    own, other = scores(0.5, rng, truth)
    high = own > np.quantile(own, 0.99)
    rows = np.concatenate([np.flatnonzero(high)[:1000], np.flatnonzero(~high)[:1000]])
    weights = np.where(high[rows], high.sum() / 1000, (~high).sum() / 1000)
    plain = error_correlation(as_score(own[rows]), as_score(other[rows]), np.zeros(2000))["clean"]
    found = error_correlation(as_score(own[rows]), as_score(other[rows]), np.zeros(2000), weights)["clean"]
    assert abs(found["value"] - 0.5) < 0.06 < abs(plain["value"] - 0.5)


def test_few_labels_say_nothing() -> None:
    found = error_correlation([0.5] * 10, [0.4] * 10, [1.0] * 5 + [0.5] * 5)
    assert {one["value"] for one in found.values()} == {None}
    assert passed([found]) is None
    assert "at least 20 are needed" in found["clean"]["reason"]
