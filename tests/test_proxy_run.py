"""A run with the proxy evaluation: the sample, the report's numbers, and the promises of every run kept with it."""

from __future__ import annotations

import hashlib
import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tamis.classifiers import bundle
from tamis.classifiers.passages import Passages
from tamis.interventions import proxy_texts
from tamis.pipeline import cli, plan
from tamis.pipeline.proxy import lexicon_of

WORDS = (
    "the river house people and was in of to with old green walked saw found made then very quiet long day night water "
    "road tree bird teacher story book window morning friends bread market winter music"
)
TOXIC = "the people are zargle and they should leave"


def write_bundle(folder: Path, name: str, terms: dict[str, dict[str, float]], **more: Any) -> Path:
    folder.mkdir()
    (folder / "terms.json").write_text(json.dumps({"format": 1, "terms": terms}))
    header = {
        "name": name, "version": "1", "kind": "lexicon", "categories": list(terms), "languages": ["en"],
        "normaliser": "web-1", "parameters": {"file": "terms.json"},
        "training": {"family": name, "sources": [{"name": f"{name}-terms", "families": [name]}]},
        "operating_points": {category: {"default": {"threshold": 0.5}} for category in terms},
        **more,
    }  # fmt: skip
    bundle.write(folder, header, ["a plain text", "all zargle"])
    return folder


def write_corpus(folder: Path) -> None:
    """Four shards of generated texts: one in eight says something toxic."""
    rng = random.Random(4)
    folder.mkdir()
    words = WORDS.split()
    for shard in range(4):
        rows = []
        for i in range(220):
            sentences = [" ".join(rng.choices(words, k=rng.randint(5, 12))) for _ in range(10)]
            if rng.random() < 0.125:
                sentences.insert(rng.randint(0, 9), TOXIC)
            row = {"id": f"{shard}-{i}", "text": ". ".join(sentences) + ".", "source": "forum"}
            rows.append(json.dumps(row) + "\n")
        (folder / f"part-{shard}.jsonl").write_text("".join(rows))


@pytest.fixture(scope="module")
def ground(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("proxy")
    write_corpus(folder / "corpus")
    write_bundle(folder / "filter", "filter", {"hate": {"zargle": 0.9}})
    write_bundle(folder / "evaluator", "evaluator", {"hate": {"zargle": 0.8}})
    write_bundle(folder / "terms", "terms", {"slur": {"zargle": 1.0, "fnord": 0.5}})
    return folder


def plan_of(ground: Path, folder: Path, **evaluate: Any) -> Path:
    asked = {"proxy_lm": True, "proxy_tokens": 60_000, "proxy_lexicon": str(ground / "terms"), **evaluate}
    text = {
        "name": "planted",
        "corpus": {"root": str(ground / "corpus"), "fields": {"source": "source"}},
        "classifiers": {"policy": str(ground / "filter")},
        "evaluator": str(ground / "evaluator"),
        "interventions": {
            "drop": [{"when": "hate >= 0.5", "do": "drop"}],
            "control": [{"when": "random", "match": "drop", "do": "drop"}],
            "tag": [{"when": "hate >= 0.5", "do": "tag"}],
            "token": [{"when": "hate >= 0.5", "do": "control_token"}],
        },
        "publish": "drop",
        "evaluate": asked,
        "output": str(folder / "out"),
    }
    path = folder / "plan.yaml"
    path.write_text(json.dumps(text))  # JSON is YAML
    return path


def tree(root: Path) -> dict[str, str]:
    files = sorted(path for path in root.rglob("*") if path.is_file())
    return {path.relative_to(root).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


@pytest.fixture(scope="module")
def finished(ground: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("run")
    assert cli.main(["run", str(plan_of(ground, folder)), "--direct_num_workers=1"]) == 0
    return folder / "out"


def run_folder(output: Path) -> Path:
    return output / "runs" / json.loads((output / "CURRENT").read_text())["run_id"]


def proxy(output: Path) -> dict[str, Any]:
    report = json.loads((run_folder(output) / "report" / "report.json").read_text())
    found: dict[str, Any] = report["measures"]["proxy"]
    return found


def test_the_report_says_that_the_output_became_less_toxic_and_the_control_that_it_did_not(finished):
    found = proxy(finished)
    assert found["scope"].startswith("This measures how much toxic n-gram mass")
    assert found["grade"] == "estimated"
    drop, control = (found["interventions"][name]["buckets"]["empty"] for name in ("drop", "control"))
    assert drop["ratio"]["high"] < 0.2
    assert control["ratio"]["low"] <= 1 <= control["ratio"]["high"]
    assert drop["placebo"]["low"] <= 1 <= drop["placebo"]["high"]
    assert found["interventions"]["tag"]["unchanged"]
    assert "control token" in found["interventions"]["token"]["reason"]
    assert found["lexicon"] | {"checks": []} == {
        "id": found["lexicon"]["id"], "independent": True, "checks": [], "terms": 1, "flagged_by_filter": 1,
    }  # fmt: skip
    report = json.loads((run_folder(finished) / "report" / "report.json").read_text())
    assert not any("model trained on the data" in gap["what"] for gap in report["not_measured"])


def test_the_sample_is_an_output_that_verifies_and_receipts_hold_no_text(finished, tmp_path, capsys):
    receipts = sorted((run_folder(finished) / "receipts").rglob("*.json"))
    for path in receipts:
        assert json.loads(path.read_text())["receipt"]["outputs"]["samples"]["records"] > 100
        assert "people" not in path.read_text()
    assert cli.main(["verify", str(finished)]) == 0
    shutil.copytree(finished, tmp_path / "out")
    damaged = next((run_folder(tmp_path / "out") / "samples").rglob("part-*"))
    damaged.write_bytes(damaged.read_bytes()[:-9])
    assert cli.main(["verify", str(tmp_path / "out")]) == 1
    assert "samples" in capsys.readouterr().err


def test_two_processes_give_the_same_bytes_and_leave_no_progress_behind(ground, finished, tmp_path):
    assert cli.main(["run", str(plan_of(ground, tmp_path)), "--direct_num_workers=2"]) == 0
    assert tree(run_folder(tmp_path / "out")) == tree(run_folder(finished))
    assert not list(tmp_path.rglob("PROGRESS"))


def test_a_rerun_takes_the_numbers_that_are_there(ground, finished, tmp_path, monkeypatch, capsys):
    shutil.copytree(finished, tmp_path / "out")
    before = tree(tmp_path / "out")
    monkeypatch.setattr("tamis.interventions.proxy_lm.evaluate", lambda *_: pytest.fail("asked again"))
    assert cli.main(["run", str(plan_of(ground, tmp_path)), "--direct_num_workers=1"]) == 0
    assert tree(tmp_path / "out") == before
    assert "finished before" in capsys.readouterr().err


def test_a_run_killed_at_its_end_continues_to_the_same_bytes(ground, finished, tmp_path):
    path = plan_of(ground, tmp_path)
    command = [sys.executable, "-m", "tamis.pipeline", str(path), "--direct_num_workers=1"]
    environment = {**os.environ, "TAMIS_KILL_AT": "publish.reported:1"}
    done = subprocess.run(command, env=environment, capture_output=True)
    assert done.returncode == -signal.SIGKILL
    assert cli.main(["run", str(path), "--direct_num_workers=1"]) == 0
    assert tree(run_folder(tmp_path / "out")) == tree(run_folder(finished))


def test_without_the_proxy_nothing_is_sampled_and_the_report_says_so(ground, tmp_path):
    assert cli.main(["run", str(plan_of(ground, tmp_path, proxy_lm=False)), "--direct_num_workers=1"]) == 0
    run = run_folder(tmp_path / "out")
    assert not (run / "samples").exists()
    report = json.loads((run / "report" / "report.json").read_text())
    assert "proxy" not in report["measures"]
    assert any("proxy_lm: true" in gap["reason"] for gap in report["not_measured"])


def test_a_wrong_word_list_stops_before_the_first_shard(ground, tmp_path, capsys):
    path = plan_of(ground, tmp_path, proxy_lexicon="builtin:evaluator-en")
    assert cli.main(["run", str(path)]) == 2
    assert "of the kind linear" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_a_calibrated_word_list_counts_as_its_severities(ground, tmp_path):
    curve = {"method": "piecewise_logit", "x": [-14.0, 0.0], "y": [-6.0, 1.0]}
    made = write_bundle(tmp_path / "made", "made", {"slur": {"zargle": 0.75}}, calibration={"slur": curve})
    texts = Passages.of(["a plain text", "all zargle"])
    assert (bundle.load(made).score(texts) > 0).all()
    found = lexicon_of(plan.load(plan_of(ground, tmp_path, proxy_lexicon=str(made))))
    assert found.score(texts)[:, 0].tolist() == [0, 0.75]
    assert found.id == bundle.load(made).id


def test_a_list_of_words_that_every_text_has_is_refused(ground, tmp_path, capsys):
    words = {word for prompt in proxy_texts.prompts() for word in re.findall("[a-z]{2,}", prompt.text.lower())}
    write_bundle(tmp_path / "words", "words", {"slur": dict.fromkeys(sorted(words), 0.5)})
    assert cli.main(["run", str(plan_of(ground, tmp_path, proxy_lexicon=str(tmp_path / "words")))]) == 2
    assert "has a term in every neutral prompt" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [("proxy_tokens", 5, "write 20000 to"), ("proxy_lmm", True, "did you mean `proxy_lm`?")],
)
def test_the_plan_is_checked(ground, tmp_path, key, value, message):
    with pytest.raises(Exception, match="proxy") as error:
        plan.load(plan_of(ground, tmp_path, **{key: value}))
    assert message in str(error.value)
