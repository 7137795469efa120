"""Merging receipts: associative and commutative, so that any runner may do it in any order."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec

from tamis.pipeline.receipts import Counts, Failure, Receipt, digest

__all__ = ["INPUT_DIGITS", "Merged", "ShardLine", "merge", "of_failure", "of_receipt"]

#: Digits of an input's sha256 that the manifest keeps.
INPUT_DIGITS = 32


class ShardLine(msgspec.Struct, frozen=True, array_like=True, order=True):
    """What the manifest keeps of one shard.

    Attributes:
        shard: Its path.
        receipt_sha256: Digest of its receipt.
        counts: Records by outcome.
        documents_bytes: Size of its documents as written.
        input: The first half of the sha256 of the input's bytes; "" in manifests of older versions.
    """

    shard: str
    receipt_sha256: str
    counts: Counts
    documents_bytes: int
    input: str = ""


class Merged(msgspec.Struct, frozen=True):
    """The merge of any number of receipts.

    Attributes:
        counts: Records by outcome.
        states: Merged state of each measure.
        shards: One line a shard, in no particular order until `sorted_shards`.
        failures: Shards that failed.
    """

    counts: Counts = Counts()
    states: dict[str, Any] = {}
    shards: tuple[ShardLine, ...] = ()
    failures: tuple[Failure, ...] = ()

    def sorted_shards(self) -> list[ShardLine]:
        """Returns the shard lines by path: the order of the manifest."""
        return sorted(self.shards)


def of_receipt(receipt: Receipt, sha256: str | None = None) -> Merged:
    """Returns the merge of one receipt, whose digest need not be computed again where it is known."""
    documents = receipt.outputs.get("documents")
    size = documents.bytes if documents else 0
    line = ShardLine(
        receipt.shard, sha256 or digest(receipt), receipt.counts, size, receipt.input.sha256[:INPUT_DIGITS]
    )
    return Merged(receipt.counts, receipt.measures, (line,))


def of_failure(failure: Failure) -> Merged:
    """Returns the merge of one failure."""
    return Merged(failures=(failure,))


def merge(parts: Iterable[Merged]) -> Merged:
    """Merges any number of parts; the merge of none is empty."""
    counts = Counts()
    states: dict[str, list[Any]] = {}
    shards: list[ShardLine] = []
    failures: list[Failure] = []
    for part in parts:
        counts = counts + part.counts
        for name, state in part.states.items():
            states.setdefault(name, []).append(state)
        shards.extend(part.shards)
        failures.extend(part.failures)
    return Merged(counts, _merge_states(states), tuple(shards), tuple(failures))


def _merge_states(states: dict[str, list[Any]]) -> dict[str, Any]:
    # Not at the top: commands that only read manifests would wait for scipy.
    from tamis.interventions.measures.table import MEASURES

    return {name: MEASURES[name].merge(*parts) for name, parts in sorted(states.items())}
