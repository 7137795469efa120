"""Tests of the garbage collector's part in a process's life."""

from __future__ import annotations

import subprocess
import sys

# What is registered first is called last: after the freeze.
PROGRAM = """
import atexit, gc
atexit.register(lambda: print(gc.get_freeze_count() > 1000))
from tamis.pipeline import uncollected
uncollected.seldom()
uncollected.seldom()
print(gc.get_freeze_count())
"""


def test_a_process_does_not_look_for_cycles_when_it_exits() -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["0", "True"]
