"""Who else is told how a run began and ended: a metrics file, a lineage service, a webhook. One line of `KINDS` each.

What cannot be reached before the run is a mistake in the command; what cannot be reached after it is a warning: the
run is what it is, and its exit code says so.
"""

from __future__ import annotations

import argparse
import importlib
import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Protocol

from tamis.pipeline import manifest as manifests
from tamis.pipeline import outcome
from tamis.pipeline.errors import describe
from tamis.pipeline.manifest import Manifest
from tamis.pipeline.runspec import RunSpec
from tamis.pipeline.storage import Store, open_store
from tamis.pipeline.wording import say

__all__ = ["Ending", "Observer", "add_arguments", "at_once", "watching"]

#: Option -> (metavar, module, class, what the option does).
KINDS = {
    "metrics": ("FILE", "metrics_file", "MetricsFile", "write the run's figures here in Prometheus' text format"),
    "lineage": ("TARGET", "lineage", "Lineage", "send OpenLineage events to a URL or file; `env`: as its library says"),
    "webhook": ("URL", "webhook", "Webhook", "post how it ended, as JSON; `env`: to the URL in TAMIS_WEBHOOK"),
}


@dataclass(frozen=True, slots=True)
class Ending:
    """How a run ended.

    Attributes:
        status: "published", "measured", "refused", "failed", "unchanged" or "submitted".
        spec: The run.
        seconds: Wall-clock time of this launch.
        manifest: The run's record, None where it has none.
        report: Its report.json, None where it has none.
    """

    status: str
    spec: RunSpec
    seconds: float
    manifest: Manifest | None = None
    report: dict[str, Any] | None = None

    def sentence(self) -> str:
        """Says it in one line."""
        head = f"{self.spec.plan.name}: run {self.spec.run_id} {self.status}"
        refused = [item["sentence"] for item in self.manifest.gate if not item["passed"]] if self.manifest else []
        return f"{head}: {'; '.join(refused)}" if self.status == "refused" else head


class Observer(Protocol):
    """Somebody who is told."""

    def started(self, spec: RunSpec) -> None:
        """Tells that a run starts; what is wrong with the option itself is a UsageError."""

    def ended(self, ending: Ending) -> None:
        """Tells how it ended."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares an option for each kind."""
    for name, (metavar, _, _, text) in KINDS.items():
        parser.add_argument(f"--{name}", metavar=metavar, help=text)


def _observers(options: argparse.Namespace) -> list[Observer]:
    wanted = {name: getattr(options, name, None) for name in KINDS}
    return [_made(name, value) for name, value in wanted.items() if value is not None]


def _made(name: str, value: str) -> Observer:
    _, module, cls, _ = KINDS[name]
    observer: Observer = getattr(importlib.import_module(f"tamis.pipeline.{module}"), cls)(value)
    return observer


@contextmanager
def watching(options: argparse.Namespace, spec: RunSpec) -> Iterator[Callable[[str], None]]:
    """Tells the observers that a run starts and, when the block ends, how it ended.

    Args:
        options: The command's options.
        spec: The run.

    Yields:
        What tells how it ended before the block does; later calls say nothing.

    Raises:
        UsageError: An option is wrong, or needs a package that is not installed.
    """
    observers, start = _observers(options), time.monotonic()
    for observer in observers:
        observer.started(spec)
    waiting = list(observers)

    def tell(status: str) -> None:
        if not waiting:
            return
        ending = _ending(status, spec, time.monotonic() - start)
        while waiting:
            _tell(waiting.pop(0), ending)

    try:
        yield tell
    except BaseException:
        tell("failed")
        raise
    tell("")


def at_once(options: argparse.Namespace, spec: RunSpec, status: str) -> None:
    """Tells the observers of a run that ended as it started."""
    with watching(options, spec) as tell:
        tell(status)


def _ending(status: str, spec: RunSpec, seconds: float) -> Ending:
    store = open_store(spec.plan.output)
    if status in ("failed", "submitted"):
        return Ending(status, spec, seconds)
    manifest = manifests.read(store, spec.run_id)[0] if status else outcome.finished(store, spec)
    if manifest is None:
        return Ending("failed", spec, seconds)
    return Ending(status or manifest.status, spec, seconds, manifest, _report(store, spec))


def _report(store: Store, spec: RunSpec) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(store.read(f"{spec.folder}/report/report.json"))
    return found


def _tell(observer: Observer, ending: Ending) -> None:
    try:
        observer.ended(ending)
    except Exception as error:  # noqa: BLE001 - the run has ended, whoever could not be told
        say(f"warning: {type(observer).__name__}: {describe(error)}")
