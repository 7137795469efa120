"""Structured logs: with TAMIS_LOG=json each line that people would read on stderr is one JSON object.

For collectors that read containers' output: `time` (RFC 3339, UTC), `level`, `command`, `message`. What a run leaves as
facts is the JSON line on stdout; this is what happened on the way.
"""

from __future__ import annotations

import datetime
import io
import json
import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO

__all__ = ["VARIABLE", "JsonLines", "installed", "like_stderr"]

VARIABLE = "TAMIS_LOG"

_LEVELS = {"warning": "WARNING", "note": "INFO", "failed": "ERROR", "refused": "ERROR", "tamis": "ERROR"}


class JsonLines(io.TextIOBase):
    """A stream for text that writes a JSON object for each line that is not blank.

    Args:
        stream: Where to.
        command: Goes into each object.
    """

    def __init__(self, stream: TextIO, command: str) -> None:
        self._stream, self.command = stream, command
        self._pending, self._lock = "", threading.Lock()

    def writable(self) -> bool:
        """Returns True."""
        return True

    def isatty(self) -> bool:
        """Returns False: no bar and no colour."""
        return False

    def fileno(self) -> int:
        """Returns that of the stream behind."""
        return self._stream.fileno()

    def write(self, text: str) -> int:
        """Writes what is complete; the rest waits for its end of line."""
        with self._lock:
            *lines, self._pending = (self._pending + text).split("\n")
            for line in lines:
                self._emit(line)
        return len(text)

    def flush(self) -> None:
        """Flushes the stream behind; an incomplete line stays."""
        self._stream.flush()

    def close(self) -> None:
        """Writes an incomplete line; the stream behind stays open."""
        with self._lock:
            pending, self._pending = self._pending, ""
            self._emit(pending)

    def _emit(self, line: str) -> None:
        if not line.strip():
            return
        level = _LEVELS.get(line.partition(":")[0].strip(), "INFO")
        now = datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        entry = {"time": now, "level": level, "command": self.command, "message": line.rstrip()}
        self._stream.write(json.dumps(entry) + "\n")
        self._stream.flush()


def like_stderr(stream: TextIO) -> TextIO:
    """Returns a stream that leads where stderr did, as JSON lines where stderr has them."""
    return JsonLines(stream, sys.stderr.command) if isinstance(sys.stderr, JsonLines) else stream  # type: ignore[return-value]


@contextmanager
def installed(command: str) -> Iterator[None]:
    """Makes stderr write JSON lines until the block ends, where the environment asks for it.

    Args:
        command: The command that runs.
    """
    if os.environ.get(VARIABLE, "").lower() != "json":
        yield
        return
    before = sys.stderr
    lines = JsonLines(before, command)
    sys.stderr = lines
    try:
        yield
    finally:
        lines.close()
        sys.stderr = before
