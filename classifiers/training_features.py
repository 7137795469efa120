"""Which words and n-grams of the training texts have rows in a fastText model, and which rows a text has.

Every hash bucket can have a row, shared by the n-grams that happen to fall into it. Or only the buckets do whose
n-grams are in enough texts: fastText's own pruned layout. The n-grams then hardly share rows, the file is a tenth as
large, and what is rare counts for nothing, in training as in scoring.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from itertools import islice
from pathlib import Path
from typing import Final

import numpy as np
import scipy.sparse
from numpy.typing import NDArray

from tamis.classifiers.fasttext_features import Tables, features
from tamis.classifiers.fasttext_index import index_buckets
from tamis.classifiers.fasttext_model import FastTextModel
from tamis.classifiers.fasttext_parameters import FastTextParameters
from tamis.classifiers.fasttext_write import write
from tamis.classifiers.identity import words_of_terms
from tamis.classifiers.passages import Passages
from tamis.classifiers.training_vectors import Vectors

__all__ = [
    "END",
    "RowSpace",
    "row_space",
    "row_weights",
    "vocabulary",
    "word_vectors",
]

Ints = NDArray[np.int64]

END: Final = "</s>"


@dataclass(frozen=True, slots=True)
class RowSpace:
    """The rows of a model: of its words, then of its buckets.

    Attributes:
        words: The vocabulary.
        tables: How the scoring kernel finds the rows of a text.
        kept: Buckets that have rows, rising, int64 [n_kept]; None = all of them.
        width: Number of rows.
    """

    words: list[str]
    tables: Tables
    kept: Ints | None
    width: int

    def rows(self, texts: Sequence[str]) -> tuple[NDArray[np.uint32], Ints]:
        """The rows of each text: (their numbers, one text's after another's; where each text's begin and the end)."""
        data, bounds = Passages.of(texts).buffer("none")
        return features(data, bounds, np.arange(len(texts)), self.tables)

    def matrix(self, texts: Sequence[str]) -> scipy.sparse.csr_matrix:
        """What a text's mean takes of each row, float64 [n_texts, width]; a text without rows is empty."""
        found, ends = self.rows(texts)
        size = np.diff(ends)
        shares = np.repeat(1.0 / np.maximum(size, 1), size)
        matrix = scipy.sparse.csr_matrix((shares, found, ends), shape=(len(texts), self.width))
        matrix.sum_duplicates()
        return matrix


def vocabulary(texts: Sequence[str], parameters: FastTextParameters, further: Mapping[str, object]) -> list[str]:
    """The end of the line, the identity terms, and the commonest words of texts; then words with a vector.

    Args:
        texts: Normalised texts.
        parameters: `words`, `min_count` and `identity_weight` count.
        further: Words that have a vector, the commonest first.
    """
    counts: Counter[str] = Counter()
    for text in texts:
        counts.update(set(text.split(" ")))
    common = sorted((w for w, n in counts.items() if n >= parameters.min_count and w), key=lambda w: (-counts[w], w))
    named = sorted(words_of_terms()) if parameters.identity_weight >= 0 else []
    taken = {END, *named}
    rest = (w for w in dict.fromkeys([*common, *further]) if w not in taken and not w.startswith("__label__"))
    return [END, *named, *islice(rest, max(0, parameters.words - len(taken)))]


def row_space(path: Path, texts: Sequence[str], words: list[str], parameters: FastTextParameters) -> RowSpace:
    """Decides which rows a model has.

    With `ngram_min_count`, n-grams are counted in texts that are cut at identity terms (if these share a row): none
    that holds a term gets a row, so that no n-gram can tell what the terms' own rows must not.

    Args:
        path: File that may be written.
        texts: Normalised training texts.
        words: The vocabulary.
        parameters: Hyper-parameters.
    """
    none = np.zeros(0, np.int64)
    write(path, words, np.zeros((len(words), 1)), ["none"], replace(parameters.layout, quantise=True), none)
    tables = FastTextModel.from_file(path)._tables._replace(pruned=False)
    whole = RowSpace(words, tables, None, len(words) + parameters.bucket)
    if not parameters.ngram_min_count:
        return whole
    counted = whole.matrix(_cut(texts) if parameters.identity_weight >= 0 else texts)
    rows, often = np.unique(counted.indices, return_counts=True)
    kept = rows[(often >= parameters.ngram_min_count) & (rows >= len(words))].astype(np.int64) - len(words)
    pairs = np.stack([kept, np.arange(len(kept))], 1).astype(np.int32)
    return RowSpace(words, tables._replace(pruned=True, kept=index_buckets(pairs)), kept, len(words) + len(kept))


def row_weights(
    matrix: scipy.sparse.csr_matrix, space: RowSpace, parameters: FastTextParameters
) -> NDArray[np.float64]:
    """Inverse document frequency of each row, the largest 1; 0 for what is in too few texts, [width]."""
    seen = np.bincount(matrix.indices, minlength=matrix.shape[1])
    weight = np.where(seen >= parameters.min_count, np.log((1 + matrix.shape[0]) / (1 + seen)) + 1, 0.0)
    weight /= weight.max()
    if parameters.end_weight:
        weight[space.words.index(END)] = parameters.end_weight
    return np.asarray(weight)


def word_vectors(words: list[str], vectors: Vectors, parameters: FastTextParameters) -> NDArray[np.float64]:
    """Weighted vectors of the vocabulary, [n_words, dim]; of identity terms that share a row 0: they would differ."""
    if not parameters.vector_weight or not vectors:
        return np.zeros((len(words), 0))
    out = np.zeros((len(words), len(next(iter(vectors.values())))))
    shared = words_of_terms() if parameters.identity_weight >= 0 else frozenset[str]()
    for i, word in enumerate(words):
        if word in vectors and word not in shared:
            out[i] = parameters.vector_weight * vectors[word]
    return out


def _cut(texts: Sequence[str]) -> list[str]:
    return [part for text in texts for part in _terms().split(text) if part.strip()]


@cache
def _terms() -> re.Pattern[str]:
    longest_first = sorted(words_of_terms(), key=lambda word: (-len(word), word))
    return re.compile(r"(?<!\S)(?:" + "|".join(map(re.escape, longest_first)) + r")s?(?!\S)")
