"""Strata: source by length, so that like is compared with like.

What a filter removes differs by source and by length, and so does what documents talk about. A comparison within
strata, or a random removal within strata, takes that difference out. Sources share `BUCKETS` buckets by a hash of
their name: a corpus of more sources is compared more coarsely, and no corpus can fill the state.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from tamis.interventions.batch import Batch
from tamis.interventions.measures import lengths

__all__ = ["COUNT", "dense", "sparse", "strata"]

_SOURCES: Final = 32
_LENGTHS: Final = len(lengths.BUCKETS)

#: Number of strata.
COUNT: Final = _SOURCES * _LENGTHS

Counts = NDArray[np.int64]


def strata(batch: Batch) -> NDArray[np.int64]:
    """Returns the stratum of each document, int64 [n] below `COUNT`."""
    return batch.once("strata", _strata)


def _strata(batch: Batch) -> NDArray[np.int64]:
    bucket = {one: zlib.crc32(one.encode("utf-8", "replace")) % _SOURCES for one in set(batch.sources)}
    found = np.fromiter(map(bucket.__getitem__, batch.sources), np.int64, len(batch))
    return np.asarray(found * _LENGTHS + lengths.bucket(batch.words), np.int64)


def sparse(counts: Counts) -> dict[str, list[int]]:
    """Returns counts by stratum, int64 [COUNT, k], as one list for each bucket of sources that holds any."""
    by_source = counts.reshape(_SOURCES, -1)
    return {str(bucket): by_source[bucket].tolist() for bucket in np.flatnonzero(by_source.any(axis=1)).tolist()}


def dense(state: Mapping[str, Any], width: int) -> Counts:
    """Returns counts by stratum, int64 [COUNT, width]; see `sparse`."""
    counts = np.zeros((_SOURCES, _LENGTHS * width), np.int64)
    for bucket, values in state.items():
        counts[int(bucket)] = values
    return counts.reshape(COUNT, width)
