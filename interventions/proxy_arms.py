"""What each model of the experiment is trained on: before, after, and a random removal of the same size.

Every arm takes documents in one permanent random order until it has as many tokens as the others: what an intervention
removed is made up for by the documents that come next, so that a model is never worse for having seen less.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from tamis.interventions import sampling

__all__ = ["BLOCKS", "Arm", "Pool", "blocks", "equal", "placebo", "prefix", "without"]

Ints = NDArray[np.int64]
Mask = NDArray[np.bool_]

#: Groups of documents that the jackknife leaves out in turn.
BLOCKS: Final = 20
#: Fewest hosts that make hosts, not documents, the units that are left out.
MANY_DOMAINS: Final = 2 * BLOCKS
#: Documents of a source from which on it is a stratum of its own.
_LARGE_SOURCE: Final = 100
_LENGTHS: Final = (50, 200, 1000)


@dataclass(frozen=True, slots=True, eq=False)
class Pool:
    """The documents that arms are made of, in permanent order, and the texts that they may have.

    Attributes:
        keys: Permanent key of each document, uint64 [n].
        text: Index of each document's text, int64 [n].
        block: Jackknife group of each document, int64 [n].
        stratum: Source and length of each document as one number, int64 [n].
        tokens: Tokens of each text, int64 [n_texts].
    """

    keys: sampling.Keys
    text: Ints
    block: Ints
    stratum: Ints
    tokens: Ints


@dataclass(frozen=True, slots=True, eq=False)
class Arm:
    """Texts to train on, in permanent order.

    Attributes:
        texts: Their indices, int64 [m].
        block: Jackknife group of each, int64 [m].
    """

    texts: Ints
    block: Ints


def blocks(keys: sampling.Keys, domains: Ints) -> tuple[Ints, str]:
    """Puts documents into `BLOCKS` groups, those of one host into the same one.

    Args:
        keys: Permanent key of each document, uint64 [n].
        domains: Hash of each document's host, 0 for none, int64 [n].

    Returns:
        The group of each document, int64 [n], and what the units are, in words. With few hosts documents are units.
    """
    own = (keys % np.uint64(BLOCKS)).astype(np.int64)
    if np.unique(domains[domains > 0]).size < MANY_DOMAINS:
        return own, "documents"
    return np.where(domains > 0, domains % BLOCKS, own), "hosts"


def strata(sources: Sequence[str], tokens: Ints) -> Ints:
    """Numbers the strata of a placebo: source (small ones together) by length, int64 [n]."""
    names, index, counts = np.unique(np.array(sources, dtype=object), return_inverse=True, return_counts=True)
    large = np.where(counts >= _LARGE_SOURCE, np.arange(1, names.size + 1), 0)
    return np.asarray(large[index] * (len(_LENGTHS) + 1) + np.searchsorted(_LENGTHS, tokens, side="right"))


def placebo(pool: Pool, after: Ints, name: str) -> Ints:
    """Drops documents at random, the same share of the tokens in each stratum as an intervention takes out.

    Args:
        pool: The documents.
        after: Index of each document's text after the intervention, -1 where it is removed, int64 [n].
        name: Name of the intervention, part of the salt.

    Returns:
        Index of each document's text, -1 where it is dropped, int64 [n].
    """
    size = pool.tokens[pool.text]
    lost = np.maximum(size - np.where(after >= 0, pool.tokens[np.maximum(after, 0)], 0), 0)
    order = np.lexsort((sampling.priorities(pool.keys, f"placebo/{name}"), pool.stratum))
    found = pool.text.copy()
    for rows in np.split(order, np.flatnonzero(np.diff(pool.stratum[order])) + 1):
        wanted, sizes = int(lost[rows].sum()), size[rows]
        if wanted:
            found[rows[np.cumsum(sizes) - sizes / 2 <= wanted]] = -1
    return found


def prefix(tokens: Ints, wanted: int) -> int:
    """Returns how many texts, from the first on, hold at most `wanted` tokens together."""
    return int(np.searchsorted(np.cumsum(tokens), wanted, side="right"))


def equal(pool: Pool, choices: Iterable[Ints], most: int) -> tuple[list[Arm], int]:
    """Makes arms of equally many tokens.

    Args:
        pool: The documents.
        choices: For each arm the index of each document's text, -1 for none, int64 [n].
        most: Most tokens of an arm.

    Returns:
        The arms, and the tokens that none of them exceeds: those of the smallest.
    """
    arms = [Arm(choice[choice >= 0], pool.block[choice >= 0]) for choice in choices]
    wanted = min([most, *(int(pool.tokens[arm.texts].sum()) for arm in arms)])
    return [_cut(arm, pool.tokens, wanted) for arm in arms], wanted


def _cut(arm: Arm, tokens: Ints, wanted: int) -> Arm:
    size = prefix(tokens[arm.texts], wanted)
    return Arm(arm.texts[:size], arm.block[:size])


def without(arm: Arm, block: int) -> Arm:
    """Returns an arm without one group of documents.

    Arms then differ by a few tokens in a thousand. Making them equal again would swap documents in one arm and not in
    the other, which adds more to the variance (two fifths, in simulation) than so small a difference in size does.
    """
    left = arm.block != block
    return Arm(arm.texts[left], arm.block[left])
