"""Paired comparisons of shares that are left, from counts by cluster group.

Two policies see the same documents, so the difference of the logs of what they leave is estimated from both at once:
the delete-a-group jackknife over cluster groups keeps how the two move together. Its degrees of freedom are the
effective number of groups, so that one domain that makes most of a corpus, or of a difference, proves little: the
smaller of (sum n)² / sum n² with n the documents of a group, and (sum d²)² / sum d⁴ with d the jackknife's deviations.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtr

__all__ = ["Difference", "difference", "effective"]

#: Groups that must hold what is compared.
_FEWEST: Final = 3

Counts = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Difference:
    """A difference of logs.

    Attributes:
        value: The difference; 0 says no difference.
        error: Its standard error; 0 where no group says otherwise.
        degrees: Degrees of freedom of Student's t.
        deviations: Deviation of each group's jackknife value from their mean, float64 [GROUPS]; 0 where it holds none.
    """

    value: float
    error: float
    degrees: float
    deviations: NDArray[np.float64]

    @property
    def p(self) -> float:
        """Two-sided p-value of no difference."""
        if self.error == 0:
            return 1.0 if self.value == 0 else 0.0
        return float(2 * stdtr(self.degrees, -abs(self.value) / self.error))


def difference(part: Counts, whole: Counts, other_part: Counts, other_whole: Counts) -> Difference | None:
    """Returns log(part / whole) - log(other part / other whole), of sums over cluster groups.

    Args:
        part: Counts by group, int64 [GROUPS], such as flagged documents that are left.
        whole: … such as documents that are left.
        other_part: … of the other policy.
        other_whole: … likewise.

    Returns:
        The difference; None where fewer than three groups hold what is compared, or a group holds all of it.
    """
    parts = [one.astype(np.float64) for one in (part, whole, other_part, other_whole)]
    used = (whole > 0) | (other_whole > 0)
    left = [one.sum() - one[used] for one in parts]
    if min(int((one > 0).sum()) for one in parts) < _FEWEST or min(float(one.min()) for one in left) <= 0:
        return None
    values = np.log(left[0] / left[1]) - np.log(left[2] / left[3])
    value = math.log(parts[0].sum() / parts[1].sum()) - math.log(parts[2].sum() / parts[3].sum())
    deviations = values - values.mean()
    squares, count = deviations**2, len(values)
    total = float(squares.sum())
    everywhere = np.zeros(len(used))
    if total < 1e-24:
        return Difference(value, 0.0, count - 1, everywhere)
    everywhere[used] = deviations
    degrees = min(count - 1.0, max(1.0, min(effective(squares), effective(parts[1]), effective(parts[3]))))
    return Difference(value, math.sqrt((count - 1) / count * total), degrees, everywhere)


def effective(weights: NDArray[np.float64]) -> float:
    """Returns how many equal weights are worth as much as some weights: (sum w)² / sum w² (Kish)."""
    squares = float((weights**2).sum())
    return float(weights.sum()) ** 2 / squares if squares else 0.0
