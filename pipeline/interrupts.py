"""SIGTERM taken like Ctrl-C: an exception in the main thread, so that files and terminals are left in order."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import NoReturn

__all__ = ["INTERRUPTED", "TERMINATED", "Terminated", "code_of", "heeded", "word_of"]

#: Exit codes, as a shell gives them: 128 and the signal.
INTERRUPTED, TERMINATED = 130, 143


class Terminated(KeyboardInterrupt):
    """The process was asked to end by SIGTERM."""


def code_of(stop: KeyboardInterrupt) -> int:
    """Returns the exit code of an interruption."""
    return TERMINATED if isinstance(stop, Terminated) else INTERRUPTED


def word_of(stop: KeyboardInterrupt) -> str:
    """Says what happened in a word."""
    return "terminated" if isinstance(stop, Terminated) else "interrupted"


@contextmanager
def heeded() -> Iterator[None]:
    """Raises Terminated on SIGTERM until the block ends; a handler of the process' own is left in place."""
    main = threading.current_thread() is threading.main_thread()
    if not main or signal.getsignal(signal.SIGTERM) is not signal.SIG_DFL:
        yield
        return
    signal.signal(signal.SIGTERM, _raise)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)


def _raise(number: int, frame: FrameType | None) -> NoReturn:  # noqa: ARG001
    raise Terminated
