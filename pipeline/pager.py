"""Shows long text in the reader's pager where a person looks at it, and as plain lines elsewhere."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from collections.abc import Iterable
from typing import Final

from tamis.classifiers.errors import UsageError

__all__ = ["page"]

#: Passes colours through, and nothing else that a text could hold.
DEFAULT: Final = "less -R"


def page(lines: Iterable[str]) -> None:
    """Writes lines to stdout, through `$PAGER` where stdout is a terminal; the pager may be left at any line.

    Raises:
        UsageError: `$PAGER` cannot be started.
    """
    if not sys.stdout.isatty():
        for line in lines:
            print(line)
        sys.stdout.flush()
        return
    command = shlex.split(os.environ.get("PAGER") or DEFAULT)
    try:
        reader = subprocess.Popen(command, stdin=subprocess.PIPE, text=True, encoding="utf-8", errors="replace")  # noqa: S603 - the user's own pager
    except OSError as error:
        raise UsageError(f"`PAGER={shlex.join(command)}`: cannot be started ({error.strerror}); unset it") from None
    _feed(reader, lines)


def _feed(reader: subprocess.Popen[str], lines: Iterable[str]) -> None:
    assert reader.stdin is not None
    try:
        for line in lines:
            reader.stdin.write(f"{line}\n")
        reader.stdin.close()
    except BrokenPipeError:
        # The reader has seen enough.
        pass
    while True:
        try:
            reader.wait()
            return
        except KeyboardInterrupt:
            # Ctrl-C belongs to the pager while it runs.
            continue
