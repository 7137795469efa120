from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import binomtest
from sklearn.metrics import roc_auc_score

from tamis.classifiers.evaluation_measures import bias_by_identity, decisions, ranking, reliability, wilson
from tamis.classifiers.evaluation_report import reliability_svg, table


@pytest.mark.parametrize(("hits", "total"), [(0, 10), (3, 10), (10, 10), (1, 100_000)])
def test_wilson_agrees_with_scipy(hits, total):
    found = binomtest(hits, total).proportion_ci(method="wilson")
    np.testing.assert_allclose(wilson(hits, total), [hits / total, found.low, found.high], atol=1e-5)


def test_no_rows_and_one_class_are_none_not_zero():
    assert wilson(0, 0) is None
    assert ranking(np.zeros(5, bool), np.ones(5))["auroc"] is None


def test_decisions_by_hand():
    labels = np.array([True] * 4 + [False] * 6)
    scores = np.array([0.9, 0.9, 0.9, 0.1, 0.9, 0.1, 0.1, 0.1, 0.1, 0.1])
    point = decisions(labels, scores, {"p": 0.5}, 0.01)["p"]
    assert (point["recall"][0], point["precision"]) == (0.75, 0.75)
    assert point["precision_at_base_rate"] == pytest.approx(0.01 * 0.75 / (0.01 * 0.75 + 0.99 / 6), abs=1e-4)


def test_calibrated_scores_have_no_calibration_error_and_constant_ones_have_theirs():
    rng = np.random.default_rng(0)
    scores = rng.random(40_000)
    assert reliability(rng.random(40_000) < scores, scores)["ece"] < 0.01
    assert reliability(np.arange(100) < 20, np.full(100, 0.5))["ece"] == pytest.approx(0.3)


def test_bias_measures_are_those_of_borkan():
    rng = np.random.default_rng(1)
    labels = rng.random(2000) < 0.5
    inside = rng.random(2000) < 0.3
    scores = 2 * rng.random(2000) + labels + 0.7 * inside
    names = [frozenset({"x"}) if i else frozenset() for i in inside]
    found = bias_by_identity(labels, scores, names, {"p": 1.0})
    term = found["terms"]["x"]
    rows = (inside & ~labels) | (~inside & labels)
    assert term["bpsn_auc"] == pytest.approx(roc_auc_score(labels[rows], scores[rows]), abs=1e-4)
    assert term["bpsn_auc"] < term["subgroup_auc"] < term["bnsp_auc"]
    assert found["fpr"]["p"]["term"] == "x"
    assert found["fpr"]["p"]["ratio"] == 1.0


def test_a_term_with_few_rows_is_left_out():
    labels = np.array([True, False] * 5)
    assert bias_by_identity(labels, np.ones(10), [frozenset({"x"})] * 10, {"p": 0.5}) == {"terms": {}, "fpr": {}}


def test_hostile_names_stay_inert():
    assert "|" not in table(("a",), [("x|y<script>",)]).splitlines()[2].replace("\\|", "").strip("| ")
    svg = reliability_svg({"ece": 0.1, "bins": [[0.1, 0.2, 1.0]]}, "<script>")
    assert "<script>" not in svg
