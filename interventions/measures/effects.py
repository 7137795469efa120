"""What an intervention takes out of documents that it keeps: redacted passages, and what is left of the scores."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tamis.classifiers.base import BatchScores, FloatMatrix
from tamis.interventions.batch import Batch
from tamis.interventions.stored import StoredPassages
from tamis.interventions.verdict import Action, Decisions

__all__ = ["Cut", "cut", "passage_amounts", "remaining"]


@dataclass(frozen=True, slots=True)
class Cut:
    """Text redacted from documents that reach the output.

    Attributes:
        rows: The documents, intp [m], rising.
        words: Words taken out of each, int64 [m].
        bytes: UTF-8 bytes taken out of each, int64 [m].
    """

    rows: NDArray[np.intp]
    words: NDArray[np.int64]
    bytes: NDArray[np.int64]


_NOTHING = Cut(np.zeros(0, np.intp), np.zeros(0, np.int64), np.zeros(0, np.int64))


def cut(batch: Batch, decisions: Decisions) -> Cut:
    """Returns what was redacted; text that stands in for it is not counted."""
    hits = np.flatnonzero(decisions.passages == Action.REDACT)
    if not hits.size:
        return _NOTHING
    owners = np.searchsorted(batch.passages.document, hits, side="right") - 1
    stays = ~decisions.removed[owners]
    hits, owners = hits[stays], owners[stays]
    rows, index = np.unique(owners, return_inverse=True)
    words, sizes = passage_amounts(batch, hits)
    return Cut(
        rows,
        np.bincount(index, words, len(rows)).astype(np.int64),
        np.bincount(index, sizes, len(rows)).astype(np.int64),
    )


def passage_amounts(batch: Batch, hits: NDArray[np.intp]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Returns words and UTF-8 bytes of some passages, int64 [m] each."""
    passages: Any = batch.passages
    if isinstance(passages, StoredPassages):
        return passages.passage_words[hits], passages.passage_bytes[hits]
    return passages.words_of(hits), np.diff(passages.bounds)[hits]


def remaining(batch: Batch, decisions: Decisions, rows: NDArray[np.intp], scores: BatchScores) -> FloatMatrix:
    """Returns the scores that documents have without their redacted passages, float32 [m, n_categories].

    It is the highest of the passages that stay, at most the score before: exact where the score of a document is
    the maximum over its passages, an upper bound where it is the mean of the highest. Where no scored passage
    stays the score is that of before, so that nothing passes for clean unseen. Each of the documents has passages.
    """
    bounds = batch.passages.document
    counts = bounds[rows + 1] - bounds[rows]
    starts = np.cumsum(counts) - counts
    chosen = np.repeat(bounds[rows] - starts, counts) + np.arange(int(counts.sum()))
    stays = np.where((decisions.passages[chosen] == Action.REDACT)[:, None], np.float32(np.nan), scores.passage[chosen])
    highest = np.fmax.reduceat(stays, starts, axis=0)
    before = scores.document[rows]
    return np.where(np.isnan(highest), before, np.minimum(before, highest))
