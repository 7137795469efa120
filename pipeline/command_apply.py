"""`tamis apply PLAN --scores RUN`: other interventions, decided and measured from the scores of a finished run."""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable

from tamis.classifiers.errors import UsageError
from tamis.interventions.report_format import several
from tamis.pipeline import outcome
from tamis.pipeline import plan as plans
from tamis.pipeline.command_verify import RUN_HELP, locate
from tamis.pipeline.storage import open_store
from tamis.pipeline.wording import say

__all__ = ["add_arguments", "main"]

TOLD_EVERY_S = 15.0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the command's options."""
    parser.add_argument("plan", metavar="PLAN", help="the plan, a YAML file")
    parser.add_argument("--scores", metavar="RUN", required=True, help=f"where the scores are: {RUN_HELP}")
    parser.add_argument("--input", metavar="ROOT", help="read the corpus from here instead of `corpus.root`")
    parser.add_argument("--output", metavar="ROOT", help="write the run here instead of `output`")
    parser.add_argument("--workers", metavar="N", type=int, default=1, help="processes; default: 1, this one")
    parser.add_argument(
        "--dry_run", action="store_true", help="say whether the scores are enough for the plan; no write"
    )
    parser.epilog = (
        "The plan names the classifiers, the evaluator and the passages that the run was scored with; interventions, "
        "`publish` and `gate` are free. Documents are read only where `publish` names an intervention."
    )


def main(options: argparse.Namespace, _: list[str]) -> int:
    """Applies; returns the exit code of the run's status."""
    if options.workers < 1:
        raise UsageError(f"`--workers {options.workers}`: write 1 or more")
    plan = plans.elsewhere(plans.load(options.plan), options.input, options.output)
    from tamis.pipeline import apply_run
    from tamis.pipeline.applying import check
    from tamis.pipeline.stored_run import StoredRun

    application = check(plan, StoredRun.open(*locate(options.scores)))
    spec, shards = application.spec, application.source.manifest.shards
    say(
        f"{plan.name}: run {spec.run_id}, {several(len(shards), 'shard')}, "
        f"{several(application.source.manifest.counts.seen, 'record')}, scored by run {spec.scores}"
    )
    if options.dry_run:
        return 0
    apply_run.run(application, options.workers, _progress(len(shards)))
    return outcome.show(open_store(plan.output), spec, len(shards))


def _progress(shards: int) -> Callable[[int], None]:
    """Returns what tells how far the work is, every few seconds."""
    start = last = time.monotonic()

    def tell(done: int) -> None:
        nonlocal last
        now = time.monotonic()
        if now - last >= TOLD_EVERY_S and done < shards:
            last = now
            say(f"{done:,} of {shards:,} shards, about {(now - start) * (shards - done) / done:,.0f} s left")

    return tell
