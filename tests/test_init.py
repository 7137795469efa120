"""`tamis init`: a starter plan that runs as it is, for whatever lies in a folder."""

from __future__ import annotations

import csv
import gzip
import json
import uuid
from pathlib import Path

import pyarrow as pa
import pytest
from pyarrow import parquet

from tamis.pipeline import cli, plan, sizes, starter
from tamis.pipeline.paths import Shard
from tamis.pipeline.plan import Fields
from tamis.pipeline.storage import open_store
from tamis.pipeline.survey import Kind

WORDS = "the quick brown fox is in the garden and it was seen by all of us that day"


def init(capsys, corpus: object, target: Path) -> tuple[int, dict[str, object], str]:
    code = cli.main(["init", str(corpus), "--output", str(target)])
    out, err = capsys.readouterr()
    return code, json.loads(out) if out.strip() else {}, err


def row(number: int, **more: object) -> dict[str, object]:
    return {
        "doc_id": f"d{number}",
        "content": f"{WORDS} {number}",
        "meta": {"link": f"http://a.example/{number}"},
        **more,
    }


def jsonl(path: Path, rows: list[dict[str, object]], bad: int = 0) -> None:
    data = "".join(json.dumps(one) + "\n" for one in rows) + "{broken\n" * bad
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(gzip.compress(data.encode()))


def test_a_plan_that_runs(capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for k in range(3):
        jsonl(
            tmp_path / "my corpus" / "en" / f"p{k}.jsonl.gz", [row(10 * k + i, subset="ab"[i % 2]) for i in range(10)]
        )
    (tmp_path / "my corpus" / "README.txt").write_text("about it")
    (tmp_path / "my corpus" / "other.csv").write_text("text\nx\n")
    code, status, err = init(capsys, tmp_path / "my corpus", tmp_path / "plan.yaml")
    assert (code, status["status"], status["shards"]) == (0, "written", 3)
    assert status["fields"] == {"id": "doc_id", "text": "content", "source": "subset", "url": "meta.link"}
    assert "not read: 1 file .csv" in err
    made = plan.load(tmp_path / "plan.yaml")
    assert (made.name, made.corpus.shards, made.output) == ("my-corpus", "**/*.jsonl.gz", "out/my-corpus")
    assert cli.main(["run", "plan.yaml", "--direct_num_workers=1"]) == 0
    counts = json.loads(capsys.readouterr().out)["counts"]
    assert (counts["seen"], counts["synthetic_ids"]) == (30, 0)


def test_nothing_is_overwritten(capsys, tmp_path):
    jsonl(tmp_path / "in" / "a.jsonl.gz", [row(1)])
    (tmp_path / "plan.yaml").write_text("mine")
    code, _, err = init(capsys, tmp_path / "in", tmp_path / "plan.yaml")
    assert (code, "not overwritten" in err) == (2, True)
    assert (tmp_path / "plan.yaml").read_text() == "mine"


@pytest.mark.parametrize(
    ("rows", "fields"),
    [
        ([{"text": WORDS, "id": i} for i in range(5)], {"id": "id", "text": "text"}),
        (
            [{"data": {"body": WORDS, "url": "http://a.example"}, "uuid": i} for i in range(5)],
            {"id": "uuid", "text": "data.body", "url": "data.url"},
        ),
        # Not by its name, but by what it is like.
        ([{"zz": WORDS * 3, "k": "short one", "n": i} for i in range(5)], {"id": "id", "text": "zz"}),
        # Ids that do not tell records apart, urls that are none, a source that is as long as a text.
        (
            [{"text": WORDS, "id": 1, "url": "none", "source": WORDS + str(i)} for i in range(5)],
            {"id": "id", "text": "text"},
        ),
        # A text that is a label is none.
        ([{"text": "b", "body": WORDS, "id": i} for i in range(5)], {"id": "id", "text": "body"}),
        ([{"text": None, "content": WORDS, "a.b": WORDS * 9} for _ in range(5)], {"id": "id", "text": "content"}),
    ],
)
def test_fields(capsys, tmp_path, rows, fields):
    jsonl(tmp_path / "in" / "a.jsonl.gz", rows)
    assert init(capsys, tmp_path / "in", tmp_path / "p.yaml")[1]["fields"] == fields


def test_every_format(capsys, tmp_path):
    table = pa.table(
        {
            "id": [1, 2],
            "raw_content": [WORDS.encode(), b"other words of it"],
            "when": pa.array([1, 2], pa.timestamp("ns")),
        }
    )
    (tmp_path / "parquet").mkdir()
    parquet.write_table(table, tmp_path / "parquet" / "a.parquet")
    (tmp_path / "arrow").mkdir()
    with pa.ipc.new_stream(tmp_path / "arrow" / "a.arrow", table.schema) as writer:
        writer.write_table(table)
    (tmp_path / "csv").mkdir()
    (tmp_path / "csv" / "a.csv").write_text(f'id,story\n1,"{WORDS}\n{WORDS}"\n2,{WORDS}\n')
    (tmp_path / "text").mkdir()
    (tmp_path / "text" / "a.txt").write_text(WORDS)
    (tmp_path / "warc").mkdir()
    page = f"WARC/1.0\r\nWARC-Type: conversion\r\nContent-Length: {len(WORDS)}\r\n\r\n{WORDS}\r\n\r\n"
    (tmp_path / "warc" / "a.wet").write_bytes(page.encode())
    found = {
        name: init(capsys, tmp_path / name, tmp_path / f"{name}.yaml")
        for name in ("parquet", "arrow", "csv", "text", "warc")
    }
    assert {name: (code, status["format"]) for name, (code, status, _) in found.items()} == {
        name: (0, name) for name in found
    }
    assert [found[name][1]["fields"]["text"] for name in found] == [
        "raw_content",
        "raw_content",
        "story",
        "text",
        "text",
    ]


def test_a_table_of_long_texts(capsys, tmp_path):
    # As in a fresh process; readers of other tests raise it.
    csv.field_size_limit(128 << 10)
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.csv").write_text("id,text\n" + "".join(f"{i},{WORDS * 2000}\n" for i in range(3)))
    assert init(capsys, tmp_path / "in", tmp_path / "p.yaml")[0] == 0


def test_what_cannot_be_read_is_said(capsys, tmp_path):
    jsonl(tmp_path / "in" / "a.jsonl.gz", [row(i) for i in range(40)], bad=2)
    jsonl(tmp_path / "in" / "b.jsonl.gz", [row(i) for i in range(40, 50)])
    (tmp_path / "in" / "c.jsonl.gz").write_bytes(b"no gzip")
    assert init(capsys, tmp_path / "in", tmp_path / "p.yaml")[0] == 0
    assert plan.load(tmp_path / "p.yaml").gate.max_quarantine == 0.08
    assert "2 of the 52 records that were looked at cannot be read" in (tmp_path / "p.yaml").read_text()


def test_another_language_is_noted(capsys, tmp_path):
    german = "der schnelle braune Fuchs ist im Garten und wurde an diesem Tag von uns allen gesehen"
    jsonl(tmp_path / "in" / "a.jsonl.gz", [row(i, content=german) for i in range(9)])
    assert "0% of the sample is English (most is de)" in init(capsys, tmp_path / "in", tmp_path / "p.yaml")[2]


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({}, "it holds no file"),
        ({"a.bin": b"x", "b.dat": b"x"}, "tells its format, found '.bin', '.dat'"),
        (
            {"a.jsonl": b'{"label": "secret words", "n": [1]}\n{"label": null}\n'},
            "found label (string or null), n (array)",
        ),
        ({"a.jsonl": b""}, "hold no document"),
        ({"a.jsonl": b"{\n[1]\n"}, "hold no document (2 cannot be read)"),
        ({"a.jsonl.gz": b"secret"}, "expected gzip"),
        ({"a.parquet": b"secret"}, "cannot be read"),
        ({"a.csv": b"x,y\n1,2\n"}, "found x (string), y (string)"),
    ],
)
def test_nothing_to_make_a_plan_for(capsys, tmp_path, files, message):
    (tmp_path / "in").mkdir()
    for name, data in files.items():
        (tmp_path / "in" / name).write_bytes(data)
    code, status, err = init(capsys, tmp_path / "in", tmp_path / "p.yaml")
    assert (code in (1, 2), status, message in err, "secret" in err) == (True, {}, True, False), err
    assert not (tmp_path / "p.yaml").exists()


@pytest.mark.parametrize("name", ["null", "1", "a b", 'quo"te', "ü", "yes", "a: b", "# x"])
def test_names_that_yaml_takes_for_something_else(name):
    kind = Kind("jsonl", (".jsonl",), [Shard("a.jsonl", 1, "1")])
    text = starter.plan_text(name, f"/x/{name}", "p.yaml", kind, Fields(text=name.replace(".", "")), 1, 0)
    made = plan.parse(text)
    assert (made.name, made.corpus.root, made.corpus.fields.text) == (name, f"/x/{name}", name)


def test_large_shards_name_the_command():
    shards = [Shard("a.jsonl.gz", 3 << 30, "1"), Shard("b.jsonl.gz", 1, "1")]
    said = sizes.large_warning("/data/my corpus", "**/*.jsonl.gz", shards)
    assert said is not None
    assert said.startswith("1 shard is over 1 GiB (a.jsonl.gz: 3.2 GB)")
    assert said.endswith(
        "tamis reshard '/data/my corpus' '/data/my corpus-resharded' --shards '**/*.jsonl.gz' --target-size 256MB"
    )
    assert sizes.large_warning("x", "*", shards[1:]) is None


def test_on_a_service(capsys, tmp_path, connected):
    server = connected("s3")
    root = f"{server.scheme}://{server.bucket}/{uuid.uuid4().hex}"
    open_store(root).write("en/a.jsonl.gz", gzip.compress((json.dumps(row(1)) + "\n").encode()))
    code, status, _ = init(capsys, root, tmp_path / "p.yaml")
    assert (code, status["fields"]["text"]) == (0, "content")
    assert plan.load(tmp_path / "p.yaml").corpus.root == root
