"""Operating points: thresholds at a declared base rate, with bootstrap intervals.

    precision(t) = π R(t) / (π R(t) + (1 - π) F(t)),

with π the base rate, R recall and F the false-positive rate; negatives are weighted, as `calibration` explains.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

__all__ = ["DEFAULT", "POINTS", "Sample", "background_weights", "operating_points"]

Floats = NDArray[np.float64]

#: Operating points that every bundle has where they can be reached: (name, value).
POINTS: Final = (
    ("precision", 0.5), ("precision", 0.8), ("precision", 0.9), ("precision", 0.95),
    ("recall", 0.5), ("recall", 0.8), ("recall", 0.9), ("recall", 0.95),
    ("fpr", 0.01), ("fpr", 0.001), ("fpr", 0.0001),
)  # fmt: skip
#: The point that stands for a bundle's opinion where a plan names none.
DEFAULT: Final = ("precision", 0.8)
_DRAWS: Final = 200
#: Rows of the same score from which on a threshold must not miss them.
_SHARED: Final = 10


@dataclass(frozen=True, slots=True)
class Sample:
    """Scores of one category on a calibration set.

    Attributes:
        scores: Raw or calibrated logits, float64 [n].
        positive: Labels, bool [n].
        weights: Weight of each row within its class, float64 [n].
    """

    scores: Floats
    positive: NDArray[np.bool_]
    weights: Floats

    def of_class(self, positive: bool) -> tuple[Floats, Floats]:
        """(scores, weights that sum to 1) of one class."""
        rows = self.positive == positive
        return self.scores[rows], self.weights[rows] / self.weights[rows].sum()


def background_weights(
    sources: Sequence[str], positive: NDArray[np.bool_], background: Sequence[str], share: float
) -> Floats:
    """Weights with which the background's negatives are `share` of all negatives; all positives weigh 1."""
    weights = np.ones(len(sources))
    ordinary = np.array([name in background for name in sources]) & ~positive
    other = ~ordinary & ~positive
    if ordinary.any() and other.any():
        weights[ordinary] = share / ordinary.sum()
        weights[other] = (1 - share) / other.sum()
    return weights


def operating_points(sample: Sample, base_rate: float, seed: int = 0) -> dict[str, dict[str, float]]:
    """Thresholds at the declared base rate, each with a 95 % bootstrap interval.

    Args:
        sample: Calibrated scores as probabilities in [0, 1], with labels.
        base_rate: Share of positives that precision is stated for.
        seed: Seed of the resampling.

    Returns:
        Per point, such as "precision(0.95)", `threshold`, `low` and `high`: the quantiles of 200 resamples within
        each class. A point that the sample does not reach, or fewer than half of the resamples, is left out.
    """
    rng = np.random.default_rng(seed)
    draws = [_curve(sample, base_rate, None), *(_curve(sample, base_rate, rng) for _ in range(_DRAWS))]
    out: dict[str, dict[str, float]] = {}
    for kind, value in POINTS:
        found = [_threshold(curve, kind, value) for curve in draws]
        reached = [t for t in found[1:] if t is not None]
        if found[0] is not None and len(reached) * 2 > _DRAWS:
            low, high = np.quantile(reached, [0.025, 0.975])
            point = {"threshold": found[0], "low": float(low), "high": float(high)}
            out[f"{kind}({value:g})"] = {name: _written(float(t), sample.scores) for name, t in point.items()}
    name = f"{DEFAULT[0]}({DEFAULT[1]:g})"
    if name in out:
        out["default"] = dict(out[name])
    else:
        out["default"] = {"threshold": 0.5}
    return out


def _written(threshold: float, scores: Floats) -> float:
    """Six decimals; where many rows share the score, as they do with a word list, five, and never above it.

    A run compares scores of five decimals: a threshold that is a millionth too high would miss them all.
    """
    if np.count_nonzero(scores == threshold) < _SHARED:
        return round(threshold, 6)
    return float(np.floor(threshold * 1e5 + 1e-6)) / 1e5


def _curve(sample: Sample, base_rate: float, rng: np.random.Generator | None) -> dict[str, Floats]:
    """Recall, false-positive rate and precision at each distinct score, scores falling."""
    parts = [sample.of_class(side) for side in (True, False)]
    if rng is not None:
        drawn = [rng.integers(0, len(s), len(s)) for s, _ in parts]
        parts = [(s[rows], w[rows] / w[rows].sum()) for (s, w), rows in zip(parts, drawn, strict=True)]
    scores = np.unique(np.concatenate([s for s, _ in parts]))[::-1]
    rates = []
    for s, w in parts:
        order = np.argsort(-s, kind="stable")
        total = np.concatenate([[0.0], np.cumsum(w[order])])
        rates.append(total[np.searchsorted(-s[order], -scores, side="right")])
    true, false = base_rate * rates[0], (1 - base_rate) * rates[1]
    return {"score": scores, "recall": rates[0], "fpr": rates[1], "precision": true / np.maximum(true + false, 1e-12)}


def _threshold(curve: Mapping[str, Floats], kind: str, value: float) -> float | None:
    """The lowest score whose precision or false-positive rate is kept there; the highest with enough recall.

    The lowest score of all is no threshold for recall, for it flags everything: of a word list it is that of a text
    without any of its terms.
    """
    if kind == "recall":
        reached = np.flatnonzero(curve["recall"][:-1] >= value - 1e-12)
        return float(curve["score"][reached[0]]) if reached.size else None
    kept = curve["precision"] >= value - 1e-12 if kind == "precision" else curve["fpr"] <= value + 1e-12
    rows = np.flatnonzero(kept & (curve["recall"] > 0))
    return float(curve["score"][rows[-1]]) if rows.size else None
