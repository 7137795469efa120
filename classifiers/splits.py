"""Splits that near-duplicates cannot cross.

Public label sets repeat themselves: retweets, quoted comments, contrast sets, templates. A model that is
tested on a near-copy of what it was trained on is tested on nothing. Texts are grouped by MinHash over
character shingles (Broder 1997) with locality-sensitive banding, and a whole group goes to one split.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

import numpy as np
from numba import njit
from numpy.typing import NDArray

from tamis.classifiers.datasets import LabelledSet
from tamis.classifiers.errors import UsageError

__all__ = ["assign", "check", "decontaminate", "group", "words"]

_HASHES: Final = 32
_BAND: Final = 4
_SHINGLE: Final = 8
_SIMILAR: Final = 0.6
_NGRAM: Final = 8
_MARKS: Final = re.compile(r"[\W_]+")


def words(text: str) -> str:
    """Lower-case letters and digits, single spaces between: what near-duplicate detection looks at."""
    return " ".join(_MARKS.sub(" ", text.lower()).split())


def group(texts: Sequence[str], declared: Sequence[str] = ()) -> NDArray[np.int64]:
    """Groups near-duplicates.

    Args:
        texts: n texts.
        declared: Groups that are known already (templates, contrast sets), "" for none.

    Returns:
        Group of each text, int64 [n]: the lowest index of its members. Two texts are joined when their
        estimated Jaccard similarity over 8-byte shingles is at least 0.6 and a band of hashes agrees, or
        when their declared group is the same.
    """
    signatures = _signatures([(words(text) or text).encode("utf-8", "replace") for text in texts])
    parent = list(range(len(texts)))
    for low in range(0, _HASHES, _BAND):
        _join_bands(signatures, low, parent)
    seen: dict[str, int] = {}
    for i, name in enumerate(declared):
        if name:
            _union(parent, i, seen.setdefault(name, i))
    return np.array([_find(parent, i) for i in range(len(texts))], np.int64)


def assign(
    data: LabelledSet, fractions: Mapping[str, float], seed: int = 0, groups: NDArray[np.int64] | None = None
) -> NDArray[np.int64]:
    """Assigns each row to a split, near-duplicates together.

    Args:
        data: The rows.
        fractions: Share of each split, in order; they sum to 1.
        seed: Another seed gives another assignment.
        groups: Group of each row, if known already; otherwise `group` finds them.

    Returns:
        Index into `fractions` of each row, int64 [n]. It is a function of the text of the group's first row
        and the seed: adding a source moves no row of another.

    Raises:
        UsageError: The fractions do not sum to 1.
    """
    if not np.isclose(sum(fractions.values()), 1.0) or min(fractions.values()) <= 0:
        raise UsageError(f"split: found shares {dict(fractions)}, expected positive ones that sum to 1")
    groups = group(data.texts, data.groups) if groups is None else groups
    edges = np.cumsum(list(fractions.values()))[:-1]
    place = {int(g): _place(data.texts[g], seed) for g in np.unique(groups)}
    return np.searchsorted(edges, [place[int(g)] for g in groups], side="right").astype(np.int64)


def check(data: LabelledSet, split: str, needed: int = 5) -> None:
    """Refuses a split that cannot be learned from or measured on.

    Raises:
        UsageError: A category has fewer than `needed` positives or negatives in this split.
    """
    for j, category in enumerate(data.categories):
        column = data.labels[:, j]
        positive, negative = int((column == 1).sum()), int((column == 0).sum())
        if positive + negative == 0:
            raise UsageError(f"{split}: category {category} has no labelled row; add a source, or drop the category")
        if min(positive, negative) < needed:
            raise UsageError(
                f"{split}: category {category} has {positive} positive and {negative} negative rows, expected at "
                f"least {needed} of each; add labels, or give this split a larger share"
            )


def decontaminate(data: LabelledSet, held_out: Iterable[str]) -> NDArray[np.bool_]:
    """Which rows are free of held-out text.

    Args:
        data: Training rows.
        held_out: Texts that are kept for evaluation.

    Returns:
        bool [n]: False where a row shares a run of 8 words with a held-out text, or all its words when the
        held-out text has fewer than 8.
    """
    runs: set[str] = set()
    whole: set[str] = set()
    for text in held_out:
        tokens = words(text).split()
        whole.add(" ".join(tokens))
        runs.update(_runs(tokens))
    return np.array([not _touches(text, runs, whole) for text in data.texts], bool)


def _touches(text: str, runs: set[str], whole: set[str]) -> bool:
    tokens = words(text).split()
    return " ".join(tokens) in whole or not runs.isdisjoint(_runs(tokens))


def _runs(tokens: list[str]) -> Iterable[str]:
    return (" ".join(tokens[i : i + _NGRAM]) for i in range(len(tokens) - _NGRAM + 1))


def _place(text: str, seed: int) -> float:
    digest = hashlib.sha256(f"{seed}\0{words(text)}".encode()).digest()
    return int.from_bytes(digest[:7], "little") / (1 << 56)


def _signatures(texts: list[bytes]) -> NDArray[np.uint32]:
    bounds = np.zeros(len(texts) + 1, np.int64)
    np.cumsum([len(text) for text in texts], out=bounds[1:])
    data = np.frombuffer(b"".join(texts), np.uint8)
    rng = np.random.default_rng(20240229)
    multipliers = rng.integers(1, 1 << 63, _HASHES, dtype=np.uint64) * np.uint64(2) + np.uint64(1)
    return np.asarray(_minhash(data, bounds, multipliers, _SHINGLE), np.uint32)


@njit(cache=True)
def _minhash(
    data: NDArray[np.uint8], bounds: NDArray[np.int64], multipliers: NDArray[np.uint64], shingle: int
) -> NDArray[np.uint32]:
    count, hashes = len(bounds) - 1, len(multipliers)
    out = np.full((count, hashes), np.uint32(0xFFFFFFFF), np.uint32)
    for i in range(count):
        start, end = bounds[i], bounds[i + 1]
        for at in range(start, max(end - shingle, start) + 1):
            value = np.uint64(14695981039346656037)
            for k in range(at, min(at + shingle, end)):
                value = (value ^ np.uint64(data[k])) * np.uint64(1099511628211)
            value ^= value >> np.uint64(31)
            for h in range(hashes):
                mixed = np.uint32((value * multipliers[h]) >> np.uint64(32))
                if mixed < out[i, h]:
                    out[i, h] = mixed
    return out


def _join_bands(signatures: NDArray[np.uint32], low: int, parent: list[int]) -> None:
    first: dict[bytes, int] = {}
    band = np.ascontiguousarray(signatures[:, low : low + _BAND])
    for i in range(len(band)):
        j = first.setdefault(band[i].tobytes(), i)
        if i != j and (signatures[i] == signatures[j]).mean() >= _SIMILAR:
            _union(parent, i, j)


def _union(parent: list[int], i: int, j: int) -> None:
    a, b = _find(parent, i), _find(parent, j)
    parent[max(a, b)] = min(a, b)


def _find(parent: list[int], i: int) -> int:
    while parent[i] != i:
        parent[i] = parent[parent[i]]
        i = parent[i]
    return i
