"""Counting and estimating n-grams in machine code; see `ngram_trie` and `ngram_lm` for what the arrays are."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tamis.classifiers.compiled import inlined, kernel

__all__ = ["child", "continuations", "count", "discounted", "look_up"]

Ints = NDArray[np.int64]
Ids = NDArray[np.int32]
Floats = NDArray[np.float64]


@kernel
def count(
    bigram: Ids, trigram: Ids, bounds: Ints, chosen: NDArray[np.bool_], banned: NDArray[np.bool_], n_trigrams: int
) -> tuple[Ids, Ids]:
    """Counts the n-grams of some texts.

    Args:
        bigram: Bigram that ends at each token, int32 [n_tokens].
        trigram: Trigram that ends at each token, -1 at the first of a text, int32 [n_tokens].
        bounds: Where each text starts, and the end of the last, int64 [n_texts + 1].
        chosen: Which texts count, bool [n_texts].
        banned: Bigrams that do not count, nor do trigrams that hold one, bool [n_bigrams].
        n_trigrams: Number of trigrams of the trie.

    Returns:
        Counts of the bigrams that start a text, int32 [n_bigrams], and of the trigrams, int32 [n_trigrams].
    """
    starts, counts = np.zeros(banned.size, np.int32), np.zeros(n_trigrams, np.int32)
    for text in range(bounds.size - 1):
        first, end = bounds[text], bounds[text + 1]
        if not chosen[text] or first == end:
            continue
        before = banned[bigram[first]]
        if not before:
            starts[bigram[first]] += 1
        for at in range(first + 1, end):
            now = banned[bigram[at]]
            if not (before or now):
                counts[trigram[at]] += 1
            before = now
    return starts, counts


@kernel
def continuations(starts: Ids, counts: Ids, suffix: Ids, word: Ids, n_words: int) -> tuple[Ids, Ids]:
    """Counts in how many contexts each bigram and each word stands.

    Args:
        starts: Counts of the bigrams that start a text, int32 [n_bigrams]; they stand for themselves.
        counts: Counts of the trigrams, int32 [n_trigrams].
        suffix: The last two words of each trigram as a bigram, int32 [n_trigrams].
        word: Last word of each bigram, int32 [n_bigrams].
        n_words: Size of the vocabulary.

    Returns:
        Different words before each bigram (occurrences, where it starts a text), int32 [n_bigrams], and different
        words before each word, int32 [n_words].
    """
    bigrams, words = starts.copy(), np.zeros(n_words, np.int32)
    for i in range(counts.size):
        if counts[i] > 0:
            bigrams[suffix[i]] += 1
    for i in range(bigrams.size):
        if bigrams[i] > 0:
            words[word[i]] += 1
    return bigrams, words


@kernel
def discounted(counts: Ids, bounds: Ints, discounts: Floats) -> tuple[Floats, Floats]:
    """Shares out the counts of the n-grams of each context, less a discount.

    Args:
        counts: Counts, int32 [n].
        bounds: Where the n-grams of each context start, and the end of the last, int64 [n_contexts + 1].
        discounts: What is taken off a count of 1, of 2, and of 3 or more, float64 [3].

    Returns:
        Probability of each n-gram before smoothing, float64 [n], and what is left for the lower order in each
        context, 1 where it was never seen, float64 [n_contexts].
    """
    shares, left = np.zeros(counts.size), np.ones(bounds.size - 1)
    for context in range(bounds.size - 1):
        total, kept = 0.0, 0.0
        for i in range(bounds[context], bounds[context + 1]):
            total += counts[i]
        if total == 0:
            continue
        for i in range(bounds[context], bounds[context + 1]):
            if counts[i] > 0:
                shares[i] = (counts[i] - discounts[min(counts[i], 3) - 1]) / total
                kept += discounts[min(counts[i], 3) - 1]
        left[context] = kept / total
    return shares, left


@inlined
def child(values: Ids, first: int, end: int, wanted: int) -> int:
    """Returns the place of a value in a sorted stretch, -1 where it is not there."""
    low, high = first, end
    while low < high:
        middle = (low + high) // 2
        if values[middle] < wanted:
            low = middle + 1
        else:
            high = middle
    return low if low < end and values[low] == wanted else -1


@kernel
def look_up(
    ids: Ids,
    bounds: Ints,
    start: int,
    bigram_bounds: Ints,
    bigram_word: Ids,
    rank: Ids,
    trigram_bounds: Ints,
    suffix: Ids,
) -> tuple[Ids, Ids, Ids]:
    """Finds the n-grams of texts in a trie that was made of other texts.

    Args:
        ids: Words of the texts, int32 [n_tokens].
        bounds: Where each text starts, and the end of the last, int64 [n_texts + 1].
        start: The word before the first one.
        bigram_bounds: Bigrams of each first word, int64 [n_words + 1].
        bigram_word: Last word of each bigram, int32 [n_bigrams].
        rank: Place of each bigram among the contexts that trigrams are sorted by, int32 [n_bigrams].
        trigram_bounds: Trigrams of each context, int64 [n_bigrams + 1].
        suffix: The last two words of each trigram as a bigram, int32 [n_trigrams].

    Returns:
        For each token the bigram that ends there, that of the two words before it, and the trigram that ends there;
        -1 where the trie has none; int32 [n_tokens] each.
    """
    bigrams, before, trigrams = (
        np.full(ids.size, -1, np.int32),
        np.full(ids.size, -1, np.int32),
        np.full(ids.size, -1, np.int32),
    )
    for text in range(bounds.size - 1):
        previous = start
        for at in range(bounds[text], bounds[text + 1]):
            found = child(bigram_word, bigram_bounds[previous], bigram_bounds[previous + 1], ids[at])
            bigrams[at] = found
            if at > bounds[text]:
                context = bigrams[at - 1]
                before[at] = context
                if context >= 0 and found >= 0:
                    place = rank[context]
                    trigrams[at] = child(suffix, trigram_bounds[place], trigram_bounds[place + 1], found)
            previous = ids[at]
    return bigrams, before, trigrams
