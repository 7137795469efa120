"""What annotators who differ add to the uncertainty of a prevalence.

That an item is labelled either way by chance is in the intervals already: it counts as the mean of its labels, and the
binomial variance of such a sum, p (1 - p) n, is that of labels drawn from the means. What is not is that some find more
than others wherever they look. Of each, on the items that others labelled too, r_a is what it finds over what the
others find there; the standard error of the mean of their logs,

    e = sd(log r_a) / sqrt(m)        of m annotators,

is how far the pooled prevalence may be from that of other annotators like these, in logs. The limits are widened by it
(MOVER on logs): of two annotators who label everything the interval reaches the number of each. Precision, prevalence
and residual are widened; in recall and ratio a leniency that is alike above and below cancels.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Final

import numpy as np

from tamis.interventions.intervals import Z95
from tamis.interventions.measures.estimate import Estimate

__all__ = ["leniency_error", "widened"]

#: Items that an annotator must share with others, and what is added to counts so that none is 0.
_FEWEST: Final = 10
_HALF: Final = 0.5


def leniency_error(by_annotator: Mapping[str, Mapping[str, int]]) -> float:
    """Returns the standard error, in logs, that differing annotators add; 0 with fewer than two to compare.

    Args:
        by_annotator: Labels of each annotator, by item.
    """
    logs = [found for name in sorted(by_annotator) if (found := _leniency(name, by_annotator)) is not None]
    return float(np.std(logs, ddof=1) / math.sqrt(len(logs))) if len(logs) > 1 else 0.0


def _leniency(name: str, by_annotator: Mapping[str, Mapping[str, int]]) -> float | None:
    """Returns the log of what an annotator finds over what others find on the same items."""
    own, found, expected, shared = by_annotator[name], 0.0, 0.0, 0
    for item, label in sorted(own.items()):
        others = [labels[item] for other, labels in by_annotator.items() if other != name and item in labels]
        if others:
            found, expected, shared = found + label, expected + sum(others) / len(others), shared + 1
    return math.log((found + _HALF) / (expected + _HALF)) if shared >= _FEWEST else None


def widened(found: Estimate, error: float) -> Estimate:
    """Returns an estimated share with the annotators' error in its interval."""
    if not error or not found["value"]:
        return found
    value, low, high = (float(found[key]) for key in ("value", "low", "high"))
    below = math.inf if low <= 0 else math.hypot(math.log(value / low), Z95 * error)
    above = math.hypot(math.log(high / value), Z95 * error)
    method = f"{found['method']}, widened for annotators who differ"
    return {**found, "low": value * math.exp(-below), "high": min(1.0, value * math.exp(above)), "method": method}
