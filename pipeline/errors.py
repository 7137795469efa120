"""The exception tree (drawn in `tamis.classifiers.errors`), and how an error is told without telling any text."""

from __future__ import annotations

import traceback

from tamis.classifiers.errors import BundleError, RaceLost, RecordError, ShardError, TamisError, UsageError
from tamis.pipeline.redact import redact

__all__ = ["BundleError", "RaceLost", "RecordError", "ShardError", "TamisError", "UsageError", "describe"]


def describe(error: BaseException) -> str:
    """Says what went wrong in one line that holds no text of a document.

    The message of an error raised by tamis is written to be shown. That of an `OSError` is the system's own. Any
    other message may quote the data that it failed on, so only the type and the place in the code are told.
    """
    if isinstance(error, TamisError):
        return redact(str(error))
    if isinstance(error, OSError) and error.strerror:
        return redact(f"{error.strerror}: {error.filename}" if error.filename else error.strerror)
    return f"{type(error).__name__} at {_place(error)}"


def _place(error: BaseException) -> str:
    frames = traceback.extract_tb(error.__traceback__)
    if not frames:
        return "an unknown place"
    last = frames[-1]
    return f"{last.filename.replace(chr(92), '/').rsplit('/', 1)[-1]}:{last.lineno}"
