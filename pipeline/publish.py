"""From merged receipts to a published run: balance, gate, report, manifest, pointer. The last stage of the graph."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from tamis.interventions import gate, report, report_html
from tamis.interventions.measures.base import Context
from tamis.interventions.measures.table import MEASURES
from tamis.pipeline import manifest as manifests
from tamis.pipeline.canonical import canonical_bytes
from tamis.pipeline.manifest import Manifest
from tamis.pipeline.merging import Merged
from tamis.pipeline.receipts import FAILURES, Failure
from tamis.pipeline.runspec import RunSpec, package_versions
from tamis.pipeline.steps import reach
from tamis.pipeline.storage import Store

__all__ = ["FAILURES", "finish"]


def finish(
    store: Store,
    spec: RunSpec,
    merged: Merged,
    context: Context,
    more: Callable[[], Mapping[str, Any]] = dict,
) -> str:
    """Ends a run; safe to repeat.

    Args:
        store: The output root.
        spec: What was run.
        merged: The merge of every shard's receipt or failure.
        context: What the measures must know about the run.
        more: Makes the results of measures that do not add up over shards, by name; asked when no shard failed.

    Returns:
        The run's status: "published", "refused", "measured", or "failed", which leaves `FAILURES.json` in the
        run's folder and no manifest.

    Raises:
        RaceLost: Another run has been published since this one was launched; this one is finished, not published.
        TamisError: The run is finished already with another manifest.
    """
    failures = [*merged.failures, *_unbalanced(merged)]
    if failures:
        entries = [msgspec.to_builtins(item) for item in sorted(failures, key=lambda item: item.shard)]
        store.write(f"{spec.folder}/{FAILURES}", canonical_bytes({"failures": entries}) + b"\n")
        return "failed"
    reach("publish.started")
    base, spec = spec.base, _portable(spec)
    store.delete(f"{spec.folder}/{FAILURES}")
    store.sweep(spec.folder)
    checks = _gate(spec, merged, context)
    status = _status(spec, checks)
    files = _report_files(spec, merged, context, checks, status, more())
    data = manifests.encode(_manifest(spec, merged, checks, status, files))
    # Before the report of a finished run is written over by one that does not belong to its manifest.
    manifests.check_same(store, spec.run_id, data)
    for name, content in files.items():
        store.write(f"{spec.folder}/report/{name}", content)
    reach("publish.reported")
    manifests.create(store, spec.run_id, data)
    reach("publish.manifest")
    if status == "published":
        manifests.point(store, spec.run_id, data, base)
    reach("publish.current")
    return status


def _portable(spec: RunSpec) -> RunSpec:
    """Returns the spec without where, and after which run, it was written: the same run has the same record."""
    told: dict[str, Any] = {"base": None, "reuse": None, "rehash": False, "launcher": {}}
    return msgspec.structs.replace(spec, **told, plan=msgspec.structs.replace(spec.plan, output=""))


def _unbalanced(merged: Merged) -> list[Failure]:
    """Names the shards whose records do not add up; this is a defect, and the run must not be published."""
    lines = [line for line in merged.shards if not line.counts.balanced()]
    return [
        Failure(
            line.shard,
            f"records do not balance: seen {line.counts.seen}, kept {line.counts.kept}, dropped {line.counts.dropped}, "
            f"quarantined {line.counts.quarantined}; please report this as a defect of tamis",
        )
        for line in lines
    ]


def _gate(spec: RunSpec, merged: Merged, context: Context) -> list[gate.Check]:
    counts = msgspec.to_builtins(merged.counts)
    coverage = MEASURES["coverage"].result(merged.states.get("coverage", {}), context)
    unscored = max(item["unscored"] for item in coverage["classifiers"].values())
    return gate.check(msgspec.to_builtins(spec.plan.gate), counts, unscored)


def _status(spec: RunSpec, checks: list[gate.Check]) -> str:
    if spec.plan.publish is None:
        return "measured"
    return "published" if all(item.passed for item in checks) else "refused"


def _report_files(
    spec: RunSpec,
    merged: Merged,
    context: Context,
    checks: list[gate.Check],
    status: str,
    more: Mapping[str, Any],
) -> dict[str, bytes]:
    record = {
        "run_id": spec.run_id,
        "name": spec.plan.name,
        "status": status,
        "version": spec.version,
        "fingerprint": spec.fingerprint,
        "bundles": spec.bundles,
        "evaluator": spec.evaluator,
        "packages": package_versions(),
        "plan": msgspec.to_builtins(spec.plan),
        "counts": msgspec.to_builtins(merged.counts),
        "shards": len(merged.shards),
        "gate": [_check_record(item) for item in checks],
    }
    content = report.build(record, merged.states, context, more)
    return {
        "report.json": canonical_bytes(content) + b"\n",
        "index.html": report_html.render(content).encode(),
    }


def _check_record(item: gate.Check) -> dict[str, Any]:
    return {
        "name": item.name,
        "limit": item.limit,
        "value": item.value,
        "passed": item.passed,
        "sentence": item.sentence(),
    }


def _manifest(
    spec: RunSpec, merged: Merged, checks: list[gate.Check], status: str, files: Mapping[str, bytes]
) -> Manifest:
    return Manifest(
        run_id=spec.run_id,
        status=status,
        spec=spec,
        packages=package_versions(),
        counts=merged.counts,
        gate=[_check_record(item) for item in checks],
        report={name: hashlib.sha256(data).hexdigest() for name, data in sorted(files.items())},
        shards=merged.sorted_shards(),
    )
