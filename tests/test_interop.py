"""Other tools read what tamis writes, and the other way round: scripts/interop, where the tools are installed.

With TAMIS_SLOW=1; `scripts/interop` installs the tools.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


@pytest.mark.slow
@pytest.mark.skipif(not os.environ.get("TAMIS_SLOW"), reason="half a minute of CPU: set TAMIS_SLOW=1")
def test_every_check_passes():
    command = [sys.executable, str(ROOT / "scripts" / "interop"), "--installed"]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode == 5:
        pytest.skip(f"{done.stderr.strip()}: run scripts/interop once, with a network")
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("  ok") == 17
