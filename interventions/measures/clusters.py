"""Estimates from counts by cluster group: levels, ratios, and intervals that know that documents come in clusters.

Documents of one domain are alike, so n documents are worth fewer than n. Every document belongs to one of `GROUPS`
groups by a hash of its domain (of its id where it has none), counts are kept by group, and the delete-a-group
jackknife over them gives the variance of any statistic with its clustering: a cluster bootstrap without replicates,
whose state adds up. The design effect is that variance over that of independent documents, at least 1; dividing the
counts by it keeps the intervals that hold at small counts (Wilson, MOVER), with Student's quantile for the groups.

With fewer than `MINIMUM` flagged documents, or fewer than `MINIMUM` groups that hold one, a design effect cannot be
told and documents count as independent (words: by Kish's effective size). Not resolvable, so without a value: a share
of fewer than `SMALLEST` documents, and a ratio with fewer than `MINIMUM` flagged documents before.

Coverage of nominal 95 % in simulation, 300 corpora each of 2,000 and 20,000 documents at 5, 1 and 0.2 %: independent
documents 91-98 % (levels) and 94-98 % (ratios); domains with Zipf sizes (exponent 1.6) and gamma-distributed rates
(shape 0.3), where an interval that ignores them covers a level in 11-78 %: levels 80-92 %, ratios of a random removal
96-98 %, ratios of a filter whose recall differs by domain 81-94 %, the more the larger the corpus. A ratio is safer
than either of its levels.
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from tamis.interventions.batch import Batch
from tamis.interventions.intervals import log_ratio_variance, paired_ratio, student, wilson
from tamis.interventions.measures.estimate import Estimate, estimate, missing
from tamis.interventions.report_format import several

__all__ = ["GROUPS", "MINIMUM", "SMALLEST", "Before", "Lost", "design_effect", "groups", "level", "mean", "ratio"]

GROUPS: Final = 64
MINIMUM: Final = 10
SMALLEST: Final = 30

Counts = NDArray[np.int64]


def groups(batch: Batch) -> NDArray[np.intp]:
    """Returns the group of each document, intp [n] below `GROUPS`."""
    return batch.once("cluster groups", _groups)


def _groups(batch: Batch) -> NDArray[np.intp]:
    own = (batch.keys % np.uint64(GROUPS)).astype(np.intp)
    of_domain = {one: zlib.crc32(one.encode("utf-8", "replace")) % GROUPS if one else -1 for one in set(batch.domains)}
    if of_domain.keys() <= {""}:
        return own
    found = np.fromiter(map(of_domain.__getitem__, batch.domains), np.intp, len(batch))
    return np.where(found < 0, own, found)


@dataclass(frozen=True, slots=True)
class Before:
    """Counts before an intervention, in documents or in words.

    Attributes:
        total: Documents (or their words) by group, int64 [GROUPS].
        flagged: … of the flagged documents.
        documents: Documents behind the counts, a number.
        flagged_documents: … of them flagged.
        squares: Sum of the squares of the weights: `documents`, or of the words of each.
    """

    total: Counts
    flagged: Counts
    documents: int
    flagged_documents: int
    squares: int


@dataclass(frozen=True, slots=True)
class Lost:
    """What an intervention takes out of `Before`.

    Attributes:
        total: Documents (or words) that do not reach the output, by group.
        flagged: … that do not reach it as flagged: removed, or no longer flagged.
        gone: … of the flagged, those that were removed, a number.
    """

    total: Counts
    flagged: Counts
    gone: int


def _jackknife(statistic: Callable[..., Any], *counts: Counts) -> tuple[float, int]:
    """Returns the delete-a-group variance of statistic(sums) and the number of groups in use."""
    used = np.flatnonzero(counts[0])
    sums = [float(count.sum()) - count[used].astype(np.float64) for count in counts]
    values = statistic(*sums)
    return float((len(used) - 1) / len(used) * ((values - values.mean()) ** 2).sum()), len(used)


def _enough(before: Before) -> bool:
    return before.flagged_documents >= MINIMUM and int((before.flagged > 0).sum()) >= MINIMUM


def _effect(before: Before) -> tuple[float, float, str]:
    """Returns the design effect of the flagged share, the quantile to use, and what was done in words."""
    n, total, flagged = before.documents, float(before.total.sum()), float(before.flagged.sum())
    share = flagged / total
    if not _enough(before) or not 0 < share < 1:
        return max(1.0, n * before.squares / total**2), student(math.inf), "Wilson 95 %, independent documents"
    variance, used = _jackknife(lambda total, flagged: flagged / total, before.total, before.flagged)
    effect = max(1.0, variance / (share * (1 - share) / n))
    return effect, student(used - 1), f"Wilson 95 %, design effect {effect:.2f} from {used} domain groups"


def design_effect(before: Before) -> float:
    """Returns what the flagged share's variance is times that of independent documents, at least 1."""
    return _effect(before)[0] if before.documents else 1.0


def level(before: Before, grade: str, *, smallest: int = SMALLEST) -> Estimate:
    """Estimates the flagged share.

    Args:
        before: The counts; those after an intervention will do as well.
        grade: Grade that the evidence allows.
        smallest: Fewest documents that give a value.
    """
    total = float(before.total.sum())
    if before.documents < smallest or total <= 0:
        return missing(f"{several(before.documents, 'document')}, at least {smallest} are needed", n=before.documents)
    effect, z, method = _effect(before)
    effective = before.documents / effect
    share = float(before.flagged.sum()) / total
    low, high = wilson(share * effective, effective, z)
    return estimate(share, min(low, share), max(high, share), n=before.documents, method=method, grade=grade)


def mean(before: Before, total: float, squares: float, grade: str) -> Estimate:
    """Estimates a mean score from the sums of scores and of their squares, with the flagged share's design effect."""
    n = before.documents
    if n < SMALLEST:
        return missing(f"{several(n, 'document')}, at least {SMALLEST} are needed", n=n, unit="score")
    effect, z, _ = _effect(before)
    value = total / n
    half = z * math.sqrt(max(0.0, squares / n - value**2) * effect / n)
    method = f"normal 95 %, design effect {effect:.2f}"
    return estimate(
        value, max(0.0, value - half), min(1.0, value + half), n=n, method=method, unit="score", grade=grade
    )


def ratio(before: Before, lost: Lost, grade: str) -> Estimate:
    """Estimates after/before of the flagged share, for the same documents under two policies.

    The interval is `intervals.paired_ratio` on counts that are divided by the design effect: the jackknife variance
    of the log ratio over `intervals.log_ratio_variance`.
    """
    n, flagged = before.documents, before.flagged_documents
    if flagged < MINIMUM:
        reason = f"{several(flagged, 'flagged document')} before, at least {MINIMUM} are needed"
        return missing(reason, n=n, unit="ratio")
    if not lost.total.any() and not lost.flagged.any():
        method = "the same texts before and after"
        return estimate(1.0, 1.0, 1.0, n=n, method=method, unit="ratio", grade=grade)
    if int(before.total.sum()) == int(lost.total.sum()):
        return missing("nothing is left after it", n=n, unit="ratio")
    value = float(_ratio_of(*(float(c.sum()) for c in _four(before, lost))))
    effect, z, method = _ratio_effect(before, lost)
    scale = n / float(before.total.sum()) / effect
    still, cleaned, gone, kept, removed = (cell * scale for cell in _cells(before, lost))
    low, high = paired_ratio(still, cleaned, gone, kept, removed, z)
    return estimate(value, min(low, value), max(high, value), n=n, method=method, unit="ratio", grade=grade)


def _four(before: Before, lost: Lost) -> tuple[Counts, Counts, Counts, Counts]:
    return before.total, before.flagged, before.total - lost.total, before.flagged - lost.flagged


def _ratio_of(total: Any, flagged: Any, output: Any, still: Any) -> Any:
    return still / output * total / flagged


def _cells(before: Before, lost: Lost) -> tuple[float, float, float, float, float]:
    """Returns the cells of `intervals.paired_ratio`: still, cleaned, gone, kept, lost."""
    total, flagged = int(before.total.sum()), int(before.flagged.sum())
    unflagged, removed = int(lost.flagged.sum()), int(lost.total.sum())
    clean_lost = max(0, removed - lost.gone)
    return (
        flagged - unflagged,
        max(0, unflagged - lost.gone),
        min(unflagged, lost.gone),
        max(0, total - flagged - clean_lost),
        clean_lost,
    )


def _ratio_effect(before: Before, lost: Lost) -> tuple[float, float, str]:
    """Returns the design effect of the ratio, the quantile to use, and what was done in words."""
    n, total = before.documents, float(before.total.sum())
    still = before.flagged - lost.flagged
    independent = max(1.0, n * before.squares / total**2)
    plain = independent, student(math.inf), "MOVER-Wilson 95 %, paired, independent documents"
    if not _enough(before) or int((still > 0).sum()) < MINIMUM:
        return plain
    cells = [cell * n / total for cell in _cells(before, lost)]
    expected = log_ratio_variance(*cells)
    if expected <= 0:
        return plain
    variance, used = _jackknife(lambda *sums: np.log(_ratio_of(*sums)), *_four(before, lost))
    effect = max(1.0, variance / expected)
    return effect, student(used - 1), f"MOVER-Wilson 95 %, paired, design effect {effect:.2f} from {used} domain groups"
