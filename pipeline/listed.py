"""The listing that a run was made from: path, size and version of each shard, as the storage told them then.

    <output>/runs/<run_id>/LISTING.jsonl      [path, size, version] a line, in path order

It makes the next refresh cheap: what has changed is seen without reading a receipt. Versions (modification times,
ETags, generations) belong to a place, so the listing is no part of the run's record; where it is missing, the receipts
say the same.
"""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import msgspec

from tamis.classifiers.errors import ShardError, TamisError
from tamis.pipeline import manifest as manifests
from tamis.pipeline import receipt_files, receipts
from tamis.pipeline.canonical import canonical_bytes
from tamis.pipeline.paths import Shard
from tamis.pipeline.receipts import Brief
from tamis.pipeline.storage import Store

__all__ = ["LISTING", "Changes", "compare", "input_of", "read", "same", "write"]

LISTING = "LISTING.jsonl"

# Receipts that are asked for at a time where there is no listing.
_AT_ONCE = 16

_LINE = msgspec.json.Decoder(tuple[str, int, str])


@dataclass(frozen=True, slots=True)
class Changes:
    """How two listings differ; every shard of the later one is in one of the first four.

    Attributes:
        unchanged: Shards with the same size and version.
        touched: Shards with the same size and another version: whether their bytes are the same is not known yet.
        changed: Shards with another size.
        new: Shards that were not there.
        retired: Shards that are not there any more.
    """

    unchanged: tuple[str, ...]
    touched: tuple[str, ...]
    changed: tuple[str, ...]
    new: tuple[str, ...]
    retired: tuple[str, ...]


def write(store: Store, run_id: str, shards: Iterable[Shard]) -> None:
    """Writes the listing of a run; of one that is resumed the present one, under which its shards are finished."""
    lines = (canonical_bytes([one.path, one.size, one.version]) for one in sorted(shards))
    store.write(f"runs/{run_id}/{LISTING}", b"".join(line + b"\n" for line in lines))


def read(store: Store, run_id: str) -> dict[str, Shard]:
    """Returns the shards of a finished run by path, as they were listed.

    Raises:
        TamisError: There is no such run, or its listing is damaged.
    """
    path = f"runs/{run_id}/{LISTING}"
    try:
        lines = store.read(path).splitlines()
    except FileNotFoundError:
        return _of_receipts(store, run_id)
    try:
        return {shard.path: shard for shard in (Shard(*_LINE.decode(line)) for line in lines)}
    except msgspec.DecodeError as error:
        raise TamisError(f"{store.root}/{path}: not a listing ({error}); delete the file and run again") from None


def _of_receipts(store: Store, run_id: str) -> dict[str, Shard]:
    manifest, _ = manifests.read(store, run_id)

    def shard(path: str) -> Shard:
        brief, version = input_of(store, run_id, path)
        return Shard(path, brief.input.bytes, version)

    with ThreadPoolExecutor(_AT_ONCE) as pool:
        return {one.path: one for one in pool.map(shard, [line.shard for line in manifest.shards])}


def input_of(store: Store, run_id: str, shard: str) -> tuple[Brief, str]:
    """Reads what the receipt of a finished shard says of it, and the version of the input that it speaks of.

    Raises:
        ShardError: There is no receipt, or it was altered.
    """
    path = receipt_files.place(f"runs/{run_id}", shard)
    try:
        sealed = receipts.unseal(store.read(path), path)
    except FileNotFoundError:
        raise ShardError(f"{store.root}/{path}: no such file; restore it, or score the corpus anew") from None
    return sealed.brief(), sealed.version


def compare(before: dict[str, Shard], after: Iterable[Shard]) -> Changes:
    """Compares two listings."""
    kinds: dict[str, list[str]] = {"unchanged": [], "touched": [], "changed": [], "new": []}
    there = set()
    for shard in after:
        there.add(shard.path)
        kinds[_kind(before.get(shard.path), shard)].append(shard.path)
    found = {name: tuple(paths) for name, paths in kinds.items()}
    return Changes(**found, retired=tuple(sorted(before.keys() - there)))


def _kind(before: Shard | None, after: Shard) -> str:
    if before is None:
        return "new"
    if before.size != after.size:
        return "changed"
    return "unchanged" if same(before, after) else "touched"


def same(before: Shard | None, after: Shard) -> bool:
    """Whether a shard is listed as it was; what else a listing tells of it is no part of that."""
    return before is not None and (before.size, before.version) == (after.size, after.version)
