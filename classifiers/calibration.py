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
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from tamis.classifiers import bundle as bundles
from tamis.classifiers.calibration_map import calibrated, logit
from tamis.classifiers.datasets import LabelledSet, concatenate, read
from tamis.classifiers.errors import UsageError
from tamis.classifiers.operating_points import POINTS, Sample, background_weights, operating_points
from tamis.classifiers.passages import Passages

__all__ = ["POINTS", "Sample", "background_weights", "calibrate", "fit", "logit", "operating_points"]

Floats = NDArray[np.float64]

_KNOTS: Final = 24
#: Corners nearer to each other are one: they would be equal when rounded.
_APART: Final = 2e-5
_FEWEST: Final = 20


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
            len(blocks) > 1 and blocks[-2][0] > blocks[-1][0] - _APART
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
    return calibrated(raw, np.asarray(curve["x"]), np.asarray(curve["y"]))


def _prepare(source: Path, out: Path) -> None:
    if out.exists():
        raise UsageError(f"{out}: exists already; name a new folder")
    shutil.copytree(source, out, ignore=shutil.ignore_patterns("__pycache__"))


def _without(header: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in header.items() if key not in {"format", "files"}}
