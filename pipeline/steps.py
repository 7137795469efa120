"""Named steps of a run, at which a test can pull the plug: `TAMIS_KILL_AT=publish.manifest:1`.

The crash tests prove that a kill at any of these steps, as at any moment between them, loses nothing.
"""

from __future__ import annotations

import os
import signal
import threading
from typing import Final

__all__ = ["STEPS", "reach"]

STEPS: Final = (
    "shard.started",
    "shard.opened",
    "shard.read",
    "file.written",
    "file.linked",
    "file.named",
    "shard.written",
    "shard.receipted",
    "publish.started",
    "publish.reported",
    "publish.manifest",
    "publish.current",
)

_reached: dict[str, int] = {}


def reach(step: str) -> None:
    """Marks that this process has reached a step; sends itself a signal there when the environment asks for it.

    Args:
        step: One of `STEPS`. `TAMIS_KILL_AT=STEP:N` kills at the Nth time that one process reaches it, as kill -9
            does; `STEP:N:STOP` sends another signal: STOP leaves a process that hangs, TERM asks it to end.
    """
    wanted = os.environ.get("TAMIS_KILL_AT")
    if wanted is None:
        return
    name, _, rest = wanted.partition(":")
    count, _, kind = rest.partition(":")
    if name == step:
        _reached[step] = _reached.get(step, 0) + 1
        if _reached[step] == int(count or 1):
            # To this thread: another one would take its time to see it, and this one would go on.
            signal.pthread_kill(threading.get_ident(), signal.Signals[f"SIG{kind or 'KILL'}"])
