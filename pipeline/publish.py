"""From merged receipts to a published run: balance, gate, report, manifest, pointer. The last stage of the graph."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from tamis.classifiers.errors import RaceLost
from tamis.interventions import gate, report, report_html
from tamis.interventions.measures.base import Context
from tamis.interventions.report_order import ordered
from tamis.pipeline import datafiles
from tamis.pipeline import manifest as manifests
from tamis.pipeline.canonical import canonical_bytes
from tamis.pipeline.judging import Judged, judge, previous_of
from tamis.pipeline.manifest import NOTHING, Manifest
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
    before = _finished(store, spec, merged)
    if before is not None:
        return _publish_again(store, spec, merged, context, *before, base)
    results = {**report.results(merged.states, context), **more()}
    judged = judge(store, spec, merged, results, context, previous_of(store, spec, base))
    status = _status(spec, judged)
    files = _report_files(spec, merged, context, judged, status, results)
    data = manifests.encode(_manifest(spec, merged, judged, status, files))
    # Before the report of a finished run is written over by one that does not belong to its manifest.
    manifests.check_same(store, spec.run_id, data)
    for name, content in files.items():
        store.write(f"{spec.folder}/report/{name}", content)
    reach("publish.reported")
    manifests.create(store, spec.run_id, data)
    reach("publish.manifest")
    if status == "published":
        manifests.point(store, spec.run_id, hashlib.sha256(data).hexdigest(), base)
    reach("publish.current")
    return status


def _finished(store: Store, spec: RunSpec, merged: Merged) -> tuple[Manifest, str] | None:
    """Returns the manifest of the same run and its digest, where it has ended before and its report is there."""
    if store.size(f"{spec.folder}/{manifests.MANIFEST}") is None:
        return None
    found, digest = manifests.read(store, spec.run_id)
    same = found.shards == merged.sorted_shards() and found.packages == package_versions()
    there = all(store.size(f"{spec.folder}/report/{name}") is not None for name in found.report)
    return (found, digest) if same and there else None


def _publish_again(
    store: Store, spec: RunSpec, merged: Merged, context: Context, found: Manifest, digest: str, base: str | None
) -> str:
    """Publishes a run that has ended before, where it is to be published; its record stays what it is."""
    if found.status == "published":
        if base not in (None, NOTHING, found.previous, spec.run_id):
            _check_again(store, spec, merged, context, base)
        manifests.point(store, spec.run_id, digest, base)
    return found.status


def _check_again(store: Store, spec: RunSpec, merged: Merged, context: Context, base: str | None) -> None:
    """Judges a run that was judged beside another run than the one that is published now.

    Raises:
        RaceLost: It breaks the gate beside that one.
    """
    again = judge(store, spec, merged, report.results(merged.states, context), context, base)
    if not again.passed:
        reasons = "; ".join(item.sentence() for item in again.checks if not item.passed)
        raise RaceLost(f"run {spec.run_id} is finished, and not published beside run {base}: {reasons}")


def _portable(spec: RunSpec) -> RunSpec:
    """Returns the spec without where, and after which run, it was written: the same run has the same record."""
    told: dict[str, Any] = {"base": None, "reuse": None, "redecide": None, "rehash": False, "launcher": {}}
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


def _status(spec: RunSpec, judged: Judged) -> str:
    if spec.plan.publish is None:
        return "measured"
    return "published" if judged.passed else "refused"


def _report_files(
    spec: RunSpec,
    merged: Merged,
    context: Context,
    judged: Judged,
    status: str,
    results: Mapping[str, Any],
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
        "gate": [_check_record(item) for item in judged.checks],
    }
    content = report.assemble(record, {**results, **judged.measures()}, context)
    shown = ordered(content)
    size = sum(line.documents_bytes for line in merged.shards)
    return {
        **judged.files(),
        **datafiles.described(shown, spec, [line.shard for line in merged.shards], size, merged.counts),
        "report.json": canonical_bytes(content) + b"\n",
        "index.html": report_html.render(shown).encode(),
    }


def _check_record(item: gate.Check) -> dict[str, Any]:
    return {
        "name": item.name,
        "limit": item.limit,
        "value": item.value,
        "passed": item.passed,
        "sentence": item.sentence(),
    }


def _manifest(spec: RunSpec, merged: Merged, judged: Judged, status: str, files: Mapping[str, bytes]) -> Manifest:
    return Manifest(
        run_id=spec.run_id,
        status=status,
        spec=spec,
        packages=package_versions(),
        counts=merged.counts,
        gate=[_check_record(item) for item in judged.checks],
        report={name: hashlib.sha256(data).hexdigest() for name, data in sorted(files.items())},
        shards=merged.sorted_shards(),
        previous=judged.previous,
    )
