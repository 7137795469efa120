"""`tamis audit`: a blind sample, labels of several annotators, certified numbers, and a report with them."""

from __future__ import annotations

import csv
import json
import random
import shutil
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from tamis.pipeline import cli

TRUTH_RATE = {"hit": 0.8, "near": 0.3, "low": 0.01}
NOUNS = ["river", "house", "garden", "road", "bread", "winter", "table", "music", "field", "letter"]


def documents(n: int = 3000, seed: int = 5) -> tuple[list[dict[str, Any]], dict[str, dict[str, int]]]:
    """Documents whose scores know a planted truth roughly, and that truth by id."""
    rng = random.Random(seed)
    found, truth = [], {}
    for k in range(n):
        kind = rng.choices(list(TRUTH_RATE), [0.04, 0.06, 0.9])[0]
        score = {"hit": rng.randint(50, 99), "near": rng.randint(15, 49), "low": rng.randint(1, 5)}[kind]
        hate = int(rng.random() < TRUTH_RATE[kind])
        words = " ".join(rng.choices(NOUNS, k=8))
        found.append({"id": f"d{k}", "text": f"{words} hate{score:02d} ehate{score:02d} number {k}"})
        truth[f"d{k}"] = {"sexual": 0, "hate": hate, "harassment": 0, "violence": 0, "self_harm": 0}
    found += [{"id": "minor", "text": "scene sexual90 hate70 a schoolgirl"}, {"id": "empty", "text": ""}]
    return found, truth


@pytest.fixture(scope="module")
def truth() -> dict[str, dict[str, int]]:
    return documents()[1]


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory, marker_run: ModuleType) -> Path:
    folder: Path = marker_run.make(tmp_path_factory.mktemp("audit"), documents()[0])
    return folder


@pytest.fixture
def run(finished: Path) -> Path:
    """The run, without an audit."""
    shutil.rmtree(finished.parent.parent / "audits", ignore_errors=True)
    return finished


def audit(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, dict[str, Any], str]:
    code = cli.main(["audit", *map(str, arguments)])
    out, err = capsys.readouterr()
    return code, json.loads(out) if out.strip() else {}, err


def tasks_of(outcome: dict[str, Any]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in Path(outcome["tasks"]).read_text().splitlines()]


def plan_of(outcome: dict[str, Any]) -> dict[str, Any]:
    plan: dict[str, Any] = json.loads(Path(outcome["plan"]).read_text())["plan"]
    return plan


def label_file(folder: Path, name: str, outcome: dict[str, Any], labels: dict[str, Any]) -> Path:
    path = folder / f"{name}.json"
    digest = plan_of(outcome)["tasks_sha256"]
    path.write_text(json.dumps({"format": 1, "tasks_sha256": digest, "annotator": name, "labels": labels}))
    return path


def test_the_plan_is_told_before_anything_is_labelled(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, outcome, err = audit(capsys, "sample", run, "--labels", 200, "--dry_run")
    assert (code, outcome["status"]) == (0, "dry_run")
    assert "3,001 scored documents; 1 without a score are in no estimate" in err
    assert [row["labels"] for row in outcome["expected"]] == [100, 200, 400, 800]
    spans = [row["prevalence"][1] - row["prevalence"][0] for row in outcome["expected"]]
    assert spans == sorted(spans, reverse=True)
    assert "certifies down to" in err
    assert "random labels" in err
    assert not (run.parent.parent / "audits").exists()


def test_tasks_are_blind_and_in_an_order_by_hash(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _, outcome, _ = audit(capsys, "sample", run, "--labels", 200)
    tasks, plan = tasks_of(outcome), plan_of(outcome)
    assert len(tasks) == outcome["count"] == 199
    assert {frozenset(task) for task in tasks} == {frozenset(("task", "id", "text", "categories"))}
    assert tasks[0]["categories"] == ["sexual", "hate", "harassment", "violence", "self_harm"]
    strata = {item["task"]: item["stratum"] for item in plan["items"]}
    order = [strata[task["task"]] for task in tasks]
    assert order != sorted(order)
    assert sum(one["labels"] for one in plan["strata"]) == len(plan["items"]) == 200
    assert plan["outcome"] == "removed"
    first = Path(outcome["tasks"]).read_bytes()
    audit(capsys, "sample", run, "--labels", 200)
    assert Path(outcome["tasks"]).read_bytes() == first


def test_a_larger_sample_holds_most_of_a_smaller(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    small = {task["id"] for task in tasks_of(audit(capsys, "sample", run, "--labels", 100)[1])}
    large = {task["id"] for task in tasks_of(audit(capsys, "sample", run, "--labels", 300)[1])}
    assert len(small & large) > 0.8 * len(small)


def test_a_sample_of_one_category_asks_about_it_alone(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _, outcome, _ = audit(capsys, "sample", run, "--labels", 50, "--category", "hate")
    assert {tuple(task["categories"]) for task in tasks_of(outcome)} == {("hate",)}
    code, _, err = audit(capsys, "sample", run, "--labels", 50, "--category", "hat")
    assert code == 2
    assert "did you mean `hate`?" in err


def test_what_must_not_be_copied_is_in_no_task(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _, outcome, _ = audit(capsys, "sample", run, "--labels", 3001)
    assert "minor" not in {task["id"] for task in tasks_of(outcome)}
    assert "schoolgirl" not in Path(outcome["tasks"]).read_text()
    assert [item["withheld"] for item in plan_of(outcome)["items"]].count(True) == 1


def share(truth: dict[str, dict[str, int]], ids: set[str]) -> float:
    return sum(truth[one]["hate"] for one in ids) / len(ids)


def test_labels_recover_the_truth_within_their_intervals(
    run: Path, truth: dict[str, dict[str, int]], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _, outcome, _ = audit(capsys, "sample", run, "--labels", 600)
    labels = {task["task"]: truth[task["id"]] for task in tasks_of(outcome)}
    code, done, err = audit(capsys, "import", run, label_file(tmp_path, "ana", outcome, labels))
    assert (code, done["status"]) == (0, "imported")
    result = json.loads(Path(done["labels"]).read_text())
    removed = {
        row["id"]
        for path in sorted((run / "attributes").iterdir())
        for row in rows_of(path)
        if row.get("removed") and row["id"] in truth
    }
    kept = set(truth) - removed
    wanted = {
        "before": share(truth, set(truth)),
        "residual": share(truth, kept),
        "precision": share(truth, removed),
        "recall": sum(truth[one]["hate"] for one in removed) / sum(one["hate"] for one in truth.values()),
        "ratio": share(truth, kept) / share(truth, set(truth)),
    }
    for key, value in wanted.items():
        found = result["categories"]["hate"][key]
        assert found["grade"] == "certified"
        assert found["low"] <= value <= found["high"], key
    assert result["categories"]["any"]["before"]["value"] == result["categories"]["hate"]["before"]["value"]
    assert (result["labelled"], result["asked"], result["unscored"]) == (
        len(labels),
        len(labels) + result["withheld"],
        1,
    )
    assert "certify no residual below" in err


def rows_of(path: Path) -> list[dict[str, Any]]:
    import gzip

    return [json.loads(line) for line in gzip.decompress(path.read_bytes()).splitlines()]


def test_the_report_takes_the_certified_numbers(
    run: Path, truth: dict[str, dict[str, int]], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _, outcome, _ = audit(capsys, "sample", run, "--labels", 600)
    labels = {task["task"]: truth[task["id"]] for task in tasks_of(outcome)}
    before = (run / "report" / "report.json").read_bytes()
    _, done, _ = audit(capsys, "import", run, label_file(tmp_path, "ana", outcome, labels))
    assert (run / "report" / "report.json").read_bytes() == before
    report = json.loads(Path(done["report"]).with_name("report.json").read_text())
    row = next(row for row in report["headline"] if row["category"] == "hate")
    found = report["measures"]["labels"]["categories"]["hate"]
    assert row["grade"] == "certified"
    assert (row["before"], row["after"], row["ratio"], row["caught"]) == (
        found["before"], found["residual"], found["ratio"], found["recall"],
    )  # fmt: skip
    assert "By human labels" in report["verdict"]["sentence"]
    mine, old = (one["interventions"]["redact"]["headline"] for one in (report, json.loads(before)))
    assert [{**row, "grade": None} for row in mine] == [{**row, "grade": None} for row in old]
    assert "human labels" not in {gap["what"] for gap in report["not_measured"]}
    # The two word lists of these documents err on the same ones, and the labels show it.
    errors = report["measures"]["labels"]["errors"]
    assert errors["passed"] is False
    assert errors["categories"]["hate"]["clean"]["low"] > 0.3
    assert report["banners"][0]["code"] == "shared-errors"
    assert {row["grade"] for row in mine} <= {"relative", "not resolvable", "not measured"}
    page = Path(done["report"]).read_text()
    assert "Human labels" in page
    assert "human labels; they certify no residual below" in page
    assert "No human labels." not in page
    assert cli.main(["verify", str(run)]) == 0
    capsys.readouterr()


def test_several_annotators_are_averaged_and_compared(
    run: Path, truth: dict[str, dict[str, int]], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _, outcome, _ = audit(capsys, "sample", run, "--labels", 300)
    rng = random.Random(9)
    first = {task["task"]: dict(truth[task["id"]]) for task in tasks_of(outcome)}
    second = {task: {**one, "hate": one["hate"] ^ (rng.random() < 0.15)} for task, one in first.items()}
    del second[next(iter(second))]
    files = [label_file(tmp_path, name, outcome, one) for name, one in (("ana", first), ("ben", second))]
    _, done, err = audit(capsys, "import", run, *files)
    result = json.loads(Path(done["labels"]).read_text())
    found = result["categories"]["hate"]["agreement"]
    assert found["items"] == len(first) - 1
    assert 0.8 < found["equal"] < 0.92
    assert found["alpha"]["low"] < found["alpha"]["value"] < found["alpha"]["high"]
    assert abs(found["alpha"]["value"] - found["kappa"][0]["estimate"]["value"]) < 0.05
    assert result["categories"]["sexual"]["agreement"]["alpha"]["reason"] == "every item has the same label"
    assert result["annotators"] == ["ana", "ben"]
    assert "agreement on" in err
    report = json.loads(Path(done["report"]).with_name("report.json").read_text())
    assert "disagreement" in {banner["code"] for banner in report["banners"]}


def test_what_was_skipped_widens_the_interval_on_both_sides(
    run: Path, truth: dict[str, dict[str, int]], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _, outcome, _ = audit(capsys, "sample", run, "--labels", 300)
    whole: dict[str, Any] = {task["task"]: truth[task["id"]] for task in tasks_of(outcome)}
    some = {task: None if k % 10 == 0 else one for k, (task, one) in enumerate(whole.items())}
    part = dict(list(whole.items())[: len(whole) // 2])
    results = []
    for name, labels in (("whole", whole), ("some", some), ("part", part)):
        _, done, _ = audit(capsys, "import", run, label_file(tmp_path, name, outcome, labels))
        results.append(json.loads(Path(done["labels"]).read_text()))
    full, skipped, half = (one["categories"]["hate"]["before"] for one in results)
    assert results[1]["skipped"] == 30
    assert skipped["high"] > full["high"] + 0.05
    assert skipped["low"] < full["low"]
    # What was not reached yet is missing by chance.
    assert results[2]["skipped"] == 0
    assert half["high"] < skipped["high"]


def test_gold_labels_serve_a_sample_and_a_census(
    run: Path, truth: dict[str, dict[str, int]], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    table = tmp_path / "gold.csv"
    with table.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["id", "sexual", "hate", "harassment", "violence", "self_harm"])
        writer.writerows([one, *labels.values()] for one, labels in truth.items())
    _, census, _ = audit(capsys, "import", run, "--gold", table)
    result = json.loads(Path(census["labels"]).read_text())
    assert (result["labelled"], result["annotators"]) == (3000, ["gold"])
    exact = share(truth, set(truth))
    assert result["categories"]["hate"]["before"]["value"] == pytest.approx(exact, abs=0.001)
    _, outcome, _ = audit(capsys, "sample", run, "--labels", 300)
    _, done, _ = audit(capsys, "import", run, "--gold", table)
    sampled = json.loads(Path(done["labels"]).read_text())
    assert sampled["labelled"] == outcome["count"]
    assert sampled["categories"]["hate"]["before"]["low"] < exact < sampled["categories"]["hate"]["before"]["high"]


def test_labels_of_an_intervention_that_removes_nothing(
    run: Path, truth: dict[str, dict[str, int]], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _, outcome, err = audit(capsys, "sample", run, "--labels", 300, "--intervention", "redact")
    assert plan_of(outcome)["outcome"] == "acted on"
    assert "not acted on" in err
    labels = {task["task"]: truth[task["id"]] for task in tasks_of(outcome)}
    _, done, _ = audit(capsys, "import", run, label_file(tmp_path, "ana", outcome, labels))
    report = json.loads(Path(done["report"]).with_name("report.json").read_text())
    original = json.loads((run / "report" / "report.json").read_text())
    rows = [one["interventions"]["redact"]["headline"][1] for one in (report, original)]
    assert rows[0]["ratio"] == rows[1]["ratio"]
    assert rows[0]["caught"]["grade"] == "certified"
    graded = [[{**row, "grade": None} for row in one["headline"]] for one in (report, original)]
    assert graded[0] == graded[1]


def test_mistakes_are_told(run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    labels = tmp_path / "labels.json"
    labels.write_text('{"annotator": "x", "labels": {}}')
    code, _, err = audit(capsys, "import", run, labels)
    assert (code, "has no sample: `tamis audit sample` draws one" in err) == (2, True)
    code, _, err = audit(capsys, "import", run)
    assert (code, "no labels: name files" in err) == (2, True)
    _, outcome, _ = audit(capsys, "sample", run, "--labels", 30)
    for content, said in (
        ("{", "not a label file"),
        ('{"annotator": "x", "labels": {"a": {"hate": 2}}}', "expected the labels 0 and 1"),
        ('{"annotator": "x", "labels": {}, "tasks_sha256": "other"}', "labels of other tasks"),
    ):
        labels.write_text(content)
        code, _, err = audit(capsys, "import", run, labels)
        assert (code, said in err) == (2, True), err
    twice = [label_file(tmp_path, "ana", outcome, {}), tmp_path / "again.json"]
    shutil.copy(twice[0], twice[1])
    code, _, err = audit(capsys, "import", run, *twice)
    assert (code, "a second file of the annotator 'ana'" in err) == (2, True)
    plan = Path(outcome["plan"])
    plan.write_text(plan.read_text().replace('"unscored":1', '"unscored":2'))
    code, _, err = audit(capsys, "import", run, labels)
    assert (code, "the plan was altered since it was sealed" in err) == (1, True)
