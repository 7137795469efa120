"""Beam's portable runners (Flink, Spark, Prism): what a plan must hold for workers elsewhere, and who may start them.

Workers of a cluster have a working folder of their own: a relative path would mean another place there. Folders must be
on storage that every machine sees under one path.
"""

from __future__ import annotations

import argparse
import atexit
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tamis.classifiers.errors import UsageError
from tamis.pipeline import locations
from tamis.pipeline.plan import Plan

__all__ = ["check", "startable"]

#: Runners whose workers are elsewhere. (Prism's are in the launcher's process.)
CLUSTERS = frozenset(("FlinkRunner", "SparkRunner", "PortableRunner"))


def check(plan: Plan, named: argparse.Namespace) -> None:
    """Checks that workers elsewhere find what a plan names.

    Args:
        plan: The plan, with flags applied.
        named: Beam's flags, parsed.

    Raises:
        UsageError: Corpus or output are relative paths; both are named.
    """
    if named.runner.rpartition(".")[2] not in CLUSTERS or named.environment_type == "LOOPBACK":
        return
    told = {"corpus.root": plan.corpus.root, "output": plan.output}
    relative = [f"`{name}` ({root})" for name, root in told.items() if _relative(root)]
    if relative:
        raise UsageError(
            f"{named.runner}: relative: {', '.join(relative)}: its workers have a working folder of their own; give "
            "absolute paths on storage that all of them see (`--input`, `--output`), or URLs"
        )


def _relative(root: str) -> bool:
    folder = locations.local_folder(root)
    return folder is not None and not Path(folder).is_absolute()


@contextmanager
def startable() -> Iterator[None]:
    """Lets Beam's runners start a job server of their own from any thread, in the block.

    Beam ends it from a signal handler too, which only a main thread may set. Here the main thread watches the run, and
    ends the process by itself: the server ends with it.
    """
    from apache_beam.runners.portability import job_server

    # It says that it ends its server, on the terminal, when the run is over.
    logging.getLogger("apache_beam.utils.subprocess_server").setLevel(logging.ERROR)
    beams = job_server.StopOnExitJobServer

    class Stopped(beams):  # type: ignore[misc, valid-type]
        """Is stopped when the process ends."""

        _started: bool

        def start(self) -> object:
            with self._lock:
                if not self._started:
                    self._endpoint = self._job_server.start()
                    self._started = True
                    atexit.register(self.stop)
            return self._endpoint

    job_server.StopOnExitJobServer = Stopped  # type: ignore[misc]
    try:
        yield
    finally:
        job_server.StopOnExitJobServer = beams  # type: ignore[misc]
