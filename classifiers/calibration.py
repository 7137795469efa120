"""Calibration: from raw scores to probabilities at a declared base rate, and thresholds with intervals.

Training sets are 10–50 % positive, the web is 0.1–2 %. A probability, and the precision at a threshold, mean
nothing without a base rate, so one is declared per category and everything here is stated for it. What a
calibration set says about the web is its two class-conditional distributions; its class ratio is discarded:

    P(y=1 | s) = π f1(s) / (π f1(s) + (1 - π) f0(s)),      precision(t) = π R(t) / (π R(t) + (1 - π) F(t)),

with π the base rate, R recall, F the false-positive rate (Saerens et al. 2002, for the first). The negatives
are weighted, so that ordinary text counts for most of f0, as it does on the web, and hard negatives for the rest.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from tamis.classifiers import bundle as bundles
from tamis.classifiers.datasets import LabelledSet, concatenate, read
from tamis.classifiers.errors import UsageError
from tamis.classifiers.passages import Passages

__all__ = ["POINTS", "Sample", "background_weights", "calibrate", "fit", "logit", "operating_points"]

Floats = NDArray[np.float64]

#: Operating points that every bundle has where they can be reached: (name, value).
POINTS: Final = (
    ("precision", 0.5), ("precision", 0.8), ("precision", 0.9), ("precision", 0.95),
    ("recall", 0.5), ("recall", 0.8), ("recall", 0.9), ("recall", 0.95),
    ("fpr", 0.01), ("fpr", 0.001), ("fpr", 0.0001),
)  # fmt: skip
#: The point that stands for a bundle's opinion where a plan names none.
DEFAULT: Final = ("precision", 0.8)
_KNOTS: Final = 24
_DRAWS: Final = 200
_FEWEST: Final = 20
_EDGE: Final = 1e-6


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


def logit(scores: NDArray[Any]) -> Floats:
    """Logit of probabilities, with 0 and 1 moved inside by 1e-6."""
    inside = np.clip(np.asarray(scores, np.float64), _EDGE, 1 - _EDGE)
    return np.asarray(np.log(inside / (1 - inside)))


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


def fit(sample: Sample, base_rate: float) -> dict[str, Any]:
    """Fits a monotone map from raw to calibrated logits.

    Class-conditional densities are compared in quantile bins of an even mixture of the classes, pooled until
    they rise (isotonic regression), and shifted to the base rate.

    Args:
        sample: Raw logits with labels.
        base_rate: Share of positives, in (0, 1), that the probabilities are for.

    Returns:
        `{"method": "piecewise_logit", "x": […], "y": […]}`, both rising.

    Raises:
        UsageError: One of the classes has fewer than 20 rows.
    """
    count = int(sample.positive.sum())
    if min(count, len(sample.positive) - count) < _FEWEST:
        raise UsageError(
            f"calibration: found {count} positives and {len(sample.positive) - count} negatives, expected at least "
            f"{_FEWEST} of each; add labelled rows to the calibration split"
        )
    bins = _bins(sample, min(_KNOTS, max(4, count // 8)))
    x, y = _pooled(bins)
    return {"method": "piecewise_logit", "x": _rounded(x), "y": _rounded(y + np.log(base_rate / (1 - base_rate)))}


def _bins(sample: Sample, knots: int) -> list[tuple[float, float, float]]:
    """(mean score, weight of positives, weight of negatives) per bin, each class summing to 1, smoothed."""
    scores = np.concatenate([sample.of_class(True)[0], sample.of_class(False)[0]])
    weights = np.concatenate([sample.of_class(True)[1], sample.of_class(False)[1]])
    positive = np.arange(len(scores)) < int(sample.positive.sum())
    order = np.argsort(scores, kind="stable")
    scores, weights, positive = scores[order], weights[order], positive[order]
    place = np.minimum((np.cumsum(weights) / weights.sum() * knots).astype(int), knots - 1)
    smooth = 0.5 / max(int(positive.sum()), 1), 0.5 / max(int((~positive).sum()), 1)
    out = []
    for k in np.unique(place):
        rows = place == k
        share = [weights[rows & side].sum() + extra for side, extra in zip((positive, ~positive), smooth, strict=True)]
        out.append((float(np.average(scores[rows], weights=weights[rows])), float(share[0]), float(share[1])))
    return out


def _pooled(bins: list[tuple[float, float, float]]) -> tuple[Floats, Floats]:
    """Pools adjacent violators, and returns corners (x, log ratio), at least two."""
    blocks: list[tuple[float, float, float]] = []
    for block in bins:
        blocks.append(block)
        while (len(blocks) > 1 and _ratio(blocks[-2]) >= _ratio(blocks[-1])) or (
            len(blocks) > 1 and blocks[-2][0] >= blocks[-1][0]
        ):
            (x1, p1, n1), (x2, p2, n2) = blocks.pop(-2), blocks.pop(-1)
            mass1, mass2 = p1 + n1, p2 + n2
            blocks.append(((x1 * mass1 + x2 * mass2) / (mass1 + mass2), p1 + p2, n1 + n2))
    x = np.array([block[0] for block in blocks])
    y = np.array([_ratio(block) for block in blocks])
    return (np.array([x[0] - 1, x[0]]), np.array([y[0] - 1, y[0]])) if len(x) == 1 else (x, y)


def _ratio(block: tuple[float, float, float]) -> float:
    return float(np.log(block[1] / block[2]))


def _rounded(values: Floats) -> list[float]:
    return [round(float(value), 5) for value in values]


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
            out[f"{kind}({value:g})"] = {name: round(float(t), 6) for name, t in point.items()}
    name = f"{DEFAULT[0]}({DEFAULT[1]:g})"
    if name in out:
        out["default"] = dict(out[name])
    else:
        out["default"] = {"threshold": 0.5}
    return out


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
    """The lowest score whose precision or false-positive rate is kept there; the highest with enough recall."""
    if kind == "recall":
        reached = np.flatnonzero(curve["recall"] >= value - 1e-12)
        return float(curve["score"][reached[0]]) if reached.size else None
    kept = curve["precision"] >= value - 1e-12 if kind == "precision" else curve["fpr"] <= value + 1e-12
    rows = np.flatnonzero(kept & (curve["recall"] > 0))
    return float(curve["score"][rows[-1]]) if rows.size else None


def calibrate(
    folder: str | Path,
    data_paths: Sequence[str | Path],
    out_folder: str | Path,
    base_rates: Mapping[str, float] | None = None,
    background: Sequence[str] = (),
    background_weight: float = 0.9,
) -> bundles.Bundle:
    """Calibrates a bundle anew on labelled data, for instance a sample of one's own corpus.

    Args:
        folder: The bundle.
        data_paths: Labelled JSONL or CSV that training never saw.
        out_folder: Where the new bundle goes; it must not exist.
        base_rates: Share of positives per category; the bundle's own by default.
        background: Sources whose negatives stand for ordinary text.
        background_weight: Their weight among the negatives.

    Returns:
        The new bundle. Its categories without enough labels keep their calibration and operating points.

    Raises:
        UsageError: The data cannot be read, the folder exists, or no category has enough labels.
        BundleError: The bundle is damaged.
    """
    source = bundles.load(str(folder))
    data = concatenate([read(path, source.categories) for path in data_paths])
    header = json.loads((source.folder / bundles.HEADER).read_text("utf-8"))
    rates = {**header.get("base_rates", {}), **(base_rates or {})}
    raw = logit(source.raw(Passages.of(data.texts)))
    fitted = fit_all(data, raw, rates, background, background_weight)
    if not fitted[0]:
        raise UsageError(f"calibration: no category has {_FEWEST} positives and {_FEWEST} negatives in the data")
    _prepare(source.folder, Path(out_folder))
    golden = [json.loads(line)["text"] for line in (source.folder / bundles.GOLDEN).read_text("utf-8").splitlines()]
    merged = {
        key: {**header.get(key, {}), **new}
        for key, new in zip(("calibration", "operating_points"), fitted, strict=True)
    }
    return bundles.write(Path(out_folder), {**_without(header), **merged, "base_rates": rates}, golden, source.card())


def fit_all(
    data: LabelledSet, raw: Floats, base_rates: Mapping[str, float], background: Sequence[str], share: float
) -> tuple[dict[str, Any], dict[str, Any]]:
    """(calibration, operating points) of each category with enough labels and a base rate."""
    curves: dict[str, Any] = {}
    points: dict[str, Any] = {}
    for j, category in enumerate(data.categories):
        known = data.known(category) & ~np.isnan(raw[:, j])
        positive = data.labels[known, j] == 1
        if min(int(positive.sum()), int((~positive).sum())) < _FEWEST or category not in base_rates:
            continue
        names = [name for name, use in zip(data.sources, known, strict=True) if use]
        weights = background_weights(names, positive, background, share)
        curves[category] = fit(Sample(raw[known, j], positive, weights), base_rates[category])
        probability = apply(curves[category], raw[known, j])
        points[category] = operating_points(Sample(probability, positive, weights), base_rates[category])
    return curves, points


def apply(curve: Mapping[str, Any], raw: Floats) -> Floats:
    """Calibrated probabilities of raw logits, as a bundle computes them."""
    x, y = np.asarray(curve["x"]), np.asarray(curve["y"])
    mapped = np.interp(raw, x, y) + np.minimum(raw - x[0], 0) + np.maximum(raw - x[-1], 0)
    return np.asarray(1 / (1 + np.exp(-mapped)))


def _prepare(source: Path, out: Path) -> None:
    if out.exists():
        raise UsageError(f"{out}: exists already; name a new folder")
    shutil.copytree(source, out, ignore=shutil.ignore_patterns("__pycache__"))


def _without(header: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in header.items() if key not in {"format", "files"}}
