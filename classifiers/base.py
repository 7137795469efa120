"""What a classifier is: passages in, calibrated scores out.

A score is a float32 in [0, 1]; NaN means *unscored*, which is a state of its own and never written as 0.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from tamis.classifiers.passages import Passages

__all__ = ["BatchScores", "Classifier", "FloatMatrix", "Unscored"]

FloatMatrix = NDArray[np.float32]


class Unscored(enum.IntEnum):
    """Why a document has no score; `SCORED` is the absence of a reason."""

    SCORED = 0
    EMPTY = 1
    LANGUAGE = 2
    FAILED = 3
    MISSING = 4


class Classifier(Protocol):
    """Anything that scores passages: a bundle, a word list, a user's callable."""

    @property
    def categories(self) -> tuple[str, ...]:
        """Names of the score columns, in order."""

    def score(self, passages: Passages) -> FloatMatrix:
        """Scores passages.

        Args:
            passages: The passages of a batch of documents.

        Returns:
            Calibrated probabilities, float32 [n_passages, n_categories], in [0, 1] or NaN where unscored.
        """


@dataclass(frozen=True, slots=True)
class BatchScores:
    """Scores of a batch of documents by one classifier.

    Attributes:
        categories: Names of the columns.
        document: Aggregate over each document's passages, float32 [n_documents, n_categories]; NaN = unscored.
        passage: Score of each passage, float32 [n_passages, n_categories]; NaN = unscored.
        unscored: `Unscored` code of each document, uint8 [n_documents].
    """

    categories: tuple[str, ...]
    document: FloatMatrix
    passage: FloatMatrix
    unscored: NDArray[np.uint8]
