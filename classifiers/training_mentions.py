"""Identity terms in the rows of a model: where they lie, and how they are taken out of texts.

A term must not tell which group it names. So a regression that ties terms afterwards needs their rows and those of
their character n-grams; and a network is trained on texts without the terms and all their n-grams, then gives each
term the row that makes it so.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import scipy.sparse
from numpy.typing import NDArray

from tamis.classifiers.identity import words_of_terms
from tamis.classifiers.training_features import END, RowSpace

__all__ = ["Mentions", "parts_of_terms", "rows_of_terms"]

Rows = NDArray[np.float64]
Ints = NDArray[np.int64]

_ROUNDING: Final = 1e-12


def rows_of_terms(space: RowSpace) -> Ints:
    """Numbers of the rows of identity terms."""
    named = words_of_terms()
    return np.array([i for i, word in enumerate(space.words) if word in named], np.int64)


def parts_of_terms(space: RowSpace) -> dict[int, NDArray[np.int64]]:
    """The rows that each identity term has: its own and those of its character n-grams."""
    place = {word: i for i, word in enumerate(space.words)}
    named = sorted(words_of_terms() & set(space.words))
    rows, ends = replace(space, tables=space.tables._replace(word_ngrams=1)).rows(named)
    cut = [rows[ends[k] : ends[k + 1]].astype(np.int64) for k in range(len(named))]
    return {place[word]: own[own != place[END]] for word, own in zip(named, cut, strict=True)}


@dataclass(frozen=True, slots=True)
class Mentions:
    """The identity terms of a model.

    Attributes:
        terms: Numbers of their rows, int64 [n_terms].
        parts: How often each term has each row, its own and those of its character n-grams, [n_terms, width].
    """

    terms: Ints
    parts: scipy.sparse.csr_matrix

    @classmethod
    def of(cls, space: RowSpace) -> Mentions:
        """Finds the terms among the rows of a model."""
        found = parts_of_terms(space)
        sizes = [len(rows) for rows in found.values()]
        where = (np.repeat(np.arange(len(found)), sizes), np.concatenate([np.zeros(0, np.int64), *found.values()]))
        parts = scipy.sparse.csr_matrix((np.ones(sum(sizes)), where), shape=(len(found), space.width))
        return cls(np.array(list(found), np.int64), parts)

    def apart(self, matrix: scipy.sparse.csr_matrix) -> tuple[scipy.sparse.csr_matrix, NDArray[np.bool_]]:
        """Takes the terms out of texts' means, as if each had one row and that were 0.

        Args:
            matrix: What each text's mean takes of each row, [n_texts, width].

        Returns:
            (what it takes of the rows of all else, [n_texts, width]; whether a text mentions a term, [n_texts]).
        """
        taken = matrix[:, self.terms]
        rest = matrix - taken @ self.parts
        rest.data[np.abs(rest.data) < _ROUNDING] = 0
        rest.eliminate_zeros()
        further = taken @ (self.sizes - 1)
        return scipy.sparse.csr_matrix(scipy.sparse.diags(1 / (1 - further)) @ rest), np.diff(taken.indptr) > 0

    @property
    def sizes(self) -> Rows:
        """Number of rows of each term."""
        return np.asarray(self.parts.sum(axis=1)).ravel()

    def tie(self, table: Rows, level: Rows) -> None:
        """Sets the terms' rows so that no term adds anything.

        A text's mean is over its rows, so a term of many parts weakens the rest of the text. At the mean `level` this
        is made up for: adding `level` for each part but one moves a mean that is at `level` as if there were one.

        Args:
            table: Rows of the model, [width, n_columns]; those of terms are changed.
            level: Mean of a text that hardly passes, [n_columns].
        """
        table[self.terms] = 0
        table[self.terms] = (self.sizes - 1)[:, None] * level - self.parts @ table
