"""Words of documents looked up in a table, in machine code: which terms a document holds, and what it is about.

A *word* is a run of ASCII letters and digits; everything else, an apostrophe and a letter beyond ASCII too, stands
between words. Its hash takes eight lower-case bytes at a time, little-endian, 0 after the last ones:
`h = l * SPREAD` for the first, `h = (h ^ h >> 32 ^ l) * SPREAD` for each further one, modulo 2**64; a word that fills
its eight bytes is followed by 0. The hash of a pair of words is `(first >> 1 ^ second) * SPREAD`.

Words are found 64 bytes at a time: a bit for each byte that belongs to a word, and then the bits where a word starts.
That way no word waits for where the last one ended, which is what a loop over bytes spends its time on.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from tamis.classifiers.compiled import inlined, kernel

__all__ = ["BLOOM_BITS", "PADDING", "STARTS", "blend", "find", "pair_hash", "word_hash"]

Words = NDArray[np.uint64]
Bytes = NDArray[np.uint8]
Ints = NDArray[np.int64]

#: Words of zeros that the kernels may read beyond the text.
PADDING: Final = 12
#: Binary logarithm of the size of the small table that rules most words out.
BLOOM_BITS: Final = 14
#: Role of a word that is the first of a pair.
STARTS: Final = 1

#: Of a mixture: rounds, concentration of the prior, and the share of a text's words that must be known.
PASSES: Final = 8
ALPHA: Final = 1.0
KNOWN: Final = 0.2

_SPREAD: Final = 0x9E3779B97F4A7C15
_FULL: Final = 2**64 - 1

SPREAD: Final = np.uint64(_SPREAD)
EACH: Final = np.uint64(0x0101010101010101)
TOP: Final = np.uint64(0x8080808080808080)
LOW: Final = np.uint64(0x7F7F7F7F7F7F7F7F)
CASE: Final = np.uint64(0x2020202020202020)
#: Added to a byte below 0x80 they set its top bit from `a`, beyond `z`, from `0`, beyond `9`.
FROM_A: Final = np.uint64(0x1F1F1F1F1F1F1F1F)
PAST_Z: Final = np.uint64(0x0505050505050505)
FROM_0: Final = np.uint64(0x5050505050505050)
PAST_9: Final = np.uint64(0x4646464646464646)
#: Moves the lowest bit of each byte into the top byte, in order.
PACK: Final = np.uint64(0x0102040810204080)
DE_BRUIJN: Final = np.uint64(0x03F79D71B4CB0A89)

ONE: Final = np.uint64(1)
EIGHT: Final = np.uint64(8)
BLOCK: Final = np.uint64(64)


def _lowest_bits() -> Words:
    """Returns the place of the only bit of a number, by its product with `DE_BRUIJN`."""
    table = np.zeros(64, np.uint64)
    for place in range(64):
        table[((1 << place) * int(DE_BRUIJN) & _FULL) >> 58] = place
    return table


#: Place of the lowest bit of a byte, 8 where there is none.
LOWEST_OF_BYTE: Final = np.array([8, *((i & -i).bit_length() - 1 for i in range(1, 256))], np.uint64)
LOWEST: Final = _lowest_bits()


def word_hash(word: str) -> int:
    """Returns the hash of a word of lower-case ASCII letters and digits."""
    data = word.encode("ascii")
    chunks = [int.from_bytes(data[at : at + 8], "little") for at in range(0, len(data), 8)]
    if len(data) % 8 == 0:
        chunks.append(0)
    value = chunks[0] * _SPREAD & _FULL
    for chunk in chunks[1:]:
        value = (value ^ value >> 32 ^ chunk) * _SPREAD & _FULL
    return value


def pair_hash(first: int, second: int) -> int:
    """Returns the hash of two words in a row from theirs."""
    return (first >> 1 ^ second) * _SPREAD & _FULL


@inlined
def _load(text: Words, at: np.uint64) -> np.uint64:
    """Returns the eight bytes from byte `at` on."""
    index, shift = at >> np.uint64(3), (at & np.uint64(7)) << np.uint64(3)
    found: np.uint64 = text[index] >> shift | (text[index + ONE] << ONE) << (np.uint64(63) - shift)
    return found


@inlined
def _inside(lower: np.uint64) -> np.uint64:
    """Returns the top bit of each byte that is a letter or a digit."""
    low = lower & LOW
    return ((low + FROM_A) & ~(low + PAST_Z) | (low + FROM_0) & ~(low + PAST_9)) & ~lower & TOP


@inlined
def _block(text: Words, at: np.uint64, stop: np.uint64) -> np.uint64:
    """Returns a bit for each of the 64 bytes from `at` on that belongs to a word; none from `stop` on."""
    found = np.uint64(0)
    index, shift = at >> np.uint64(3), (at & np.uint64(7)) << np.uint64(3)
    here = text[index]
    for step in range(8):
        after = text[index + np.uint64(step + 1)]
        eight = here >> shift | (after << ONE) << (np.uint64(63) - shift)
        here = after
        found |= ((_inside(eight | CASE) >> np.uint64(7)) * PACK >> np.uint64(56)) << np.uint64(8 * step)
    return found & ((ONE << (stop - at)) - ONE) if stop - at < BLOCK else found


@inlined
def _bytes_before(bits: np.uint64) -> np.uint64:
    """Returns how many bytes lie before the lowest top bit that is set; one is."""
    return ((((bits & (~bits + ONE)) - ONE) & EACH) * EACH >> np.uint64(56)) - ONE


@inlined
def _first_bytes(lower: np.uint64, count: np.uint64) -> np.uint64:
    return lower & ((ONE << (count << np.uint64(3))) - ONE)


@inlined
def _long(text: Words, at: np.uint64, stop: np.uint64) -> tuple[np.uint64, np.uint64]:
    """Returns hash and end of the word at `at`, of any length."""
    value, begun = np.uint64(0), False
    while True:
        lower = _load(text, at) | CASE
        outside = _inside(lower) ^ TOP
        size = min(_bytes_before(outside) if outside else EIGHT, stop - at)
        if size < EIGHT:
            lower = _first_bytes(lower, size)
        value = (value ^ value >> np.uint64(32) ^ lower) * SPREAD if begun else lower * SPREAD
        at, begun = at + size, True
        if size < EIGHT:
            return value, at


@inlined
def _word(
    text: Words, block: np.uint64, at: np.uint64, place: np.uint64, stop: np.uint64
) -> tuple[np.uint64, np.uint64]:
    """Returns hash and end of the word at `at`, which is bit `place` of its block."""
    size = LOWEST_OF_BYTE[(~block >> place) & np.uint64(255)]
    if size < EIGHT:
        return _first_bytes(_load(text, at) | CASE, size) * SPREAD, at + size
    return _long(text, at, stop)


@inlined
def _slot(keys: Words, value: np.uint64, shift: np.uint64) -> np.int64:
    """Returns the slot of a hash in an open table, -1 where it is not in it."""
    slot = value >> shift
    while keys[slot] != 0:
        if keys[slot] == value:
            return np.int64(slot)
        slot = (slot + ONE) & np.uint64(keys.size - 1)
    return np.int64(-1)


@inlined
def _starts(block: np.uint64, carried: np.uint64) -> np.uint64:
    """Returns the bits where a word of three or more bytes starts; what lies beyond the block may belong to it."""
    second, third = block >> ONE | ONE << np.uint64(63), block >> np.uint64(2) | np.uint64(3) << np.uint64(62)
    return block & ~(block << ONE | carried) & second & third


@inlined
def _largest(counts: Ints, least: int) -> int:
    """Returns the index of the largest count if it is at least `least`, the first among equals, else 0; clears them."""
    best = 0
    for index in range(1, counts.size):
        if counts[index] > counts[best]:
            best = index
    enough = counts[best] >= least
    counts[:] = 0
    return best if enough else 0


@kernel
def find(
    text: Words, bounds: Ints, asked: NDArray[np.bool_], bloom: Bytes, keys: Words, groups: Words, topics: Bytes,
    roles: Bytes, n_topics: int, least: int,
) -> tuple[Words, Bytes]:  # fmt: skip
    """Looks the words of documents up; words of one or two characters are in no table.

    Args:
        text: UTF-8 of all documents, eight bytes a word, with `PADDING` words of zeros after it.
        bounds: Byte offset of each document and the end of the last, int64 [n + 1].
        asked: Which documents are looked at.
        bloom: 1 where the uppermost `BLOOM_BITS` bits of some word's hash are the index.
        keys: Hash of a word, or of two in a row, in each slot of an open table, 0 where it is free.
        groups: Bits of each slot's groups.
        topics: Topic of each slot's word, from 1; 0 for none.
        roles: Roles of each slot's word.
        n_topics: Number of topics.
        least: Words of a topic that make a document be about it.

    Returns:
        Bits of the groups that each document names, uint64 [n], and its topic: that of the most words, the first
        among equals, 0 for none, uint8 [n].
    """
    n, shift = bounds.size - 1, np.uint64(64 - np.int64(np.log2(keys.size)))
    found, about = np.zeros(n, np.uint64), np.zeros(n, np.uint8)
    counts = np.zeros(n_topics + 1, np.int64)
    for document in range(n):
        at, stop = np.uint64(bounds[document]), np.uint64(bounds[document + 1] if asked[document] else bounds[document])
        carried, before, ended, hits = np.uint64(0), np.uint64(0), np.uint64(0), np.uint64(0)
        while at < stop:
            block = _block(text, at, stop)
            starts = _starts(block, carried)
            carried = block >> np.uint64(63)
            while starts:
                lowest = starts & (~starts + ONE)
                starts ^= lowest
                place = LOWEST[lowest * DE_BRUIJN >> np.uint64(58)]
                value, end = _word(text, block, at + place, place, stop)
                slot = _slot(keys, value, shift) if bloom[value >> np.uint64(64 - BLOOM_BITS)] else np.int64(-1)
                if slot < 0:
                    continue
                hits |= groups[slot]
                counts[topics[slot]] += 1
                if before and ended + ONE == at + place:
                    pair = _slot(keys, (before >> ONE ^ value) * SPREAD, shift)
                    hits |= groups[pair] if pair >= 0 else np.uint64(0)
                before, ended = value if roles[slot] & STARTS else np.uint64(0), end
            at += BLOCK
        counts[0] = 0
        found[document], about[document] = hits, _largest(counts, least)
    return found, about


@inlined
def _settle(counts: Ints, likelihoods: NDArray[np.float64], out: NDArray[np.float64]) -> None:
    """Writes the proportions of a mixture that words are drawn from: collapsed variational Bayes, `CVB0`.

    Args:
        counts: Words of each row.
        likelihoods: Likelihood of a row's word in each part, [n_rows, n_parts].
        out: The proportions, [n_parts].
    """
    used = np.flatnonzero(counts)
    shares = np.empty((used.size, out.size))
    for turn in range(PASSES):
        fresh = np.zeros(out.size)
        for i in range(used.size):
            whole = 0.0
            for k in range(out.size):
                prior = 1.0 if turn == 0 else out[k] - shares[i, k] + ALPHA
                shares[i, k] = likelihoods[used[i], k] * prior
                whole += shares[i, k]
            for k in range(out.size):
                shares[i, k] /= whole
                fresh[k] += counts[used[i]] * shares[i, k]
        out[:] = fresh
    out /= out.sum()


@kernel
def blend(
    text: Words, bounds: Ints, asked: NDArray[np.bool_], keys: Words, rows: Bytes, likelihoods: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Tells in what proportions the words of documents come from the parts of a mixture.

    Args:
        text: As for `find`.
        bounds: As for `find`.
        asked: Which documents are looked at.
        keys: Hash of a word in each slot of an open table, 0 where it is free.
        rows: Row in `likelihoods` of each slot's word.
        likelihoods: Likelihood of a row's word in each part, [n_rows, n_parts]; a row adds up to 1.

    Returns:
        Proportions, float64 [n, n_parts]; NaN where a document was not asked about, or where fewer than `KNOWN` of
        its words are in the table.
    """
    n, shift = bounds.size - 1, np.uint64(64 - np.int64(np.log2(keys.size)))
    out = np.full((n, likelihoods.shape[1]), np.nan)
    for document in range(n):
        if not asked[document]:
            continue
        at, stop = np.uint64(bounds[document]), np.uint64(bounds[document + 1])
        carried, total, counts = np.uint64(0), 0, np.zeros(likelihoods.shape[0], np.int64)
        while at < stop:
            block = _block(text, at, stop)
            starts = block & ~(block << ONE | carried)
            carried = block >> np.uint64(63)
            while starts:
                lowest = starts & (~starts + ONE)
                starts ^= lowest
                place = LOWEST[lowest * DE_BRUIJN >> np.uint64(58)]
                slot = _slot(keys, _word(text, block, at + place, place, stop)[0], shift)
                total += 1
                if slot >= 0:
                    counts[rows[slot]] += 1
            at += BLOCK
        if total and counts.sum() >= KNOWN * total:
            _settle(counts, likelihoods, out[document])
    return out
