"""Hashed n-grams in machine code: the features of linear models, and the terms of word lists.

Every number here is part of the format of a linear bundle: a change makes trained weights meaningless.

- A *token* is a run of bytes above 0x20. Its hash takes eight bytes at a time, the last ones of a token as they are,
  as a big-endian number w: `h = (h ^ w) * CHAIN; h ^= h >> 32`, from `TOKEN`, modulo 2**64.
- A *word n-gram* is n tokens in a row. Its hash is that of the first token for n = 1; for more, that of the n-gram
  without its last token, times `CHAIN`, plus the last token's hash.
- A *character n-gram* is n characters (UTF-8) in a row of a token between `<` and `>`. Its hash is FNV-1a, 64 bits,
  over its bytes, from `CHARACTERS`.
- The *bucket* of a hash is the uppermost bits of its murmur finaliser (`fmix64`), `bits` of them.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from tamis.classifiers.compiled import inlined, kernel

__all__ = ["MAX_WORDS", "features", "hashes", "score", "strongest"]

Bytes = NDArray[np.uint8]
Ints = NDArray[np.int64]
Hashes = NDArray[np.uint64]
Floats = NDArray[np.float32]

#: Most tokens of a word n-gram, and of a term in a word list.
MAX_WORDS: Final = 5

TOKEN: Final = np.uint64(0xCBF29CE484222325)
CHAIN: Final = np.uint64(0x9E3779B97F4A7C15)
CHARACTERS: Final = np.uint64(0x9AE16A3B2F90404F)
PRIME: Final = np.uint64(0x100000001B3)
OPEN: Final = np.uint64(0x3C)
CLOSE: Final = np.uint64(0x3E)


@inlined
def _bucket(value: np.uint64, bits: int) -> np.uint64:
    value = (value ^ value >> np.uint64(33)) * np.uint64(0xFF51AFD7ED558CCD)
    value = (value ^ value >> np.uint64(33)) * np.uint64(0xC4CEB9FE1A85EC53)
    return (value ^ value >> np.uint64(33)) >> np.uint64(64 - bits)


@inlined
def _mix(value: np.uint64, word: np.uint64) -> np.uint64:
    value = (value ^ word) * CHAIN
    return value ^ value >> np.uint64(32)


@inlined
def _tokens(data: Bytes, start: int, stop: int, values: Hashes, spans: Ints, names: Hashes) -> int:
    """Lists the tokens of `data[start:stop]` and returns their number.

    Args:
        data: Normalised passages.
        start: First byte of the passage.
        stop: Its end.
        values: Output, hash of each token.
        spans: Output, start and end of each token, [room, 2].
        names: Output, the first eight bytes of each token and the next eight, [room, 2]; 0 where there are none.
    """
    n, at = 0, start
    while at < stop:
        if data[np.uintp(at)] <= 32:
            at += 1
            continue
        value, word, first, full = TOKEN, np.uint64(0), at, 0
        names[n, 1] = 0
        while at < stop and data[np.uintp(at)] > 32:
            word = word << np.uint64(8) | np.uint64(data[np.uintp(at)])
            at += 1
            if (at - first) & 7 == 0:
                value = _mix(value, word)
                names[n, min(full, 1)] = word
                word, full = np.uint64(0), full + 1
        if word:
            value = _mix(value, word)
            names[n, min(full, 1)] = word
        values[n], spans[n, 0], spans[n, 1] = value, first, at
        n += 1
    return n


@inlined
def _marked(data: Bytes, start: int, stop: int, at: int) -> np.uint64:
    """Returns byte `at` of the token in `data[start:stop]` between `<` (at start - 1) and `>` (from stop on)."""
    return OPEN if at < start else CLOSE if at >= stop else np.uint64(data[np.uintp(at)])


@inlined
def _continues(byte: np.uint64) -> bool:
    return bool(byte & np.uint64(0xC0) == np.uint64(0x80))


@inlined
def _characters(data: Bytes, start: int, stop: int, low: int, high: int, bits: int, out: Hashes) -> int:
    """Writes the buckets of a token's character n-grams to `out`, and returns their number."""
    n = 0
    for first in range(start - 1, stop + 1):
        if _continues(_marked(data, start, stop, first)):
            continue
        value, size, at = CHARACTERS, 0, first
        while at <= stop and size < high:
            value = (value ^ _marked(data, start, stop, at)) * PRIME
            at += 1
            while _continues(_marked(data, start, stop, at)):
                value = (value ^ _marked(data, start, stop, at)) * PRIME
                at += 1
            size += 1
            if size >= low:
                out[n] = _bucket(value, bits)
                n += 1
    return n


@inlined
def _alone(data: Bytes, span: Ints, token: np.uint64, words: Ints, characters: Ints, bits: int, out: Hashes) -> int:
    """Writes the buckets that a token has by itself, its word and its characters; returns their number."""
    n = _characters(data, span[0], span[1], characters[0], characters[1], bits, out)
    if words[0] == 1 and words[1] > 0:
        out[n] = _bucket(token, bits)
        n += 1
    return n


@inlined
def _chain(values: Hashes, grams: Hashes, n_tokens: int, size: int) -> None:
    """Turns `grams`, the word n-grams of size - 1 by their last token, into those of `size`; first call: size 1."""
    for i in range(n_tokens - 1, size - 2, -1):
        grams[i] = values[i] if size == 1 else grams[i - 1] * CHAIN + values[i]


@inlined
def _longest(bounds: Ints) -> int:
    longest = 0
    for passage in range(bounds.size - 1):
        longest = max(longest, bounds[passage + 1] - bounds[passage])
    return longest


@kernel
def features(data: Bytes, bounds: Ints, words: Ints, characters: Ints, bits: int) -> tuple[NDArray[np.int32], Ints]:
    """Lists the buckets of the n-grams of each passage, with repetitions.

    Args:
        data: Normalised passages in UTF-8, uint8.
        bounds: Byte offset of each passage and the end of the last, int64 [n + 1].
        words: Smallest and largest word n-gram, int64 [2]; (1, 0) for none.
        characters: Smallest and largest character n-gram, int64 [2]; (1, 0) for none.
        bits: Binary logarithm of the number of buckets.

    Returns:
        Buckets, int32 [n_features], and where those of each passage start, int64 [n + 1].
    """
    room = _longest(bounds) + 2
    values, grams, names = np.empty(room, np.uint64), np.empty(room, np.uint64), np.empty((room, 2), np.uint64)
    spans = np.empty((room, 2), np.int64)
    alone = np.empty(room * (characters[1] + 1), np.uint64)
    out, n, ends = np.empty(4 * data.size + 64, np.int32), 0, np.zeros(bounds.size, np.int64)
    for passage in range(bounds.size - 1):
        n_tokens = _tokens(data, bounds[passage], bounds[passage + 1], values, spans, names)
        most = room * (characters[1] + 1 + words[1])
        if n + most > out.size:
            out = np.concatenate((out, np.empty(out.size + most, np.int32)))
        for i in range(n_tokens):
            for j in range(_alone(data, spans[i], values[i], words, characters, bits, alone)):
                out[n] = alone[j]
                n += 1
        for size in range(1, min(words[1], n_tokens) + 1):
            _chain(values, grams, n_tokens, size)
            for i in range(size - 1, n_tokens if size >= max(words[0], 2) else 0):
                out[n] = _bucket(grams[i], bits)
                n += 1
        ends[passage + 1] = n
    return out[:n].copy(), ends


@kernel
def score(
    data: Bytes,
    bounds: Ints,
    words: Ints,
    characters: Ints,
    weights: NDArray[np.int8],
    keys: Hashes,
    kept: NDArray[np.int32],
) -> tuple[NDArray[np.int32], Ints]:
    """Adds up the weights of the n-grams of each passage.

    What a token adds by itself, its word and its characters, is kept: most tokens are repetitions. A token is known
    again by its bytes, up to 16, not by its hash: a text made to collide cannot change what another text scores.

    Args:
        data: Normalised passages in UTF-8, uint8; fewer than 2**24 n-grams in each.
        bounds: Byte offset of each passage and the end of the last, int64 [n + 1].
        words: Smallest and largest word n-gram, int64 [2]; (1, 0) for none.
        characters: Smallest and largest character n-gram, int64 [2]; (1, 0) for none.
        weights: int8 [2**bits, width].
        keys: Names of the tokens kept so far, uint64 [power of two, 2]; zeros at first. Updated.
        kept: The sums of their weights, then their number of n-grams, int32 [n_keys, width + 1]. Updated.

    Returns:
        Sums of the weights, int32 [n, width], and the number of n-grams of each passage, int64 [n].
    """
    n, width, room = bounds.size - 1, weights.shape[1], _longest(bounds) + 2
    bits = int(np.log2(weights.shape[0]))
    values, grams, names = np.empty(room, np.uint64), np.empty(room, np.uint64), np.empty((room, 2), np.uint64)
    spans = np.empty((room, 2), np.int64)
    alone = np.empty(room * (characters[1] + 1), np.uint64)
    sums, counts = np.zeros((n, width), np.int32), np.zeros(n, np.int64)
    for passage in range(n):
        n_tokens = _tokens(data, bounds[passage], bounds[passage + 1], values, spans, names)
        total = sums[passage]
        for i in range(n_tokens):
            slot = values[i] & np.uint64(keys.shape[0] - 1)
            long = spans[i, 1] - spans[i, 0] > 16
            if long or keys[slot, 0] != names[i, 0] or keys[slot, 1] != names[i, 1]:
                found = _alone(data, spans[i], values[i], words, characters, bits, alone)
                keys[slot] = names[i]
                if long:
                    keys[slot] = 0  # its name is not all of it
                kept[slot] = 0
                kept[slot, width] = found
                for j in range(found):
                    for k in range(width):
                        kept[slot, k] += weights[alone[j], k]
            for k in range(width):
                total[k] += kept[slot, k]
            counts[passage] += kept[slot, width]
        for size in range(1, min(words[1], n_tokens) + 1):
            _chain(values, grams, n_tokens, size)
            if size < max(words[0], 2):
                continue
            counts[passage] += n_tokens - size + 1
            for i in range(size - 1, n_tokens):
                row = _bucket(grams[i], bits)
                for k in range(width):
                    total[k] += weights[row, k]
    return sums, counts


@kernel
def hashes(data: Bytes, bounds: Ints) -> tuple[Hashes, Ints]:
    """Returns the hash of each text taken as one word n-gram, uint64 [n], and its number of tokens, int64 [n]."""
    n, room = bounds.size - 1, _longest(bounds) + 1
    values, names = np.empty(room, np.uint64), np.empty((room, 2), np.uint64)
    spans = np.empty((room, 2), np.int64)
    out, sizes = np.zeros(n, np.uint64), np.zeros(n, np.int64)
    for text in range(n):
        sizes[text] = _tokens(data, bounds[text], bounds[text + 1], values, spans, names)
        for i in range(sizes[text]):
            out[text] = out[text] * CHAIN + values[i]
    return out, sizes


@kernel
def strongest(
    data: Bytes, bounds: Ints, longest: int, slots: Hashes, rows: NDArray[np.int32], severities: Floats
) -> Floats:
    """Finds the severest term of a word list in each passage.

    Args:
        data: Normalised passages in UTF-8, uint8.
        bounds: Byte offset of each passage and the end of the last, int64 [n + 1].
        longest: Most tokens of a term.
        slots: Hash of a term in each slot of an open table, 0 where it is free, uint64 [power of two].
        rows: Row in `severities` of each slot's term, int32 [n_slots].
        severities: Severity of each term for each category, 0 for none, float32 [n_terms, n_categories].

    Returns:
        Severity of the severest term, 0 for none, float32 [n, n_categories].
    """
    n, room, mask = bounds.size - 1, _longest(bounds) + 1, np.uint64(slots.size - 1)
    values, grams, names = np.empty(room, np.uint64), np.empty(room, np.uint64), np.empty((room, 2), np.uint64)
    spans = np.empty((room, 2), np.int64)
    out = np.zeros((n, severities.shape[1]), np.float32)
    for passage in range(n):
        n_tokens = _tokens(data, bounds[passage], bounds[passage + 1], values, spans, names)
        for size in range(1, min(longest, n_tokens) + 1):
            _chain(values, grams, n_tokens, size)
            for i in range(size - 1, n_tokens):
                slot = grams[i] & mask
                while slots[slot] != 0 and slots[slot] != grams[i]:
                    slot = (slot + np.uint64(1)) & mask
                if slots[slot] != 0:
                    for k in range(out.shape[1]):
                        out[passage, k] = max(out[passage, k], severities[rows[slot], k])
    return out
