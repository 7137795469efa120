"""The manifest: a run's complete, canonical record; and CURRENT, the pointer to the published run.

Publishing protocol:
    1. every shard's files, then its receipt, are in place (each written whole or not at all);
    2. the report is written;
    3. `MANIFEST.json` is written: the run is finished, whatever its status;
    4. for a published run `CURRENT` is replaced: from here on readers see exactly this run.

A kill between any two steps leaves the previous run published, and the same command continues. Refused and
measured runs end at step 3. Nothing but CURRENT is ever replaced by other content.
"""

from __future__ import annotations

import hashlib
from typing import Any

import msgspec

from tamis.classifiers.errors import TamisError
from tamis.pipeline.canonical import canonical_bytes
from tamis.pipeline.merging import ShardLine
from tamis.pipeline.receipts import Counts
from tamis.pipeline.runspec import RunSpec
from tamis.pipeline.storage import Store

__all__ = ["CURRENT", "MANIFEST", "Current", "Manifest", "encode", "point", "read", "read_current"]

MANIFEST = "MANIFEST.json"
CURRENT = "CURRENT"
SCHEMA = 1


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """The record of a finished run.

    Attributes:
        run_id: Identity of the run.
        status: "published"; "refused" by the gate; "measured" where the plan publishes nothing.
        spec: What was run.
        packages: Versions of the packages that can change a result.
        counts: Records by outcome over all shards.
        gate: What each condition of the gate found.
        report: sha256 of each file of the report, by name.
        shards: One line a shard, by path.
    """

    run_id: str
    status: str
    spec: RunSpec
    packages: dict[str, str]
    counts: Counts
    gate: list[dict[str, Any]]
    report: dict[str, str]
    shards: list[ShardLine]
    schema: int = SCHEMA


class Current(msgspec.Struct, frozen=True):
    """The pointer to the published run."""

    run_id: str
    manifest_sha256: str


def encode(manifest: Manifest) -> bytes:
    """Returns the bytes of MANIFEST.json."""
    return canonical_bytes(msgspec.to_builtins(manifest)) + b"\n"


def read(store: Store, run_id: str) -> tuple[Manifest, str]:
    """Reads a run's manifest.

    Returns:
        The manifest and the sha256 of its bytes.

    Raises:
        TamisError: There is none, or it is not one that this version reads.
    """
    path = f"runs/{run_id}/{MANIFEST}"
    try:
        data = store.read(path)
    except FileNotFoundError:
        raise TamisError(
            f"{store.root}/{path}: no such file; the run did not finish: run the same command again to continue it"
        ) from None
    try:
        return msgspec.json.decode(data, type=Manifest), hashlib.sha256(data).hexdigest()
    except msgspec.DecodeError as error:
        raise TamisError(f"{store.root}/{path}: not a manifest of schema {SCHEMA} ({error})") from None


def read_current(store: Store) -> Current | None:
    """Reads the pointer; None where nothing has been published yet."""
    try:
        return msgspec.json.decode(store.read(CURRENT), type=Current)
    except FileNotFoundError:
        return None
    except msgspec.DecodeError as error:
        raise TamisError(f"{store.root}/{CURRENT}: not a pointer ({error}); see {store.root}/runs") from None


def point(store: Store, run_id: str, manifest: bytes) -> None:
    """Points CURRENT at a run."""
    pointer = Current(run_id, hashlib.sha256(manifest).hexdigest())
    store.write(CURRENT, canonical_bytes(msgspec.to_builtins(pointer)) + b"\n")
