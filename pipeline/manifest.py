"""The manifest: a run's complete, canonical record; and CURRENT, the pointer to the published run.

Publishing protocol:
    1. every shard's files, then its receipt, are in place (each written whole or not at all);
    2. the report is written;
    3. `MANIFEST.json` is created: the run is finished, whatever its status;
    4. for a published run `CURRENT` is replaced: from here on readers see exactly this run.

A kill between any two steps leaves the previous run published, and the same command continues. Refused and
measured runs end at step 3. Nothing but CURRENT is ever replaced by other content.

Steps 3 and 4 are conditional writes of the storage. A manifest is created if there is none; one with the same content
is the same run, finished before. CURRENT is replaced if it still points where it did when the run was launched; when
another run has been published since, this one is kept and not published.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import Any

import msgspec

from tamis.classifiers.errors import RaceLost, TamisError
from tamis.pipeline.canonical import canonical_bytes
from tamis.pipeline.merging import ShardLine
from tamis.pipeline.receipts import Counts
from tamis.pipeline.runspec import RunSpec
from tamis.pipeline.storage import Store

__all__ = [
    "CURRENT",
    "MANIFEST",
    "NOTHING",
    "Current",
    "Manifest",
    "base_of",
    "check_same",
    "create",
    "encode",
    "point",
    "read",
    "read_current",
    "roll_back",
]

MANIFEST = "MANIFEST.json"
CURRENT = "CURRENT"
#: The base of a run that was launched when nothing had been published.
NOTHING = ""
SCHEMA = 1
# Shard lines that are encoded at a time.
_LINES_AT_ONCE = 1000


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
        previous: The run that was published when this one was launched, with which it was compared; None = none was.
    """

    run_id: str
    status: str
    spec: RunSpec
    packages: dict[str, str]
    counts: Counts
    gate: list[dict[str, Any]]
    report: dict[str, str]
    shards: list[ShardLine]
    previous: str | None = None
    schema: int = SCHEMA


class Current(msgspec.Struct, frozen=True, omit_defaults=True):
    """The pointer to the published run.

    Attributes:
        run_id: The run.
        manifest_sha256: Digest of its manifest.
        rolled_back: Runs that were published after it and taken back: they are not published again by themselves.
    """

    run_id: str
    manifest_sha256: str
    rolled_back: tuple[str, ...] = ()


def encode(manifest: Manifest) -> bytes:
    """Returns the bytes of MANIFEST.json: the manifest's canonical form."""
    parts = msgspec.to_builtins(msgspec.structs.replace(manifest, shards=[]))
    pieces = [b"{"]
    for key in sorted(parts):
        pieces += [b"" if len(pieces) == 1 else b",", canonical_bytes(key), b":"]
        pieces += _shard_lines(manifest.shards) if key == "shards" else [canonical_bytes(parts[key])]
    return b"".join((*pieces, b"}\n"))


def _shard_lines(lines: list[ShardLine]) -> Iterator[bytes]:
    """Yields the canonical form of the lines in pieces: of a million, all at once would take over a gigabyte."""
    yield b"["
    for start in range(0, len(lines), _LINES_AT_ONCE):
        piece = msgspec.to_builtins(lines[start : start + _LINES_AT_ONCE])
        yield (b"," if start else b"") + canonical_bytes(piece)[1:-1]
    yield b"]"


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


def check_same(store: Store, run_id: str, data: bytes) -> None:
    """Checks that a run has no manifest yet, or the one that is about to be created.

    Raises:
        TamisError: It has another one; both digests are named.
    """
    path = f"runs/{run_id}/{MANIFEST}"
    try:
        existing = store.read(path)
    except FileNotFoundError:
        return
    if existing != data:
        raise TamisError(
            f"{store.root}/{path}: the run is finished already with another manifest: found sha256 "
            f"{_digest(existing)}, expected {_digest(data)}; most likely other package versions made it: remove the "
            "run's folder to make it anew, or run with the versions that its manifest names"
        )


def create(store: Store, run_id: str, data: bytes) -> None:
    """Creates a run's manifest; the same one, there before, is fine.

    Raises:
        TamisError: There is another one; both digests are named.
    """
    if not store.create(f"runs/{run_id}/{MANIFEST}", data):
        check_same(store, run_id, data)


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def read_current(store: Store) -> Current | None:
    """Reads the pointer; None where nothing has been published yet."""
    return _read_current(store)[0]


def _read_current(store: Store) -> tuple[Current | None, str | None]:
    """Returns the pointer and its version in the store."""
    try:
        data, version = store.read_versioned(CURRENT)
        return msgspec.json.decode(data, type=Current), version
    except FileNotFoundError:
        return None, None
    except msgspec.DecodeError as error:
        raise TamisError(f"{store.root}/{CURRENT}: not a pointer ({error}); see {store.root}/runs") from None


def base_of(store: Store) -> str:
    """Returns what a run that is launched now is based on: the id of the published run, or `NOTHING`."""
    current = read_current(store)
    return NOTHING if current is None else current.run_id


def point(store: Store, run_id: str, digest: str, base: str | None = None) -> None:
    """Points CURRENT at a run.

    Args:
        store: The output root.
        run_id: The run.
        digest: Digest of its manifest.
        base: The run that must be published still, see `base_of`; None = whichever.

    Raises:
        RaceLost: Another run has been published since, or this one was rolled back; CURRENT stays as it is.
    """
    current, version = _read_current(store)
    if current is not None and (current.run_id, current.manifest_sha256) == (run_id, digest):
        return
    found = NOTHING if current is None else current.run_id
    if base is not None and found not in (base, run_id):
        raise RaceLost(_lost(store, run_id, found))
    if current is not None and run_id in current.rolled_back:
        raise RaceLost(_held(store, run_id))
    _replace(store, Current(run_id, digest), version)


def roll_back(store: Store, run_id: str, digest: str) -> str:
    """Points CURRENT at an earlier run, or again at one that was rolled back.

    Args:
        store: The output root.
        run_id: The run.
        digest: Digest of its manifest.

    Returns:
        The run that was published before.

    Raises:
        TamisError: Nothing is published.
        RaceLost: Another run is published at this moment; CURRENT stays as it is.
    """
    current, version = _read_current(store)
    if current is None:
        raise TamisError(f"{store.root}: nothing is published, so there is nothing to roll back")
    back = tuple(one for one in dict.fromkeys((*current.rolled_back, current.run_id)) if one != run_id)
    # Forward again: what was taken back is no longer held, but for what is still taken back.
    forward = run_id in current.rolled_back
    held = tuple(one for one in current.rolled_back if one != run_id) if forward else back
    _replace(store, Current(run_id, digest, held), version)
    return current.run_id


def _replace(store: Store, pointer: Current, version: str | None) -> None:
    try:
        store.replace(CURRENT, canonical_bytes(msgspec.to_builtins(pointer)) + b"\n", version)
    except RaceLost:
        raise RaceLost(_lost(store, pointer.run_id, base_of(store))) from None


def _held(store: Store, run_id: str) -> str:
    return (
        f"{store.root}/{CURRENT}: run {run_id} was rolled back, so it is not published again by itself: change the "
        f"plan or the corpus, or publish it with `tamis rollback {store.root} {run_id}`"
    )


def _lost(store: Store, run_id: str, found: str) -> str:
    return (
        f"{store.root}/{CURRENT}: run {found or 'none'} was published after run {run_id} was launched: {run_id} is "
        "finished and kept, and not published; run the same command again to publish it after all"
    )
