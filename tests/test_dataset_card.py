"""The dataset card: what it says, that hubs can read its front matter, and that no name breaks out of its place."""

from __future__ import annotations

import importlib.util
import json
import unicodedata
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import yaml
from markdown_it import MarkdownIt

from tamis.interventions import dataset_card
from tamis.interventions.dataset_files import DatasetFiles, FileGroup
from tamis.interventions.masking import markdown
from tamis.pipeline import datafiles, plan, preflight
from tamis.pipeline.receipts import Counts

Make = Callable[..., dict[str, Any]]
FIELDS = {"id": "id", "text": "text", "url": "metadata.url"}
FILES = DatasetFiles([FileGroup("jsonl", [".jsonl", ".jsonl.gz"])], FIELDS, 12_345_678)
PARSER = MarkdownIt("commonmark", {"html": True}).enable("table")


def front(card: str) -> dict[str, Any]:
    """The front matter, as a hub reads it."""
    start, matter, _ = card.split("---\n", 2)
    assert start == ""
    found: dict[str, Any] = yaml.safe_load(matter)
    return found


def structure(card: str) -> list[tuple[str, str]]:
    """Everything of the rendered card but its words."""
    words = {"text", "text_special", "code_inline"}
    tokens = PARSER.parse(card.split("---\n", 2)[2])
    inner = [child for token in tokens for child in token.children or ()]
    return [(token.type, token.tag) for token in [*tokens, *inner] if token.type not in words]


def test_the_front_matter_is_what_hubs_know(example_report: Make) -> None:
    found = front(dataset_card.render(example_report(), FILES))
    assert found["license"] == "unknown"
    assert found["language"] == ["en", "de"]
    assert found["size_categories"] == ["100K<n<1M"]
    (config,) = found["configs"]
    assert config["config_name"] == "default"
    assert config["data_files"][0]["path"] == ["../documents/**/*.jsonl", "../documents/**/*.jsonl.gz"]


def test_the_card_says_what_was_done_with_intervals_and_limits(example_report: Make) -> None:
    report = example_report()
    card = dataset_card.render(report, FILES)
    for heading in ("## Before and after", "## What was done", "## Loading", "## Limits", "## Provenance"):
        assert f"\n{heading}\n" in card
    row = next(line for line in card.splitlines() if line.startswith("| sexual"))
    assert row.count("(") == 3
    assert "estimated" in row
    assert report["run"]["id"] in card
    assert "Not measured: " in card
    assert all(markdown(banner["text"], 900) in card for banner in report["banners"])


@pytest.mark.parametrize(
    ("status", "words"),
    [
        ("published", "These documents were kept by"),
        ("refused", "**Not published: the gate refused this run.**"),
        ("measured", "No documents were written"),
    ],
)
def test_the_status_stands_first(example_report: Make, status: str, words: str) -> None:
    assert words in dataset_card.render(example_report(status), FILES)


def test_an_evaluator_that_is_not_independent_is_said_to_be_none(example_report: Make) -> None:
    card = dataset_card.render(example_report(independent=False), FILES)
    assert "not independent" in card.split("## Limits")[1]
    assert "| relative |" in card


@pytest.mark.parametrize(
    ("stated", "expected"),
    [
        ("CC-BY-4.0", {"license": "cc-by-4.0"}),
        ("ours: ask", {"license": "other", "license_name": "ours: ask"}),
        (None, {"license": "unknown"}),
    ],
)
def test_a_licence_is_only_stated(example_report: Make, stated: str | None, expected: dict[str, str]) -> None:
    found = front(dataset_card.render(example_report(), DatasetFiles(FILES.groups, FIELDS, 1, stated)))
    assert {key: found[key] for key in expected} == expected


@pytest.mark.parametrize(
    ("groups", "names"),
    [
        ([FileGroup("parquet", [".parquet"])], ["default"]),
        ([FileGroup("csv", [".csv"]), FileGroup("tsv", [".tsv.gz"])], ["csv", "tsv"]),
        ([FileGroup("warc", [".warc.gz"])], []),
        ([FileGroup("jsonl", [".data"], loadable=False)], []),
        ([], []),
    ],
)
def test_what_no_loader_knows_is_no_configuration(
    example_report: Make, groups: list[FileGroup], names: list[str]
) -> None:
    card = dataset_card.render(example_report(), DatasetFiles(groups, FIELDS, 1))
    assert [config["config_name"] for config in front(card).get("configs", [])] == names
    assert ("load_dataset" in card.split("## Loading")[1].split("## Limits")[0]) == bool(names)
    separators = [config.get("sep") for config in front(card).get("configs", [])]
    assert separators == ["\t" if name == "tsv" else None for name in names]


@pytest.mark.parametrize("text", ["- a", "1. a", "1) a", "# a", "> a", "+ a", "=== a", "| a", "[a](b)", "a@b.c", "`a`"])
def test_a_name_is_shown_as_it_is(text: str) -> None:
    (paragraph,) = [token for token in PARSER.parse(markdown(text)) if token.type == "inline"]
    assert "".join(child.content for child in paragraph.children or ()) == text


_MATTER = {"pretty_name", "license", "size_categories", "task_categories", "tags", "configs"}


def test_no_payload_changes_the_card(example_report: Make, hostile: ModuleType) -> None:
    report = example_report()
    names = hostile.names(report)
    expected = structure(dataset_card.render(hostile.poison(report, names, ["~"]), FILES))
    assert len(expected) > 300
    for payload in hostile.PAYLOADS:
        card = dataset_card.render(hostile.poison(report, names, [payload]), FILES)
        if payload:
            assert structure(card) == expected, payload[:40]
        matter = front(card)
        assert set(matter) - {"language"} == _MATTER
        unseen = {c for c in card if unicodedata.category(c) in {"Cc", "Cf", "Cs", "Zl", "Zp"} and c != "\n"}
        assert unseen == set(), payload[:40]
        card.encode("utf-8")


def spec_of(tmp_path: Path, marker_run: ModuleType, corpus: dict[str, Any], **changes: Any) -> Any:
    """The spec of a run that need not be run."""
    made = marker_run.bundles(tmp_path / "bundles")
    root = marker_run.corpus(tmp_path / "corpus", [{"id": "a", "text": "b"}])
    content = marker_run.plan_of(tmp_path, root, made, **changes)
    content["corpus"] = {**content["corpus"], **corpus}
    return preflight.check(plan.parse(json.dumps(content))).spec


def test_files_are_told_by_their_endings(tmp_path: Path, marker_run: ModuleType) -> None:
    spec = spec_of(tmp_path, marker_run, {"fields": {"url": "meta.url"}})
    shards = ["a.jsonl", "b/c.jsonl.gz", "d.json", "e.parquet", "f.wet.gz", "g.tab.zst"]
    found = datafiles.files_of(spec, shards, 10, Counts(seen=5, kept=5))
    assert [(group.kind, list(group.endings)) for group in found.groups] == [
        ("jsonl", [".json", ".jsonl", ".jsonl.gz"]),
        ("parquet", [".parquet"]),
        ("tsv", [".tab.zst"]),
        ("warc", [".wet.gz"]),
    ]
    assert found.fields == {"id": "id", "text": "text", "url": "meta.url"}
    nameless = datafiles.files_of(spec, shards, 10, Counts(seen=5, kept=5, synthetic_ids=5))
    assert "id" not in nameless.fields


def test_a_run_that_publishes_nothing_has_no_files(tmp_path: Path, marker_run: ModuleType) -> None:
    spec = spec_of(tmp_path, marker_run, {}, publish=None)
    assert not datafiles.files_of(spec, ["a.jsonl"], 0, Counts()).groups


@pytest.mark.skipif(importlib.util.find_spec("datasets") is None, reason="the package `datasets` is not installed")
def test_the_documents_load(tmp_path: Path, marker_run: ModuleType) -> None:
    import datasets

    run = marker_run.make(tmp_path, [{"id": f"d{k}", "text": f"hate{40 + k}", "source": "x"} for k in range(20)])
    found = datasets.load_dataset(str(run / "report"), split="train", cache_dir=str(tmp_path / "cache"))
    assert sorted(found["id"]) == sorted(f"d{k}" for k in range(10))
