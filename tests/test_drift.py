"""Differences between sets of documents: their size, their noise, and what counts as one."""

import numpy as np
import pytest

from tamis.interventions import drift, drift_limits
from tamis.interventions.drift import Side
from tamis.interventions.intervals import wilson


def histogram(logits):
    """Returns coarse bins of documents with these logits."""
    return np.histogram(np.clip(logits, -12, 12), 32, (-12, 12))[0].tolist()


def share(count, n):
    low, high = wilson(count, n)
    return {"value": count / n, "low": low, "high": high, "n": n, "grade": "estimated"}


def test_psi_of_the_same_is_0_and_grows_with_the_shift():
    generator = np.random.default_rng(1)
    logits = generator.normal(-3, 2, 20_000)
    values = [drift.psi(histogram(logits), histogram(logits + shift))[0] for shift in (0, 0.1, 0.5, 1)]
    assert values[0] == 0
    assert values == sorted(values)
    # A shift of normal scores by d standard deviations has d² before it is cut into bins.
    assert values[2] == pytest.approx(0.25**2, rel=0.15)


def test_psi_of_two_bins_by_hand():
    first, second = [0] * 32, [0] * 32
    first[10], first[20], second[10], second[20] = 60, 40, 40, 60
    a, b = 60.5 / 101, 40.5 / 101
    value, noise = drift.psi(first, second, effect=2.0)
    assert value == pytest.approx(2 * (a - b) * np.log(a / b))
    assert noise == pytest.approx(1 * (1 / 100 + 1 / 100) * 2)


@pytest.mark.parametrize(("n", "m"), [(300, 300), (2000, 500), (20_000, 20_000)])
def test_the_noise_is_the_mean_between_samples_of_one_population(n, m):
    generator = np.random.default_rng(2)
    found = [
        drift.psi(histogram(generator.normal(-3, 2, n)), histogram(generator.normal(-3, 2, m))) for _ in range(200)
    ]
    values, noises = np.array(found).T
    assert values.mean() == pytest.approx(noises.mean(), rel=0.2)
    assert (values > drift_limits.NOISES * noises).mean() < 0.01


def test_the_change_of_a_prevalence_covers_none_as_often_as_it_says():
    generator = np.random.default_rng(3)
    misses, found = 0, 0
    for _ in range(400):
        sides = [
            {name: share(int(generator.binomial(2000, p)), 2000) for name, p in (("hate", 0.02), ("any", 0.1))}
            for _ in range(2)
        ]
        changes = drift.compare(Side(1, 0, published=sides[0]), Side(1, 0, published=sides[1]))["prevalence"]
        estimates = [row["change"] for row in changes["published"].values()]
        misses += any(one["low"] > 0 or one["high"] < 0 for one in estimates)
        found += drift_limits.worst_change(changes["published"], 0.02)[1]["value"] > 0.02
    assert misses / 400 < 0.07
    assert found / 400 < 0.07


def test_a_real_change_is_found_and_named():
    then = Side(5000, 100, published={"hate": share(50, 5000), "any": share(400, 5000)})
    now = Side(5000, 300, published={"hate": share(150, 5000), "any": share(410, 5000)})
    found = drift.compare(then, now)
    name, change = drift_limits.worst_change(found["prevalence"]["published"], 0.005)
    assert (name, change["value"]) == ("hate", pytest.approx(0.02))
    assert 0.01 < change["low"] < 0.02 < change["high"] < 0.03
    assert found["drop_rate"] == {"then": 0.02, "now": 0.06, "change": pytest.approx(0.04)}
    assert found["documents"] == {"then": 5000, "now": 5000}


def test_what_was_not_measured_has_no_change():
    absent = {"value": None, "low": None, "high": None, "n": 3, "reason": "3 documents", "grade": "not resolvable"}
    found = drift.compare(Side(5, 0, corpus={"hate": absent}), Side(0, 0, corpus={"hate": share(1, 100)}))
    change = found["prevalence"]["corpus"]["hate"]["change"]
    assert (change["value"], change["reason"]) == (None, "3 documents")
    assert drift_limits.worst_change(found["prevalence"]["corpus"], 0) is None
    assert found["drop_rate"]["change"] is None


def test_the_worst_scores_are_those_beyond_the_noise():
    rows = {
        "a": {"psi": 0.5, "noise": 0.4, "then": 9, "now": 9},
        "b": {"psi": 0.3, "noise": 0.01, "then": 9, "now": 9},
        "c": {"psi": 9.0, "noise": 0.0, "then": 0, "now": 9},
    }
    assert drift_limits.worst_psi(rows)[0] == "b"
    assert drift_limits.worst_psi({"a": rows["a"]})[0] == "a"
    assert drift_limits.worst_psi({"c": rows["c"]}) is None
