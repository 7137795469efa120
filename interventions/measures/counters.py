"""States as nested counts: dicts of dicts whose leaves are integers, or lists of integers that add element by element.

A count of 0 is left out and an absent count is 0, so equal counts have one state however they were added up.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tamis.interventions.measures.base import State

__all__ = ["dense", "sparse", "strip", "total"]


def total(states: Iterable[State]) -> State:
    """Adds any number of states up. The states stay as they are.

    Counts that may be negative can add up to 0; `strip` such parts.
    """
    parts: dict[str, list[Any]] = {}
    for state in states:
        for key, value in state.items():
            parts.setdefault(key, []).append(value)
    return {key: _sum(values) for key, values in parts.items()}


def _sum(values: list[Any]) -> Any:
    """Adds counts, lists or states up; most of the time that merging receipts takes is spent in these lists."""
    if values[0].__class__ is int:
        return sum(values)
    return list(map(sum, zip(*values, strict=True))) if isinstance(values[0], list) else total(values)


def strip(state: Mapping[str, Any]) -> State:
    """Leaves out what is 0: counts, lists of zeros, and dicts of nothing else."""
    found: State = {}
    for key, value in state.items():
        kept = strip(value) if isinstance(value, dict) else value
        if any(kept) if isinstance(kept, list) else kept:
            found[key] = kept
    return found


def sparse(counts: NDArray[np.int64]) -> dict[str, int]:
    """Returns the counts that are not 0, by index."""
    filled = np.flatnonzero(counts)
    return dict(zip(map(str, filled.tolist()), counts[filled].tolist(), strict=True))


def dense(state: Mapping[str, int], size: int) -> NDArray[np.int64]:
    """Returns counts by index as an array, int64 [size]."""
    counts = np.zeros(size, dtype=np.int64)
    counts[np.fromiter(map(int, state), np.intp, len(state))] = list(state.values())
    return counts
