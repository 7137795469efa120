"""What the evaluator says of documents: scored, flagged by category, clean."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tamis.interventions.batch import Batch

__all__ = ["Judged", "judge"]

Flags = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Judged:
    """The evaluator's view of n documents.

    Attributes:
        scored: Documents that it was asked about and scored, bool [n].
        flagged: Where it reaches the threshold of a category, bool [n, n_categories].
        any: Documents that it flags in a category, bool [n].
    """

    scored: Flags
    flagged: Flags
    any: Flags

    @property
    def clean(self) -> Flags:
        """Documents that it scored and flags in no category, bool [n]."""
        return self.scored & ~self.any


def judge(batch: Batch, thresholds: Mapping[str, float]) -> Judged:
    """Returns what the evaluator says of a batch.

    Args:
        batch: The documents.
        thresholds: Operating threshold of each of its categories, in its order; empty where there is no evaluator.
    """
    return batch.once(f"judged {dict(thresholds)}", lambda batch: _judge(batch, thresholds))


def _judge(batch: Batch, thresholds: Mapping[str, float]) -> Judged:
    if batch.evaluator is None or not thresholds:
        nothing = np.zeros(len(batch), np.bool_)
        return Judged(nothing, np.zeros((len(batch), len(thresholds)), np.bool_), nothing)
    scores = batch.evaluator.document
    limits = np.array([thresholds[name] for name in batch.evaluator.categories], np.float32)
    with np.errstate(invalid="ignore"):
        flagged = (scores >= limits) & batch.evaluated[:, None]
    scored = batch.evaluated & ~np.asarray(np.isnan(scores).all(axis=1))
    return Judged(scored, flagged, np.asarray(flagged.any(axis=1)))
