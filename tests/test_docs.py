"""What the README shows is what the commands print."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

from tamis.pipeline import cli

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_the_first_screen_shows_the_demos_real_output(tmp_path, monkeypatch, capsys):
    (shown,) = re.findall(
        r"<!-- output: ./scripts/demo -->\n```console\n\$ ./scripts/demo\n(.*?)```", README, re.DOTALL
    )
    monkeypatch.chdir(ROOT)
    assert cli.main(["run", "scripts/demo_plan.yaml", "--output", str(tmp_path / "demo")]) == 0
    printed = capsys.readouterr().err.replace(str(tmp_path / "demo"), "out/demo")
    # A run's id depends on the version of the code, which its numbers must not.
    assert _without_id(printed) == _without_id(shown)


def _without_id(text: str) -> list[str]:
    return [line.rstrip() for line in re.sub(r"\b[0-9a-f]{16}\b", "RUN", text).splitlines()]


def test_the_readme_is_in_step_with_help():
    done = subprocess.run([sys.executable, ROOT / "scripts" / "make_docs", "--check"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_every_plan_in_the_readme_parses():
    from tamis.pipeline import plan as plans

    blocks = re.findall(r"```yaml\n(.*?)```", README, re.DOTALL)
    assert blocks
    for block in blocks:
        plans.parse(block)
