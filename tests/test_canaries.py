"""No text of a document where none belongs: every field of every document holds a canary, and every byte is searched.

Text may stand in documents/, quarantine/, samples/ and audits/; ids in attributes/ and scores/ as well. Sources and
domains are what is counted by: receipts and reports name them.
"""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from tamis.pipeline import cli

TEXTS = ("documents", "quarantine", "samples", "audits")
FIELDS = {"source": "source", "url": "url", "extra": {"extra": "extra"}}
Command = Callable[..., tuple[int, bytes]]

BROKEN = {
    "a.jsonl.gz": lambda data: data[:-9],
    "b.jsonl.zst": lambda data: data[:-3],
    "c.csv": lambda data: data + b'"badfrimzoltaaaa',
    "d.parquet": lambda data: data[:200] + b"\xff\xff\xff" + data[203:],
    "e.arrow": lambda data: data[: len(data) // 2],
    "f.wet.gz": lambda data: data + b"badfrimzoltaaaa",
    "g.warc.gz": lambda data: data[: len(data) // 2],
    "h.jsonl": lambda data: data + b'{"id": "badfrimzoltaaaa", "text": "badfrimzolt',
}

PLUGINS = """
import logging

class Quoting:
    categories = ("hate",)
    def score(self, texts):
        logging.getLogger("plugin").debug("%d passages", len(texts))
        raise ValueError(f"cannot score {texts[0]!r}")

class Opening(Quoting):
    def score(self, texts):
        open(texts[0])

class Ours(Quoting):
    def score(self, texts):
        from tamis.classifiers.errors import ShardError
        raise ShardError(texts[0])
"""


def corpus(folder: Path, parts: Mapping[str, bytes]) -> Path:
    folder.mkdir(exist_ok=True)
    for name, data in parts.items():
        (folder / name).write_bytes(data)
    return folder


@pytest.fixture
def written(tmp_path: Path, marker_run: ModuleType) -> Callable[..., Path]:
    """Writes a plan over a corpus; the output lies in `out` beside it."""

    def write(parts: Mapping[str, bytes], **changes: Any) -> Path:
        root, made = corpus(tmp_path / "corpus", parts), marker_run.bundles(tmp_path / "bundles")
        changes = {"gate": {"max_quarantine": 0.9}, **changes}
        content = marker_run.plan_of(tmp_path / "run", root, made, **changes)
        content["corpus"] = {"root": str(root), "shards": "*", "fields": FIELDS}
        content["interventions"] = {
            **content["interventions"],
            "by field": [{"when": 'field.extra == "x" or source == "y" or domain matches "z"', "do": "drop"}],
        }
        (tmp_path / "run").mkdir(exist_ok=True)
        path = tmp_path / "run" / "plan.yaml"
        path.write_text(json.dumps(content))
        return path

    return write


@pytest.fixture
def verbose() -> Iterator[None]:
    """Every logger of the engine says everything."""
    import apache_beam  # noqa: F401 - makes its loggers

    loggers = [logging.getLogger(name) for name in logging.root.manager.loggerDict if name.startswith("apache_beam.")]
    for logger in loggers:
        logger.setLevel(logging.DEBUG)
    yield
    for logger in loggers:
        logger.setLevel(logging.NOTSET)


@pytest.fixture
def tamis(
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> Command:
    """Runs a command in this process; returns its exit code and all that it printed and logged, at any level."""

    def run(*arguments: object) -> tuple[int, bytes]:
        with caplog.at_level(logging.DEBUG), monkeypatch.context() as patch:
            # What is left of temporary files is searched too.
            patch.setattr("tempfile.tempdir", str(tmp_path / "run"))
            code = cli.main([str(one) for one in arguments])
        out, err = capfd.readouterr()
        said = "\n".join([out, err, caplog.text]).encode()
        caplog.clear()
        return code, said

    return run


def test_nothing_leaks_from_a_run_and_what_reads_it(
    canaries: ModuleType, written: Callable[..., Path], tamis: Command, verbose: None, tmp_path: Path
) -> None:
    plan = written(canaries.shards(bad=True), evaluate={"proxy_lm": True, "proxy_tokens": 20_000})
    told = ["--metrics", tmp_path / "run" / "metrics.prom", "--lineage", tmp_path / "run" / "lineage.json"]
    code, said = tamis("run", plan, "--direct_num_workers=1", *told)
    assert code == 0
    assert b"apache_beam" in said
    assert all(path.stat().st_size for path in told[1::2])
    out = tmp_path / "run" / "out"
    for command in (["verify", out], ["report", out], ["inspect", out], ["audit", "sample", out, "--labels", 9]):
        code, more = tamis(*command)
        assert code == 0
        said += b"" if command[0] == "inspect" else more
    for command in (["apply", plan, "--scores", out, "--output", tmp_path / "run" / "other"], ["refresh", plan]):
        code, more = tamis(*command)
        assert code == 0
        said += more
    # At this level the engine writes what it passes on: merged receipts, which count by source and domain.
    assert canaries.roles_in(said) <= canaries.LABELS
    run = tmp_path / "run"
    assert canaries.everything(canaries.found(run, (*TEXTS, "attributes", "scores"))) <= canaries.LABELS
    assert canaries.everything(canaries.found(run, TEXTS)) <= {"id", "extra", *canaries.LABELS}
    # The search finds what is there.
    assert canaries.everything(canaries.found(out)) == set(canaries.WORDS)
    assert {"text", "id"} <= canaries.roles_in(tamis("inspect", out, "--reveal")[1])


def test_nothing_leaks_when_the_gate_refuses(
    canaries: ModuleType, written: Callable[..., Path], tamis: Command, tmp_path: Path
) -> None:
    code, said = tamis("run", written(canaries.shards(bad=True), gate={"max_quarantine": 0}), "--direct_num_workers=1")
    assert code == 3
    assert canaries.roles_in(said) == set()
    assert canaries.everything(canaries.found(tmp_path / "run", (*TEXTS, "attributes", "scores"))) <= canaries.LABELS


def test_nothing_leaks_from_shards_that_are_damaged(
    canaries: ModuleType, written: Callable[..., Path], tamis: Command, tmp_path: Path
) -> None:
    whole = canaries.shards()
    broken = {name: BROKEN[name](data) for name, data in whole.items()}
    # One is whole, so that there is something to evaluate before the first error.
    code, said = tamis("run", written({**broken, "i.jsonl": whole["h.jsonl"]}), "--direct_num_workers=1")
    assert code == 1
    assert b"8 of 9 shards failed" in said
    hits = canaries.found(tmp_path / "run", (*TEXTS, "attributes", "scores"))
    assert canaries.roles_in(said) == set()
    assert canaries.everything(hits) <= canaries.LABELS
    assert "FAILURES.json" not in str(hits)


def test_a_table_without_a_header_is_refused_without_quoting_it(
    canaries: ModuleType, written: Callable[..., Path], tamis: Command
) -> None:
    table = canaries.shards()["c.csv"].split(b"\r\n", 1)[1]
    code, said = tamis("run", written({"c.csv": table}), "--direct_num_workers=1")
    assert code == 1
    assert b"no column text among the 5 of the first line" in said
    assert canaries.roles_in(said) == set()


@pytest.mark.parametrize("kind", ["Quoting", "Opening", "Ours"])
@pytest.mark.parametrize("debug", [False, True])
def test_nothing_leaks_from_a_plugin_that_quotes_what_it_failed_on(
    canaries: ModuleType,
    written: Callable[..., Path],
    tamis: Command,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    kind: str,
    debug: bool,
) -> None:
    (tmp_path / "quoting.py").write_text(PLUGINS)
    facts = tmp_path / "quoting-1.0.dist-info"
    facts.mkdir()
    (facts / "METADATA").write_text("Metadata-Version: 2.1\nName: quoting\nVersion: 1.0\n")
    (facts / "entry_points.txt").write_text(f"[tamis.classifiers]\nquoting = quoting:{kind}\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "quoting", raising=False)
    if debug:
        monkeypatch.setenv("TAMIS_DEBUG", "1")
    rules = {"drop": [{"when": "hate >= 0.5", "do": "drop"}]}
    plan = written(canaries.shards(), classifiers={"policy": "plugin:quoting"}, interventions=rules)
    code, said = tamis("run", plan, "--direct_num_workers=1")
    assert code == 1
    assert b"plugin:quoting: failed with" in said
    assert canaries.roles_in(said) == set()
    assert canaries.found(tmp_path / "run", TEXTS) == {}


def test_nothing_leaks_when_a_worker_is_killed_and_the_run_resumed(
    canaries: ModuleType, written: Callable[..., Path], tamis: Command, tmp_path: Path
) -> None:
    plan = written(canaries.shards(bad=True))
    run = tmp_path / "run"
    environment = {**os.environ, "TAMIS_KILL_AT": "shard.written:3", "TMPDIR": str(run)}
    # Killed alone, a worker process is missed after some twenty seconds.
    workers = 2 if os.environ.get("TAMIS_SLOW") else 1
    command = [sys.executable, "-m", "tamis.pipeline", "run", str(plan), f"--direct_num_workers={workers}"]
    done = subprocess.run(command, env=environment, capture_output=True, timeout=120)
    assert done.returncode not in (0, 2)
    assert list(run.glob("tamis-*.log"))
    outside = (*TEXTS, "attributes", "scores")
    assert canaries.roles_in(done.stdout + done.stderr) == set()
    assert canaries.everything(canaries.found(run, outside)) <= canaries.LABELS
    code, said = tamis("run", plan, "--direct_num_workers=1")
    assert code == 0
    assert canaries.roles_in(said) == set()
    assert canaries.everything(canaries.found(run, outside)) <= canaries.LABELS
