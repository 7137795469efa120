"""Measures of a classifier on labelled texts: ranking, decisions, calibration, identity bias.

Intervals are 95 % percentile bootstraps over rows, with a fixed seed. A number that the data cannot give (one class
only, too few rows) is None, never 0.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import average_precision_score, roc_auc_score

__all__ = ["bias_by_identity", "decisions", "ranking", "reliability"]

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

_DRAWS: Final = 200
_DRAWS_LARGE: Final = 50
_LARGE: Final = 20_000
_FEWEST_OF_TERM: Final = 10


def ranking(labels: Flags, scores: Floats, seed: int = 0) -> dict[str, Any]:
    """Counts, AUROC and AUPRC with intervals; AUPRC's baseline is the share of positives.

    Args:
        labels: bool [n].
        scores: [n], no NaN.
        seed: Seed of the bootstrap.
    """
    positives = int(labels.sum())
    out: dict[str, Any] = {"rows": len(labels), "positives": positives}
    for name, measure in (("auroc", roc_auc_score), ("auprc", average_precision_score)):
        out[name] = interval(labels, scores, measure, seed) if 0 < positives < len(labels) else None
    return out


def interval(
    labels: Flags, scores: Floats, measure: Callable[[Flags, Floats], float], seed: int = 0
) -> list[float | None]:
    """[value, low, high] of a measure of (labels, scores); resamples without both classes are left out."""
    rng = np.random.default_rng(seed)
    found = []
    for _ in range(_DRAWS if len(labels) <= _LARGE else _DRAWS_LARGE):
        rows = rng.integers(0, len(labels), len(labels))
        if 0 < labels[rows].sum() < len(rows):
            found.append(measure(labels[rows], scores[rows]))
    low, high = np.quantile(found, [0.025, 0.975])
    return [_short(measure(labels, scores)), _short(low), _short(high)]


def decisions(
    labels: Flags, scores: Floats, thresholds: Mapping[str, float], base_rate: float | None
) -> dict[str, Any]:
    """Recall, false-positive rate and precision at thresholds.

    Args:
        labels: bool [n].
        scores: [n].
        thresholds: By name of the operating point.
        base_rate: For `precision_at_base_rate`, which a test set's own share of positives says nothing about.

    Returns:
        Per point `threshold`, `recall` and `fpr` ([value, low, high], Wilson), `precision` on this set, and
        `precision_at_base_rate`.
    """
    out: dict[str, Any] = {}
    for name, threshold in thresholds.items():
        flagged = scores >= threshold
        hits, false = int(flagged[labels].sum()), int(flagged[~labels].sum())
        recall = wilson(hits, int(labels.sum()))
        fpr = wilson(false, int((~labels).sum()))
        out[name] = {
            "threshold": threshold, "recall": recall, "fpr": fpr,
            "precision": _short(hits / (hits + false)) if hits + false else None,
            "precision_at_base_rate": _prior(recall, fpr, base_rate),
        }  # fmt: skip
    return out


def wilson(hits: int, total: int) -> list[float] | None:
    """[share, low, high]: Wilson's score interval (1927), which stays honest at 0 and 1; None without rows."""
    if not total:
        return None
    z, share = 1.959964, hits / total
    middle = (share + z * z / (2 * total)) / (1 + z * z / total)
    half = z / (1 + z * z / total) * np.sqrt(share * (1 - share) / total + z * z / (4 * total * total))
    return [_short(share, 6), _short(max(0.0, middle - half), 6), _short(min(1.0, middle + half), 6)]


def _prior(recall: list[float] | None, fpr: list[float] | None, base_rate: float | None) -> float | None:
    if recall is None or fpr is None or base_rate is None:
        return None
    true, false = base_rate * recall[0], (1 - base_rate) * fpr[0]
    return _short(true / (true + false)) if true + false else None


def reliability(labels: Flags, scores: Floats, weights: Floats | None = None, bins: int = 10) -> dict[str, Any]:
    """Reliability diagram and expected calibration error, in bins of equal weight.

    Args:
        labels: bool [n].
        scores: Probabilities [n].
        weights: Weight of each row; with them a test set can stand for a base rate.
        bins: Number of bins.

    Returns:
        `ece`, the weighted mean of |mean score - share of positives| (Naeini 2015), and `bins` as
        [mean score, share of positives, share of the weight].
    """
    weights = np.ones(len(scores)) if weights is None else weights
    order = np.argsort(scores, kind="stable")
    below = np.concatenate([[0.0], np.cumsum(weights[order])]) / weights.sum()
    # Equal scores share a bin: otherwise their order, which means nothing, would look like miscalibration.
    place = np.minimum((below[np.searchsorted(scores[order], scores[order])] * bins).astype(int), bins - 1)
    rows = []
    for k in np.unique(place):
        chosen = order[place == k]
        mass = weights[chosen]
        rows.append([
            _short(np.average(scores[chosen], weights=mass), 6), _short(np.average(labels[chosen], weights=mass), 6),
            _short(mass.sum() / weights.sum(), 6),
        ])  # fmt: skip
    return {"ece": _short(sum(share * abs(mean - rate) for mean, rate, share in rows), 6), "bins": rows}


def bias_by_identity(
    labels: Flags, scores: Floats, identities: Sequence[frozenset[str]], thresholds: Mapping[str, float]
) -> dict[str, Any]:
    """Identity bias: subgroup AUC, BPSN and BNSP AUC (Borkan et al. 2019), false-positive rate per term.

    BPSN, background positive and subgroup negative, is low when benign mentions of a term score above real
    violations elsewhere; BNSP is low when violations about a term are missed.

    Args:
        labels: bool [n].
        scores: [n].
        identities: Terms that each text mentions.
        thresholds: Operating points.

    Returns:
        `terms`: per term with at least 10 rows of each class, `rows`, the three AUCs and the false-positive rate
        at each point; `fpr`: per point `median`, `largest`, its `term`, and `ratio` (largest / median, None for
        a median of 0).
    """
    terms = sorted(frozenset().union(*identities)) if identities else []
    found: dict[str, Any] = {}
    for term in terms:
        inside = np.array([term in named for named in identities])
        if min(int((inside & labels).sum()), int((inside & ~labels).sum())) >= _FEWEST_OF_TERM:
            found[term] = _of_term(labels, scores, inside, thresholds)
    return {"terms": found, "fpr": {name: _spread(found, name) for name in thresholds} if found else {}}


def _of_term(labels: Flags, scores: Floats, inside: Flags, thresholds: Mapping[str, float]) -> dict[str, Any]:
    benign = scores[inside & ~labels]
    return {
        "rows": int(inside.sum()),
        "subgroup_auc": _auc(labels, scores, inside),
        "bpsn_auc": _auc(labels, scores, (inside & ~labels) | (~inside & labels)),
        "bnsp_auc": _auc(labels, scores, (inside & labels) | (~inside & ~labels)),
        "fpr": {name: _short(float((benign >= limit).mean()), 6) for name, limit in thresholds.items()},
    }


def _auc(labels: Flags, scores: Floats, rows: Flags) -> float | None:
    chosen = labels[rows]
    return _short(roc_auc_score(chosen, scores[rows])) if 0 < chosen.sum() < len(chosen) else None


def _spread(found: Mapping[str, Any], point: str) -> dict[str, Any]:
    rates = {term: values["fpr"][point] for term, values in found.items()}
    worst = max(rates, key=lambda term: (rates[term], term))
    median = float(np.median(list(rates.values())))
    return {
        "median": _short(median, 6), "largest": rates[worst], "term": worst,
        "ratio": _short(rates[worst] / median, 3) if median else None,
    }  # fmt: skip


def _short(value: float, digits: int = 4) -> float:
    return round(float(value), digits)
