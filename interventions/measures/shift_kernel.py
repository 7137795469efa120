"""Counting hashed words by document in machine code."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from tamis.classifiers.compiled import inlined, kernel

__all__ = ["BUCKETS", "tally"]

#: Buckets of the hashed vocabulary, a power of two.
BUCKETS: Final = 1024
BITS: Final = np.uint64(10)

BASIS: Final = np.uint64(0xCBF29CE484222325)
PRIME: Final = np.uint64(0x100000001B3)

Ints = NDArray[np.int64]
Hashes = NDArray[np.uint64]


@inlined
def _mixed(value: np.uint64) -> np.uint64:
    """The finaliser of MurmurHash3, 64 bits: every bit of the result depends on every bit of the value."""
    value = (value ^ value >> np.uint64(33)) * np.uint64(0xFF51AFD7ED558CCD)
    value = (value ^ value >> np.uint64(33)) * np.uint64(0xC4CEB9FE1A85EC53)
    return value ^ value >> np.uint64(33)


@kernel
def tally(
    data: NDArray[np.uint8],
    bounds: Ints,
    document: Ints,
    chosen: NDArray[np.bool_],
    lost: NDArray[np.uint64],
    n_lost: int,
    below: np.uint64,
    sums: Ints,
    gone: Ints,
) -> tuple[Ints, Hashes, Ints, Hashes]:
    """Counts the words of documents, a word being a run of bytes above 0x20.

    Args:
        data: Normalised passages in UTF-8, uint8.
        bounds: Byte offset of each passage, and the end of the last, int64 [n_passages + 1].
        document: First passage of each document, and the number of passages, int64 [n + 1].
        chosen: Which documents count, bool [n].
        lost: Bit k says that intervention k takes the passage out, uint64 [n_passages].
        n_lost: Number of interventions.
        below: Words whose hash is below it are listed.
        sums: Updated by bucket: occurrences, their squares by document, and occurrences times the document's length;
            int64 [3, BUCKETS].
        gone: Updated: occurrences that each intervention takes out, by bucket, int64 [n_lost, BUCKETS].

    Returns:
        Words of each document, 0 where it does not count, int64 [n]; and of each listed occurrence the hash, the
        document and the `lost` bits.
    """
    n = document.size - 1
    lengths, mine = np.zeros(n, np.int64), np.zeros(BUCKETS, np.int64)
    touched = np.empty(BUCKETS, np.int64)
    hashes, owners, bits = np.empty(1024, np.uint64), np.empty(1024, np.int64), np.empty(1024, np.uint64)
    listed = 0
    for doc in range(n):
        if not chosen[doc]:
            continue
        n_touched = 0
        for passage in range(document[doc], document[doc + 1]):
            at, stop, out = bounds[passage], bounds[passage + 1], lost[passage]
            while at < stop:
                if data[np.uintp(at)] <= 32:
                    at += 1
                    continue
                value = BASIS
                while at < stop and data[np.uintp(at)] > 32:
                    value = (value ^ np.uint64(data[np.uintp(at)])) * PRIME
                    at += 1
                value = _mixed(value)
                bucket = np.int64(value & np.uint64(BUCKETS - 1))
                if mine[bucket] == 0:
                    touched[n_touched] = bucket
                    n_touched += 1
                mine[bucket] += 1
                lengths[doc] += 1
                if out:
                    for k in range(n_lost):
                        gone[k, bucket] += np.int64(out >> np.uint64(k) & np.uint64(1))
                key = value >> BITS
                if key < below:
                    if listed == hashes.size:
                        hashes = np.concatenate((hashes, np.empty(listed, np.uint64)))
                        owners = np.concatenate((owners, np.empty(listed, np.int64)))
                        bits = np.concatenate((bits, np.empty(listed, np.uint64)))
                    hashes[listed], owners[listed], bits[listed] = key, doc, out
                    listed += 1
        for i in range(n_touched):
            bucket = touched[i]
            sums[0, bucket] += mine[bucket]
            sums[1, bucket] += mine[bucket] * mine[bucket]
            sums[2, bucket] += mine[bucket] * lengths[doc]
            mine[bucket] = 0
    return lengths, hashes[:listed].copy(), owners[:listed].copy(), bits[:listed].copy()
