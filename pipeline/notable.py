"""Which passages are stored beside the scores of documents, and what stands for the others; see `stored`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tamis.classifiers.base import FloatMatrix
from tamis.interventions.batch import Batch
from tamis.interventions.measures.effects import passage_amounts
from tamis.interventions.stored import StoredPassages

__all__ = ["REST", "Floors", "Notable", "notable", "restored"]

#: `start` of the entry that stands for a document's other passages.
REST = -1

Ints = NDArray[np.int64]
#: Classifier -> category -> score.
Floors = Mapping[str, Mapping[str, float]]


@dataclass(frozen=True, slots=True)
class Notable:
    """Entries of n documents, in their order; a rest is the last of its document's.

    Attributes:
        counts: Entries of each document, int64 [n].
        start: Offset of each passage in its document, in characters, int64 [m]; `REST` for a rest.
        end: Offset of its end, 0 for a rest.
        words: Its words, 0 for a rest.
        bytes: Its UTF-8 bytes, 0 for a rest.
        scores: Its scores, float32 [m, k]: of each classifier in turn, then of the evaluator; NaN = unscored.
    """

    counts: Ints
    start: Ints
    end: Ints
    words: Ints
    bytes: Ints
    scores: FloatMatrix


def notable(batch: Batch, floors: Floors) -> Notable:
    """Chooses the passages of a batch that are stored, and sums the others up.

    Args:
        batch: The documents.
        floors: For each classifier, the score of each category from which on a passage is stored.
    """
    passages, owner = batch.passages, batch.passages.owner()
    found = [*batch.scores.values()] if batch.evaluator is None else [*batch.scores.values(), batch.evaluator]
    scores = np.concatenate([one.passage for one in found], axis=1)
    chosen = np.zeros(len(passages), np.bool_)
    for name, part in batch.scores.items():
        limits = np.array([floors[name][category] for category in part.categories], np.float32)
        chosen |= (part.passage >= limits).any(axis=1)
    own = np.flatnonzero(chosen)
    holders = np.zeros(len(batch), np.bool_)
    holders[owner[own]] = True
    others = np.flatnonzero(holders[owner] & ~chosen)
    first = others[np.flatnonzero(np.diff(owner[others], prepend=-1))]
    starts = np.searchsorted(others, first)
    rest = np.fmax.reduceat(scores[others], starts, axis=0) if first.size else scores[:0]
    order = np.argsort(np.concatenate([owner[own], owner[first]]), kind="stable")
    inside = passage_amounts(batch, own)
    nothing = np.zeros_like(first)
    columns = (
        (passages.start[own], np.full_like(first, REST)),
        (passages.end[own], nothing),
        *((part, nothing) for part in inside),
    )
    start, end, words, sizes = (np.concatenate(parts)[order] for parts in columns)
    counts = np.bincount(owner[own], minlength=len(batch)) + np.bincount(owner[first], minlength=len(batch))
    return Notable(counts, start, end, words, sizes, np.concatenate([scores[own], rest])[order])


def restored(stored: Notable, document: FloatMatrix, chars: Ints, words: Ints) -> tuple[StoredPassages, FloatMatrix]:
    """Undoes `notable`, but for what does not matter.

    Args:
        stored: The entries of n documents.
        document: Scores of the documents, float32 [n, k], in the columns of `stored.scores`: where no passage is
            notable and documents have the highest score of their passages, they are those of all of them together.
        chars: Length of each document in characters, int64 [n].
        words: Words of each document, int64 [n].

    Returns:
        The passages, and their scores.
    """
    counts = stored.counts
    alone = (counts == 0) & (chars > 0)
    bounds = _offsets(counts + alone)
    before = bounds[:-1]
    at = np.arange(stored.start.size) + np.repeat(before - _offsets(counts)[:-1], counts)
    single = before[alone]
    scores = np.empty((bounds[-1], document.shape[1]), np.float32)
    scores[at], scores[single] = stored.scores, document[alone]
    start, end, passage_words, sizes = (np.zeros(bounds[-1], np.int64) for _ in range(4))
    start[at], end[at] = np.maximum(stored.start, 0), stored.end
    passage_words[at], sizes[at] = stored.words, stored.bytes
    end[single] = chars[alone]
    rests, owner = stored.start == REST, np.repeat(np.arange(counts.size), counts)
    covered = np.bincount(owner, stored.end - stored.start * ~rests, counts.size).astype(np.int64)
    end[at[rests]] = (chars - covered)[owner[rests]]
    return StoredPassages(bounds, start, end, words, passage_words, sizes), scores


def _offsets(sizes: Ints) -> Ints:
    return np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
