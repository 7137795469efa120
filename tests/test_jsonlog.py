"""Structured logs: every line on stderr is one JSON object, whoever wrote it."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tamis.pipeline import cli, jsonlog

ROOT = Path(__file__).resolve().parent.parent


def lines(text):
    return [json.loads(line) for line in text.splitlines()]


@pytest.mark.parametrize(
    ("text", "level"),
    [
        ("warning: one shard is large", "WARNING"),
        ("failed: a.jsonl: cut", "ERROR"),
        ("refused: too much is dropped", "ERROR"),
        ("tamis: no such plan", "ERROR"),
        ("demo: run 1, 8 shards", "INFO"),
        ("  failed somewhere in a table", "INFO"),
    ],
)
def test_levels(text, level):
    out = io.StringIO()
    print(text, file=jsonlog.JsonLines(out, "run"))
    (entry,) = lines(out.getvalue())
    assert (entry["level"], entry["message"], entry["command"]) == (level, text, "run")
    assert entry["time"].endswith("Z")


def test_parts_of_a_line_are_one_object_and_blank_lines_none():
    out = io.StringIO()
    stream = jsonlog.JsonLines(out, "run")
    for part in ("one ", "line\n\n \nand", " the end"):
        stream.write(part)
    stream.close()
    assert [entry["message"] for entry in lines(out.getvalue())] == ["one line", "and the end"]


def test_line_breaks_and_escapes_cannot_forge_an_entry():
    out = io.StringIO()
    jsonlog.JsonLines(out, "run").write('a "b", \u2028 \x1b[31m \r {"level": "INFO"}\n')
    assert len(out.getvalue().splitlines()) >= 1
    assert len([line for line in out.getvalue().split("\n") if line]) == 1
    assert "\x1b" not in out.getvalue()


def test_stderr_is_what_it_was_afterwards(monkeypatch, capsys):
    monkeypatch.setenv("TAMIS_LOG", "json")
    before = sys.stderr
    assert cli.main(["run", "no-such-plan.yaml"]) == 2
    assert sys.stderr is before
    (entry,) = lines(capsys.readouterr().err)
    assert entry["command"] == "run"
    assert "no such plan" in entry["message"]


def test_without_being_asked_stderr_is_for_people(monkeypatch, capsys):
    monkeypatch.delenv("TAMIS_LOG", raising=False)
    cli.main(["run", "no-such-plan.yaml"])
    assert capsys.readouterr().err.startswith("tamis: ")


def test_a_whole_run_writes_nothing_else(tmp_path):
    command = [sys.executable, "-m", "tamis.pipeline", "run", "scripts/demo_plan.yaml", f"--output={tmp_path}"]
    environment = {**os.environ, "TAMIS_LOG": "json"}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=True)
    entries = lines(done.stderr)
    assert json.loads(done.stdout)["status"] == "published"
    assert any("8 shards" in entry["message"] for entry in entries)
