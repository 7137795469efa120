"""`tamis gc OUTPUT`: deletes runs that nobody needs any more, and what killed writers left."""

from __future__ import annotations

import argparse
import json
import time
from typing import Any

from tamis.classifiers.errors import RaceLost, UsageError
from tamis.interventions.report_format import size
from tamis.pipeline import collecting
from tamis.pipeline.collecting import Found
from tamis.pipeline.storage import Store, open_store
from tamis.pipeline.wording import say

__all__ = ["add_arguments", "main"]

DAY_S = 86_400.0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the command's options."""
    parser.add_argument("output", metavar="OUTPUT", help="an output root")
    parser.add_argument(
        "--keep", metavar="N", type=int, default=2, help="finished runs kept beside the published one; default: 2"
    )
    parser.add_argument(
        "--older_than",
        metavar="DAYS",
        type=float,
        default=7.0,
        help="age from which on a run may be deleted; default: 7",
    )
    parser.add_argument("--dry_run", action="store_true", help="say what would be deleted; delete nothing")
    parser.epilog = (
        "Never deleted: the published run, the run whose scores it was decided from, and a run in progress. Files that "
        "a refreshed run shares with another stay until the last run that has them goes."
    )


def main(options: argparse.Namespace, _: list[str]) -> int:
    """Collects; returns 0."""
    if options.keep < 0 or not options.older_than >= 0:
        raise UsageError("`--keep` and `--older_than`: write 0 or more")
    store = open_store(options.output.rstrip("/"))
    now = time.time()
    found = collecting.find(store, now, options.keep, options.older_than * DAY_S)
    if not found:
        raise UsageError(f"{options.output}: there is no run; expected an output root, as in the plan")
    rows = [_row(one, now, store, options.dry_run) for one in found]
    deleted = [row for row in rows if row["deleted"]]
    freed = sum(row["frees"] for row in deleted)
    verb = "would be deleted" if options.dry_run else "deleted"
    say(f"{len(deleted)} of {len(rows)} {verb}, about {size(freed)} given back".replace("\u202f", " "))
    print(json.dumps({"status": "dry_run" if options.dry_run else "collected", "output": store.root, "found": rows}))
    return 0


def _row(found: Found, now: float, store: Store, dry: bool) -> dict[str, Any]:
    """Deletes what is to go, and says what was done."""
    why = found.why
    if not why and not dry:
        try:
            collecting.collect(store, found)
        except RaceLost as error:
            why = str(error)
    name = found.name or f"{len(found.paths)} temporary files"
    verb = f"kept: {why}" if why else "would be deleted" if dry else "deleted"
    amount = f"{size(found.bytes)}, {size(found.frees)} its own".replace("\u202f", " ")
    say(f"{name}  {found.status}  {(now - found.modified) / DAY_S:.1f} days  {amount}  {verb}")
    told = {"run_id": found.name or None, "status": found.status, "bytes": found.bytes, "frees": found.frees}
    return {**told, "deleted": not why, "why": why or None}
