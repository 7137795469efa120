"""`tamis apply`: from stored scores, the numbers and the bytes that a run of the plan would give."""

from __future__ import annotations

import gzip
import hashlib
import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml

from tamis.pipeline import cli

ROOT = Path(__file__).resolve().parent.parent
CORPUS = ROOT / "scripts" / "demo_corpus"

OTHERS: dict[str, list[dict[str, Any]]] = {
    "drop-low": [{"when": "any >= 0.05", "do": "drop"}, {"when": "violence >= 0.02", "do": "tag"}],
    "passages": [{"when": "passage.violence >= 0.1 or passage.sexual >= 0.1", "do": "redact", "replace": "[cut]"}],
    "thinner": [{"when": "share.any > 0 and words > 20", "do": "downsample", "keep": 0.5}],
    "tokens": [{"when": "any >= 0.2", "do": "control_token", "per": "passage"}],
    "elsewhere": [{"when": 'source == "forum" and not (sexual < 0.5) or unscored', "do": "drop"}],
    "control": [{"when": "random", "match": "drop-low", "do": "drop"}],
}
#: Measures that read texts, which are not stored, or score sentences with a classifier.
TEXTS = {"shift", "functional"}


def plan_of(folder: Path, name: str, **changes: Any) -> Path:
    """Writes the demo's plan with other values of top-level keys; None leaves a key out."""
    plan = yaml.safe_load((ROOT / "scripts" / "demo_plan.yaml").read_text())
    plan["corpus"]["root"] = str(CORPUS)
    plan["output"] = str(folder / "out")
    plan["gate"] = {"max_quarantine": 0.03}
    plan |= changes
    path = folder / f"{name}.yaml"
    path.write_text(yaml.safe_dump({key: value for key, value in plan.items() if value is not None}, sort_keys=False))
    return path


def tamis(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, dict[str, Any], str]:
    """Runs a command in this process; returns exit code, the JSON line and stderr."""
    code = cli.main([str(argument) for argument in arguments])
    out, err = capsys.readouterr()
    return code, json.loads(out) if out.strip() else {}, err


def folder_of(outcome: dict[str, Any]) -> Path:
    return Path(outcome["output"]) / "runs" / outcome["run_id"]


def report_of(outcome: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder_of(outcome) / "report" / "report.json").read_text())
    return found


def tree(root: Path) -> dict[str, str]:
    files = sorted(path for path in root.rglob("*") if path.is_file())
    return {path.relative_to(root).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


@pytest.fixture(scope="module")
def scored(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a finished run of the demo's plan."""
    folder = tmp_path_factory.mktemp("scored")
    assert cli.main(["run", str(plan_of(folder, "plan")), "--direct_num_workers=1"]) == 0
    (run,) = (folder / "out" / "runs").glob("[!.]*")
    return run


@pytest.fixture
def copied(scored: Path, tmp_path: Path) -> Path:
    """A copy of that run, to be damaged."""
    shutil.copytree(scored.parent.parent, tmp_path / "source")
    return tmp_path / "source" / "runs" / scored.name


@pytest.mark.slow
def test_the_numbers_are_those_of_a_run(scored: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    plan = plan_of(tmp_path, "others", interventions=OTHERS, publish=None)
    code, applied, _ = tamis(capsys, "apply", plan, "--scores", scored)
    assert (code, applied["status"]) == (0, "measured")
    code, fresh, _ = tamis(capsys, "run", plan, "--output", tmp_path / "fresh", "--direct_num_workers=1")
    assert code == 0
    mine, other = report_of(applied), report_of(fresh)
    for name in other["measures"]:
        if name not in TEXTS:
            assert json.dumps(mine["measures"][name]) == json.dumps(other["measures"][name]), name
    for key in ("headline", "verdict", "interventions", "lead"):
        assert mine[key] == other[key], key
    assert applied["counts"] == fresh["counts"]
    assert sorted(path.name for path in folder_of(applied).iterdir()) == ["MANIFEST.json", "receipts", "report"]
    assert mine["provenance"]["command"] == f"tamis apply plan.yaml --scores runs/{scored.name}"
    assert "no document whose text is at hand" in mine["measures"]["shift"]["note"]
    assert tamis(capsys, "verify", folder_of(applied))[0] == 0


@pytest.mark.slow
@pytest.mark.parametrize("published", ["drop-low", "passages", "tokens"])
def test_what_is_published_is_what_a_run_publishes(
    published: str, scored: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    plan = plan_of(tmp_path, "others", interventions=OTHERS, publish=published)
    code, applied, _ = tamis(capsys, "apply", plan, "--scores", scored)
    assert (code, applied["status"]) == (0, "published")
    assert json.loads((tmp_path / "out" / "CURRENT").read_text())["run_id"] == applied["run_id"]
    code, fresh, _ = tamis(capsys, "run", plan, "--output", tmp_path / "fresh", "--direct_num_workers=1")
    assert code == 0
    assert applied["counts"] == fresh["counts"]
    for part in ("documents", "attributes", "quarantine"):
        assert tree(folder_of(applied) / part) == tree(folder_of(fresh) / part), part
    assert tamis(capsys, "verify", tmp_path / "out")[0] == 0


def test_again_it_finds_everything_done(scored: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    plan = plan_of(tmp_path, "others", interventions=OTHERS, publish=None)
    _, first, _ = tamis(capsys, "apply", plan, "--scores", scored)
    before = {path: path.stat().st_mtime_ns for path in folder_of(first).rglob("receipts/**/*.json")}
    _, second, _ = tamis(capsys, "apply", plan, "--scores", scored)
    assert first == second
    assert {path: path.stat().st_mtime_ns for path in folder_of(first).rglob("receipts/**/*.json")} == before


@pytest.mark.slow
def test_processes_make_no_difference(scored: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    plan = plan_of(tmp_path, "others", interventions=OTHERS, publish=None)
    _, first, _ = tamis(capsys, "apply", plan, "--scores", scored)
    _, second, _ = tamis(capsys, "apply", plan, "--scores", scored, "--output", tmp_path / "two", "--workers", 2)
    assert first["run_id"] == second["run_id"]
    assert tree(folder_of(first)) == tree(folder_of(second))


def test_a_dry_run_writes_nothing(scored: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, _, err = tamis(capsys, "apply", plan_of(tmp_path, "plan"), "--scores", scored, "--dry_run")
    assert code == 0
    assert f"8 shards, 581 records, scored by run {scored.name}" in err
    assert not (tmp_path / "out").exists()


REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"passages": {"target": 200}}, r"`passages.target`: the plan says 200, the scores were made with 400"),
    ({"classifiers": {"policy": "builtin:evaluator-en"}}, r"`classifiers.policy`: .* is evaluator-en@"),
    ({"classifiers": {"other": "builtin:policy-en"}}, r"`classifiers.other`: the run has scores of `policy`"),
    ({"evaluator": "builtin:policy-en"}, r"`evaluator`: .* the scores were made with evaluator-en@"),
    (
        {"classifiers": {"policy": {"path": "builtin:policy-en", "aggregate": "topk_mean"}}},
        r"`classifiers.policy.aggregate`: the plan says topk_mean, the scores were made with max",
    ),
    ({"interventions": {"i": [{"when": "passage.hate >= 0.04", "do": "redact"}]}}, r"i: rule 1 .* under 0.05"),
]  # fmt: skip


@pytest.mark.parametrize(("changes", "said"), REFUSED)
def test_a_plan_that_needs_what_was_not_stored_is_refused(
    changes: dict[str, Any], said: str, scored: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    changes = {"publish": None, "interventions": {"i": [{"when": "hate >= 0.5", "do": "drop"}]}, **changes}
    code, _, err = tamis(capsys, "apply", plan_of(tmp_path, "plan", **changes), "--scores", scored)
    assert code == 2
    assert re.search(said, err)
    assert "tamis run" in err
    assert not (tmp_path / "out").exists()


def test_a_smaller_evaluation_sample_is_part_of_the_larger(
    scored: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    small = plan_of(tmp_path, "small", evaluate={"sample": 300}, publish=None)
    code, outcome, _ = tamis(capsys, "apply", small, "--scores", scored)
    assert code == 0
    measured = report_of(outcome)["measures"]["prevalence"]["evaluated"]["documents"]
    assert 150 < measured < 400
    spec = json.loads((folder_of(outcome) / "MANIFEST.json").read_text())["spec"]
    assert (spec["sample_level"], spec["scores"]) == (1, scored.name)


def test_scores_of_scores_are_refused(scored: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    plan = plan_of(tmp_path, "plan", publish=None)
    _, outcome, _ = tamis(capsys, "apply", plan, "--scores", scored)
    code, _, err = tamis(capsys, "apply", plan, "--scores", folder_of(outcome))
    assert code == 2
    assert f"decided from those of run {scored.name}: name that one" in err


def test_altered_scores_fail_their_shard(copied: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = sorted((copied / "scores").rglob("*.parquet"))[0]
    path.write_bytes(path.read_bytes()[:-1] + b"?")
    drop = {"drop": [{"when": "hate >= 0.5", "do": "drop"}]}
    plan = plan_of(tmp_path, "plan", publish=None, interventions=drop)
    code, outcome, _ = tamis(capsys, "apply", plan, "--scores", copied)
    assert (code, outcome["status"]) == (1, "failed")
    assert len(outcome["failures"]) == 1
    assert "recorded sha256" in outcome["failures"][0]["reason"]
    assert not (folder_of(outcome) / "MANIFEST.json").exists()


def test_a_shard_that_has_changed_is_not_published(
    scored: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(CORPUS, tmp_path / "corpus")
    path = next(path for path in sorted((tmp_path / "corpus").rglob("*.jsonl.gz")))
    lines = gzip.decompress(path.read_bytes()).splitlines(keepends=True)
    path.write_bytes(gzip.compress(b"".join(lines[1:])))
    corpus = {"root": str(tmp_path / "corpus"), "shards": "**/*.jsonl*"}
    corpus["fields"] = {"id": "id", "text": "text", "source": "source", "url": "metadata.url"}
    code, outcome, _ = tamis(capsys, "apply", plan_of(tmp_path, "plan", corpus=corpus), "--scores", scored)
    assert (code, outcome["status"]) == (1, "failed")
    assert "the shard has changed, score it anew" in outcome["failures"][0]["reason"]
    assert not (tmp_path / "out" / "CURRENT").exists()
