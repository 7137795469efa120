"""Launching the job: which runner, with which Beam flags, and what the user sees when it breaks.

Locally Beam's in-process portable runner is named explicitly, since the default one first tries to download a
binary. It runs one worker process a core, or fewer where the corpus is too small to repay their start.
"""

from __future__ import annotations

import argparse
import functools
import logging
import os
import shlex
import sys
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from typing import TYPE_CHECKING, Any

import msgspec

from tamis.classifiers.errors import UsageError
from tamis.pipeline import dataflow, portable, pulse, uncollected
from tamis.pipeline.plan import Plan
from tamis.pipeline.quiet import silenced
from tamis.pipeline.wording import nearest

if TYPE_CHECKING:
    from tamis.pipeline.workbench import Workbench

__all__ = ["check_flags", "launch", "local"]

LOCAL_RUNNERS = ("FnApiRunner",)

#: Stored bytes that are worth another local worker: reading them takes longer than the worker's start.
BYTES_PER_WORKER = 64 << 20


@functools.cache
def _parser() -> argparse.ArgumentParser:
    """Returns a parser of every flag that this installation of Beam knows."""
    with silenced():
        from apache_beam.options.pipeline_options import PipelineOptions

    parser = argparse.ArgumentParser(
        allow_abbrev=False, add_help=False, exit_on_error=False, conflict_handler="resolve"
    )
    for options in PipelineOptions.__subclasses__():
        options._add_argparse_args(parser)  # type: ignore[arg-type]
    return parser


def check_flags(flags: Sequence[str]) -> None:
    """Raises UsageError for a flag that Beam does not know; Beam itself would only log it."""
    parser = _parser()
    try:
        _, unknown = parser.parse_known_args(list(flags))
    except argparse.ArgumentError as error:
        raise UsageError(f"{error}; see the flags of the runner in Beam's documentation") from None
    if unknown:
        known = {option.removeprefix("--") for action in parser._actions for option in action.option_strings}
        word = unknown[0].split("=")[0].lstrip("-")
        raise UsageError(f"`{unknown[0]}` is a flag of neither tamis nor Beam{_nearest_flag(word, known)}")
    runner = _named(flags).runner
    # A class of the user's own is named by its whole path.
    if runner is not None and "." not in runner and runner not in _runners().values():
        raise UsageError(f"`--runner={runner}` is not a runner of Beam{nearest(runner, set(_runners().values()))}")


def _nearest_flag(word: str, known: set[str]) -> str:
    hint = nearest(word, known | {"input", "output", "dry_run"})
    return hint.replace("`", "`--", 1) if "did you mean" in hint else "; `tamis run --help` lists the flags"


def check_plan(flags: Sequence[str], plan: Plan) -> None:
    """Raises UsageError for a plan that the named runner's workers cannot run."""
    named = _named(flags)
    if named.runner == dataflow.RUNNER:
        dataflow.check(plan, named)
    elif not local(flags):
        portable.check(plan, named)


def _named(flags: Sequence[str]) -> argparse.Namespace:
    """Returns the flags by Beam's names; a runner that Beam knows has its own name, however it was written."""
    named = _parser().parse_known_args(list(flags))[0]
    if named.runner is not None:
        named.runner = _runners().get(named.runner.lower(), named.runner)
    return named


@functools.cache
def _runners() -> dict[str, str]:
    """Returns Beam's names of its runners, by what Beam takes for them: any case, no "Runner", or the whole path."""
    from apache_beam.options.pipeline_options import StandardOptions

    names = {path.lower(): path.rpartition(".")[2] for path in StandardOptions.ALL_KNOWN_RUNNERS}
    names |= {name.lower().removesuffix("runner"): name for name in names.values()}
    return names | {name.lower(): name for name in names.values()}


def local(flags: Sequence[str]) -> bool:
    """Whether the flags name no runner, or the local one."""
    # Without flags the engine need not be loaded to tell.
    named = _named(flags).runner if flags else None
    return named is None or named in LOCAL_RUNNERS


def only_submits(flags: Sequence[str]) -> bool:
    """Whether the launch ends before the job does: that of a template, or one that is told not to wait."""
    named = _named(flags)
    return not local(flags) and bool(named.template_location or named.no_wait_until_finish)


def workers_for(total_bytes: int) -> int:
    """Returns how many local worker processes a corpus of this stored size is shared among."""
    return min(len(os.sched_getaffinity(0)), 1 + total_bytes // BYTES_PER_WORKER)


def _options(flags: Sequence[str], total_bytes: int, run_id: str = "") -> Any:
    from apache_beam.options.pipeline_options import PipelineOptions

    flags, named = list(flags), _named(flags)
    if named.runner == dataflow.RUNNER:
        flags += dataflow.defaults(named, run_id)
    if local(flags):
        workers = named.direct_num_workers or workers_for(total_bytes)
        flags += ["--runner=FnApiRunner", f"--direct_num_workers={workers}"]
        # One worker needs no second process.
        flags += [] if workers == 1 else ["--direct_running_mode=multi_processing"]
    return PipelineOptions(flags)


def launch(bench: Workbench, flags: Sequence[str], total_bytes: int) -> None:
    """Runs the job to its end.

    Args:
        bench: The resolved run, with its models.
        flags: Beam flags, checked by `check_flags`.
        total_bytes: Stored size of the corpus.
    """
    import apache_beam as beam

    from tamis.pipeline import job

    spec = msgspec.json.encode(bench.spec)
    job.keep(spec, bench)
    uncollected.settled()
    logging.getLogger("apache_beam").setLevel(logging.WARNING)
    with warnings.catch_warnings(), portable.startable():
        warnings.simplefilter("ignore")
        options = _options(flags, total_bytes, bench.spec.run_id)
        with (
            _local_runner(options) if local(flags) else nullcontext() as runner,
            beam.Pipeline(runner, options=options) as pipeline,
        ):
            _ = pipeline | "FilterCorpus" >> job.FilterCorpus(spec)


@contextmanager
def _local_runner(options: Any) -> Iterator[Any]:
    """Yields the local runner with workers that can be watched (`tamis.pipeline.crew`): programs, or this process."""
    from apache_beam.options.pipeline_options import DirectOptions
    from apache_beam.runners.portability.fn_api_runner.fn_runner import FnApiRunner
    from apache_beam.transforms.environments import SubprocessSDKEnvironment

    direct = options.view_as(DirectOptions)
    if direct.direct_running_mode != "multi_processing":
        folder = os.environ.get(pulse.FOLDER)
        with nullcontext() if folder is None else pulse.joined(folder):
            yield FnApiRunner()
        return
    # With the mode left in place the runner would start Beam's program instead.
    direct.direct_running_mode = "in_memory"
    program = f"exec {shlex.quote(sys.executable)} -m tamis.pipeline.local_worker"
    yield FnApiRunner(default_environment=SubprocessSDKEnvironment.from_command_string(program))
