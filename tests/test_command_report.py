"""`tamis report` of several runs: what is compared, on which ground, and what is not compared at all."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from tamis.interventions import report_html, sides_terminal
from tamis.pipeline import cli

Documents = list[dict[str, Any]]


def documents(seed: int, number: int = 1500) -> Documents:
    """Documents of which 3 in 10 score for hate by the filter, and most of these by the evaluator."""
    found = []
    for k in range(number):
        noise = hashlib.sha256(f"{seed}-{k}".encode()).digest()
        score = 10 + noise[0] % 85 if noise[1] < 77 else 5
        judged = score if noise[2] < 220 else 99 - score
        found.append(
            {
                "id": f"d{seed}-{k}",
                "text": f"plain words hate{score:02d} ehate{judged:02d} " + "and more " * (noise[3] % 20),
                "source": "forum",
                "url": f"http://site{noise[4] % 60}.example/{k}",
            }
        )
    return found


def rule(threshold: float) -> dict[str, Any]:
    return {"cut": [{"when": f"hate >= {threshold}", "do": "drop"}]}


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory, marker_run: ModuleType) -> dict[str, Path]:
    """Runs that differ in one thing each from `mild`."""
    folder = tmp_path_factory.mktemp("sides")
    made = marker_run.bundles(folder / "bundles")
    roots = {name: marker_run.corpus(folder / name, documents(seed)) for name, seed in (("one", 1), ("two", 2))}

    def run(name: str, threshold: float, root: str = "one", **changes: Any) -> Path:
        plan = marker_run.plan_of(folder / name, roots[root], made, interventions=rule(threshold), publish="cut")
        found: Path = marker_run.run({**plan, "name": name, **changes})
        return found

    shadow = {**rule(0.5), "again": [{"when": "hate >= 0.5", "do": "drop"}]}
    return {
        "mild": run("mild", 0.9),
        "strict": run("strict", 0.5),
        "both": run("both", 0.5, interventions=shadow),
        "elsewhere": run("elsewhere", 0.5, "two"),
        "sampled": run("sampled", 0.5, evaluate={"sample": 400}),
        "same filter": run("same filter", 0.5, evaluator=made["policy"]),
        "blind": run("blind", 0.5, evaluator=None),
    }


@pytest.fixture
def compare(runs: dict[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Callable[..., Any]:
    """Compares runs by name; returns the content, the page and what the terminal said."""

    def compare(*names: str, options: tuple[str, ...] = ()) -> tuple[dict[str, Any], str, str]:
        path = tmp_path / "compared.html"
        assert cli.main(["report", *(str(runs[name]) for name in names), "--output", str(path), *options]) == 0
        content = json.loads(path.with_suffix(".json").read_text())
        return content, path.read_text(), capsys.readouterr().err

    return compare


def bases(content: dict[str, Any]) -> list[str]:
    return [pair["basis"] for pair in content["pairs"]]


def codes(content: dict[str, Any]) -> set[tuple[str, str]]:
    return {(banner["level"], banner["code"]) for banner in content["banners"]}


def test_runs_on_the_same_documents_are_compared_in_pairs(compare: Callable[..., Any]) -> None:
    content, page, said = compare("mild", "strict")
    assert bases(content) == ["paired"]
    assert content["unpaired"] is None
    assert content["banners"] == []
    row = content["paired"]["pairs"][0]["residual"]["hate"]
    assert row["verdict"] == "more"
    assert row["ratio"]["low"] > 1
    assert "A (cut) leaves" in said
    assert row["sentence"].split("\u202f")[0] in page
    assert all(check["same"] for check in content["checks"])


def test_the_same_rules_are_no_difference(compare: Callable[..., Any]) -> None:
    content, _, said = compare("strict", "both")
    residual = content["paired"]["pairs"][0]["residual"]
    assert (residual["hate"]["verdict"], residual["any"]["verdict"]) == ("the same", "the same")
    assert "are the same in" in said


def test_interventions_of_one_run_are_compared_too(compare: Callable[..., Any]) -> None:
    content, _, _ = compare("both", options=("--all",))
    assert [side["name"] for side in content["sides"]] == ["A (cut)", "B (again)"]
    content, _, _ = compare("both", "mild", options=("--intervention", "cut"))
    assert [side["run"]["name"] for side in content["sides"]] == ["both", "mild"]


def test_other_documents_are_compared_by_their_effects(compare: Callable[..., Any]) -> None:
    content, page, said = compare("mild", "elsewhere")
    assert bases(content) == ["unpaired"]
    assert content["paired"] is None
    assert codes(content) == {("amber", "basis-unpaired")}
    row = content["unpaired"]["pairs"][0]["residual"]["hate"]
    assert row["verdict"] == "more"
    assert "unpaired" in row["sentence"]
    assert "Other documents" in page
    assert "Documents differ: effects are compared, not levels" in said
    same, _, _ = compare("strict", "elsewhere")
    assert same["unpaired"]["pairs"][0]["residual"]["hate"]["verdict"] in ("no detectable difference", "not resolvable")


def test_another_sample_is_not_paired(compare: Callable[..., Any]) -> None:
    content, _, said = compare("strict", "sampled")
    assert bases(content) == ["unpaired"]
    assert {check["what"]: check["same"] for check in content["checks"]}["Evaluated sample"] is False
    assert "Other samples of the same documents" in said.replace("\n", " ")


def test_numbers_of_other_evaluators_are_not_compared(compare: Callable[..., Any]) -> None:
    content, page, said = compare("strict", "same filter")
    assert bases(content) == ["none"]
    assert content["paired"] is content["unpaired"] is None
    assert ("red", "basis-none") in codes(content)
    assert ("red", "not-independent") in codes(content)
    assert "one of rulers" in page
    assert "differences in safety are not given" in said.replace("\n", " ")


def test_a_run_without_an_evaluator_says_nothing_of_safety(compare: Callable[..., Any]) -> None:
    content, _, said = compare("strict", "blind")
    assert bases(content) == ["none"]
    assert "No evaluator looked" in content["pairs"][0]["reason"]
    assert "not measured" in said
    assert "None" not in said


def test_three_runs_each_on_its_own_ground(compare: Callable[..., Any]) -> None:
    content, _, _ = compare("mild", "strict", "elsewhere")
    assert bases(content) == ["paired", "unpaired", "unpaired"]
    assert len(content["paired"]["pairs"]) == 1
    assert len(content["unpaired"]["pairs"]) == 2


def test_the_same_runs_give_the_same_bytes(compare: Callable[..., Any]) -> None:
    assert compare("mild", "strict", "elsewhere") == compare("mild", "strict", "elsewhere")


def test_the_page_comes_out_the_same_from_its_json(compare: Callable[..., Any]) -> None:
    content, page, _ = compare("mild", "strict", "elsewhere")
    assert report_html.render_sides(content) == page


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--all"], "nothing to compare"),
        (["--intervention", "cat"], "did you mean `cut`?"),
        (["--outptu", "x"], "did you mean `--output`?"),
    ],
)
def test_mistakes_are_named(
    runs: dict[str, Path], capsys: pytest.CaptureFixture[str], options: list[str], words: str
) -> None:
    assert cli.main(["report", str(runs["mild"]), *options]) == 2
    assert words in capsys.readouterr().err


def test_no_run_is_a_mistake(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["report"]) == 2
    assert "at least one RUN" in capsys.readouterr().err


def test_a_report_that_was_written_over_is_not_compared(
    runs: dict[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str], marker_run: ModuleType
) -> None:
    made = marker_run.make(tmp_path, documents(3, 100))
    path = made / "report" / "report.json"
    path.write_bytes(path.read_bytes().replace(b'"schema":1', b'"schema":2'))
    assert cli.main(["report", str(made), str(runs["mild"])]) == 1
    assert "not the report that the manifest records" in capsys.readouterr().err


def test_hostile_names_stay_text(compare: Callable[..., Any], hostile: ModuleType) -> None:
    content, _, _ = compare("mild", "strict", "elsewhere")

    def poisoned(payload: str) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(json.dumps(content))
        for side in found["sides"]:
            side["name"] += payload
            side["run"]["name"] += payload
            side["more"]["worst_group_name"] = payload
        for kind in ("paired", "unpaired"):
            for pair in found[kind]["pairs"]:
                pair["first"] += payload
                pair["residual"] = {f"{name}{payload}": row for name, row in pair["residual"].items()}
        for check in found["checks"]:
            check["found"] = {label: words + payload for label, words in check["found"].items()}
        return found

    tags = report_html.render_sides(poisoned("~")).count("<")
    for payload in hostile.PAYLOADS:
        page = report_html.render_sides(poisoned(payload))
        assert page.count("<") == tags or payload in ("", " "), payload[:40]
        shown = sides_terminal.plain(poisoned(payload))
        assert all(c.isprintable() or c == "\n" for c in shown), payload[:40]
