"""The exception tree. Each branch says what happens next.

TamisError                  shown to the user as one message, never as a traceback
├── UsageError              the plan, a flag or a path is wrong: exit 2
├── BundleError             a classifier cannot be trusted: the job stops before the first shard
├── ShardError              one shard fails; the others go on, and the run publishes nothing
├── RaceLost                another run has published since: this one is kept and not published, exit 4
└── RecordError             one record is quarantined; the shard goes on
"""

from __future__ import annotations

__all__ = ["BundleError", "RaceLost", "RecordError", "ShardError", "TamisError", "UsageError"]


class TamisError(Exception):
    """Base of every error that tamis raises on purpose. Its message never holds the text of a document."""


class UsageError(TamisError):
    """The plan, a flag or a path is wrong, and nothing has been done yet."""


class BundleError(TamisError):
    """A bundle is damaged, altered, or does not score its golden texts as recorded."""


class ShardError(TamisError):
    """A shard cannot be processed as a whole: truncated, checksum mismatch, vanished, too many bad records."""


class RaceLost(TamisError):  # noqa: N818 - an outcome with an exit code of its own, not a fault
    """Another run wrote first what only one may write. Nothing of either is damaged."""


class RecordError(TamisError):
    """A record cannot be used. The message is the reason that its quarantine entry shows."""
