"""`tamis verify RUN`: recheck a finished run."""

from __future__ import annotations

import argparse
import json
import sys

import msgspec

from tamis.classifiers.errors import UsageError
from tamis.interventions.report_format import several
from tamis.pipeline import manifest as manifests
from tamis.pipeline.storage import Store, open_store

__all__ = ["add_arguments", "locate", "main"]

RUN_HELP = "a run's folder (OUTPUT/runs/ID), or an output root, which means the run that it publishes"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the command's options."""
    parser.add_argument("run", metavar="RUN", help=RUN_HELP)


def main(options: argparse.Namespace, _: list[str]) -> int:
    """Verifies; returns 0, or raises on the first breach."""
    from tamis.pipeline import verify

    store, run_id = locate(options.run)
    manifest = verify.verify(store, run_id)
    counts = manifest.counts
    print(
        f"run {run_id} ({manifest.status}): {several(len(manifest.shards), 'shard')} verified; seen {counts.seen:,} = "
        f"kept {counts.kept:,} + dropped {counts.dropped:,} + quarantined {counts.quarantined:,}",
        file=sys.stderr,
    )
    print(json.dumps({"status": "verified", "run_id": run_id, "counts": msgspec.to_builtins(counts)}))
    return 0


def locate(run: str) -> tuple[Store, str]:
    """Finds the run that an argument means.

    Raises:
        UsageError: It is neither a run's folder nor an output root with a published run.
    """
    run = run.rstrip("/")
    root, separator, run_id = run.rpartition("/runs/")
    if separator and "/" not in run_id:
        return open_store(root), run_id
    store = open_store(run)
    current = manifests.read_current(store)
    if current is None:
        raise UsageError(f"{run}: neither a run's folder (OUTPUT/runs/ID) nor an output root with a published run")
    return store, current.run_id
