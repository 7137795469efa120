"""croissant.json: the shape that Croissant 1.0 asks for, whatever names are in it."""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from tamis.interventions import croissant
from tamis.interventions.dataset_files import DatasetFiles, FileGroup
from tamis.pipeline.canonical import canonical_bytes

Make = Callable[..., dict[str, Any]]
FILES = DatasetFiles(
    [FileGroup("jsonl", [".jsonl", ".jsonl.gz"]), FileGroup("parquet", [".parquet"]), FileGroup("text", [".txt"])],
    {"id": "id", "text": "text", "url": "metadata.url"},
    1000,
)
#: What a node of each type must have, by the specification.
REQUIRED = {
    "sc:Dataset": {"@context", "conformsTo", "name", "description", "license", "url", "distribution", "version"},
    "cr:FileObject": {"@id", "name", "contentUrl", "encodingFormat", "sha256"},
    "cr:FileSet": {"@id", "name", "containedIn", "encodingFormat", "includes"},
    "cr:RecordSet": {"@id", "name", "field"},
    "cr:Field": {"@id", "name", "dataType", "source"},
}


def objects(value: Any) -> Iterator[dict[str, Any]]:
    """Yields every object outside the context."""
    if isinstance(value, dict):
        yield value
        for key, inner in value.items():
            if key != "@context":
                yield from objects(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from objects(inner)


def nodes(value: Any) -> Iterator[dict[str, Any]]:
    """Yields every typed node."""
    return (one for one in objects(value) if one.get("@type", "").startswith(("sc:", "cr:")))


def references(value: Any) -> Iterator[str]:
    """Yields every id that is referred to."""
    return (one["@id"] for one in objects(value) if set(one) == {"@id"})


def faults(found: dict[str, Any]) -> list[str]:
    """What a description lacks, by the specification."""
    every = list(nodes(found))
    known = [node["@id"] for node in every if "@id" in node]
    lacking = [f"{node['@type']} lacks {key}" for node in every for key in REQUIRED[node["@type"]] - node.keys()]
    dangling = [f"{name} is nowhere" for name in references(found) if name not in known]
    twice = [f"{name} twice" for name in set(known) if known.count(name) > 1]
    return [*lacking, *dangling, *twice]


def test_every_node_has_what_it_must(example_report: Make) -> None:
    found = croissant.build(example_report(), FILES)
    assert faults(found) == []
    assert [node["@type"] for node in nodes(found)].count("cr:Field") == 6
    assert found["conformsTo"] == "http://mlcommons.org/croissant/1.0"
    assert found["version"] == "0.1.0"
    (url,) = [node for node in nodes(found) if node.get("@id") == "jsonl-documents/url"]
    assert url["source"]["extract"] == {"column": "metadata"}
    assert url["source"]["transform"] == {"jsonPath": "url"}


def test_the_check_can_fail(example_report: Make) -> None:
    found = croissant.build(example_report(), FILES)
    found["distribution"][1]["containedIn"] = {"@id": "elsewhere"}
    del found["recordSet"][0]["field"][0]["dataType"]
    assert faults(found) == ["cr:Field lacks dataType", "elsewhere is nowhere"]


def test_nothing_written_is_nothing_described(example_report: Make) -> None:
    found = croissant.build(example_report(), DatasetFiles())
    assert faults(found) == []
    assert "recordSet" not in found


def test_hostile_names_stay_strings(example_report: Make, hostile: ModuleType) -> None:
    report = example_report()
    names = hostile.names(report)
    expected = list(croissant.build(report, FILES))
    for payload in hostile.PAYLOADS:
        poisoned = croissant.build(hostile.poison(report, names, [payload]), FILES)
        assert [key for key in poisoned if key != "inLanguage"] == [key for key in expected if key != "inLanguage"]
        assert faults(json.loads(canonical_bytes(poisoned))) == [], payload[:40]


@pytest.mark.skipif(importlib.util.find_spec("mlcroissant") is None, reason="`mlcroissant` is not installed")
def test_the_reference_library_validates_it_and_reads_records(tmp_path: Path, marker_run: ModuleType) -> None:
    import mlcroissant

    run = marker_run.make(tmp_path, [{"id": f"d{k}", "text": f"hate{40 + k}", "source": "x"} for k in range(20)])
    found = mlcroissant.Dataset(jsonld=str(run / "report" / "croissant.json"))
    assert not found.metadata.ctx.issues.errors
    assert len(list(found.records("jsonl-documents"))) == 10
