"""States as nested counts: dicts of dicts whose leaves are integers, or lists of integers that add element by element.

A count of 0 is left out and an absent count is 0, so equal counts have one state however they were added up.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from operator import add
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tamis.interventions.measures.base import State

__all__ = ["dense", "sparse", "strip", "total"]


def total(states: Iterable[State]) -> State:
    """Adds any number of states up. The states stay as they are.

    Counts that may be negative can add up to 0; `strip` such parts.
    """
    found: State = {}
    for state in states:
        _add(found, state)
    return found


def _add(into: State, other: Mapping[str, Any]) -> None:
    """Adds one state to another; the loop over counts is the time that merging receipts takes."""
    for key, value in other.items():
        if value.__class__ is int:
            into[key] = into[key] + value if key in into else value
        elif isinstance(value, list):
            into[key] = list(map(add, into[key], value)) if key in into else list(value)
        else:
            _add(into.setdefault(key, {}), value)


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
