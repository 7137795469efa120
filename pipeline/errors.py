"""The exception tree (drawn in `tamis.classifiers.errors`), and how an error is told without telling any text."""

from __future__ import annotations

import errno
import os
import re
import traceback
from typing import Final

from tamis.classifiers.errors import BundleError, RaceLost, RecordError, ShardError, TamisError, UsageError
from tamis.pipeline.redact import redact

__all__ = ["BundleError", "RaceLost", "RecordError", "ShardError", "TamisError", "UsageError", "describe", "from_text"]

_FULL: Final = "free some space there"
_READ_ONLY: Final = "make it writable, or write elsewhere with --output"

#: What to do about an error of the system.
_ADVICE: Final = {
    errno.ENOSPC: _FULL,
    errno.EDQUOT: _FULL,
    errno.EFBIG: _FULL,
    errno.EROFS: _READ_ONLY,
    errno.EACCES: _READ_ONLY,
    errno.EPERM: _READ_ONLY,
    errno.EMFILE: "allow more open files (ulimit -n 1024)",
    errno.ENFILE: "allow more open files on this machine",
    errno.EIO: "check the disk",
}


def describe(error: BaseException) -> str:
    """Says what went wrong in one line that holds no text of a document.

    The message of an error raised by tamis is written to be shown. That of an `OSError` is the system's own. Any
    other message may quote the data that it failed on, so only the type and the place in the code are told.
    """
    if isinstance(error, TamisError):
        return redact(str(error))
    if isinstance(error, OSError) and error.strerror:
        said = f"{error.strerror}: {error.filename}" if error.filename else error.strerror
        advice = _ADVICE.get(error.errno or 0)
        return redact(f"{said}: {advice}" if advice else said)
    return f"{type(error).__name__} at {_place(error)}"


def from_text(text: str) -> str | None:
    """Finds the system's last error in what a runner says of a worker's, and describes it; None = there is none."""
    found = re.findall(r"\[Errno (\d+)\] [^\n:]*(?:: '([^'\n]*)')?", text)
    if not found:
        return None
    number, name = found[-1]
    return describe(OSError(int(number), os.strerror(int(number)), name or None))


def _place(error: BaseException) -> str:
    frames = traceback.extract_tb(error.__traceback__)
    if not frames:
        return "an unknown place"
    last = frames[-1]
    return f"{last.filename.replace(chr(92), '/').rsplit('/', 1)[-1]}:{last.lineno}"
