"""Candidate terms of a word list: the words and word n-grams that are in enough texts, and which text has which.

An n-gram cannot be frequent unless both (n - 1)-grams in it are (Agrawal and Srikant 1994, "Fast algorithms for mining
association rules"), so the n-grams of each length are sought among the frequent ones of the length before: memory
grows with the running words, not with the n-grams that occur once.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np
import scipy.sparse
from numpy.typing import NDArray

__all__ = ["Candidates", "candidates"]

Ints = NDArray[np.int64]

#: What may stand in a word beside letters, after the first: apostrophes, hyphens, the asterisks of a masked word.
_MARKS: Final = str.maketrans("", "", "'’-*")


class Candidates(NamedTuple):
    """Terms and where they are.

    Attributes:
        terms: The terms, words with one space between.
        presence: 1 where a text has a term, float32 CSR [n_terms, n_texts].
    """

    terms: list[str]
    presence: scipy.sparse.csr_matrix


def candidates(texts: Sequence[str], longest: int, fewest: int) -> Candidates:
    """Lists the n-grams of words that are in enough texts.

    Args:
        texts: Normalised texts, n of them.
        longest: Most words of a term.
        fewest: Texts that a term must be in.

    Returns:
        The terms, those of one word first, and their presence.
    """
    words, starts, row = _running(texts)
    names: list[list[str]] = []
    parts: list[scipy.sparse.csr_matrix] = []
    single = starts
    for size in range(1, longest + 1):
        keys = starts if size == 1 else _longer(starts, single, row, size, len(names[0]))
        found, starts, part = _frequent(keys, row, len(texts), fewest)
        if size == 1:
            single = starts
            names.append([words[key] for key in found])
        else:
            names.append([f"{names[-1][key // len(names[0])]} {names[0][key % len(names[0])]}" for key in found])
        parts.append(part)
    return Candidates([name for level in names for name in level], scipy.sparse.vstack(parts, format="csr"))


def _running(texts: Sequence[str]) -> tuple[list[str], Ints, Ints]:
    """(distinct words, the word at each place of all texts in a row, -1 for none, the text of each place)."""
    known: dict[str, int] = {}
    places = [[known.setdefault(token, len(known)) for token in text.split()] for text in texts]
    row = np.repeat(np.arange(len(texts)), [len(part) for part in places])
    ids = np.array([i for part in places for i in part], np.int64)
    usable = np.array([token[0].isalpha() and token.translate(_MARKS).isalpha() for token in known], bool)
    return list(known), np.where(usable[ids], ids, -1) if len(ids) else ids, row


def _longer(starts: Ints, single: Ints, row: Ints, size: int, n_words: int) -> Ints:
    """The n-gram of `size` words that starts at each place: n-gram before · n_words + last word, or -1."""
    out = np.full(len(starts), -1, np.int64)
    first, last = starts[: len(starts) - size + 1], single[size - 1 :]
    whole = (first >= 0) & (last >= 0) & (row[: len(first)] == row[size - 1 :])
    out[: len(first)][whole] = first[whole] * n_words + last[whole]
    return out


def _frequent(keys: Ints, row: Ints, n_texts: int, fewest: int) -> tuple[Ints, Ints, scipy.sparse.csr_matrix]:
    """(keys of the frequent n-grams, which of them starts at each place or -1, presence [n_frequent, n_texts])."""
    places = np.flatnonzero(keys >= 0)
    distinct, which = np.unique(keys[places], return_inverse=True)
    term, text = np.divmod(np.unique(which * n_texts + row[places]), n_texts)
    seen = np.bincount(term, minlength=len(distinct))
    frequent = seen >= fewest
    number = np.where(frequent, np.cumsum(frequent) - 1, -1)
    starts = np.full(len(keys), -1, np.int64)
    starts[places] = number[which]
    inside = text[frequent[term]]
    ends = np.concatenate([[0], np.cumsum(seen[frequent])])
    part = scipy.sparse.csr_matrix(
        (np.ones(len(inside), np.float32), inside, ends), shape=(int(frequent.sum()), n_texts)
    )
    return distinct[frequent], starts, part
