"""Kills at random moments: `TAMIS_KILLS` for one and for two workers each, 2 by default; at steps too from 200 on."""

import json
import os
import subprocess
import sys
from pathlib import Path

HARNESS = Path(__file__).resolve().parent.parent / "scripts" / "kill_harness"
KILLS = int(os.environ.get("TAMIS_KILLS", "2"))


def test_nothing_is_lost_or_doubled_whenever_a_run_is_killed():
    steps = [] if KILLS >= 200 else ["--no_steps"]
    command = [sys.executable, HARNESS, "--kills", str(KILLS), "--documents", "60", *steps]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    summary = json.loads(done.stdout)
    assert summary["failures"] == []
    assert summary["trials"] >= 2
    assert summary["finished_shards_computed_again"] == 0
    assert summary["most_shards_begun_and_unfinished"] <= 2
