"""The solver "logistic" of the fastText kind: a logistic regression over fastText's own features for each category.

It is fitted by averaged SGD (scikit-learn), on rows weighted by inverse document frequency.

Labelled texts hold few of the words of a language. With word vectors from unlabelled text the regression also sees
the mean of the words' vectors v, and what it learns of that, u, is as linear as the rest: u · v is added to the row of
each word, of those that no labelled text holds too. Scoring costs what it cost.

What a word means for `hate` depends on whether people are spoken of, and a mean over words cannot tell. So a category
can have two columns: one of the texts that mention an identity term and one of the others. Both are fitted at once,
as a common part w and what a mention adds to it, v (Daumé III 2007, "Frustratingly easy domain adaptation"):

    logit(text) = w · x + g · c · (v · x),  g = 1 where the text mentions a term, else 0; c = `mention_weight`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np
import scipy.sparse
from numpy.typing import NDArray
from sklearn.linear_model import SGDClassifier

from tamis.classifiers.base import FloatMatrix
from tamis.classifiers.fasttext_classifier import mentioning
from tamis.classifiers.fasttext_parameters import FastTextParameters
from tamis.classifiers.training_features import RowSpace, row_weights, word_vectors
from tamis.classifiers.training_mentions import rows_of_terms
from tamis.classifiers.training_vectors import Vectors

__all__ = ["Column", "columns", "mention_marks"]

Rows = NDArray[np.float64]
Ints = NDArray[np.int64]

#: Rows of the column `MENTION`, of terms and of all else: one term outweighs 16,000 other rows, and no text's logit is
#: 0, where the library's sigmoid has a step. A quantised file holds both nearly as they are.
_MARKED, _UNMARKED = 1e4, -0.62

#: Share of the negatives that lie below the logit at which identity terms are made alike: near the thresholds.
_FEW: Final = 0.96


class Column(NamedTuple):
    """A column of projected rows.

    Attributes:
        label: Its name in the model.
        rows: Rows of words and buckets, float64 [width], or of words alone.
        level: The logit that few negatives reach.
    """

    label: str
    rows: Rows
    level: float


def mention_marks(space: RowSpace) -> Rows:
    """The column that is above 0 in the mean of a text that mentions an identity term, and below in any other."""
    out = np.full(space.width, _UNMARKED)
    out[rows_of_terms(space)] = _MARKED
    return out


@dataclass(frozen=True, slots=True)
class _Features:
    """What the regressions see of n texts.

    Attributes:
        matrix: What each text's mean takes of each row, [n, width].
        weight: Weight of each row, [width].
        weighted: Their product, [n, width].
        of_words: Weighted vectors of the vocabulary, [n_words, dim].
        means: Mean vector of each text, [n, dim].
        mentions: Whether each text mentions an identity term, [n].
    """

    matrix: scipy.sparse.csr_matrix
    weight: Rows
    weighted: scipy.sparse.csr_matrix
    of_words: Rows
    means: Rows
    mentions: NDArray[np.bool_]


def columns(
    matrix: scipy.sparse.csr_matrix, labels: FloatMatrix, copies: Ints, space: RowSpace, categories: Sequence[str],
    parameters: FastTextParameters, seed: int, progress: Callable[[str], None], vectors: Vectors,
) -> list[Column]:  # fmt: skip
    """Fits each category to texts by their `matrix` (see `RowSpace`); see `training_fasttext.train` for the rest.

    Returns:
        A column for each category, in their order, then those of `mentions`.

    The features are those that the scoring kernel sees. The intercept is left out: fastText has none, and
    calibration shifts the logits anyway.
    """
    seen = _features(matrix, space, parameters, vectors)
    out: list[Column] = []
    further: list[Column] = []
    for j, category in enumerate(categories):
        progress(f"training {category}")
        times = copies if copies.ndim == 1 else copies[:, j]
        rows = np.flatnonzero(~np.isnan(labels[:, j]) & (times > 0))
        fitted = _fit(seen, rows, labels[rows, j], times[rows], category, parameters, seed)
        negatives = rows[labels[rows, j] == 0]
        of_fit = (slice(None),) if len(fitted) == 1 else (~seen.mentions[negatives], seen.mentions[negatives])
        for name, column, chosen in zip((category, mentioning(category)), fitted, of_fit, strict=False):
            found = Column(name, column, _level(seen, negatives[chosen], column))
            (out if name == category else further).append(found)
    return out + further


def _features(
    matrix: scipy.sparse.csr_matrix, space: RowSpace, parameters: FastTextParameters, vectors: Vectors
) -> _Features:  # fmt: skip
    weight = parameters.scale * row_weights(matrix, space, parameters)
    of_words = word_vectors(space.words, vectors, parameters)
    return _Features(
        matrix=matrix,
        weight=weight,
        weighted=scipy.sparse.csr_matrix(matrix.multiply(weight[None, :])),
        of_words=of_words,
        means=matrix[:, : len(space.words)] @ of_words,
        mentions=np.asarray(matrix[:, rows_of_terms(space)].sum(axis=1)).ravel() > 0,
    )


def _fit(
    seen: _Features, rows: Ints, labels: Rows, copies: Ints, category: str, parameters: FastTextParameters, seed: int
) -> list[Rows]:
    """Projected rows of one category, [width] each: for all texts; or for those without a mention, and with one."""
    width = len(seen.of_words) if category in parameters.words_only else len(seen.weight)
    parts = [seen.weighted[rows, :width], scipy.sparse.csr_matrix(seen.means[rows])]
    if category in parameters.mentions:
        gate = scipy.sparse.diags(parameters.mention_weight * seen.mentions[rows])
        parts += [gate @ part for part in parts]
    design = scipy.sparse.hstack(parts, format="csr")
    fitted = [_regression(design, labels, copies, parameters, seed + k) for k in range(parameters.fits)]
    common, added = np.split(np.mean(fitted, axis=0), [width + seen.of_words.shape[1]])
    if not len(added):
        return [_projected(seen, common, width)]
    return [_projected(seen, own, width) for own in (common, common + parameters.mention_weight * added)]


def _regression(
    design: scipy.sparse.csr_matrix, labels: Rows, copies: Ints, parameters: FastTextParameters, seed: int
) -> Rows:
    """Coefficients of a logistic regression without intercept, [n_columns]."""
    model = SGDClassifier(
        loss="log_loss",
        alpha=parameters.alpha,
        max_iter=parameters.epoch,
        tol=None,
        average=True,
        random_state=seed,
    )
    model.fit(design, labels.astype(int), sample_weight=copies)
    return np.asarray(model.coef_[0])


def _projected(seen: _Features, fitted: Rows, width: int) -> Rows:
    """What is added for each row: its own weight, and for a word that of its vector."""
    out = np.zeros(len(seen.weight))
    own, of_means = np.split(fitted, [width])
    out[:width] = own * seen.weight[:width]
    out[: len(seen.of_words)] += seen.of_words @ of_means
    return out


def _level(seen: _Features, negatives: Ints, column: Rows) -> float:
    return float(np.quantile(seen.matrix[negatives] @ column, _FEW)) if len(negatives) else 0.0
