"""How a run differs from the one that was published when it was launched: shards, documents, prevalence, scores.

The run before is read from its manifest and its report; nothing of a corpus is read again. What the two halves of a
difference are is told from receipts: on shards whose bytes are the same, only the bundles can differ; shards that are
new or changed, scored by the same bundles as the others, show what is new on the web. Of each kind at most `MOST`
shards are looked at, chosen by the hash of their paths.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import msgspec

from tamis.classifiers.errors import ShardError, TamisError
from tamis.interventions import drift
from tamis.interventions.drift import Side
from tamis.interventions.measures.base import Context
from tamis.interventions.measures.clusters import design_effect
from tamis.interventions.measures.prevalence import Prevalence
from tamis.interventions.measures.prevalence_result import parts
from tamis.pipeline import manifest as manifests
from tamis.pipeline import receipt_files, receipts
from tamis.pipeline.manifest import Manifest
from tamis.pipeline.merging import Merged, ShardLine
from tamis.pipeline.receipts import Counts
from tamis.pipeline.runspec import RunSpec
from tamis.pipeline.storage import Store

__all__ = ["MOST", "Delta", "build", "delta"]

#: Shards of a kind whose receipts are read.
MOST = 256

Json = dict[str, Any]
Lines = Sequence[ShardLine]


@dataclass(frozen=True, slots=True)
class Delta:
    """The shards of two runs, each pair by path: of the earlier run, of the later one.

    Attributes:
        unchanged: The same input bytes.
        changed: Other bytes.
        new: In the later run only.
        retired: In the earlier run only.
    """

    unchanged: Sequence[tuple[ShardLine, ShardLine]]
    changed: Sequence[tuple[ShardLine, ShardLine]]
    new: Lines
    retired: Lines

    def fresh(self) -> list[ShardLine]:
        """Returns the lines of shards whose bytes the earlier run did not see."""
        return sorted([*self.new, *(now for _, now in self.changed)])

    def counted(self) -> dict[str, int]:
        """Returns how many there are of each kind."""
        return {name: len(getattr(self, name)) for name in ("new", "changed", "unchanged", "retired")}

    def paths(self) -> dict[str, list[str]]:
        """Returns the paths of the shards that differ."""
        changed = [now.shard for _, now in self.changed]
        return {"new": [one.shard for one in self.new], "changed": changed, "retired": [x.shard for x in self.retired]}


def delta(before: Lines, after: Lines) -> Delta:
    """Compares the shards of two manifests by their inputs' digests."""
    then = {line.shard: line for line in before}
    pairs = [(then[line.shard], line) for line in after if line.shard in then]
    # A receipt tells its input; manifests of older versions tell nothing else.
    same = [a.receipt_sha256 == b.receipt_sha256 or (bool(a.input) and a.input == b.input) for a, b in pairs]
    there = {line.shard for line in after}
    return Delta(
        [pair for pair, alike in zip(pairs, same, strict=True) if alike],
        [pair for pair, alike in zip(pairs, same, strict=True) if not alike],
        [line for line in after if line.shard not in then],
        [line for line in before if line.shard not in there],
    )


def build(
    store: Store, spec: RunSpec, merged: Merged, results: Mapping[str, Any], context: Context, previous: str
) -> tuple[Json, Delta]:
    """Compares a run that has ended with the run before it.

    Args:
        store: The output root of both.
        spec: The run.
        merged: The merge of its receipts.
        results: Results of its measures, by name.
        context: What they knew.
        previous: The run before.

    Returns:
        The result, see `interventions.drift`; and the shards of both.

    Raises:
        TamisError: The run before cannot be read.
    """
    before, old = _read(store, previous)
    shards = delta(before.shards, merged.sorted_shards())
    instruments, reason = _instruments(before.spec, spec), _reason(before.spec, spec)
    then = Side.of_result(_counts(before.counts), old, before.spec.plan.publish)
    now = Side.of_result(_counts(merged.counts), results["prevalence"], spec.plan.publish, _effect(merged, context))
    reader = _Reader(store, before, spec, shards, tuple(old.get("categories", ())), _categories(context))
    return {
        "previous": previous,
        "shards": shards.counted(),
        "instruments": instruments,
        "rules_changed": _rules(before.spec) != _rules(spec),
        **drift.compare(then, now, reason),
        "bundle": reader.bundle() if instruments else _none("the same bundles scored both runs"),
        "web": reader.web(),
    }, shards


def _read(store: Store, run_id: str) -> tuple[Manifest, Json]:
    manifest, _ = manifests.read(store, run_id)
    path = f"runs/{run_id}/report/report.json"
    try:
        data = store.read(path)
    except FileNotFoundError:
        raise TamisError(
            f"{store.root}/{path}: no such file; `tamis verify` says what else of the run is gone"
        ) from None
    if hashlib.sha256(data).hexdigest() != manifest.report["report.json"]:
        raise TamisError(f"{store.root}/{path}: not the report that its manifest names: restore it")
    found: Json = json.loads(data)["measures"].get("prevalence", {})
    return manifest, found


def _counts(counts: Counts) -> dict[str, int]:
    found: dict[str, int] = msgspec.to_builtins(counts)
    return found


def _rules(spec: RunSpec) -> object:
    return spec.plan.interventions, spec.plan.publish


def _instruments(before: RunSpec, after: RunSpec) -> list[dict[str, str]]:
    """Returns what may score differently."""
    then = {**before.bundles, "evaluator": before.evaluator, "tamis": before.version}
    now = {**after.bundles, "evaluator": after.evaluator, "tamis": after.version}
    names = dict.fromkeys([*then, *now])
    return [
        {"what": name, "then": then.get(name) or "none", "now": now.get(name) or "none"}
        for name in names
        if then.get(name) != now.get(name)
    ]


def _reason(before: RunSpec, after: RunSpec) -> str | None:
    if before.evaluator == after.evaluator:
        return None if after.evaluator else "the plan names no evaluator"
    return f"the evaluator was {before.evaluator or 'none'} and is {after.evaluator or 'none'}: another ruler"


def _categories(context: Context) -> tuple[str, ...]:
    return (*context.evaluator, "any") if context.evaluator else ()


def _effect(merged: Merged, context: Context) -> float:
    found = parts(merged.states.get("prevalence", {}).get("before", {}), _categories(context))
    return design_effect(found["any"].documents()) if found else 1.0


def _none(reason: str) -> Json:
    return {"reason": reason}


class _Reader:
    """Compares parts of two runs by their receipts."""

    def __init__(
        self,
        store: Store,
        before: Manifest,
        spec: RunSpec,
        shards: Delta,
        then: tuple[str, ...],
        now: tuple[str, ...],
    ) -> None:
        self._store, self._before, self._spec = store, before.spec, spec
        self._fresh = sorted(shards.fresh(), key=_order)[:MOST]
        self._kept = sorted(shards.unchanged, key=lambda pair: _order(pair[1]))[:MOST]
        self._then, self._now = then, now

    def bundle(self) -> Json:
        """Compares the same documents, scored then and now."""
        if not self._kept:
            return _none("no shard is the same in both runs")
        then, count = self._side(self._before, [a for a, _ in self._kept], self._then), len(self._kept)
        return self._compared(then, self._kept_now, count, count)

    def web(self) -> Json:
        """Compares documents that the run before did not see with those that it saw, scored by the same bundles."""
        if not self._fresh:
            return _none("no shard is new or changed")
        if not self._kept:
            return _none("no shard is the same in both runs")
        fresh = self._side(self._spec, self._fresh, self._now)
        return self._compared(self._kept_now, fresh, len(self._kept), len(self._fresh))

    @cached_property
    def _kept_now(self) -> Side:
        return self._side(self._spec, [b for _, b in self._kept], self._now)

    def _compared(self, then: Side, now: Side, first: int, second: int) -> Json:
        return {"reason": None, "shards": {"then": first, "now": second}, **drift.compare(then, now)}

    def _side(self, spec: RunSpec, lines: Lines, categories: tuple[str, ...]) -> Side:
        counts = sum((line.counts for line in lines), Counts())
        state = Prevalence.merge(*(self._state(spec, line) for line in lines))
        return Side.of_state(_counts(counts), state, categories, spec.plan.publish)

    def _state(self, spec: RunSpec, line: ShardLine) -> Json:
        path = receipt_files.place(spec.folder, line.shard)
        try:
            receipt = receipts.unseal(self._store.read(path), path).measured("prevalence")
        except FileNotFoundError:
            raise ShardError(f"{self._store.root}/{path}: no such file; restore it") from None
        found: Json = receipt.measures.get("prevalence", {})
        return found


def _order(line: ShardLine) -> str:
    return hashlib.sha256(line.shard.encode()).hexdigest()
