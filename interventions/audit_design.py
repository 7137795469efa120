"""The plan of an audit by human labels: which documents to label, and what that will be able to say.

Documents are in strata: {hit, spared} by the intervention x up to `STRATA` bands of a score. The bands of a side share
its sum of sqrt(s(1-s)) equally (the rule of Dalenius and Hodges with the score for the probability), so that labels go
where the answer is open. A document's stratum is a function of the document alone, and within a stratum the labels are
those with the lowest permanent random numbers: a uniform sample without replacement, which overlaps as much as it can
with that of another intervention or of the next refresh.

One sixth of the labels goes to what was hit; a side with few labels has fewer bands. Of the rest half (`LOWEST`) goes
to the lowest band, however clean it looks: with W its share of the spared documents and n its labels, no audit can
certify a residual prevalence below 3 W/n. The other bands share what is left by W sqrt(p(1-p)) (Neyman), p being the
band's mean score.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from tamis.interventions.intervals import Z95
from tamis.interventions.measures.histogram import BINS, bins

__all__ = ["HIT", "LOWEST", "SIDES", "SPARED", "STRATA", "Counts", "Stratum", "allocate", "labels_for", "strata"]

HIT: Final = "hit"
SPARED: Final = "spared"
SIDES: Final = (HIT, SPARED)

#: Bands of a side: each more costs width of the interval.
STRATA: Final = 4
#: Share of the labels on spared documents that the lowest band gets.
LOWEST: Final = 0.5
#: Share of the labels on hit documents.
HIT_SHARE: Final = 1 / 6
#: Labels that a stratum gets at least, where it has as many documents.
FEWEST: Final = 10
#: Labels of a side for each of its bands: with few labels a side has fewer bands.
EACH: Final = 20

#: Scores are summed in these units, so that no order of adding changes a sum.
_UNIT: Final = 10**5


class Stratum(msgspec.Struct, frozen=True):
    """A stratum of the plan.

    Attributes:
        side: "hit" or "spared".
        first: Its first bin of `measures.histogram`.
        last: The bin after its last.
        documents: Documents in it.
        mean: Their mean score.
        labels: Documents to be labelled.
    """

    side: str
    first: int
    last: int
    documents: int
    mean: float
    labels: int = 0

    @property
    def spread(self) -> float:
        """Standard deviation of a label in it, as its mean score has it."""
        return math.sqrt(self.mean * (1 - self.mean))


class Counts:
    """Documents and scores by side and bin; adds up in any order."""

    def __init__(self) -> None:
        self.documents = np.zeros((len(SIDES), BINS), np.int64)
        self._scores = np.zeros((len(SIDES), BINS), np.int64)

    def add(self, scores: NDArray[np.float32], hit: NDArray[np.bool_]) -> None:
        """Adds scored documents: their scores, float32 [n], and whether the intervention hit them, bool [n]."""
        at = bins(scores) + np.where(hit, 0, BINS)
        units = np.rint(scores.astype(np.float64) * _UNIT).astype(np.int64)
        self.documents += np.bincount(at, minlength=2 * BINS).reshape(2, BINS)
        self._scores += np.bincount(at, units, 2 * BINS).astype(np.int64).reshape(2, BINS)

    def mean(self, side: int, first: int, last: int) -> float:
        """Returns the mean score of some bins, 0 where they are empty."""
        documents = int(self.documents[side, first:last].sum())
        return int(self._scores[side, first:last].sum()) / documents / _UNIT if documents else 0.0

    def edges(self, side: int, bands: int) -> list[int]:
        """Returns where the bands of a side begin, and where the last one ends."""
        counts = self.documents[side]
        filled = np.flatnonzero(counts)
        if not filled.size:
            return []
        means = np.zeros(BINS)
        means[filled] = self._scores[side, filled] / counts[filled] / _UNIT
        sums = np.cumsum(counts * np.sqrt(means * (1 - means)))
        wanted = sums[-1] * np.arange(1, bands) / bands
        cuts = np.searchsorted(sums, wanted, side="left") + 1
        inner = [cut for cut in dict.fromkeys(cuts.tolist()) if filled[0] < cut <= filled[-1]]
        return [0, *inner, BINS]


def strata(counts: Counts, labels: int) -> list[Stratum]:
    """Returns the strata of an audit with their numbers of labels.

    Args:
        counts: Documents by side and score.
        labels: Documents to be labelled in all.
    """
    hit, spared = counts.documents.sum(axis=1).tolist()
    found = [
        Stratum(name, first, last, int(counts.documents[k, first:last].sum()), counts.mean(k, first, last))
        for k, (name, share) in enumerate(zip(SIDES, _sides(hit, spared, labels), strict=True))
        for first, last in pairwise(counts.edges(k, min(STRATA, max(1, share // EACH))))
    ]
    filled = [one for one in found if one.documents]
    return [
        msgspec.structs.replace(one, labels=share) for one, share in zip(filled, allocate(filled, labels), strict=True)
    ]


def _sides(hit: int, spared: int, labels: int) -> tuple[int, int]:
    """Returns the labels of hit and of spared documents."""
    for_hit = min(round(labels * HIT_SHARE), hit) if spared else min(labels, hit)
    for_hit = min(hit, max(for_hit, labels - spared))
    return for_hit, min(spared, labels - for_hit)


def allocate(found: Sequence[Stratum], labels: int) -> list[int]:
    """Returns the number of labels of each stratum; all of them where there are no more documents."""
    sizes = [one.documents for one in found]
    if sum(sizes) <= labels:
        return sizes
    hit = [k for k, one in enumerate(found) if one.side == HIT]
    spared = [k for k, one in enumerate(found) if one.side == SPARED]
    given = [0] * len(found)
    for_hit, left = _sides(sum(sizes[k] for k in hit), sum(sizes[k] for k in spared), labels)
    _fill(given, found, hit, for_hit)
    if spared:
        given[spared[0]] = min(sizes[spared[0]], round(LOWEST * left) if len(spared) > 1 else left)
        _fill(given, found, spared[1:], left - given[spared[0]])
        # What the upper bands could not take goes to the lowest.
        _fill(given, found, spared, labels - sum(given))
    return given


def _fill(given: list[int], found: Sequence[Stratum], rows: Sequence[int], labels: int) -> None:
    """Gives labels to strata by documents times spread, `FEWEST` at least, as long as there are documents."""
    for k in rows:
        more = min(found[k].documents - given[k], max(0, FEWEST - given[k]), labels)
        given[k] += more
        labels -= more
    while labels > 0:
        open_rows = [k for k in rows if given[k] < found[k].documents]
        if not open_rows:
            return
        weights = np.array([max(1e-9, found[k].documents * found[k].spread) for k in open_rows])
        shares = np.floor(labels * weights / weights.sum()).astype(int).tolist()
        if not any(shares):
            shares[int(weights.argmax())] = 1
        for k, share in zip(open_rows, shares, strict=True):
            more = min(share, found[k].documents - given[k], labels)
            given[k] += more
            labels -= more


def labels_for(found: Sequence[Stratum], error: float = 0.2) -> dict[str, int | None]:
    """Returns how many labels would give a relative half-width of the prevalence, at best.

    With random labels n = z² (1 - p)/(p e²), with stratified ones n = z² (sum W_h sqrt(p_h (1 - p_h)))²/(p e)², which
    no plan that also has to certify a floor reaches. None where the scores leave no prevalence to speak of.

    Args:
        found: The strata.
        error: The half-width, as a share of the prevalence.
    """
    total = sum(one.documents for one in found)
    share = sum(one.documents * one.mean for one in found) / total if total else 0.0
    if share <= 0:
        return {"random": None, "stratified": None}
    spread = sum(one.documents / total * one.spread for one in found)
    return {
        "random": math.ceil(Z95**2 * (1 - share) / (share * error**2)),
        "stratified": math.ceil((Z95 * spread / (share * error)) ** 2),
    }
