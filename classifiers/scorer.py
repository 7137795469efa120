"""From passages to documents: aggregation, and the documents that a classifier cannot score."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray

from tamis.classifiers.base import BatchScores, Classifier, FloatMatrix, Unscored
from tamis.classifiers.errors import UsageError
from tamis.classifiers.language import UNDETERMINED
from tamis.classifiers.passages import Passages

__all__ = ["AGGREGATES", "Scorer"]

Ints = NDArray[np.int64]

#: Passages that `topk_mean` averages.
TOP: Final = 3


class _Scored(Classifier, Protocol):
    @property
    def languages(self) -> tuple[str, ...]: ...

    @property
    def normaliser(self) -> str: ...


def highest(scores: FloatMatrix, document: Ints) -> FloatMatrix:
    """Returns each document's highest passage score, float32 [n, n_categories]; NaN where no passage has one.

    Args:
        scores: Scores of the passages, float32 [n_passages, n_categories].
        document: First passage of each document, and the number of passages, int64 [n + 1].
    """
    result = np.full((document.size - 1, scores.shape[1]), np.nan, np.float32)
    filled = document[1:] > document[:-1]
    if filled.any():
        result[filled] = np.fmax.reduceat(scores, document[:-1][filled], axis=0)
    return result


def topk_mean(scores: FloatMatrix, document: Ints) -> FloatMatrix:
    """Returns the mean of each document's three highest passage scores, of all where it has fewer; see `highest`."""
    owner = np.repeat(np.arange(document.size - 1), np.diff(document))
    result = np.full((document.size - 1, scores.shape[1]), np.nan, np.float32)
    for column in range(scores.shape[1]):
        known = ~np.isnan(scores[:, column])
        order = np.lexsort((-scores[known, column], owner[known]))
        owners, values = owner[known][order], scores[known, column][order]
        first = np.searchsorted(owners, owners, side="left")
        top = np.arange(owners.size) - first < TOP
        count = np.bincount(owners[top], minlength=result.shape[0])
        total = np.bincount(owners[top], weights=values[top], minlength=result.shape[0])
        result[count > 0, column] = (total[count > 0] / count[count > 0]).astype(np.float32)
    return result


AGGREGATES: Final[dict[str, Callable[[FloatMatrix, Ints], FloatMatrix]]] = {"max": highest, "topk_mean": topk_mean}


class Scorer:
    """Scores batches of documents with one classifier.

    Args:
        classifier: A bundle, or any classifier that names its languages.
        aggregate: How passages make a document: a key of `AGGREGATES`.

    Raises:
        UsageError: There is no such aggregate.
    """

    def __init__(self, classifier: _Scored, aggregate: str = "max") -> None:
        if aggregate not in AGGREGATES:
            raise UsageError(f"`aggregate: {aggregate}` is unknown; known: {', '.join(AGGREGATES)}")
        self._classifier = classifier
        self._aggregate = AGGREGATES[aggregate]
        self._languages = frozenset((*classifier.languages, UNDETERMINED) if classifier.languages else ())

    def score(self, passages: Passages, languages: Sequence[str]) -> BatchScores:
        """Scores the documents of a batch.

        Args:
            passages: Their passages.
            languages: Language code of each; `und` is scored like a language of the classifier.

        Returns:
            Scores of passages and documents; documents in other languages, without words, or whose passages have no
            score are NaN, and say why.
        """
        covered = self._covered(languages)
        scores = self._scores(passages, covered & (passages.words > 0))
        document = self._aggregate(scores, passages.document)
        unscored = np.zeros(document.shape[0], np.uint8)
        unscored[np.isnan(document).all(axis=1)] = Unscored.FAILED
        unscored[~covered] = Unscored.LANGUAGE
        unscored[passages.words == 0] = Unscored.EMPTY
        document[unscored != Unscored.SCORED] = np.nan
        return BatchScores(self._classifier.categories, document, scores, unscored)

    def _covered(self, languages: Sequence[str]) -> NDArray[np.bool_]:
        """Tells which documents are in a language of the classifier, bool [n]."""
        return np.array([not self._languages or code in self._languages for code in languages], np.bool_)

    def _scores(self, passages: Passages, chosen: NDArray[np.bool_]) -> FloatMatrix:
        """Scores the passages of the chosen documents; the others are NaN."""
        if chosen.all():
            return self._classifier.score(passages)
        if 2 * np.count_nonzero(chosen) >= chosen.size:
            # Others will ask for all of it: normalise once, and take the part from that.
            passages.buffer(self._classifier.normaliser)
        scores = np.full((len(passages), len(self._classifier.categories)), np.nan, np.float32)
        scores[chosen[passages.owner()]] = self._classifier.score(passages.part(chosen))
        return scores
