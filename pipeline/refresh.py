"""What a refresh has to do: the corpus and the plan of now, against the run that is published.

The published run is looked up before the corpus is listed, and the pointer is moved only if it still points there: of
two refreshes that race one publishes, and the other exits with 4.

A shard is *unchanged* where path, size and version (modification time, ETag, generation) are those that the published
run was made from; where only the version differs its bytes are hashed and compared. `rehash` hashes every shard.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import msgspec

from tamis.classifiers.errors import TamisError
from tamis.pipeline import listed, pins, preflight, runspec
from tamis.pipeline import manifest as manifests
from tamis.pipeline.canonical import canonical_bytes
from tamis.pipeline.listed import Changes
from tamis.pipeline.manifest import MANIFEST, NOTHING, Manifest
from tamis.pipeline.paths import Shard
from tamis.pipeline.plan import Plan
from tamis.pipeline.preflight import Preflight
from tamis.pipeline.reuse import digest_of
from tamis.pipeline.runspec import RunSpec
from tamis.pipeline.storage import Store, open_store

__all__ = ["Refresh", "prepare", "told_apart"]

# Shards that are hashed at a time: hashing and reading leave the interpreter's lock alone.
_AT_ONCE = 4


#: Keys of a plan that say what is done to a shard.
_POLICY = tuple(key for key in Plan.__struct_fields__ if key not in ("schema", "output", "gate"))


@dataclass(frozen=True, slots=True)
class Refresh:
    """A refresh that may start.

    Attributes:
        base: The published run, `manifest.NOTHING` where there is none.
        checked: The run to be made, with what it takes over.
        changes: How the corpus differs from that of the published run; None where there is none.
        differs: Why unchanged shards are not taken over as they are, in words; () = they are. With
            `checked.spec.redecide` their scores are.
    """

    base: str
    checked: Preflight
    changes: Changes | None
    differs: tuple[str, ...]

    @property
    def nothing(self) -> bool:
        """Whether the published run is the one that would be made."""
        return self.checked.spec.run_id == self.base


def prepare(plan: Plan, *, rescale: bool = False, rehash: bool = False) -> Refresh:
    """Looks at what there is, and resolves the run.

    Args:
        plan: The plan.
        rescale: Whether sampling levels and rates are set anew, see `pins`.
        rehash: Whether the bytes of every shard are read to see what changed.

    Raises:
        UsageError: See `preflight.check`.
        TamisError: The published run cannot be read.
    """
    store = open_store(plan.output)
    base = manifests.base_of(store)
    before = None if base == NOTHING else _scored(store, manifests.read(store, base)[0])
    checked = preflight.check(plan, None if before is None or rescale else before.spec, anew=rescale)
    known = {} if before is None else listed.read(store, before.run_id)
    spec = told_apart(store, checked.spec, checked.shards, known, before, rehash)
    differs = ("nothing is published yet",) if before is None else differences(before.spec, spec)
    reuse = before.run_id if before is not None and not differs else None
    kept = before is not None and bool(differs) and pins.keeps_scores(before.spec, spec, checked.bench.interventions)
    redecide = before.run_id if before is not None and kept else None
    spec = msgspec.structs.replace(spec, base=base, reuse=reuse, redecide=redecide, rehash=rehash)
    return Refresh(
        base, checked.bound(spec), None if before is None else listed.compare(known, checked.shards), differs
    )


def _scored(store: Store, manifest: Manifest) -> Manifest | None:
    """Returns the run that scored what a run publishes: itself, unless it was decided from another's scores."""
    if manifest.spec.scores is None:
        return manifest
    try:
        return manifests.read(store, manifest.spec.scores)[0]
    except TamisError:
        return None


def differences(before: RunSpec, after: RunSpec) -> tuple[str, ...]:
    """Says what differs between two runs in what is done to a shard; () where the same is done."""
    if before.fingerprint == after.fingerprint:
        return ()
    found = []
    if before.version != after.version:
        found.append(f"tamis {before.version} is now {after.version}")
    bundles = {**before.bundles, "evaluator": before.evaluator}
    for name, identity in {**after.bundles, "evaluator": after.evaluator}.items():
        if bundles.get(name) != identity:
            found.append(f"`{name}` was {bundles.get(name)} and is {identity}")
    found += [
        f"`{key}` of the plan is another" for key in _POLICY if _policy(before.plan, key) != _policy(after.plan, key)
    ]
    return tuple(found) or ("sampling levels or rates are others",)


def _policy(plan: Plan, key: str) -> object:
    part = msgspec.to_builtins(getattr(plan, key))
    return {name: part[name] for name in part if name not in ("root", "manifest")} if key == "corpus" else part


def told_apart(
    store: Store,
    spec: RunSpec,
    shards: Sequence[Shard],
    near: dict[str, Shard] | None = None,
    before: Manifest | None = None,
    rehash: bool = False,
) -> RunSpec:
    """Returns a run's spec with an identity of its own where a finished run has the same paths and sizes.

    A shard can be written over by another of the same size. Where the finished run was made from other bytes, the new
    ones are part of the new run's identity; where the bytes are the same it is the same run.

    Args:
        store: The output root.
        spec: The run that would be made.
        shards: Its shards.
        near: The listing of `before`.
        before: A finished run whose receipts tell the digests of shards that are listed as they were then.
        rehash: Whether the bytes of every shard are read.

    Raises:
        ShardError: A shard vanished or is being written to.
    """
    if store.size(f"{spec.folder}/{MANIFEST}") is None:
        return spec
    known = near if near and before is not None and before.run_id == spec.run_id else listed.read(store, spec.run_id)
    doubtful = [shard for shard in shards if rehash or not listed.same(known.get(shard.path), shard)]

    def altered(shard: Shard) -> list[str] | None:
        if near and before is not None and not rehash and listed.same(near.get(shard.path), shard):
            found = listed.input_of(store, before.run_id, shard.path)[0].input.sha256
        else:
            found = digest_of(spec.plan.corpus, shard)
        recorded = listed.input_of(store, spec.run_id, shard.path)[0].input.sha256
        return None if found == recorded else [shard.path, found]

    with ThreadPoolExecutor(_AT_ONCE) as pool:
        contents = [one for one in pool.map(altered, doubtful) if one is not None]
    if not contents:
        return spec
    return runspec.identified(spec, contents=hashlib.sha256(canonical_bytes(contents)).hexdigest())
