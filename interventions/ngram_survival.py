"""The exact probability that a model's continuation holds a word of a list: no sampling, for every context at once.

With Q_t(h) the probability of at least one hit within the next t tokens from context h, Q_0 = 0, and X the value of
what follows (1 for a hit, 0 after a text's end, else Q of the context that the word leads to):

    Q_t(h) = sum over w of P(w|h) X_(t-1)(hw)

Back-off makes every step one pass over the stored n-grams, lowest order first. For a context uv of two words the next
context is that of the last two words whether or not uvw is stored, so that

    Q_t(uv) = sum over stored uvw of d3(uvw) X(vw) + g3(uv) Q_t(v)
    Q_t(v)  = sum over stored vw of d2(vw) X(vw) + g2(v) P(w) (X(vw) - X(w)) + g2(v) Q_t()
    Q_t()   = sum over w of P(w) X(w)

A *lane* is one list of words; the lanes share the pass. Hits are words, or bigrams for terms of two words.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tamis.interventions.ngram_lm import Model
from tamis.interventions.ngram_survival_kernel import WIDTH, step
from tamis.interventions.ngram_trie import END, START, Trie

__all__ = ["Hits", "States", "expected_maximum", "hit_probability", "probability_of_any", "states"]

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class Hits:
    """Which words and bigrams are hits in which lane.

    Attributes:
        words: bool [n_words, n_lanes].
        bigrams: Whether the last word of the bigram is a hit there, bool [n_bigrams, n_lanes].
    """

    words: Mask
    bigrams: Mask

    def banned(self, trie: Trie) -> Mask:
        """Returns the bigrams that hold a hit of any lane, in either place, bool [n_bigrams]."""
        held: Mask = np.logical_or(self.bigrams.any(axis=1), np.asarray(self.words.any(axis=1))[trie.first])
        return held


@dataclass(frozen=True, slots=True, eq=False)
class States:
    """Contexts to continue from.

    Attributes:
        bigram: The context as a bigram of the trie, -1 where only its last word is known, int64 [n].
        word: Its last word, `START` for the start of a text, int64 [n].
    """

    bigram: NDArray[np.int64]
    word: NDArray[np.int64]


def states(trie: Trie, prompts: Sequence[NDArray[np.int32]]) -> States:
    """Returns the context that each prompt, as word ids, leaves: its longest suffix in the trie."""
    pairs = [(int(ids[-2]) if len(ids) > 1 else START, int(ids[-1])) if len(ids) else (-1, START) for ids in prompts]
    index = np.full(len(pairs), -1, np.int64)
    for i, (before, last) in enumerate(pairs):
        if before >= 0:
            part = slice(trie.bigram_bounds[before], trie.bigram_bounds[before + 1])
            at = int(np.searchsorted(trie.word[part], last)) + part.start
            index[i] = at if at < part.stop and trie.word[at] == last else -1
    return States(index, np.array([last for _, last in pairs], np.int64))


def hit_probability(
    model: Model, hits: Hits, contexts: States, length: int, *, survival: bool = False, dtype: Any = np.float32
) -> Floats:
    """Returns the probability of a hit within the next `length` tokens.

    Args:
        model: The language model.
        hits: The lanes.
        contexts: Where to continue from, n of them; a context that ends in a hit counts as one.
        length: Tokens to look at, fewer where the text ends.
        survival: Return the probability of no hit instead, computed as such.
        dtype: What is kept between the steps: float32 is right to about five digits of the probability of a hit.

    Returns:
        float64 [n, n_lanes].
    """
    lanes = hits.words.shape[1]
    parts = [
        _eight(model, hits, range(first, min(first + WIDTH, lanes)), contexts, length, survival, dtype)
        for first in range(0, lanes, WIDTH)
    ]
    return np.concatenate(parts, axis=1) if parts else np.zeros((contexts.word.size, 0))


def _eight(model: Model, hits: Hits, lanes: range, contexts: States, length: int, survival: bool, dtype: Any) -> Floats:
    """Does `hit_probability` for at most `WIDTH` lanes."""
    trie, part = model.trie, slice(lanes.start, lanes.stop)
    on_hit, at_end = (0.0, 1.0) if survival else (1.0, 0.0)
    bits2, bits1 = (_bits(mask[:, part]) for mask in (hits.bigrams, hits.words))
    old2, old1 = (_start(mask[:, part], on_hit, at_end, dtype) for mask in (hits.bigrams, hits.words))
    new2, new1, middle = np.empty_like(old2), np.empty_like(old1), np.empty_like(old1)
    unigram, left2, left3 = (a.astype(dtype) for a in (model.unigram, model.left2, model.left3))
    share2, share3 = model.share2.astype(dtype), model.share3.astype(dtype)
    for _ in range(length):
        step(
            trie.bigram_bounds, trie.word, trie.contexts, trie.trigram_bounds, trie.suffix, unigram, share2, left2,
            share3, left3, bits2, bits1, END, on_hit, at_end, old2, old1, middle, new2, new1,
        )  # fmt: skip
        old2, new2, old1, new1 = new2, old2, new1, old1
    found: Floats = old1[contexts.word].astype(np.float64)
    stored = contexts.bigram >= 0
    found[stored] = old2[contexts.bigram[stored]]
    return found[:, : len(lanes)]


def _bits(mask: Mask) -> NDArray[np.uint8]:
    """Packs lanes into the bits of a byte, uint8 [n]."""
    padded = np.zeros((mask.shape[0], 8), np.bool_)
    padded[:, : mask.shape[1]] = mask
    return np.packbits(padded, axis=1, bitorder="little").reshape(-1)


def _start(mask: Mask, on_hit: float, at_end: float, dtype: Any) -> NDArray[Any]:
    """Returns the values of states with no token to go, [n, WIDTH]."""
    values = np.full((mask.shape[0], WIDTH), at_end, dtype)
    values[:, : mask.shape[1]][mask] = on_hit
    return values


def probability_of_any(q: Floats, k: int) -> Floats:
    """Returns the probability that at least one of k continuations is a hit, of the same shape: 1 - (1 - q)^k."""
    return np.asarray(-np.expm1(k * np.log1p(-np.minimum(q, 1 - 1e-16))))


def expected_maximum(q: Floats, severities: Sequence[float], k: int) -> Floats:
    """Returns the expected severity of the severest of k continuations, float64 [n].

    Args:
        q: Probability of a hit of at least each severity, float64 [n, m].
        severities: The severities s_1 < … < s_m.
        k: Number of continuations.

    With F_j = 1 - q_j, it is the sum over j of (s_j - s_(j-1)) (1 - F_j^k), s_0 = 0 (Gehman et al. 2020, exactly).
    """
    steps = np.diff(np.concatenate([[0.0], np.asarray(severities, np.float64)]))
    return np.asarray(probability_of_any(q, k) @ steps)
