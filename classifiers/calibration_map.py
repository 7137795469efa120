"""Calibration at scoring time: a monotone, piecewise linear map from raw to calibrated logits, one a category.

It is fitted elsewhere (`tamis.classifiers.calibration`); a bundle holds its corners, and scoring only applies them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, Protocol

import numpy as np
from numpy.typing import NDArray

from tamis.classifiers.base import FloatMatrix
from tamis.classifiers.errors import BundleError

__all__ = ["METHOD", "CalibrationMap", "calibrated", "logit"]

METHOD: Final = "piecewise_logit"

#: Raw scores of exactly 0 and 1 have no logit; they are moved inside by this much.
_EDGE: Final = 1e-6

Logits = NDArray[np.float64]


def logit(scores: NDArray[Any]) -> Logits:
    """Logit of probabilities, float64, with 0 and 1 moved inside by 1e-6; NaN stays."""
    inside = np.clip(np.asarray(scores, np.float64), _EDGE, 1 - _EDGE)
    return np.asarray(np.log(inside / (1 - inside)))


def calibrated(raw: Logits, x: Logits, y: Logits) -> Logits:
    """Calibrated probabilities of raw logits: beyond the first and the last corner the map is parallel to the identity.

    Args:
        raw: Logits, float64 [n].
        x: Raw logits of the corners.
        y: Their calibrated logits.
    """
    mapped = np.interp(raw, x, y) + np.minimum(raw - x[0], 0) + np.maximum(raw - x[-1], 0)
    return np.asarray(1 / (1 + np.exp(-mapped)))


class _Curve(Protocol):
    @property
    def method(self) -> str: ...
    @property
    def x(self) -> Sequence[float]: ...
    @property
    def y(self) -> Sequence[float]: ...


class CalibrationMap:
    """Maps of the categories that have one; the others pass unchanged.

    Args:
        curves: For each column, raw and calibrated logits of the corners, or None.
    """

    def __init__(self, curves: Sequence[tuple[Logits, Logits] | None]) -> None:
        self._curves = curves

    @classmethod
    def of(cls, categories: Sequence[str], curves: Mapping[str, _Curve]) -> CalibrationMap:
        """Reads the curves of a bundle.

        Raises:
            BundleError: One has another method, fewer than two corners, or is not monotone, or no category has it.
        """
        if strange := sorted(set(curves) - set(categories)):
            raise BundleError(f"calibration: {', '.join(strange)} is no category of the bundle; calibrate it again")
        return cls([_corners(name, curves[name]) if name in curves else None for name in categories])

    def apply(self, scores: FloatMatrix) -> FloatMatrix:
        """Calibrates scores.

        Args:
            scores: Raw probabilities, float32 [n, n_categories]; NaN stays.

        Returns:
            Calibrated probabilities, float32 [n, n_categories].
        """
        if all(curve is None for curve in self._curves):
            return scores
        result = scores.copy()
        for column, curve in enumerate(self._curves):
            if curve is not None:
                result[:, column] = calibrated(logit(scores[:, column]), *curve)
        return result


def _corners(category: str, curve: _Curve) -> tuple[Logits, Logits]:
    x, y = np.asarray(curve.x, np.float64), np.asarray(curve.y, np.float64)
    if curve.method != METHOD:
        raise BundleError(f"calibration of {category}: method {curve.method!r}, this version applies {METHOD!r}")
    rising = x.size == y.size >= 2 and np.isfinite([x, y]).all() and (np.diff(x) > 0).all() and (np.diff(y) >= 0).all()
    if not rising:
        raise BundleError(f"calibration of {category}: expected two or more rising corners; calibrate it again")
    return x, y
