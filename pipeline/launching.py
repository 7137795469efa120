"""Launching a run and waiting for it: for its end, for Ctrl-C or SIGTERM, for a worker that dies or hangs."""

from __future__ import annotations

import os
import signal
import threading
from pathlib import Path
from typing import TYPE_CHECKING

from tamis.classifiers.errors import RaceLost, TamisError
from tamis.pipeline import interrupts
from tamis.pipeline.crew import Crew, gathered
from tamis.pipeline.errors import from_text
from tamis.pipeline.progress import Watch

if TYPE_CHECKING:
    from tamis.pipeline.workbench import Workbench

__all__ = ["EndedError", "launch"]


class EndedError(Exception):
    """The run was ended while its runner was at work."""

    def __init__(self, message: str, code: int) -> None:
        super().__init__(message)
        self.code = code


def launch(bench: Workbench, flags: list[str], watch: Watch, log: Path, patience: float) -> None:
    """Runs the job in a thread while this one waits for it, for Ctrl-C, or for a worker that is lost.

    The thread blocks SIGINT, and the worker processes that it starts inherit that: Ctrl-C reaches this thread
    alone, which says how to resume and leaves; the workers end with it.
    """
    failure: list[BaseException] = []

    def work() -> None:
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        try:
            from tamis.pipeline import runners

            runners.launch(bench, flags, watch.total_bytes)
        except BaseException as error:  # noqa: BLE001 - handed to the waiting thread
            failure.append(error)

    thread = threading.Thread(target=work, daemon=True)
    with gathered(patience) as workers:
        thread.start()
        try:
            _wait(thread, workers, watch, flags)
        except KeyboardInterrupt as stop:
            log.unlink(missing_ok=True)
            code = interrupts.code_of(stop)
            raise EndedError(_interrupted(flags, interrupts.word_of(stop)), code) from None
        finally:
            # Whoever has died is named first: this kills what is left.
            problem = _explained(failure[0], log, workers) if failure else None
            workers.end()
        if problem is not None:
            raise problem


def _wait(thread: threading.Thread, workers: Crew, watch: Watch, flags: list[str]) -> None:
    """Waits for the runner's thread; raises EndedError when a worker has died or hangs."""
    from tamis.pipeline import runners

    local = runners.local(flags)
    while thread.is_alive():
        thread.join(0.2)
        wrong = workers.look(watch.done if local and watch.done < watch.shards else None)
        if wrong and thread.is_alive():
            raise EndedError(wrong, 1)


def _interrupted(flags: list[str], word: str) -> str:
    from tamis.pipeline import runners

    if runners.local(flags):
        return f"{word}: finished shards are kept; run the same command again to continue"
    return f"{word}: the job goes on where it runs; stop it there, or run the same command again when it has ended"


def _explained(error: BaseException, log: Path, workers: Crew) -> BaseException:
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
    if type(error).__name__ == "DataflowJobAlreadyExistsError":
        return RaceLost("a job of this very run is active already: wait until it has ended, or cancel it")
    if (lost := workers.lost(wait=1.0)) is not None:
        return EndedError(lost, 1)
    if (told_by_system := from_text(str(error))) is not None:
        return TamisError(f"{told_by_system}. Finished shards are kept: run the same command again to continue")
    return TamisError(
        f"the runner failed ({type(error).__name__}); finished shards are kept: run the same command again to "
        f"continue. The runner's own log is {log}"
    )
