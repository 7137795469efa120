"""The published schema of report.json: real reports obey it, mutilated ones do not."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from functools import cache
from importlib import resources
from pathlib import Path
from types import ModuleType
from typing import Any

import jsonschema
import pytest

from tamis.interventions import report_schema
from tamis.pipeline import cli

ROOT = Path(__file__).resolve().parent.parent
SCHEMA: dict[str, Any] = json.loads(
    (resources.files("tamis.interventions") / "data" / "report.schema.json").read_text(encoding="utf-8")
)
VALID = jsonschema.Draft202012Validator(SCHEMA)
PLAN = (
    (ROOT / "scripts" / "demo_plan.yaml").read_text().replace("scripts/demo_corpus", str(ROOT / "scripts/demo_corpus"))
)
Json = dict[str, Any]


def run(folder: Path, name: str, changes: Sequence[tuple[str, str]] = (), command: Sequence[str] = ("run",)) -> Path:
    """Runs a plan that is the demo's but for some text; returns the run's folder."""
    text = PLAN.replace("out/demo", str(folder / name))
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    plan = folder / f"{name}.yaml"
    plan.write_text(text)
    local = ["--direct_num_workers=1"] if command[0] == "run" else []
    assert cli.main([*command, str(plan), *local]) in (0, 3)
    return next((folder / name / "runs").glob("[!.]*"))


@pytest.fixture(scope="module")
def reports(tmp_path_factory: pytest.TempPathFactory, marker_run: ModuleType) -> dict[str, Json]:
    """Real reports: with everything in it, and with as little as there can be."""
    folder = tmp_path_factory.mktemp("reports")
    everything = run(
        folder,
        "all",
        [("publish:", "evaluate: {proxy_lm: true, proxy_tokens: 20000}\nreport: {excerpts: 2}\npublish:")],
    )
    gold = ["--gold", str(ROOT / "scripts" / "demo_labels.csv")]
    assert cli.main(["audit", "import", str(everything), *gold]) == 0
    labelled = folder / "all" / "audits" / everything.name
    texts = [{"id": f"d{k}", "text": f"plain words hate{10 + k:02d}", "source": "x"} for k in range(60)]
    blind = {"evaluator": None, "publish": None, "interventions": {"tag": [{"when": "hate >= 0.5", "do": "tag"}]}}
    policy = str(folder / "markers" / "bundles" / "policy")
    another = {"classifiers": {"policy": policy, "second": policy}}
    another["interventions"] = {"drop": [{"when": "policy.hate >= 0.5", "do": "drop"}]}
    folders = {
        "demo": everything,
        "labels": labelled,
        "applied": run(folder, "applied", [("precision(0.8)", "0.4")], ("apply", "--scores", str(everything))),
        "refused": run(folder, "refused", [("max_drop_rate: 0.35", "max_drop_rate: 0.01"), ("**/*.jsonl*", "code/*")]),
        "markers": marker_run.make(folder / "markers", texts),
        "refreshed": marker_run.grow(folder / "markers", texts, **another),
        "blind": marker_run.make(folder / "blind", texts, **blind),
        "empty": marker_run.make(folder / "empty", [], gate={"min_documents": 0}),
    }
    return {name: json.loads((path / "report" / "report.json").read_text()) for name, path in folders.items()}


def parts(schema: Json, value: Any, name: str = "Report") -> Iterator[tuple[str, Any]]:
    """Yields every object of a report with the name of its type."""
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        schema = SCHEMA["$defs"][name]
    if "anyOf" in schema:
        (other,) = [one for one in schema["anyOf"] if one != {"type": "null"}]
        yield from parts(other, value, name) if value is not None else ()
    elif isinstance(value, dict) and "properties" in schema:
        yield name, value
        for key, inner in value.items():
            yield from parts(schema["properties"][key], inner)
    elif isinstance(value, dict):
        for inner in value.values():
            yield from parts(schema["additionalProperties"], inner)
    elif isinstance(value, list) and isinstance(schema.get("items"), dict):
        for inner in value:
            yield from parts(schema["items"], inner)


@cache
def validator(name: str) -> Any:
    return VALID.evolve(schema={"$ref": f"#/$defs/{name}", "$defs": SCHEMA["$defs"]})


def of_type(name: str, value: Any) -> bool:
    return bool(validator(name).is_valid(value))


def test_the_schema_is_one_and_in_step_with_its_types() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    assert json.loads(report_schema.text()) == SCHEMA
    assert all(part["additionalProperties"] is False for part in SCHEMA["$defs"].values())
    assert all(part["description"] for part in SCHEMA["$defs"].values())


def test_the_command_prints_it(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["report", "--schema"]) == 0
    assert json.loads(capsys.readouterr().out) == SCHEMA


def test_real_reports_obey_it(reports: dict[str, Json]) -> None:
    for name, report in reports.items():
        errors = [f"{list(error.absolute_path)}: {error.message[:200]}" for error in VALID.iter_errors(report)]
        assert errors == [], (name, errors)
    present = set().union(*(report["measures"] for report in reports.values()))
    assert present == set(SCHEMA["$defs"]["Measures"]["properties"])


def test_every_type_stands_in_a_real_report(reports: dict[str, Json]) -> None:
    found = {name for report in reports.values() for name, _ in parts(SCHEMA, report)}
    # Nobody labelled twice, and no threshold was cheaper.
    assert set(SCHEMA["$defs"]) - found <= {"Kappa", "Cheaper"}


def test_mutilated_reports_do_not(reports: dict[str, Json]) -> None:
    examples: dict[str, Any] = {}
    # The small reports first: what is asked of a part does not depend on its size.
    for report in sorted(reports.values(), key=lambda one: len(json.dumps(one))):
        for name, value in parts(SCHEMA, report):
            examples.setdefault(name, value)
    tried = 0
    for name, value in examples.items():
        assert of_type(name, value), name
        for key in value:
            optional = key not in SCHEMA["$defs"][name]["required"] and (name, key) != ("Estimate", "reason")
            without = {other: inner for other, inner in value.items() if other != key}
            renamed = {**without, f"{key}s": value[key]}
            wrong = {**value, key: [[[[]]]]}
            assert of_type(name, without) == optional, (name, key)
            assert not of_type(name, renamed), (name, key)
            assert not of_type(name, wrong), (name, key)
            tried += 3
        assert not of_type(name, {**value, "more": 1}), name
    assert tried > 800


@pytest.mark.parametrize(
    "change",
    [
        {"value": None},
        {"value": "0.5"},
        {"n": -1},
        {"grade": "sure"},
        {"unit": "percent"},
    ],
)
def test_an_estimate_that_cannot_be_is_none(change: Json) -> None:
    found = {"value": 0.5, "low": 0.4, "high": 0.6, "n": 10, "method": "m", "unit": "share", "grade": "estimated"}
    assert of_type("Estimate", found)
    assert not of_type("Estimate", {**found, **change})
    assert of_type("Estimate", {**found, "value": None, "reason": "too few"})


def test_another_version_of_the_format_is_another_schema(reports: dict[str, Json]) -> None:
    assert not VALID.is_valid({**reports["markers"], "schema": 2})
