"""Amounts by a key that the corpus chooses: sources, languages, domains. Its values may be many, and hostile.

Up to `limit` keys are counted exactly. Past it the counts move to as many *buckets*, by a hash of the key, and every
bucket carries the name of one of its keys: that of the document with the lowest permanent random number in it, which
is a uniform draw among the bucket's documents. A key that holds most of its bucket, and any key that matters in a
corpus does, is so named with that probability; its amounts are then an upper bound, too high by what else fell into
the bucket (about 1/limit of the rest of the corpus). Which keys there are decides which form a state has, and every
part of it is a sum or a minimum, so the order of merging changes nothing. (Space-saving counters, the usual answer,
depend on the order.)

State: {"exact": {SERIES: {KEY: [documents, words, bytes, draw]}}} up to the limit, else
{"buckets": {SERIES: {BUCKET: [documents, words, bytes, draw, KEY]}}}, with `draw` the lowest 32-bit number. The
series "seen" holds every key.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from tamis.interventions.measures.base import State

__all__ = ["Keyed", "merge_keyed", "rows"]

SEEN: Final = "seen"
_LONGEST: Final = 200
_NEVER: Final = 2**32

Entry = list[Any]


class Keyed:
    """Adds amounts up by key, in several series."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._codes: dict[str, int] = {}
        self._names: list[str] = []
        self._series: dict[str, _Series] = {}
        self._collapsed: State = {}

    def codes(self, keys: Sequence[str]) -> NDArray[np.intp]:
        """Returns a number for each key, intp [n], to be given to `add` of the same batch."""
        different = dict.fromkeys(keys)
        found = {key: self._codes[key] if key in self._codes else self._new(key) for key in different}
        return np.fromiter(map(found.__getitem__, keys), np.intp, len(keys))

    def _new(self, key: str) -> int:
        name = _clean(key)
        code = self._codes.get(name)
        if code is None:
            code = self._codes[name] = len(self._names)
            self._names.append(name)
        return code

    def add(self, series: str, codes: NDArray[np.intp], amounts: NDArray[np.int64], draws: NDArray[np.int64]) -> None:
        """Adds amounts, int64 [n, 3], and the documents' random numbers, int64 [n] below 2**32, to a series."""
        if codes.size:
            self._series.setdefault(series, _Series()).add(codes, amounts, draws, len(self._names))

    def flush(self) -> None:
        """Bounds the memory between batches: past a multiple of the limit, keys move to buckets."""
        if len(self._names) > 8 * self._limit:
            self._collapsed = self.state()
            self._codes, self._names, self._series = {}, [], {}

    def state(self) -> State:
        """Returns the state so far."""
        exact = {name: one.entries(self._names) for name, one in self._series.items()}
        return merge_keyed([self._collapsed, {"exact": exact}] if exact else [self._collapsed], self._limit)


class _Series:
    """Amounts and lowest draws by code, growing."""

    def __init__(self) -> None:
        self._amounts = np.zeros((64, 3), dtype=np.int64)
        self._draws = np.full(64, _NEVER, dtype=np.int64)

    def add(self, codes: NDArray[np.intp], amounts: NDArray[np.int64], draws: NDArray[np.int64], size: int) -> None:
        if size > len(self._draws):
            more = max(size, 2 * len(self._draws)) - len(self._draws)
            self._amounts = np.concatenate([self._amounts, np.zeros((more, 3), dtype=np.int64)])
            self._draws = np.concatenate([self._draws, np.full(more, _NEVER, dtype=np.int64)])
        for unit in range(3):
            np.add.at(self._amounts[:, unit], codes, amounts[:, unit])
        np.minimum.at(self._draws, codes, draws)

    def entries(self, names: Sequence[str]) -> dict[str, Entry]:
        filled = np.flatnonzero(self._draws < _NEVER).tolist()
        columns = np.column_stack([self._amounts, self._draws])[filled].tolist()
        return {names[code]: entry for code, entry in zip(filled, columns, strict=True)}


def _clean(key: str) -> str:
    """Shortens a key, and replaces what has no UTF-8."""
    return key[:_LONGEST].encode("utf-8", "replace").decode()


def merge_keyed(states: Iterable[State], limit: int) -> State:
    """Merges states of `Keyed` objects of one limit, in any order."""
    exact: dict[str, dict[str, Entry]] = {}
    buckets: dict[str, dict[str, Entry]] = {}
    for state in states:
        for series, entries in state.get("exact", {}).items():
            _fold(exact.setdefault(series, {}), entries)
        for series, entries in state.get("buckets", {}).items():
            _fold(buckets.setdefault(series, {}), entries)
    if not buckets and len(exact.get(SEEN, {})) <= limit:
        return {"exact": exact} if exact else {}
    for series, entries in exact.items():
        into = buckets.setdefault(series, {})
        for key, entry in entries.items():
            _fold(into, {str(zlib.crc32(key.encode()) % limit): [*entry, key]})
    return {"buckets": buckets}


def _fold(into: dict[str, Entry], entries: Mapping[str, Entry]) -> None:
    for key, (documents, words, size, *drawn) in entries.items():
        before = into.get(key)
        if before is None:
            into[key] = [documents, words, size, *drawn]
        else:
            into[key] = [before[0] + documents, before[1] + words, before[2] + size, *min(before[3:], drawn)]


def rows(state: State, series: str) -> dict[str, tuple[str, tuple[int, int, int]]]:
    """Returns (name, amounts) of each key or bucket of a series."""
    if "buckets" in state:
        found = state["buckets"].get(series, {}).items()
        return {bucket: (entry[4], tuple(entry[:3])) for bucket, entry in found}
    return {key: (key, tuple(entry[:3])) for key, entry in state.get("exact", {}).get(series, {}).items()}
