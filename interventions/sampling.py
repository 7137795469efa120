"""Permanent random numbers: every random choice is a function of a document's id and a salt.

A choice made by hash is the same on every machine, in every batch and after every retry, and the samples of two
interventions, or of two refreshes of a corpus, overlap as much as they can (coordinated samples, Ohlsson 1995). A
different salt for each purpose keeps the purposes independent.

The chain is: id --BLAKE2b, 8 bytes, big-endian--> key --xor with the salt's key, SplitMix64 finaliser--> priority.
"""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Iterable, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

__all__ = ["Entry", "Keys", "bottom", "keys", "level_for", "merge_bottom", "priorities", "sampled", "uniforms"]

Keys = NDArray[np.uint64]

#: (priority, item): an entry of a bottom-k sample; items are JSON values that compare (ids, or lists that begin so).
Entry = list[Any]

_MULTIPLIERS: Final = (np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB))
_SHIFTS: Final = (np.uint64(30), np.uint64(27), np.uint64(31))


def keys(ids: Iterable[str]) -> Keys:
    """Hashes ids to 64-bit keys, uint64 [n]."""
    digests = [hashlib.blake2b(one.encode("utf-8", "surrogatepass"), digest_size=8).digest() for one in ids]
    return np.frombuffer(b"".join(digests), dtype=">u8").astype(np.uint64)


@functools.lru_cache(maxsize=256)
def _salt_key(salt: str) -> np.uint64:
    return np.uint64(keys([salt])[0])


def priorities(document_keys: Keys, salt: str) -> Keys:
    """Returns a uniform 64-bit number for each key, uint64 [n]; another salt gives independent ones.

    The mixing is the finaliser of SplitMix64 (Steele, Lea and Flood 2014).
    """
    mixed = document_keys ^ _salt_key(salt)
    mixed = (mixed ^ (mixed >> _SHIFTS[0])) * _MULTIPLIERS[0]
    mixed = (mixed ^ (mixed >> _SHIFTS[1])) * _MULTIPLIERS[1]
    return np.asarray(mixed ^ (mixed >> _SHIFTS[2]), dtype=np.uint64)


def uniforms(document_keys: Keys, salt: str) -> NDArray[np.float64]:
    """Returns a number in [0, 1) for each key, float64 [n], from the top 53 bits of its priority."""
    return np.asarray((priorities(document_keys, salt) >> np.uint64(11)) * 2.0**-53, dtype=np.float64)


def sampled(document_keys: Keys, salt: str, level: int) -> NDArray[np.bool_]:
    """Says which documents are in the sample of rate 2**-level, bool [n].

    The samples are nested: a document of level 5 is in levels 0 to 4 too, so a sample that has to shrink as the
    corpus grows keeps the documents (and the labels) that it has.

    Args:
        document_keys: Keys of the documents.
        salt: Salt of the purpose.
        level: From 0 (every document) to 63.
    """
    if level == 0:
        return np.ones(len(document_keys), dtype=np.bool_)
    return np.asarray(priorities(document_keys, salt) >> np.uint64(64 - level) == 0)


def level_for(total: int, wanted: int) -> int:
    """Returns the smallest level whose sample of `total` documents is expected to hold at most `wanted`."""
    level = 0
    while total > wanted << level and level < 63:
        level += 1
    return level


def bottom(k: int, numbers: Keys, items: Sequence[Any], entries: Iterable[Entry] = ()) -> list[Entry]:
    """Adds items to a bottom-k sample: the k lowest priorities, a uniform sample without replacement.

    Args:
        k: Size of the sample.
        numbers: Priorities of the new items, uint64 [n].
        items: The new items; only those that get in are looked at.
        entries: The sample so far.

    Returns:
        At most k entries, sorted by (priority, item), each once.
    """
    lowest = np.argpartition(numbers, k)[:k].tolist() if len(numbers) > k else range(len(numbers))
    if len(numbers) > k and np.unique(numbers[lowest]).size < k:
        # An id that stands twice counts once, and leaves room for the next.
        lowest = range(len(numbers))
    return merge_bottom(k, entries, ([int(numbers[i]), items[i]] for i in lowest))


def merge_bottom(k: int, left: Iterable[Entry], right: Iterable[Entry]) -> list[Entry]:
    """Merges two bottom-k samples, in any order and any number of times (a retried shard changes nothing)."""
    merged: list[Entry] = []
    for entry in sorted((*left, *right)):
        if not merged or entry != merged[-1]:
            merged.append(entry)
    return merged[:k]
