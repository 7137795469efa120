"""Which words of a vocabulary count as toxic, and how much: the lanes that continuations are watched in."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from tamis.classifiers.base import Classifier, FloatMatrix
from tamis.classifiers.passages import Passages
from tamis.interventions.ngram_survival import Hits
from tamis.interventions.ngram_trie import Trie

__all__ = ["LEVELS", "TOXIC", "UNFLAGGED", "Lanes", "Severities", "lanes", "scored"]

Mask = NDArray[np.bool_]
Flags = Callable[[Sequence[str]], Mask]

#: Severities that are told apart, in quarters; milder terms do not count.
LEVELS: Final = (0.5, 0.75, 1.0)
#: Severity from which on a word makes a continuation toxic.
TOXIC: Final = LEVELS[0]

#: The lane of the toxic terms that the filter does not flag.
UNFLAGGED: Final = "unflagged"

_CHUNK: Final = 50_000


@dataclass(frozen=True, slots=True, eq=False)
class Severities:
    """Severity of terms by group, float32 [n, n_groups]: 0 for none."""

    words: FloatMatrix
    bigrams: FloatMatrix


@dataclass(frozen=True, slots=True, eq=False)
class Lanes:
    """Lists of toxic terms over one trie.

    Attributes:
        names: What each lane is: "any@0.5" … "any@1", then the groups, then "unflagged".
        hits: The terms of each lane.
        terms: Toxic terms that the texts hold, a number.
        flagged: Those of them that the filter flags in a harmless sentence, a number; None where nobody asked.
    """

    names: tuple[str, ...]
    hits: Hits
    terms: int
    flagged: int | None

    @property
    def toxic(self) -> int:
        """Index of the lane of all toxic terms."""
        return LEVELS.index(TOXIC)


def scored(lexicon: Classifier, texts: Sequence[str]) -> FloatMatrix:
    """Scores texts with a word list, float32 [n, n_groups]; what it cannot score is 0: no term was found."""
    parts = [np.nan_to_num(lexicon.score(Passages.of(texts[at : at + _CHUNK]))) for at in range(0, len(texts), _CHUNK)]
    return np.concatenate(parts) if parts else np.zeros((0, len(lexicon.categories)), np.float32)


def lanes(lexicon: Classifier, trie: Trie, words: Sequence[str], flags: Flags | None) -> Lanes:
    """Builds the lanes.

    Args:
        lexicon: The word list; terms of one and of two words are looked for.
        trie: The n-grams.
        words: The vocabulary, special words first.
        flags: Says which of some terms the filter flags in a harmless sentence; None where it is not known.
    """
    alone = scored(lexicon, list(words))
    alone[:3] = 0.0
    pairs = _pairs(lexicon, trie, words, alone)
    severity = np.maximum(alone[trie.word], pairs)
    names = [f"any@{level:g}" for level in LEVELS]
    one, two = [list(_levels(part)) for part in (alone, severity)]
    names += lexicon.categories
    one += list(_rounded(alone).T >= TOXIC)
    two += list(_rounded(severity).T >= TOXIC)
    toxic1, toxic2 = one[LEVELS.index(TOXIC)], _rounded(pairs).max(axis=1) >= TOXIC
    flagged = None
    if flags is not None:
        known1, known2 = _flagged(flags, trie, words, toxic1, toxic2)
        names, flagged = [*names, UNFLAGGED], int(known1.sum() + known2.sum())
        one.append(toxic1 & ~known1)
        two.append((toxic1 & ~known1)[trie.word] | (toxic2 & ~known2))
    hits = Hits(np.column_stack(one), np.column_stack(two))
    return Lanes(tuple(names), hits, int(toxic1.sum() + toxic2.sum()), flagged)


def _rounded(severities: FloatMatrix) -> FloatMatrix:
    """Rounds severities to quarters."""
    return np.asarray(np.round(severities * 4) / 4, np.float32)


def _levels(severities: FloatMatrix) -> list[Mask]:
    highest = _rounded(severities).max(axis=1, initial=0.0)
    return [highest >= level for level in LEVELS]


def _pairs(lexicon: Classifier, trie: Trie, words: Sequence[str], alone: FloatMatrix) -> FloatMatrix:
    """Severity of the bigrams that are terms of their own: more severe than each of their words."""
    found = np.zeros((trie.word.size, alone.shape[1]), np.float32)
    for at in range(0, trie.word.size, _CHUNK):
        first, last = trie.first[at : at + _CHUNK], trie.word[at : at + _CHUNK]
        real = np.flatnonzero((first > 2) & (last > 2))
        texts = [f"{words[a]} {words[b]}" for a, b in zip(first[real].tolist(), last[real].tolist(), strict=True)]
        if texts:
            both = scored(lexicon, texts)
            more = both > np.maximum(alone[first[real]], alone[last[real]]) + 1e-6
            found[at + real] = np.where(more, both, 0.0)
    return found


def _flagged(flags: Flags, trie: Trie, words: Sequence[str], toxic1: Mask, toxic2: Mask) -> tuple[Mask, Mask]:
    """Asks the filter about the toxic terms."""
    rows1, rows2 = np.flatnonzero(toxic1), np.flatnonzero(toxic2)
    pairs = zip(trie.first[rows2].tolist(), trie.word[rows2].tolist(), strict=True)
    found = flags([words[i] for i in rows1.tolist()] + [f"{words[a]} {words[b]}" for a, b in pairs])
    known1, known2 = np.zeros_like(toxic1), np.zeros_like(toxic2)
    known1[rows1[found[: rows1.size]]] = True
    known2[rows2[found[rows1.size :]]] = True
    return known1, known2
