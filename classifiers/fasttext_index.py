"""The two tables that scoring searches: words by key, and the buckets that a pruned model kept.

Both are open-addressing tables at most half full, so that a search ends after a slot or two.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tamis.classifiers.compiled import inlined, kernel
from tamis.classifiers.fasttext_words import hash_between, key_between

__all__ = ["find_bucket", "find_word", "home", "index_buckets", "index_words", "number_of"]

Bytes = NDArray[np.uint8]
Ints = NDArray[np.int64]
Int32s = NDArray[np.int32]
UInt64s = NDArray[np.uint64]


@kernel
def index_words(entries: Bytes, start: Ints, closing: int) -> UInt64s:
    """Builds the table of words.

    Args:
        entries: Dictionary entries, one after another.
        start: Offset of each entry and the end of the last.
        closing: Bytes of each entry after its word.

    Returns:
        (key, the library's hash · 2**32 + number of the entry + 1) in each slot, 0 where it is free, uint64
        [2**k, 2]. Of two equal words the later wins, as in the library.
    """
    capacity = 64
    while capacity < 2 * start.size:
        capacity *= 2
    slots = np.zeros((capacity, 2), np.uint64)
    for entry in range(start.size - 1):
        first, last = start[entry], start[entry + 1] - closing
        key = key_between(entries, entries.ctypes.data, first, last)
        slot = home(key, slots)
        while slots[slot, 1] != 0 and slots[slot, 0] != key:
            slot = (slot + np.uint64(1)) & np.uint64(capacity - 1)
        number, word = np.uint64(entry + 1), np.uint64(np.uint32(hash_between(entries, first, last)))
        slots[slot, 0], slots[slot, 1] = key, number | word << np.uint64(32)
    return slots


@inlined
def home(key: np.uint64, slots: UInt64s) -> np.uint64:
    """Returns the slot where the search for a key starts."""
    return (key >> np.uint64(32)) & np.uint64(slots.shape[0] - 1)


@inlined
def find_word(key: np.uint64, slots: UInt64s) -> tuple[np.int64, np.int32]:
    """Returns the number of the entry with this key, -1 where there is none, and its word's hash."""
    slot = home(key, slots)
    while slots[slot, 1] != 0:
        if slots[slot, 0] == key:
            found = slots[slot, 1]
            return np.int64(found & np.uint64(0xFFFFFFFF)) - 1, np.int32(found >> np.uint64(32))
        slot = (slot + np.uint64(1)) & np.uint64(slots.shape[0] - 1)
    return np.int64(-1), np.int32(0)


@kernel
def number_of(word: Bytes, slots: UInt64s) -> np.int64:
    """Returns the number of a word's entry, -1 where there is none."""
    return find_word(key_between(word, word.ctypes.data, 0, word.size), slots)[0]


@kernel
def index_buckets(pairs: Int32s) -> Int32s:
    """Builds the table of kept buckets.

    Args:
        pairs: (bucket, row after those of the words), int32 [n, 2].

    Returns:
        (bucket + 1, row) in each slot, 0 where it is free, int32 [2**k, 2].
    """
    capacity = 64
    while capacity < 2 * pairs.shape[0]:
        capacity *= 2
    kept = np.zeros((capacity, 2), np.int32)
    for i in range(pairs.shape[0]):
        slot = pairs[i, 0] & (capacity - 1)
        while kept[slot, 0] != 0:
            slot = (slot + 1) & (capacity - 1)
        kept[slot, 0], kept[slot, 1] = pairs[i, 0] + 1, pairs[i, 1]
    return kept


@inlined
def find_bucket(bucket: np.int64, kept: Int32s) -> np.int64:
    """Returns the row of a bucket, counted after those of the words; -1 where it was not kept."""
    slot = bucket & (kept.shape[0] - 1)
    while kept[slot, 0] != 0:
        if kept[slot, 0] == bucket + 1:
            return np.int64(kept[slot, 1])
        slot = (slot + 1) & (kept.shape[0] - 1)
    return np.int64(-1)
