"""Which passages made a rule fire: those that an action on passages takes out or marks."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from tamis.interventions.batch import Batch
from tamis.interventions.columns import FLAGGED
from tamis.interventions.conditions import Mask, ScoreTest

__all__ = ["flagged_passages"]


def flagged_passages(batch: Batch, held: Mapping[ScoreTest, Mask]) -> Mask:
    """Says which passages satisfy a comparison that made a rule fire on their document.

    Where a document's score satisfies it and no passage's does (an aggregate other than the maximum), the highest
    passage stands for the document, so that no document that a rule fired on is left as it was.

    Args:
        batch: The documents.
        held: The comparisons of the rule, and the documents, bool [n], on which rule and comparison were true.

    Returns:
        The passages, bool [n_passages].
    """
    bounds = batch.passages.document
    owner = np.repeat(np.arange(len(bounds) - 1), np.diff(bounds))
    flagged = np.zeros(len(owner), dtype=np.bool_)
    for test, documents in held.items():
        if test.flags:
            scores = _scores(batch, test)
            threshold = np.float32(FLAGGED if test.view == "share" else test.threshold)
            flagged |= (scores >= threshold) & documents[owner]
            covered = np.bincount(owner[flagged], minlength=len(documents)) > 0
            flagged[_highest(scores, bounds, np.flatnonzero(documents & ~covered))] = True
    return flagged


def _scores(batch: Batch, test: ScoreTest) -> NDArray[np.float32]:
    scores = batch.scores[test.classifier]
    if test.category == "any":
        return np.asarray(np.fmax.reduce(scores.passage, axis=1), dtype=np.float32)
    return scores.passage[:, scores.categories.index(test.category)]


def _highest(scores: NDArray[np.float32], bounds: NDArray[np.int64], documents: NDArray[np.intp]) -> list[int]:
    """Returns the highest passage of each of some documents, where it has a scored one."""
    found = []
    for i in documents.tolist():
        own = scores[bounds[i] : bounds[i + 1]]
        if own.size and not np.isnan(own).all():
            found.append(int(bounds[i]) + int(np.nanargmax(own)))
    return found
