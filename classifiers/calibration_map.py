"""Calibration at scoring time: a monotone, piecewise linear map from raw to calibrated logits, one a category.

It is fitted elsewhere (`tamis.classifiers.calibration`); a bundle holds its corners, and scoring only applies them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray

from tamis.classifiers.base import FloatMatrix
from tamis.classifiers.errors import BundleError

__all__ = ["METHOD", "CalibrationMap"]

METHOD: Final = "piecewise_logit"

#: Raw scores of exactly 0 and 1 have no logit; they are moved inside by this much.
EDGE: Final = 1e-6

Logits = NDArray[np.float64]


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
                raw = np.clip(scores[:, column].astype(np.float64), EDGE, 1 - EDGE)
                result[:, column] = _sigmoid(_mapped(np.log(raw / (1 - raw)), *curve))
        return result


def _corners(category: str, curve: _Curve) -> tuple[Logits, Logits]:
    x, y = np.asarray(curve.x, np.float64), np.asarray(curve.y, np.float64)
    if curve.method != METHOD:
        raise BundleError(f"calibration of {category}: method {curve.method!r}, this version applies {METHOD!r}")
    rising = x.size == y.size >= 2 and np.isfinite([x, y]).all() and (np.diff(x) > 0).all() and (np.diff(y) >= 0).all()
    if not rising:
        raise BundleError(f"calibration of {category}: expected two or more rising corners; calibrate it again")
    return x, y


def _mapped(logits: Logits, x: Logits, y: Logits) -> Logits:
    """Interpolates; beyond the first and the last corner the map goes on parallel to the identity."""
    inside = np.interp(logits, x, y)
    return np.asarray(inside + np.minimum(logits - x[0], 0) + np.maximum(logits - x[-1], 0))


def _sigmoid(logits: Logits) -> Logits:
    return np.asarray(1 / (1 + np.exp(-logits)))
