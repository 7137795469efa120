"""What a finished run is judged by before it is published: the plan's gate, and the run that is published now."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from tamis.classifiers.errors import TamisError
from tamis.interventions import gate
from tamis.interventions.gate import Check, Found
from tamis.interventions.measures.base import Context
from tamis.pipeline import manifest as manifests
from tamis.pipeline import since
from tamis.pipeline.canonical import canonical_bytes
from tamis.pipeline.manifest import MANIFEST, NOTHING
from tamis.pipeline.merging import Merged
from tamis.pipeline.runspec import RunSpec
from tamis.pipeline.storage import Store

__all__ = ["Judged", "judge", "previous_of"]

#: Name of the comparison with the run before among the report's measures.
NAME = "drift"


@dataclass(frozen=True, slots=True)
class Judged:
    """A run beside the run before it.

    Attributes:
        previous: The run before, None where nothing was published.
        checks: What each condition of the gate found.
        since: How the run differs from the one before, see `interventions.drift`; None where there is none.
        paths: Shards that differ, by kind.
    """

    previous: str | None
    checks: list[Check]
    since: dict[str, Any] | None
    paths: dict[str, list[str]]

    @property
    def passed(self) -> bool:
        """Whether every condition holds."""
        return all(item.passed for item in self.checks)

    def measures(self) -> dict[str, Any]:
        """Returns the comparison under its name among measures; nothing where there is none."""
        return {} if self.since is None else {NAME: self.since}

    def files(self) -> dict[str, bytes]:
        """Returns the comparison as a file of the report, with the paths of the shards that differ."""
        if self.since is None:
            return {}
        return {"refresh.json": canonical_bytes({**self.since, "paths": self.paths}) + b"\n"}


def previous_of(store: Store, spec: RunSpec, base: str | None) -> str | None:
    """Returns the run that a run is compared with: once it is finished always the same, else the published one."""
    if store.size(f"{spec.folder}/{MANIFEST}") is not None:
        return manifests.read(store, spec.run_id)[0].previous
    return None if base in (None, NOTHING) else base


def judge(
    store: Store,
    spec: RunSpec,
    merged: Merged,
    results: Mapping[str, Any],
    context: Context,
    previous: str | None,
) -> Judged:
    """Judges a run whose shards are all finished.

    Args:
        store: The output root.
        spec: The run.
        merged: The merge of every shard's receipt.
        results: Results of its measures, by name.
        context: What the measures knew.
        previous: The run to compare with.

    A run before that cannot be read breaks the conditions that compare with it, and nothing else.
    """
    difference, fault, paths = None, "", {}
    if previous is not None:
        try:
            difference, shards = since.build(store, spec, merged, results, context, previous)
            paths = shards.paths()
        except TamisError as error:
            fault = f"the run before, {previous}, cannot be read ({error})"
    counts = msgspec.to_builtins(merged.counts)
    found = Found(counts, _unscored(results), _groups(spec, results), difference, fault)
    return Judged(previous, gate.check(msgspec.to_builtins(spec.plan.gate), found), difference, paths)


def _unscored(results: Mapping[str, Any]) -> int:
    return max(int(item["unscored"]) for item in results["coverage"]["classifiers"].values())


def _groups(spec: RunSpec, results: Mapping[str, Any]) -> dict[str, Any] | None:
    interventions = results.get("collateral", {}).get("interventions", {})
    found = interventions.get(spec.plan.publish) if spec.plan.publish else None
    return None if found is None else {**found["groups"], **found["dialects"]}
