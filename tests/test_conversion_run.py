"""A run that converts: a corpus in five formats into one, path for path, verified, and decided again."""

from __future__ import annotations

import gzip
import io
import json
from pathlib import Path

import pyarrow as pa
import pytest
import zstandard
from pyarrow import parquet

from tamis.pipeline import plan as plans
from tamis.pipeline import preflight, verify
from tamis.pipeline.errors import UsageError
from tamis.pipeline.storage import open_store

WET = (
    b"WARC/1.0\r\nWARC-Type: conversion\r\nWARC-Target-URI: http://a.example/%d\r\nWARC-Record-ID: <urn:%d>\r\n"
    b"Content-Type: text/plain\r\nContent-Length: %d\r\n\r\n%b\r\n\r\n"
)
#: The third of each is dropped, the second redacted.
TEXTS = ["calm words", "calm words\n\nhate70 words\n\nmore calm words", "hate95", "ünd mehr"]
RULES = [{"when": "hate >= 0.9", "do": "drop"}, {"when": "passage.hate >= 0.5", "do": "redact", "replace": "[cut]"}]


def corpus(root: Path) -> Path:
    """Writes the same texts in five formats."""
    (root / "en").mkdir(parents=True)
    lines = [json.dumps({"id": f"j{i}", "text": text, "n": 2**70 + i}) + "\n" for i, text in enumerate(TEXTS)]
    (root / "en" / "a.jsonl.gz").write_bytes(gzip.compress("".join(lines).encode(), mtime=0))
    rows = "".join(f'c{i},"{text}"\n' for i, text in enumerate(TEXTS))
    (root / "b.csv").write_text("id,text\n" + rows)
    (root / "c.wet").write_bytes(
        b"".join(WET % (i, i, len(text.encode()), text.encode()) for i, text in enumerate(TEXTS))
    )
    table = pa.table(
        {"id": pa.array(range(4), pa.int32()), "text": TEXTS, "when": pa.array([0] * 4, pa.timestamp("us", "UTC"))}
    )
    parquet.write_table(table, root / "d.parquet")
    (root / "e.txt").write_text("\n".join(text.replace("\n\n", " ") for text in TEXTS))
    return root


def run(marker_run, folder: Path, root: Path, write: str | None) -> Path:
    fields = {"root": str(root), "shards": "**/*", "format": None, "write": write}
    made = {role: str(root.parent / "bundles" / role) for role in ("policy", "evaluator")}
    plan = marker_run.plan_of(folder, root, made, corpus=fields, interventions={"drop": RULES})
    return marker_run.run(plan)


def rows_of(path: Path) -> list[dict[str, object]]:
    if path.suffix == ".parquet":
        return parquet.read_table(path).to_pylist()
    data = zstandard.ZstdDecompressor().stream_reader(io.BytesIO(path.read_bytes())).read()
    return [json.loads(line) for line in data.splitlines()]


@pytest.fixture(scope="module")
def made(marker_run, tmp_path_factory):
    folder = tmp_path_factory.mktemp("mixed")
    marker_run.bundles(folder / "bundles")
    return corpus(folder / "corpus")


@pytest.mark.parametrize("write", ["jsonl.zst", "parquet"])
def test_a_run_converts_and_verifies(marker_run, made, tmp_path, write):
    folder = run(marker_run, tmp_path, made, write)
    store, run_id = open_store(str(tmp_path / "out")), folder.name
    counts = verify.verify(store, run_id).counts
    assert (counts.seen, counts.kept, counts.dropped, counts.rewritten) == (17, 12, 5, 4)
    documents = {
        path.relative_to(folder / "documents").as_posix(): path for path in (folder / "documents").rglob("*.*")
    }
    assert sorted(documents) == [f"{name}.{write}" for name in ("b", "c", "d", "e", "en/a")]
    read = {name[: -len(write) - 1]: rows_of(path) for name, path in documents.items()}
    assert [row["id"] for row in read["en/a"]] == ["j0", "j1", "j3"]
    assert "hate" not in json.dumps(read, default=str)
    assert all(
        [row["text"] for row in read[name]] == ["calm words", "[cut]", "ünd mehr"] for name in ("b", "c", "d", "en/a")
    )
    if write == "jsonl.zst":
        assert read["en/a"][2]["n"] == 2**70 + 3
        assert read["d"][0]["when"] == "1970-01-01T00:00:00.000000Z"
        # Dolma looks for the attributes of a file under its own name.
        assert (folder / "attributes" / "en" / "a.jsonl.zst").exists()
    else:
        assert parquet.read_schema(documents["d.parquet"]).field("when").type == pa.timestamp("us", "UTC")


def test_the_same_bytes_again(marker_run, made, tmp_path):
    found = []
    for name in ("one", "two"):
        folder = run(marker_run, tmp_path / name, made, "parquet")
        found.append({path.name: path.read_bytes() for path in folder.rglob("*.*") if path.is_file()})
    assert found[0] == found[1]


def test_two_shards_of_one_name(marker_run, made, tmp_path):
    root = tmp_path / "twice"
    root.mkdir()
    for name in ("a.jsonl", "a.csv"):
        (root / name).write_text('{"text":"x"}\n')
    roles = {role: str(made.parent / "bundles" / role) for role in ("policy", "evaluator")}
    plan = marker_run.plan_of(tmp_path, root, roles, corpus={"root": str(root), "shards": "*", "write": "jsonl.gz"})
    with pytest.raises(UsageError, match=r"would both be written as a\.jsonl\.gz"):
        preflight.check(plans.parse(json.dumps(plan)))


def test_an_unknown_target(marker_run, made, tmp_path):
    plan = marker_run.plan_of(
        tmp_path, made, {"policy": "x", "evaluator": "x"}, corpus={"root": "x", "write": "parqet"}
    )
    with pytest.raises(UsageError, match="did you mean `parquet`"):
        plans.parse(json.dumps(plan))
