"""`tamis rollback OUTPUT [RUN]`: publishes an earlier run again, by moving the pointer and nothing else."""

from __future__ import annotations

import argparse
import json
import sys

from tamis.classifiers.errors import UsageError
from tamis.pipeline import manifest as manifests
from tamis.pipeline.storage import Store, open_store

__all__ = ["add_arguments", "main"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the command's options."""
    parser.add_argument("output", metavar="OUTPUT", help="an output root with a published run")
    parser.add_argument(
        "run", metavar="RUN", nargs="?", help="the id of a run; default: the one that was published before"
    )
    parser.epilog = (
        "The run is verified first, every byte of it; one that was refused or is damaged is not published. What is "
        "rolled back stays in its place, and is not published again by the next `tamis run` or `tamis refresh`, but by "
        "this command."
    )


def main(options: argparse.Namespace, _: list[str]) -> int:
    """Rolls back; returns 0."""
    from tamis.pipeline import verify

    store = open_store(options.output.rstrip("/"))
    current = manifests.read_current(store)
    if current is None:
        raise UsageError(f"{options.output}: an output root with a published run was expected: there is no CURRENT")
    run_id = options.run or _before(store, current.run_id)
    if run_id == current.run_id:
        raise UsageError(f"run {run_id} is the one that is published")
    manifest = verify.verify(store, run_id)
    if manifest.status != "published":
        raise UsageError(f"run {run_id} ended as {manifest.status}: only a run that has passed its gate is published")
    before = manifests.roll_back(store, run_id, manifests.read(store, run_id)[1])
    print(f"run {run_id} is published (verified); {before} is kept, and not published by itself again", file=sys.stderr)
    print(json.dumps({"status": "published", "run_id": run_id, "output": store.root, "rolled_back": before}))
    return 0


def _before(store: Store, run_id: str) -> str:
    previous = manifests.read(store, run_id)[0].previous
    if previous is None:
        raise UsageError(f"run {run_id} was the first that was published: name the run to publish")
    return previous
