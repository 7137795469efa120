"""Named steps of a run, at which a test can pull the plug: `TAMIS_KILL_AT=publish.manifest:1`.

The crash tests prove that a kill at any of these steps, as at any moment between them, loses nothing.
"""

from __future__ import annotations

import os
import signal
from typing import Final

__all__ = ["STEPS", "reach"]

STEPS: Final = (
    "shard.started",
    "shard.read",
    "shard.written",
    "shard.receipted",
    "publish.started",
    "publish.reported",
    "publish.manifest",
    "publish.current",
)

_reached: dict[str, int] = {}


def reach(step: str) -> None:
    """Marks that this process has reached a step; kills it there when the environment asks for it.

    Args:
        step: One of `STEPS`. `TAMIS_KILL_AT=STEP:N` kills at the Nth time that one process reaches it.
    """
    wanted = os.environ.get("TAMIS_KILL_AT")
    if wanted is None:
        return
    name, _, count = wanted.partition(":")
    if name == step:
        _reached[step] = _reached.get(step, 0) + 1
        if _reached[step] == int(count or 1):
            os.kill(os.getpid(), signal.SIGKILL)
