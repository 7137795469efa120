"""The main job end to end, on the demo corpus, with the shipped bundles."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import zstandard

from tamis.pipeline import cli

ROOT = Path(__file__).resolve().parent.parent
CORPUS = ROOT / "scripts" / "demo_corpus"


def plan_of(folder: Path, **changes: str) -> Path:
    """Writes the demo's plan with other values of top-level keys."""
    text = (ROOT / "scripts" / "demo_plan.yaml").read_text()
    text = text.replace("root: scripts/demo_corpus", f"root: {CORPUS}")
    text = text.replace("output: out/demo", f"output: {folder / 'out'}")
    for key, value in changes.items():
        text, count = re.subn(rf"(?m)^{key}: .*$", f"{key}: {value}", text)
        assert count == 1, key
    path = folder / "plan.yaml"
    path.write_text(text)
    return path


def tamis(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, dict[str, object], str]:
    """Runs a command in this process; returns exit code, the JSON line and stderr."""
    code = cli.main([str(argument) for argument in arguments])
    out, err = capsys.readouterr()
    return code, json.loads(out) if out.strip() else {}, err


def tree(root: Path) -> dict[str, str]:
    """Returns the sha256 of every file under a folder."""
    files = sorted(path for path in root.rglob("*") if path.is_file())
    return {path.relative_to(root).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def lines(path: Path) -> list[bytes]:
    """Returns the lines of a shard, decoded by the reference libraries."""
    data = path.read_bytes()
    if path.suffix == ".gz":
        data = gzip.decompress(data)
    if path.suffix == ".zst":
        data = zstandard.ZstdDecompressor().stream_reader(io.BytesIO(data), read_across_frames=True).read()
    return data.splitlines(keepends=True)


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The output of one run of the demo's plan, in one process."""
    folder = tmp_path_factory.mktemp("run")
    assert cli.main(["run", str(plan_of(folder)), "--direct_num_workers=1"]) == 0
    return folder / "out"


def run_folder(output: Path) -> Path:
    """Returns the folder of the published run."""
    return output / "runs" / json.loads((output / "CURRENT").read_text())["run_id"]


def test_every_record_is_accounted_for(finished):
    manifest = json.loads((run_folder(finished) / "MANIFEST.json").read_text())
    counts = manifest["counts"]
    written = sum(len(lines(path)) for path in (run_folder(finished) / "documents").rglob("*.jsonl*"))
    total = sum(len(lines(path)) for path in CORPUS.rglob("*.jsonl*"))
    assert counts["seen"] == total == counts["kept"] + counts["dropped"] + counts["quarantined"]
    assert counts["kept"] == written
    assert counts["dropped"] > 0
    assert counts["quarantined"] > 0


def test_kept_documents_are_byte_for_byte_those_of_the_input_in_order(finished):
    for path in CORPUS.rglob("*.jsonl*"):
        name = path.relative_to(CORPUS)
        remaining = iter(lines(path))
        assert all(line in remaining for line in lines(run_folder(finished) / "documents" / name)), name


def test_attributes_have_a_row_for_every_readable_record(finished):
    receipts = (run_folder(finished) / "receipts").rglob("*.json")
    for path in receipts:
        receipt = json.loads(path.read_text())["receipt"]
        rows = [json.loads(line) for line in lines(run_folder(finished) / receipt["outputs"]["attributes"]["path"])]
        counts = receipt["counts"]
        unreadable = counts["quarantined"] - counts["withheld"]  # by a rule, which is no fault of the record
        assert len(rows) == counts["seen"] - unreadable
        assert sum(row.get("removed", False) for row in rows) == counts["dropped"] + counts["withheld"]
        assert [row["row"] for row in rows] == sorted({row["row"] for row in rows})


def test_a_document_in_another_language_is_unscored_and_not_zero(finished):
    paths = (run_folder(finished) / "attributes").rglob("*.jsonl*")
    rows = [json.loads(line) for path in paths for line in lines(path)]
    foreign = [row for row in rows if row.get("unscored", {}).get("policy") == "language"]
    assert foreign
    assert all("policy__hate" not in row["attributes"] for row in foreign)


def test_the_run_verifies(finished, capsys):
    code, outcome, _ = tamis(capsys, "verify", finished)
    assert (code, outcome["status"]) == (0, "verified")


def test_two_processes_give_the_same_bytes_as_one(finished, tmp_path, capsys):
    code, _, _ = tamis(capsys, "run", plan_of(tmp_path), "--direct_num_workers=2")
    assert code == 0
    mine, other = run_folder(finished), run_folder(tmp_path / "out")
    assert tree(mine) == tree(other)


def test_a_second_run_computes_nothing_and_changes_nothing(finished, tmp_path, capsys):
    output = tmp_path / "out"
    shutil.copytree(finished, output)
    plan = plan_of(tmp_path)
    plan.write_text(plan.read_text().replace(str(tmp_path / "out"), str(finished)))
    before = {path: path.stat().st_mtime_ns for path in finished.rglob("receipts/**/*.json")}
    code, _, err = tamis(capsys, "run", plan, "--direct_num_workers=1")
    assert code == 0
    assert "8 shards were finished before" in err
    assert {path: path.stat().st_mtime_ns for path in finished.rglob("receipts/**/*.json")} == before
    assert tree(finished) == tree(output)


def test_a_damaged_shard_fails_the_run_and_spares_its_siblings(tmp_path, capsys):
    plan = plan_of(tmp_path)
    plan.write_text(plan.read_text().replace(str(CORPUS), str(ROOT / "scripts" / "demo_damaged")))
    code, outcome, err = tamis(capsys, "run", plan, "--direct_num_workers=1")
    assert (code, outcome["status"]) == (1, "failed")
    assert len(outcome["failures"]) == 1
    assert "cut off" in outcome["failures"][0]["reason"]
    assert "1 of 2 shards failed; nothing was published" in err
    assert not (tmp_path / "out" / "CURRENT").exists()
    assert len(list((tmp_path / "out").rglob("receipts/**/*.json"))) == 1


def test_a_refused_run_stays_and_moves_no_pointer(tmp_path, capsys):
    code, outcome, err = tamis(capsys, "run", plan_of(tmp_path, gate="{max_drop_rate: 0.0001, max_quarantine: 0.03}"))
    assert (code, outcome["status"]) == (3, "refused")
    assert "breaks gate.max_drop_rate" in err
    assert not (tmp_path / "out" / "CURRENT").exists()
    assert Path(str(outcome["report"])).is_file()


def test_a_plan_that_publishes_nothing_writes_no_documents(tmp_path, capsys):
    plan = plan_of(tmp_path)
    plan.write_text(plan.read_text().replace("publish: drop-severe\n", ""))
    code, outcome, _ = tamis(capsys, "run", plan, "--direct_num_workers=1")
    assert (code, outcome["status"]) == (0, "measured")
    assert not list((tmp_path / "out").rglob("documents"))
    assert tamis(capsys, "verify", tmp_path / "out" / "runs" / str(outcome["run_id"]))[0] == 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--dryrun"], "did you mean `--dry_run`?"),
        (["--runer=DirectRunner"], "did you mean `--runner`?"),
        (["--direct_num_workers=two"], "invalid int value"),
        (["--input", "nowhere"], "corpus root nowhere: found no folder there"),
    ],
)
def test_a_mistyped_flag_is_an_error(tmp_path, capsys, arguments, message):
    code, _, err = tamis(capsys, "run", plan_of(tmp_path), *arguments)
    assert code == 2
    assert message in err
    assert not (tmp_path / "out").exists()


def test_a_dry_run_writes_nothing(tmp_path, capsys):
    code, outcome, _ = tamis(capsys, "run", plan_of(tmp_path), "--dry_run")
    assert (code, outcome["status"], outcome["shards"]) == (0, "dry_run", 8)
    assert outcome["estimate"]["sampled"] > 500
    assert not (tmp_path / "out").exists()


def _altered(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1] + b"x")


def _rewrite(path: Path, old: bytes, new: bytes) -> None:
    data = path.read_bytes()
    assert old in data
    path.write_bytes(data.replace(old, new, 1))


def _first(folder: Path, pattern: str) -> Path:
    return sorted(path for path in folder.rglob(pattern) if path.is_file())[0]


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda run: _altered(_first(run / "documents", "*.jsonl*")), "sha256"),
        (lambda run: _first(run / "attributes", "*.jsonl*").unlink(), "recorded present, found missing"),
        (lambda run: _first(run / "receipts", "*.json").unlink(), "recorded present, found missing"),
        (lambda run: _altered(_first(run / "receipts", "*.json")), "not a receipt"),
        (lambda run: _altered(run / "report" / "index.html"), "sha256"),
        (lambda run: (run / "MANIFEST.json").unlink(), "the run did not finish"),
        (lambda run: _altered(run / "MANIFEST.json"), "not a manifest"),
        (lambda run: _rewrite(run / "MANIFEST.json", b'"kept":5', b'"kept":6'), "CURRENT: manifest sha256"),
        (lambda run: (run / "receipts" / "stray.json").write_text("{}"), "not in the manifest"),
    ],
)
def test_verify_names_the_first_breach(finished, tmp_path, capsys, damage, message):
    output = tmp_path / "out"
    shutil.copytree(finished, output)
    damage(run_folder(output))
    code, _, err = tamis(capsys, "verify", output)
    assert code == 1
    assert message in err
    assert "Traceback" not in err


def test_a_killed_run_continues_to_the_same_bytes(finished, tmp_path, capsys):
    plan = plan_of(tmp_path)
    command = [sys.executable, "-m", "tamis.pipeline", str(plan), "--direct_num_workers=1"]
    done = subprocess.run(command, env={**os.environ, "TAMIS_KILL_AT": "shard.receipted:3"}, capture_output=True)
    assert done.returncode == -signal.SIGKILL
    kept = {path: path.stat().st_mtime_ns for path in (tmp_path / "out").rglob("receipts/**/*.json")}
    assert len(kept) == 3
    code, _, err = tamis(capsys, "run", plan, "--direct_num_workers=1")
    assert code == 0
    assert "3 shards were finished before" in err
    assert {path: path.stat().st_mtime_ns for path in kept} == kept
    assert tree(finished) == tree(tmp_path / "out")


def _heed_interrupts():
    """Undoes what a shell does to what it starts in the background: it, and all its children, ignore Ctrl-C."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def test_ctrl_c_says_how_to_continue(tmp_path):
    for copy in range(20):  # so many that the run is far from its end when its first shard is done
        shutil.copytree(CORPUS, tmp_path / "corpus" / f"copy-{copy:02}")
    plan = plan_of(tmp_path)
    plan.write_text(plan.read_text().replace(f"root: {CORPUS}", f"root: {tmp_path / 'corpus'}"))
    command = [sys.executable, "-m", "tamis.pipeline", str(plan), "--direct_num_workers=2"]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    process = subprocess.Popen(command, **pipes, text=True, start_new_session=True, preexec_fn=_heed_interrupts)
    assert process.stderr is not None
    assert "160 shards" in process.stderr.readline()
    while not list((tmp_path / "out").rglob("receipts/**/*.json")) and process.poll() is None:
        time.sleep(0.01)
    os.killpg(process.pid, signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "run the same command again to continue" in err
    assert "Traceback" not in err
