"""Progress, read from the receipts as they appear: a bar on a terminal, plain lines elsewhere.

The receipts are the only truth about progress, so the same code watches a local run, a resumed one and a cluster's.
"""

from __future__ import annotations

import logging
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TextIO

from tamis.classifiers.errors import TamisError
from tamis.pipeline import receipts
from tamis.pipeline.storage import Store

__all__ = ["LAST_STAGE", "Watch", "shown"]

LOG = logging.getLogger(__name__)

#: What the run's folder holds while its last stage takes its time: one line for people.
LAST_STAGE = "PROGRESS"

INTERVAL_S = 1.0
PLAIN_EVERY_S = 15.0


@dataclass
class Watch:
    """Reads the receipts of a run that have appeared since the last look.

    Attributes:
        store: The output root.
        folder: The run's folder.
        shards: Shards in the corpus.
        total_bytes: Size of the corpus as stored.
        pause: Seconds to the next look: ten times what the last one took, since a listing of a bucket is paid for.
    """

    store: Store
    folder: str
    shards: int
    total_bytes: int
    done: int = 0
    bytes: int = 0
    seen: int = 0
    dropped: int = 0
    pause: float = INTERVAL_S

    def __post_init__(self) -> None:
        self._known: set[str] = set()
        self._start = time.monotonic()
        self.look()
        self.resumed = self.done
        self._bytes_at_start, self._seen_at_start = self.bytes, self.seen

    def look(self) -> None:
        """Adds what has appeared; what cannot be read yet counts next time."""
        start = time.monotonic()
        try:
            for name in self.store.names(f"{self.folder}/receipts"):
                if name not in self._known and self._add(name):
                    self._known.add(name)
        except TamisError as error:
            # The run does not need its progress bar: its workers tell what fails.
            LOG.debug("progress: %s", error)
        self.pause = max(INTERVAL_S, 10 * (time.monotonic() - start))

    def _add(self, name: str) -> bool:
        try:
            receipt = receipts.unseal(self.store.read(name), name).brief()
        except (TamisError, OSError):
            return False
        self.done += 1
        self.bytes += receipt.input.bytes
        self.seen += receipt.counts.seen
        self.dropped += receipt.counts.dropped
        return True

    def _told(self) -> str:
        """What the last stage says of itself, "" while it says nothing."""
        try:
            return self.store.read(f"{self.folder}/{LAST_STAGE}").decode("utf-8", "replace").strip()
        except OSError:
            return ""

    def line(self) -> str:
        """Says where the run stands in one line."""
        if self.done >= self.shards and (told := self._told()):
            return told
        elapsed = max(time.monotonic() - self._start, 1e-9)
        rate = (self.bytes - self._bytes_at_start) / elapsed
        documents = (self.seen - self._seen_at_start) / elapsed
        left = f"{_clock((self.total_bytes - self.bytes) / rate)} left" if rate > 0 else "estimating"
        return (
            f"{self.done}/{self.shards} shards  {documents:,.0f} docs/s  {rate / 1e6:.1f} MB/s  "
            f"{self.dropped:,} dropped  {left}"
        )


def _clock(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


@contextmanager
def shown(watch: Watch, out: TextIO = sys.stderr) -> Iterator[None]:
    """Shows progress on a stream until the block ends."""
    stop = threading.Event()
    show = _bar if out.isatty() else _lines
    thread = threading.Thread(target=show, args=(watch, out, stop.wait), daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def _lines(watch: Watch, out: TextIO, wait: Callable[[float], bool]) -> None:
    while not wait(max(PLAIN_EVERY_S, watch.pause)):
        watch.look()
        print(watch.line(), file=out, flush=True)


def _bar(watch: Watch, out: TextIO, wait: Callable[[float], bool]) -> None:
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn

    columns = (BarColumn(), TextColumn("{task.description}"))
    with Progress(*columns, console=Console(file=out), transient=True) as progress:
        task = progress.add_task(watch.line(), total=max(watch.total_bytes, 1), completed=watch.bytes)
        while not wait(watch.pause):
            watch.look()
            progress.update(task, completed=watch.bytes, description=watch.line())
