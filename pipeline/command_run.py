"""`tamis run PLAN`: the main job, from a plan to a published run and its report."""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

import msgspec

from tamis.classifiers.errors import RaceLost, TamisError
from tamis.pipeline import manifest as manifests
from tamis.pipeline import outcome, versions
from tamis.pipeline import plan as plans
from tamis.pipeline.plan import Plan
from tamis.pipeline.progress import Watch, shown
from tamis.pipeline.quiet import runner_log
from tamis.pipeline.storage import open_store

if TYPE_CHECKING:
    from tamis.pipeline.preflight import Preflight
    from tamis.pipeline.workbench import Workbench

__all__ = ["add_arguments", "main"]

TAKES_BEAM_FLAGS = True


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the command's options; every flag of Beam is accepted beside them."""
    parser.add_argument("plan", metavar="PLAN", help="the plan, a YAML file")
    parser.add_argument("--input", metavar="ROOT", help="read the corpus from here instead of `corpus.root`")
    parser.add_argument("--output", metavar="ROOT", help="write runs here instead of `output`")
    parser.add_argument(
        "--dry_run",
        action="store_true",
        help="say what would run: shards, bytes, fingerprint, estimated time; no write",
    )
    parser.epilog = (
        "Flags of Beam pass through (--direct_num_workers=4; --runner=FlinkRunner --flink_master=HOST:PORT); one that "
        "neither knows is an error. The same command continues an interrupted run."
    )


def main(options: argparse.Namespace, flags: list[str]) -> int:
    """Runs the job; returns the exit code of its status."""
    plan = _overridden(plans.load(options.plan), options)
    if flags:
        from tamis.pipeline import runners

        runners.check_flags(flags)
        runners.check_plan(flags, plan)
    from tamis.pipeline import preflight

    checked = preflight.check(plan)
    for warning in checked.warnings:
        _say(f"warning: {warning}")
    if options.dry_run:
        return _dry_run(checked)
    # Not kept beside the run: the pilot holds texts.
    checked = checked.lighter()
    return _run(checked, flags)


def _overridden(plan: Plan, options: argparse.Namespace) -> Plan:
    if options.input is not None:
        plan = msgspec.structs.replace(plan, corpus=msgspec.structs.replace(plan.corpus, root=options.input))
    if options.output is not None:
        plan = msgspec.structs.replace(plan, output=options.output)
    return plan


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def _dry_run(checked: Preflight) -> int:
    from tamis.pipeline import preflight

    estimate = preflight.estimate(checked)
    spec = checked.spec
    size = f"{len(checked.shards):,} shards, {checked.total_bytes / 1e6:,.1f} MB"
    _say(f"{spec.plan.name}: {size} in {spec.plan.corpus.root}")
    _say(f"fingerprint {spec.fingerprint[:16]}, run {spec.run_id}, output {spec.plan.output}/{spec.folder}")
    _say(estimate.sentence())
    facts = {"fingerprint": spec.fingerprint, "shards": len(checked.shards), "bytes": checked.total_bytes}
    print(json.dumps({"status": "dry_run", "run_id": spec.run_id, **facts, "estimate": estimate.record()}))
    return 0


def _run(checked: Preflight, flags: list[str]) -> int:
    store = open_store(checked.spec.plan.output)
    spec = msgspec.structs.replace(checked.spec, base=manifests.base_of(store), launcher=versions.here())
    watch = Watch(store, spec.folder, len(checked.shards), checked.total_bytes)
    _say(
        f"{spec.plan.name}: run {spec.run_id}, {len(checked.shards):,} shards, {checked.total_bytes / 1e6:,.1f} MB"
        + (f"; {watch.done:,} shards were finished before and are kept" if watch.done else "")
    )
    with runner_log(spec.run_id) as (out, log), shown(watch, out):
        _launch(checked.bench.bound(spec), flags, checked.total_bytes, out, log)
    from tamis.pipeline import runners

    if runners.only_submits(flags):
        return outcome.submitted(spec)
    return outcome.show(store, spec, len(checked.shards))


def _launch(bench: Workbench, flags: list[str], total_bytes: int, out: TextIO, log: Path) -> None:
    """Runs the job in a thread while this one waits for it or for Ctrl-C.

    The thread blocks SIGINT, and the worker processes that it starts inherit that: Ctrl-C reaches this thread
    alone, which says how to resume and leaves; the workers end with their connection.
    """
    failure: list[BaseException] = []

    def work() -> None:
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        try:
            from tamis.pipeline import runners

            runners.launch(bench, flags, total_bytes)
        except BaseException as error:  # noqa: BLE001 - handed to the waiting thread
            failure.append(error)

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    try:
        while thread.is_alive():
            thread.join(0.2)
    except KeyboardInterrupt:
        print("\ninterrupted: finished shards are kept; run the same command again to continue", file=out, flush=True)
        log.unlink(missing_ok=True)
        os._exit(130)
    if failure:
        raise _explained(failure[0], log)


def _explained(error: BaseException, log: Path) -> BaseException:
    """Turns an error of a runner into one that says what to do; tamis' own errors pass."""
    if os.environ.get("TAMIS_DEBUG"):
        return error
    if isinstance(error, TamisError):
        # A runner in this process keeps the class, and adds where it was to the message.
        return type(error)(str(error).split(" [while running")[0])
    # Runners wrap a worker's error in text; ours is the last line that starts with its class.
    for line in reversed(str(error).splitlines()):
        for name in ("BundleError", "UsageError", "ShardError", "RaceLost", "TamisError"):
            if f"{name}: " in line:
                told = RaceLost if name == "RaceLost" else TamisError
                return told(line.partition(f"{name}: ")[2].split(" [while running")[0])
    return TamisError(
        f"the runner failed ({type(error).__name__}); finished shards are kept: run the same command again to "
        f"continue. The runner's own log is {log}"
    )
