"""Keeping a runner's own chatter off the terminal: it goes to a log file, which is named when something breaks."""

from __future__ import annotations

import logging
import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from tamis.pipeline import jsonlog

__all__ = ["runner_log", "silenced"]


@contextmanager
def runner_log(name: str) -> Iterator[tuple[TextIO, Path]]:
    """Sends everything that this process and its children write to stderr into a log file.

    Args:
        name: Goes into the file's name.

    Yields:
        The real stderr, for what the user should see, and the path of the log. With TAMIS_DEBUG set nothing is
        redirected. The log is removed when the block ends without an error.
    """
    handle, path = tempfile.mkstemp(prefix=f"tamis-{name}-", suffix=".log")
    log = Path(path)
    sys.stderr.flush()
    real = os.dup(2)
    if not os.environ.get("TAMIS_DEBUG"):
        os.dup2(handle, 2)
    os.close(handle)
    try:
        with os.fdopen(os.dup(real), "w", buffering=1) as out:
            yield jsonlog.like_stderr(out), log
        log.unlink(missing_ok=True)
    finally:
        sys.stderr.flush()
        os.dup2(real, 2)
        os.close(real)


@contextmanager
def silenced() -> Iterator[None]:
    """Holds back log messages below ERROR, as imports of the engine print some on their own."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        yield
    finally:
        logging.disable(before)
