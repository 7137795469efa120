"""Do annotators agree? Cohen's kappa of each two of them, Krippendorff's alpha of all, category by category.

alpha = 1 - D_o/D_e for yes/no labels with gaps (Krippendorff 2019): D_o is the share of pairs within items that differ,
the pairs of an item with m labels weighted by 1/(m - 1), and D_e that of pairs at large. Its interval is a bootstrap
over items. Where nearly all labels are alike, both are low however often annotators agree: read the share of equal
labels beside them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from tamis.interventions import intervals
from tamis.interventions.measures.estimate import Estimate, Grade, estimate, missing

__all__ = ["agreement", "alpha", "kappa"]

_DRAWS: Final = 1000
_FEWEST: Final = 10

#: Item -> label, 0 or 1.
Labels = Mapping[str, int]


def agreement(by_annotator: Mapping[str, Labels]) -> dict[str, Any]:
    """Returns the agreement on one category.

    Args:
        by_annotator: Labels of each annotator, by item.

    Returns:
        {"items": labelled by two or more, "equal": share of them on which all agree, or None, "alpha": estimate,
        "kappa": [{"annotators": [name, name], "estimate": estimate}]}.
    """
    items = sorted({item for labels in by_annotator.values() for item in labels})
    rows = [[labels[item] for labels in by_annotator.values() if item in labels] for item in items]
    shared = [row for row in rows if len(row) > 1]
    return {
        "items": len(shared),
        "equal": sum(len(set(row)) == 1 for row in shared) / len(shared) if shared else None,
        "alpha": alpha(shared),
        "kappa": [
            {"annotators": [first, second], "estimate": kappa(by_annotator[first], by_annotator[second])}
            for first, second in combinations(sorted(by_annotator), 2)
        ],
    }


def kappa(first: Labels, second: Labels) -> Estimate:
    """Estimates Cohen's kappa on the items that both labelled."""
    both = [(first[item], second[item]) for item in sorted(first.keys() & second.keys())]
    cells = [both.count(cell) for cell in ((1, 1), (1, 0), (0, 1), (0, 0))]
    if len(both) < _FEWEST:
        return missing(f"{len(both)} items labelled by both, at least {_FEWEST} are needed", n=len(both), unit="kappa")
    try:
        value, low, high = intervals.kappa(*cells)
    except ValueError:
        return missing("both give every item the same label", n=len(both), unit="kappa")
    method = "Cohen, large-sample 95 %"
    return estimate(value, low, high, n=len(both), method=method, unit="kappa", grade=Grade.CERTIFIED)


def alpha(rows: Sequence[Sequence[int]]) -> Estimate:
    """Estimates Krippendorff's alpha of yes/no labels.

    Args:
        rows: The labels of each item that has at least two.
    """
    if len(rows) < _FEWEST:
        return missing(f"{len(rows)} items labelled twice, at least {_FEWEST} are needed", n=len(rows), unit="alpha")
    yes = np.array([sum(row) for row in rows], np.float64)
    size = np.array([len(row) for row in rows], np.float64)
    weights = np.random.default_rng(1).multinomial(len(rows), np.full(len(rows), 1 / len(rows)), _DRAWS)
    value = float(_alpha(np.ones((1, len(rows))), yes, size)[0])
    if np.isnan(value):
        return missing("every item has the same label", n=len(rows), unit="alpha")
    draws = _alpha(weights.astype(np.float64), yes, size)
    low, high = np.nanquantile(draws, [0.025, 0.975]).tolist()
    method = f"Krippendorff, bootstrap of items, {_DRAWS} draws"
    return estimate(
        value, min(low, value), max(high, value), n=len(rows), method=method, unit="alpha", grade=Grade.CERTIFIED
    )


def _alpha(weights: NDArray[np.float64], yes: NDArray[np.float64], size: NDArray[np.float64]) -> NDArray[np.float64]:
    """Returns alpha for each row of item weights, NaN where all labels are alike."""
    observed = weights @ (2 * yes * (size - yes) / (size - 1))
    total, positive = weights @ size, weights @ yes
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(1 - observed * (total - 1) / (2 * positive * (total - positive)))
