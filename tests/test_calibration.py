from __future__ import annotations

import numpy as np
import pytest

from tamis.classifiers.bundle import OperatingPoint
from tamis.classifiers.calibration import Sample, apply, background_weights, fit, logit, operating_points
from tamis.classifiers.errors import UsageError


def _sample(rows=4000, share=0.3, gap=3.0, seed=0):
    rng = np.random.default_rng(seed)
    positive = rng.random(rows) < share
    return Sample(rng.normal(0, 1, rows) + gap * positive, positive, np.ones(rows))


def test_a_fit_gives_probabilities_at_the_base_rate_whatever_the_sample_ratio():
    # Two normals with equal variance: the true log odds are gap * s - gap² / 2 + logit(base rate).
    for share in (0.1, 0.5):
        curve = fit(_sample(40_000, share), 0.01)
        s = np.linspace(0.5, 3, 6)
        np.testing.assert_allclose(logit(apply(curve, s)), 3 * s - 4.5 + np.log(0.01 / 0.99), atol=0.5)


def test_corners_rise_and_the_map_is_monotone():
    curve = fit(_sample(400), 0.02)
    assert (np.diff(curve["x"]) > 0).all()
    assert (np.diff(curve["y"]) >= 0).all()
    assert (np.diff(apply(curve, np.linspace(-9, 9, 200))) >= 0).all()


def test_scores_without_any_signal_give_the_base_rate():
    found = apply(fit(_sample(gap=0.0), 0.05), np.zeros(1))
    assert found[0] == pytest.approx(0.05, abs=0.02)


@pytest.mark.parametrize("share", [0.0, 1.0, 0.003])
def test_a_class_that_is_missing_or_tiny_is_refused(share):
    with pytest.raises(UsageError, match="at least 20 of each"):
        fit(_sample(1000, share), 0.01)


def test_operating_points_by_hand():
    scores = np.array([0.9] * 50 + [0.4] * 50 + [0.9] * 1 + [0.4] * 9 + [0.1] * 990)
    sample = Sample(scores, np.arange(1100) < 100, np.ones(1100))
    points = operating_points(sample, 0.1)
    # At 0.9: recall 0.5, fpr 0.001, so precision 0.05 / (0.05 + 0.0009); at 0.4: 0.1 / (0.1 + 0.009).
    assert points["recall(0.9)"]["threshold"] == 0.4
    assert points["recall(0.5)"]["threshold"] == 0.9
    assert points["precision(0.9)"]["threshold"] == 0.4
    assert points["precision(0.95)"]["threshold"] == 0.9
    assert points["fpr(0.01)"]["threshold"] == 0.4
    assert "fpr(0.0001)" not in points
    for point in points.values():
        assert point["low"] <= point["threshold"] <= point["high"]
        OperatingPoint(**point)


def test_scores_that_differ_by_less_than_is_written_are_one_corner():
    noise = np.repeat([0.0, 1e-9, 2e-9, 1e-6], 250)  # averages of one score differ in the last digits
    positive = np.random.default_rng(1).random(1000) < np.repeat([0.1, 0.2, 0.4, 0.5], 250)
    curve = fit(Sample(np.concatenate([noise, noise + 4]), np.concatenate([positive, ~positive]), np.ones(2000)), 0.1)
    assert (np.diff(curve["x"]) > 0).all()


def test_a_threshold_that_flags_everything_is_none_for_recall():
    scores = np.array([0.9] * 60 + [0.1] * 40 + [0.1] * 900)  # a word list: most texts have no term at all
    points = operating_points(Sample(scores, np.arange(1000) < 100, np.ones(1000)), 0.1)
    assert points["recall(0.5)"]["threshold"] == 0.9
    assert not {"recall(0.8)", "recall(0.9)", "recall(0.95)"} & set(points)


def test_a_threshold_does_not_miss_the_rows_whose_score_it_is():
    for score in (0.5523817509, 0.5523861, 0.8999999, 0.9):
        scores = np.array([score] * 60 + [0.1] * 940)
        points = operating_points(Sample(scores, np.arange(1000) < 100, np.ones(1000)), 0.1)
        in_a_run = np.float32(round(score, 5))
        assert score - 2e-5 < points["precision(0.9)"]["threshold"] <= score
        assert in_a_run >= np.float32(points["precision(0.9)"]["threshold"])


def test_precision_falls_with_the_base_rate_and_points_out_of_reach_are_left_out():
    sample = _sample(gap=2.0)
    probability = Sample(1 / (1 + np.exp(-sample.scores)), sample.positive, sample.weights)
    common, rare = operating_points(probability, 0.3), operating_points(probability, 0.001)
    assert common["precision(0.8)"]["threshold"] < rare.get("precision(0.8)", {"threshold": 1.0})["threshold"]
    assert rare["default"]


def test_intervals_cover_the_true_threshold():
    # With N(0, 1) negatives the threshold of fpr(0.01) is its 99 % quantile, 2.3263.
    hits = 0
    for seed in range(20):
        sample = _sample(2000, 0.2, seed=seed)
        point = operating_points(Sample(1 / (1 + np.exp(-sample.scores)), sample.positive, sample.weights), 0.1)[
            "fpr(0.01)"
        ]
        hits += point["low"] <= 1 / (1 + np.exp(-2.3263)) <= point["high"]
    assert hits >= 16


def test_background_weights():
    positive = np.array([True, False, False, False])
    found = background_weights(["a", "web", "web", "a"], positive, ["web"], 0.9)
    np.testing.assert_allclose(found, [1, 0.45, 0.45, 0.1])
