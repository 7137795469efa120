"""Do filter and evaluator err together? The correlation of their scores among documents that people label alike.

An evaluator that is wrong where the filter is wrong sees what was removed and little of what was left. Declared
independence (family, data, labels) says nothing of that; labels do: for y = 0 and for y = 1, Pearson's correlation of
the logits of both over labelled documents of the label y, weighted by the documents that each stands for, with
Fisher's interval at Kish's effective number. In simulation (`tests/test_error_correlation.py`) the evaluator's change
runs from 0.72 to 0.00 with the same filter and the same truth, 0.21, as this correlation goes from 0 to 1.

It passes where the interval lies below `LIMIT` in both; where a label has too few documents nothing is said of it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import logit

from tamis.interventions.intervals import fisher
from tamis.interventions.measures.estimate import Estimate, Grade, estimate, missing

__all__ = ["LIMIT", "error_correlation", "passed"]

#: Correlation from which on errors are shared.
LIMIT: Final = 0.3
#: Effective number of documents of a label that are needed.
FEWEST: Final = 20

Floats = NDArray[np.float64]


def error_correlation(
    own: ArrayLike, other: ArrayLike, labels: ArrayLike, weights: ArrayLike | None = None
) -> dict[str, Estimate]:
    """Returns the correlation among documents of each label.

    Args:
        own: Scores of the filter in [0, 1], [n]; NaN where it has none.
        other: Scores of the evaluator, likewise.
        labels: 0 or 1, [n]; others, of annotators who differ, are left out.
        weights: Documents that each stands for, [n]; None: all alike.

    Returns:
        "clean" and "harmful": the estimates for the labels 0 and 1.
    """
    first, second, truth = (np.asarray(one, np.float64) for one in (own, other, labels))
    share = np.ones(len(truth)) if weights is None else np.asarray(weights, np.float64)
    known = ~(np.isnan(first) | np.isnan(second))
    chosen = {name: known & (truth == label) for name, label in (("clean", 0), ("harmful", 1))}
    return {
        name: _correlation(_logits(first[rows]), _logits(second[rows]), share[rows]) for name, rows in chosen.items()
    }


def _logits(scores: Floats) -> Floats:
    return np.asarray(logit(np.clip(scores, 1e-5, 1 - 1e-5)))


def _correlation(first: Floats, second: Floats, weights: Floats) -> Estimate:
    squares = float((weights**2).sum())
    n = float(weights.sum()) ** 2 / squares if squares else 0.0
    if n < FEWEST:
        reason = f"{len(weights)} labelled documents, worth {n:.0f} alike, at least {FEWEST} are needed"
        return missing(reason, n=len(weights), unit="correlation")
    table = np.cov(first, second, aweights=weights)
    if table[0, 0] <= 0 or table[1, 1] <= 0:
        return missing("one of them scores every document alike", n=len(weights), unit="correlation")
    value = max(-1.0, min(1.0, float(table[0, 1] / math.sqrt(table[0, 0] * table[1, 1]))))
    low, high = fisher(max(-0.999999, min(0.999999, value)), n)
    method = f"weighted Pearson of logits, Fisher 95 %, effective n {n:.0f}"
    return estimate(
        value,
        min(low, value),
        max(high, value),
        n=len(weights),
        method=method,
        unit="correlation",
        grade=Grade.CERTIFIED,
    )


def passed(found: Sequence[dict[str, Estimate]]) -> bool | None:
    """Says whether errors are shown not to be shared; None where no label has documents enough."""
    measured: list[Any] = [one for both in found for one in both.values() if one["value"] is not None]
    return all(one["high"] < LIMIT for one in measured) if measured else None
