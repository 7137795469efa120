"""`tamis run PLAN`: the main job, from a plan to a published run and its report."""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Callable
from typing import TYPE_CHECKING

import msgspec

from tamis.interventions.report_format import several
from tamis.pipeline import launching, observing, outcome, partitions, pins, runlock, versions
from tamis.pipeline import manifest as manifests
from tamis.pipeline import plan as plans
from tamis.pipeline.plan import Plan
from tamis.pipeline.progress import Watch, shown
from tamis.pipeline.quiet import runner_log
from tamis.pipeline.storage import open_store
from tamis.pipeline.wording import say

if TYPE_CHECKING:
    from tamis.pipeline.preflight import Preflight

__all__ = ["add_arguments", "execute", "load", "main"]

TAKES_BEAM_FLAGS = True


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the command's options; every flag of Beam is accepted beside them."""
    parser.add_argument("plan", metavar="PLAN", help="the plan, a YAML file")
    parser.add_argument("--input", metavar="ROOT", help="read the corpus from here instead of `corpus.root`")
    parser.add_argument("--output", metavar="ROOT", help="write runs here instead of `output`")
    parser.add_argument(
        "--partition",
        metavar="NAME",
        action="append",
        default=[],
        help="what `{partition}` in `corpus.root` and `output` stands for; several: one run each, one after another",
    )
    parser.add_argument(
        "--dry_run",
        action="store_true",
        help="say what would run: shards, bytes, fingerprint, estimated time; no write",
    )
    parser.add_argument(
        "--stall_minutes",
        metavar="N",
        type=float,
        default=30.0,
        help="end a local run whose worker got no further in this time; 0 waits for ever; default: 30",
    )
    observing.add_arguments(parser)
    parser.epilog = (
        "Flags of Beam pass through (--direct_num_workers=4; --runner=FlinkRunner --flink_master=HOST:PORT); one that "
        "neither knows is an error. The same command continues an interrupted run."
    )


def main(options: argparse.Namespace, flags: list[str]) -> int:
    """Runs the job; returns the exit code of its status."""
    return partitions.each(load(options, flags), options.partition, lambda plan: _main(plan, options, flags))


def load(options: argparse.Namespace, flags: list[str]) -> Plan:
    """Returns the plan that the options name, with what they override; flags of Beam are checked."""
    plan = plans.elsewhere(plans.load(options.plan), options.input, options.output)
    if flags:
        from tamis.pipeline import runners

        runners.check_flags(flags)
        runners.check_plan(flags, plan)
    return plan


def _main(plan: Plan, options: argparse.Namespace, flags: list[str]) -> int:
    from tamis.pipeline import preflight, refresh

    store = open_store(plan.output)
    # Before the corpus is listed: what is published meanwhile was made from a listing as new as this one.
    base = manifests.base_of(store)
    checked = preflight.check(plan)
    spec = msgspec.structs.replace(refresh.told_apart(store, checked.spec, checked.shards), base=base)
    return execute(checked.bound(spec), options, flags)


def execute(checked: Preflight, options: argparse.Namespace, flags: list[str]) -> int:
    """Runs what was checked, or says what would run; returns the exit code."""
    for warning in checked.warnings:
        say(f"warning: {warning}")
    if options.dry_run:
        return _dry_run(checked)
    pins.record_rates(open_store(checked.spec.plan.output), checked.spec)
    # Not kept beside the run: the pilot holds texts.
    checked = checked.lighter()
    with observing.watching(options, checked.spec) as tell:
        return _run(checked, flags, 60 * options.stall_minutes, tell)


def _dry_run(checked: Preflight) -> int:
    from tamis.pipeline import preflight

    estimate = preflight.estimate(checked)
    spec = checked.spec
    size = f"{several(len(checked.shards), 'shard')}, {checked.total_bytes / 1e6:,.1f} MB"
    say(f"{spec.plan.name}: {size} in {spec.plan.corpus.root}")
    say(f"fingerprint {spec.fingerprint[:16]}, run {spec.run_id}, output {spec.plan.output}/{spec.folder}")
    say(estimate.sentence())
    facts = {"fingerprint": spec.fingerprint, "shards": len(checked.shards), "bytes": checked.total_bytes}
    print(json.dumps({"status": "dry_run", "run_id": spec.run_id, **facts, "estimate": estimate.record()}))
    return 0


def _run(checked: Preflight, flags: list[str], patience: float, tell: Callable[[str], None]) -> int:
    store = open_store(checked.spec.plan.output)
    spec = msgspec.structs.replace(checked.spec, launcher=versions.here())
    watch = Watch(store, spec.folder, len(checked.shards), checked.total_bytes)
    size = f"{several(len(checked.shards), 'shard')}, {checked.total_bytes / 1e6:,.1f} MB"
    say(
        f"{spec.plan.name}: run {spec.run_id}, {size}"
        + (f"; {watch.done:,} shards were finished before and are kept" if watch.done else "")
    )
    with runlock.held(store, spec.run_id) as release, runner_log(spec.run_id) as (out, log):
        try:
            with shown(watch, out):
                launching.launch(checked.bench.bound(spec), flags, watch, log, patience)
        except launching.EndedError as end:
            # A runner whose workers are gone complains at length, and may wait for them for ever.
            print(f"tamis: {end}", file=out, flush=True)
            tell("failed")
            release()
            os._exit(end.code)
    from tamis.pipeline import runners

    if runners.only_submits(flags):
        tell("submitted")
        return outcome.submitted(spec)
    return outcome.show(store, spec, len(checked.shards))
