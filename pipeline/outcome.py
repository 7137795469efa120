"""How a run ended, told twice: a table and a path for people on stderr, one JSON line for programs on stdout."""

from __future__ import annotations

import json
import sys
from typing import Any, Final

import msgspec

from tamis.pipeline import manifest as manifests
from tamis.pipeline.exits import FAILED, REFUSED
from tamis.pipeline.manifest import Manifest
from tamis.pipeline.receipts import FAILURES
from tamis.pipeline.runspec import RunSpec
from tamis.pipeline.storage import Store
from tamis.pipeline.wording import say

__all__ = ["EXIT_CODES", "finished", "show", "submitted"]

#: Failed shards that are named one by one.
SHOWN: Final = 20

EXIT_CODES: Final = {"published": 0, "measured": 0, "failed": FAILED, "refused": REFUSED}


def show(store: Store, spec: RunSpec, shards: int) -> int:
    """Prints how a run ended.

    Args:
        store: The output root.
        spec: The run.
        shards: Shards that it was about.

    Returns:
        The exit code.
    """
    manifest = finished(store, spec)
    ended = "failed" if manifest is None else manifest.status
    facts = {"status": ended, "run_id": spec.run_id, "output": spec.plan.output}
    if manifest is None:
        _failed(store, spec, shards, facts)
    else:
        _finished(store, spec, manifest, facts)
    return EXIT_CODES[ended]


def submitted(spec: RunSpec) -> int:
    """Says that a job was handed over and ends without this process; returns the exit code."""
    say("submitted: the job runs without this process; its folder gets a manifest when it has ended")
    print(json.dumps({"status": "submitted", "run_id": spec.run_id, "output": spec.plan.output}))
    return 0


def finished(store: Store, spec: RunSpec) -> Manifest | None:
    """Returns the record of a run that has ended, None where it failed."""
    if store.size(f"{spec.folder}/{FAILURES}") is not None:
        return None
    return manifests.read(store, spec.run_id)[0]


def _failed(store: Store, spec: RunSpec, shards: int, facts: dict[str, Any]) -> None:
    failures = json.loads(store.read(f"{spec.folder}/{FAILURES}"))["failures"]
    for item in failures[:SHOWN]:
        say(f"failed: {item['shard']}: {item['reason']}")
    if len(failures) > SHOWN:
        say(f"and {len(failures) - SHOWN:,} more, listed in {spec.plan.output}/{spec.folder}/{FAILURES}")
    say(
        f"{len(failures)} of {shards} shards failed; nothing was published. The others are kept: see to what is named "
        "and run the same command again."
    )
    print(json.dumps({**facts, "failures": failures}))


def _finished(store: Store, spec: RunSpec, manifest: Manifest, facts: dict[str, Any]) -> None:
    for item in manifest.gate:
        if not item["passed"]:
            say(f"refused: {item['sentence']}")
    report = _table(store, spec.folder)
    paths = {"manifest": f"{spec.plan.output}/{spec.folder}/{manifests.MANIFEST}"}
    paths["report"] = f"{spec.plan.output}/{spec.folder}/report/index.html"
    say(f"report: {paths['report']}")
    counts = msgspec.to_builtins(manifest.counts)
    print(json.dumps({**facts, **paths, "counts": counts, **_changes(report)}))


def _changes(report: dict[str, Any]) -> dict[str, Any]:
    """Returns what changed since the run before in short, nothing where there was none."""
    found = report["measures"].get("drift")
    if found is None:
        return {}
    return {"changes": {key: found[key] for key in ("previous", "shards", "documents", "drop_rate")}}


def _table(store: Store, folder: str) -> dict[str, Any]:
    """Shows the report's table; returns the report."""
    from tamis.interventions.report_terminal import show

    report: dict[str, Any] = json.loads(store.read(f"{folder}/report/report.json"))
    show(report, sys.stderr)
    return report
