from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tamis.classifiers.calibration_map import CalibrationMap
from tamis.classifiers.errors import BundleError


def curve(x, y, method="piecewise_logit"):
    return SimpleNamespace(method=method, x=x, y=y)


def logit(p):
    p = np.asarray(p, np.float64)
    return np.log(p / (1 - p))


RISING = CalibrationMap.of(("hate", "sexual"), {"hate": curve([-2.0, 0.0, 1.0], [-5.0, -1.0, -1.0])})


@pytest.mark.parametrize(
    ("raw", "calibrated"),
    [(-2.0, -5.0), (-1.0, -3.0), (0.0, -1.0), (0.5, -1.0), (1.0, -1.0), (-4.0, -7.0), (3.0, 1.0)],
)
def test_corners_lines_between_and_parallels_beyond(raw, calibrated):
    score = np.float32(1 / (1 + np.exp(-raw)))
    result = RISING.apply(np.array([[score, 0.3]], np.float32))
    assert logit(result[0, 0]) == pytest.approx(calibrated, abs=1e-4)
    assert result[0, 1] == np.float32(0.3)


def test_edges_and_missing_scores():
    result = RISING.apply(np.array([[0, 0], [1, 1], [np.nan, np.nan]], np.float32))
    assert 0 < result[0, 0] < 1e-6
    assert 0.99 < result[1, 0] <= 1
    assert np.isnan(result[2]).all()
    assert result[:2, 1].tolist() == [0, 1]
    assert result.dtype == np.float32


@given(st.lists(st.floats(0, 1, width=32), min_size=2, max_size=20))
def test_the_order_of_scores_is_kept(raw):
    result = RISING.apply(np.array([[score, 0] for score in sorted(raw)], np.float32))
    assert (np.diff(result[:, 0]) >= 0).all()
    assert ((result >= 0) & (result <= 1)).all()


def test_without_curves_nothing_changes():
    scores = np.array([[0.0], [1.0]], np.float32)
    assert CalibrationMap.of(("hate",), {}).apply(scores).tolist() == [[0], [1]]


@pytest.mark.parametrize(
    "curves",
    [
        {"spam": curve([0, 1], [0, 1])},
        {"hate": curve([0, 1], [0, 1], "platt")},
        {"hate": curve([0], [0])},
        {"hate": curve([0, 1], [0])},
        {"hate": curve([1, 0], [0, 1])},
        {"hate": curve([0, 0], [0, 1])},
        {"hate": curve([0, 1], [1, 0])},
        {"hate": curve([0, float("nan")], [0, 1])},
        {"hate": curve([0, 1], [0, float("inf")])},
    ],
)
def test_wrong_curves(curves):
    with pytest.raises(BundleError, match="calibration"):
        CalibrationMap.of(("hate",), curves)
