"""Exit codes of the command line: what a scheduler reads."""

from __future__ import annotations

from typing import Final

from tamis.classifiers.errors import RaceLost, UsageError

__all__ = ["FAILED", "LOST", "REFUSED", "USAGE", "code_of"]

FAILED: Final = 1
USAGE: Final = 2
#: The gate refused the run.
REFUSED: Final = 3
#: Another run was published in the meantime.
LOST: Final = 4


def code_of(error: Exception) -> int:
    """Returns the exit code of a command that an error ended."""
    if isinstance(error, UsageError):
        return USAGE
    return LOST if isinstance(error, RaceLost) else FAILED
