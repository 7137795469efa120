"""`tamis refresh PLAN`: brings the published run up to date with the corpus, doing only what changed."""

from __future__ import annotations

import argparse
import json
from typing import TYPE_CHECKING

import msgspec

from tamis.pipeline import command_run, listed, observing, partitions
from tamis.pipeline import manifest as manifests
from tamis.pipeline.plan import Plan
from tamis.pipeline.storage import open_store
from tamis.pipeline.wording import say

if TYPE_CHECKING:
    from tamis.pipeline.refresh import Refresh

__all__ = ["add_arguments", "main"]

TAKES_BEAM_FLAGS = True


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the command's options; every flag of Beam is accepted beside them."""
    command_run.add_arguments(parser)
    parser.add_argument(
        "--rehash",
        action="store_true",
        help="read the bytes of every shard to see what changed, not only those of another version",
    )
    parser.add_argument(
        "--rescale",
        action="store_true",
        help="set the evaluation's sampling and the rates of random controls anew; where they change, every shard is "
        "processed",
    )
    parser.epilog = (
        "A shard is unchanged where its path, size and version (modification time, ETag, generation) are those of the "
        "published run, or its bytes are. Receipts and outputs of unchanged shards are taken over; where only rules "
        "changed, their scores are. With nothing to do it exits with 0 and the status `unchanged`. Flags of Beam pass "
        "through as in `tamis run`."
    )


def main(options: argparse.Namespace, flags: list[str]) -> int:
    """Refreshes; returns the exit code of the run's status."""
    plan = command_run.load(options, flags)
    return partitions.each(plan, options.partition, lambda one: _main(one, options, flags))


def _main(plan: Plan, options: argparse.Namespace, flags: list[str]) -> int:
    from tamis.pipeline.refresh import prepare

    found = prepare(plan, rescale=options.rescale, rehash=options.rehash)
    if found.nothing:
        observing.at_once(options, found.checked.spec, "unchanged")
        return _unchanged(found)
    current = manifests.read_current(open_store(plan.output))
    if current is not None and found.checked.spec.run_id in current.rolled_back:
        return _held(found)
    _tell(found)
    return command_run.execute(found.checked, options, flags)


def _tell(found: Refresh) -> None:
    """Says what will be done, before it is."""
    name, changes = found.checked.spec.plan.name, found.changes
    if changes is None:
        say(f"{name}: nothing is published yet: a first run")
        return
    numbers = {
        "new": changes.new,
        "changed": changes.changed,
        "retired": changes.retired,
        "unchanged": changes.unchanged,
        "of another version (unchanged if their bytes are)": changes.touched,
    }
    say(f"{name}: against run {found.base}: {', '.join(f'{len(v):,} {k}' for k, v in numbers.items() if v)} shards")
    if found.differs:
        again = found.checked.spec.redecide is not None
        what = "unchanged shards are decided again on their stored scores" if again else "every shard is scored anew"
        say(f"{name}: {what}: {'; '.join(found.differs)}")


def _unchanged(found: Refresh) -> int:
    """Says that there is nothing to do."""
    spec, store = found.checked.spec, open_store(found.checked.spec.plan.output)
    if found.changes is not None and found.changes.touched:
        # Their bytes are the same: the next refresh need not read them.
        listed.write(store, spec.run_id, found.checked.shards)
    manifest, _ = manifests.read(store, spec.run_id)
    say(f"{spec.plan.name}: nothing to do: run {spec.run_id} is published, and no shard has changed since")
    facts = {"status": "unchanged", "run_id": spec.run_id, "output": spec.plan.output}
    folder = f"{spec.plan.output}/{spec.folder}"
    paths = {"manifest": f"{folder}/{manifests.MANIFEST}", "report": f"{folder}/report/index.html"}
    print(json.dumps({**facts, **paths, "counts": msgspec.to_builtins(manifest.counts)}))
    return 0


def _held(found: Refresh) -> int:
    """Says that what would be made was rolled back."""
    spec = found.checked.spec
    say(
        f"{spec.plan.name}: nothing to do: run {spec.run_id} was rolled back, and nothing has changed since; publish "
        f"it with `tamis rollback {spec.plan.output} {spec.run_id}`"
    )
    print(json.dumps({"status": "held", "run_id": spec.run_id, "output": spec.plan.output, "published": found.base}))
    return 0
