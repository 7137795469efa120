"""The recursion of `ngram_survival` in machine code."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tamis.classifiers.compiled import kernel

__all__ = ["step"]

Ids = NDArray[np.int32]
Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Values = NDArray[np.float32] | NDArray[np.float64]
Bits = NDArray[np.uint32]


@kernel
def step(
    bounds2: Ints,
    word: Ids,
    bounds3: Ints,
    suffix: Ids,
    unigram: Floats,
    share2: Floats,
    left2: Floats,
    share3: Floats,
    left3: Floats,
    hits2: Bits,
    hits1: Bits,
    last: int,
    on_hit: float,
    at_end: float,
    old2: Values,
    old1: Values,
    new2: Values,
    new1: Values,
) -> None:
    """Goes one token further from the end: fills `new1` and `new2` from `old1` and `old2`.

    Args:
        bounds2: Bigrams of each first word, int64 [n_words + 1].
        word: Last word of each bigram, int32 [n_bigrams].
        bounds3: Trigrams of each first bigram, int64 [n_bigrams + 1].
        suffix: Last two words of each trigram as a bigram, int32 [n_trigrams].
        unigram: P(w), float64 [n_words].
        share2: d2, float64 [n_bigrams].
        left2: g2, float64 [n_words].
        share3: d3, float64 [n_trigrams].
        left3: g3, float64 [n_bigrams].
        hits2: Bit k says that the last word of the bigram is a hit in lane k, uint32 [n_bigrams].
        hits1: The same of each word after a word that it forms no bigram with, uint32 [n_words].
        last: The word that ends a text.
        on_hit: Value of a hit.
        at_end: Value of a text that has ended.
        old2: Value of each bigram as a state with one token less to go, hits and ends put in, [n_bigrams, n_lanes].
        old1: The same of each word, [n_words, n_lanes].
        new2: Output.
        new1: Output.
    """
    n_words, lanes = unigram.size, old1.shape[1]
    bottom, total = np.zeros(lanes), np.zeros(lanes)
    for w in range(n_words):
        for k in range(lanes):
            bottom[k] += unigram[w] * old1[w, k]
    middle = np.empty((n_words, lanes))
    for v in range(n_words):
        for k in range(lanes):
            total[k] = left2[v] * bottom[k]
        for i in range(bounds2[v], bounds2[v + 1]):
            w = word[i]
            back = left2[v] * unigram[w]
            for k in range(lanes):
                total[k] += share2[i] * old2[i, k] + back * (old2[i, k] - old1[w, k])
        for k in range(lanes):
            middle[v, k] = total[k]
            new1[v, k] = on_hit if hits1[v] >> np.uint32(k) & np.uint32(1) else at_end if v == last else total[k]
    for i in range(word.size):
        w = word[i]
        for k in range(lanes):
            total[k] = left3[i] * middle[w, k]
        for j in range(bounds3[i], bounds3[i + 1]):
            share, s = share3[j], suffix[j]
            for k in range(lanes):
                total[k] += share * old2[s, k]
        for k in range(lanes):
            new2[i, k] = on_hit if hits2[i] >> np.uint32(k) & np.uint32(1) else at_end if w == last else total[k]
