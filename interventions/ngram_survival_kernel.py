"""The recursion of `ngram_survival` in machine code: eight lanes side by side, in registers.

Trigrams come sorted by their middle word, so that what the contexts of one word look up stays near: that and the
registers make it twice as fast as plain loops over lanes.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from tamis.classifiers.compiled import inlined, kernel

__all__ = ["WIDTH", "step"]

#: Lanes of one pass.
WIDTH: Final = 8

Ids = NDArray[np.int32]
Ints = NDArray[np.int64]
Values = NDArray[Any]
Bits = NDArray[np.uint8]
Eight = tuple[Any, Any, Any, Any, Any, Any, Any, Any]


@inlined
def _scaled(factor: Any, values: Values, at: np.uintp) -> Eight:
    return (
        factor * values[at, 0], factor * values[at, 1], factor * values[at, 2], factor * values[at, 3],
        factor * values[at, 4], factor * values[at, 5], factor * values[at, 6], factor * values[at, 7],
    )  # fmt: skip


@inlined
def _plus(total: Eight, factor: Any, values: Values, at: np.uintp) -> Eight:
    return (
        total[0] + factor * values[at, 0], total[1] + factor * values[at, 1], total[2] + factor * values[at, 2],
        total[3] + factor * values[at, 3], total[4] + factor * values[at, 4], total[5] + factor * values[at, 5],
        total[6] + factor * values[at, 6], total[7] + factor * values[at, 7],
    )  # fmt: skip


@inlined
def _put(total: Eight, out: Values, at: np.uintp) -> None:
    out[at, 0], out[at, 1], out[at, 2], out[at, 3] = total[0], total[1], total[2], total[3]
    out[at, 4], out[at, 5], out[at, 6], out[at, 7] = total[4], total[5], total[6], total[7]


@inlined
def _override(out: Values, at: np.uintp, hits: np.uint8, ends: bool, on_hit: float, at_end: float) -> None:
    """Puts in what is known of a state that has hit or ended."""
    for k in range(8):
        if hits >> np.uint8(k) & np.uint8(1):
            out[at, k] = on_hit
        elif ends:
            out[at, k] = at_end


@kernel
def step(
    bounds2: Ints,
    word: Ids,
    contexts: Ids,
    bounds3: Ints,
    suffix: Ids,
    unigram: Values,
    share2: Values,
    left2: Values,
    share3: Values,
    left3: Values,
    hits2: Bits,
    hits1: Bits,
    last: int,
    on_hit: float,
    at_end: float,
    old2: Values,
    old1: Values,
    middle: Values,
    new2: Values,
    new1: Values,
) -> None:
    """Goes one token further from the end: fills `new1` and `new2` from `old1` and `old2`; all of one floating type.

    Args:
        bounds2: Bigrams of each first word, int64 [n_words + 1].
        word: Last word of each bigram, int32 [n_bigrams].
        contexts: The bigram of each context that trigrams are sorted by, int32 [n_bigrams].
        bounds3: Trigrams of each context, int64 [n_bigrams + 1].
        suffix: Last two words of each trigram as a bigram, int32 [n_trigrams].
        unigram: P(w), [n_words].
        share2: d2, [n_bigrams].
        left2: g2, [n_words].
        share3: d3, [n_trigrams].
        left3: g3, [n_bigrams].
        hits2: Bit k says that the last word of the bigram is a hit in lane k, uint8 [n_bigrams].
        hits1: The same of each word after a word that it forms no bigram with, uint8 [n_words].
        last: The word that ends a text.
        on_hit: Value of a hit.
        at_end: Value of a text that has ended.
        old2: Value of each bigram as a state with one token less to go, hits and ends put in, [n_bigrams, WIDTH].
        old1: The same of each word, [n_words, WIDTH].
        middle: Scratch, [n_words, WIDTH].
        new2: Output.
        new1: Output.
    """
    bottom = _scaled(unigram[0], old1, np.uintp(0))
    for v in range(1, unigram.size):
        bottom = _plus(bottom, unigram[v], old1, np.uintp(v))
    _put(bottom, middle, np.uintp(0))
    bottom = _scaled(unigram.dtype.type(1), middle, np.uintp(0))
    for v in range(unigram.size):
        at, left = np.uintp(v), left2[v]
        _put(bottom, middle, at)
        total = _scaled(left, middle, at)
        for i in range(bounds2[v], bounds2[v + 1]):
            w = np.uintp(word[i])
            back = left * unigram[w]
            total = _plus(total, share2[i] + back, old2, np.uintp(i))
            total = _plus(total, -back, old1, w)
        _put(total, middle, at)
        _put(total, new1, at)
        if hits1[v] or v == last:
            _override(new1, at, hits1[v], v == last, on_hit, at_end)
    for rank in range(contexts.size):
        here = np.uintp(contexts[rank])
        total = _scaled(left3[here], middle, np.uintp(word[here]))
        for j in range(bounds3[rank], bounds3[rank + 1]):
            total = _plus(total, share3[j], old2, np.uintp(suffix[j]))
        _put(total, new2, here)
        if hits2[here] or word[here] == last:
            _override(new2, here, hits2[here], word[here] == last, on_hit, at_end)
