"""What a job on Dataflow needs beside Beam's own flags; checked before anything is sent.

Workers see no file of the launcher's machine, run the image that they are told to, and by default give a process a
dozen threads, each of which would hold a shard.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator

from tamis.classifiers import plugin
from tamis.classifiers.errors import UsageError
from tamis.pipeline import locations
from tamis.pipeline.plan import ATTRIBUTES, Plan

__all__ = ["RUNNER", "check", "defaults"]

RUNNER = "DataflowRunner"

#: Flags that are set unless the user sets them, by Beam's name.
_DEFAULTS = {
    # A shard is processed in one thread; Beam's default of twelve a process would multiply memory, not speed.
    "number_of_worker_harness_threads": 1,
    "autoscaling_algorithm": "THROUGHPUT_BASED",
}

_NEEDED = {
    "project": "the project that pays",
    "region": "where the workers run, such as us-central1: the bucket's region",
    "temp_location": "a folder in a bucket, gs://BUCKET/tmp",
    "sdk_container_image": "an image with this version of tamis, see docs/dataflow.md",
}


def defaults(named: argparse.Namespace, run_id: str) -> list[str]:
    """Returns flags that a job on Dataflow runs better with, where the user gave none of the same name.

    Args:
        named: Beam's flags, parsed.
        run_id: The run's. The service refuses a second active job of one name: two launches of one run do not both pay.
    """
    wanted = {**_DEFAULTS, "job_name": f"tamis-{run_id}"}
    return [f"--{name}={value}" for name, value in wanted.items() if getattr(named, name, None) in (None, 0)]


def check(plan: Plan, named: argparse.Namespace) -> None:
    """Checks that workers elsewhere can run a plan.

    Args:
        plan: The plan, with flags applied.
        named: Beam's flags, parsed.

    Raises:
        UsageError: A flag is missing, or the plan names a file of this machine; the message lists all of them.
    """
    problems = [*_missing(named), *_here_only(plan)]
    if problems:
        raise UsageError(f"{RUNNER} cannot run this: " + "; ".join(problems))


def _lies_here(path: str) -> bool:
    return locations.local_folder(path.removeprefix(ATTRIBUTES)) is not None


def _missing(named: argparse.Namespace) -> Iterator[str]:
    for name, meaning in _NEEDED.items():
        if not getattr(named, name, None):
            yield f"--{name} is missing ({meaning})"


def _here_only(plan: Plan) -> Iterator[str]:
    for key, root in (("corpus.root", plan.corpus.root), ("output", plan.output)):
        if locations.local_folder(root) is not None:
            yield f"`{key}: {root}` is a folder of this machine, which no worker sees: name a bucket"
    refs = {f"classifiers.{name}": ref.path for name, ref in plan.refs().items()}
    evaluator = plan.evaluator_ref()
    refs |= {} if evaluator is None else {"evaluator": evaluator.path}
    refs |= {} if plan.evaluate.proxy_lexicon is None else {"evaluate.proxy_lexicon": plan.evaluate.proxy_lexicon}
    for key, path in refs.items():
        if not path.startswith(("builtin:", plugin.PREFIX)) and _lies_here(path):
            yield f"`{key}: {path}` is a folder of this machine: upload the bundle and name its URL"
