"""Texts as word ids, and the trie of their n-grams: every n-gram up to three words, with links to its suffixes.

One trie serves many models: it is built once from all the texts of an experiment, and each model gives its n-grams
counts of its own, some of them 0. That is what makes a jackknife over dozens of models affordable.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

import numpy as np
from numpy.typing import NDArray

from tamis.classifiers.passages import Passages
from tamis.interventions.ngram_kernel import look_up

__all__ = ["END", "NORMALISER", "START", "UNKNOWN", "Found", "Tokens", "Trie", "Vocabulary", "tokenise"]

Ids = NDArray[np.int32]
Ints = NDArray[np.int64]

#: What words are: the same as for the shipped classifiers, disguises undone.
NORMALISER: Final = "web-1"

#: The words that every vocabulary starts with: before a text, after it, and any word that is not in the vocabulary.
START, END, UNKNOWN = 0, 1, 2
_SPECIAL: Final = ("<s>", "</s>", "<unk>")


@dataclass(frozen=True, slots=True, eq=False)
class Tokens:
    """Texts as word ids.

    Attributes:
        ids: Words of all texts, one text after another, int32 [n_tokens].
        bounds: Where each text starts, and the end of the last, int64 [n_texts + 1].
        bytes: Size of each text in UTF-8, int64 [n_texts].
    """

    ids: Ids
    bounds: Ints
    bytes: Ints

    @property
    def lengths(self) -> Ints:
        """Words of each text, int64 [n_texts]."""
        return np.diff(self.bounds)


def tokenise(texts: Sequence[str], known: Sequence[str] | None = None) -> tuple[list[str], Tokens]:
    """Cuts texts into words.

    Args:
        texts: The texts.
        known: Words that have ids already, in their order.

    Returns:
        The words by id, and the texts.
    """
    passages = Passages.of(texts)
    data, ends = passages.buffer(NORMALISER)
    index: defaultdict[str, int] = defaultdict()
    index.default_factory = index.__len__
    for word in known or ():
        index[word]
    text, places = data.tobytes(), ends.tolist()
    ids = [
        np.fromiter(map(index.__getitem__, text[a:b].decode("utf-8", "replace").split()), np.int32)
        for a, b in pairwise(places)
    ]
    bounds = np.concatenate([[0], np.cumsum([one.size for one in ids])]).astype(np.int64)
    joined = np.concatenate(ids) if ids else np.zeros(0, np.int32)
    return list(index), Tokens(joined, bounds, np.diff(passages.bounds))


@dataclass(frozen=True, slots=True, eq=False)
class Vocabulary:
    """Words that models of one experiment share, so that their probabilities compare.

    Attributes:
        words: The words by id; the first three are `START`, `END`, `UNKNOWN`.
    """

    words: tuple[str, ...]

    @staticmethod
    def of(words: Sequence[str], counts: Ints, least: int = 2, always: Collection[str] = ()) -> Vocabulary:
        """Chooses the words that occur often enough.

        Args:
            words: All words, by id.
            counts: Occurrences of each, int64 [n].
            least: Fewest occurrences of a word of its own.
            always: Words that get an id of their own if they occur at all.
        """
        kept = frozenset(always)
        chosen = [word for word, n in zip(words, counts.tolist(), strict=True) if n >= least or (n and word in kept)]
        return Vocabulary((*_SPECIAL, *(word for word in chosen if word not in _SPECIAL)))

    def __len__(self) -> int:
        return len(self.words)

    def encode(self, words: Sequence[str], tokens: Tokens, *, end: bool = True) -> Tokens:
        """Replaces ids of other words by those of this vocabulary.

        Args:
            words: What the ids of `tokens` mean.
            tokens: The texts.
            end: Whether `END` is put after each text.
        """
        index = {word: number for number, word in enumerate(self.words)}
        ids = np.array([index.get(word, UNKNOWN) for word in words] or [0], np.int32)[tokens.ids]
        if end:
            ids = np.insert(ids, tokens.bounds[1:], np.int32(END))
        return Tokens(ids, tokens.bounds + (np.arange(tokens.bounds.size) if end else 0), tokens.bytes)


@dataclass(frozen=True, slots=True, eq=False)
class Found:
    """The n-grams of texts in a trie, -1 where it has none; int32 [n_tokens] each.

    Attributes:
        bigram: The bigram that ends at each token.
        context: The bigram of the two words before each token.
        trigram: The trigram that ends at each token.
    """

    bigram: Ids
    context: Ids
    trigram: Ids


@dataclass(frozen=True, slots=True, eq=False)
class Trie:
    """All n-grams of some texts, sorted; a bigram is known by its place, and so is a trigram.

    Attributes:
        n_words: Size of the vocabulary.
        first: First word of each bigram, int32 [n_bigrams].
        word: Last word of each bigram, int32 [n_bigrams].
        bigram_bounds: Where the bigrams of each first word start, int64 [n_words + 1].
        contexts: The bigrams as contexts of trigrams, by their last word: what one word's contexts look up lies
            together. int32 [n_bigrams].
        rank: Place of each bigram in `contexts`, int32 [n_bigrams].
        parent: First two words of each trigram as a bigram, int32 [n_trigrams].
        suffix: Last two words of each trigram as a bigram, int32 [n_trigrams].
        trigram_bounds: Where the trigrams of each of `contexts` start, int64 [n_bigrams + 1].
        bigram: The bigram that ends at each token of the texts, int32 [n_tokens].
        trigram: The trigram that ends there, -1 at the first token of a text, int32 [n_tokens].
        bounds: Where each text starts, int64 [n_texts + 1].
    """

    n_words: int
    first: Ids
    word: Ids
    bigram_bounds: Ints
    contexts: Ids
    rank: Ids
    parent: Ids
    suffix: Ids
    trigram_bounds: Ints
    bigram: Ids
    trigram: Ids
    bounds: Ints

    @staticmethod
    def of(tokens: Tokens, n_words: int) -> Trie:
        """Builds the trie of encoded texts, each of which ends in `END`."""
        starts = tokens.bounds[:-1][tokens.lengths > 0]
        before = np.concatenate([[START], tokens.ids])[: tokens.ids.size].astype(np.int64)
        before[starts] = START
        keys, bigram = np.unique(before * n_words + tokens.ids, return_inverse=True)
        first, word = (part.astype(np.int32) for part in np.divmod(keys, n_words))
        contexts = np.lexsort((first, word)).astype(np.int32)
        rank = np.empty_like(contexts)
        rank[contexts] = np.arange(contexts.size, dtype=np.int32)
        follows = np.ones(tokens.ids.size, np.bool_)
        follows[starts] = False
        at, n_bigrams = np.flatnonzero(follows), max(keys.size, 1)
        pairs, found = np.unique(rank[bigram[at - 1]].astype(np.int64) * n_bigrams + bigram[at], return_inverse=True)
        trigram = np.full(tokens.ids.size, -1, np.int32)
        trigram[at] = found
        place, suffix = np.divmod(pairs, n_bigrams)
        return Trie(
            n_words=n_words,
            first=first,
            word=word,
            bigram_bounds=np.searchsorted(first, np.arange(n_words + 1)).astype(np.int64),
            contexts=contexts,
            rank=rank,
            parent=contexts[place],
            suffix=suffix.astype(np.int32),
            trigram_bounds=np.searchsorted(place, np.arange(keys.size + 1)).astype(np.int64),
            bigram=bigram.astype(np.int32),
            trigram=trigram,
            bounds=tokens.bounds,
        )

    def find(self, tokens: Tokens) -> Found:
        """Finds the n-grams of other encoded texts."""
        bounds = (self.bigram_bounds, self.word, self.rank, self.trigram_bounds, self.suffix)
        return Found(*look_up(tokens.ids, tokens.bounds, START, *bounds))
