"""`tamis reshard`: the same records in other shards, whatever the format, and whenever it was killed."""

from __future__ import annotations

import gzip
import json
import os
import subprocess
import sys
import uuid
from hashlib import sha256
from pathlib import Path

import pyarrow as pa
import pytest
import zstandard
from pyarrow import parquet

from tamis.pipeline import cli
from tamis.pipeline.command_reshard import size_of
from tamis.pipeline.errors import UsageError
from tamis.pipeline.storage import open_store


def tamis(capsys, *arguments):
    code = cli.main(["reshard", *map(str, arguments)])
    out, err = capsys.readouterr()
    return code, json.loads(out) if out.strip() else {}, err


def lines(path: Path) -> list[bytes]:
    data = path.read_bytes()
    if path.suffix == ".gz":
        data = gzip.decompress(data)
    if path.suffix == ".zst":
        data = zstandard.ZstdDecompressor().decompressobj().decompress(data)
    return data.splitlines(keepends=True)


def joined(folder: Path, pattern: str = "**/*") -> bytes:
    files = sorted(path for path in folder.glob(pattern) if path.is_file() and ".tamis" not in str(path))
    return b"".join(line if line.endswith(b"\n") else line + b"\n" for path in files for line in lines(path))


def tree(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def corpus(root: Path) -> Path:
    """Two folders with shards of very different sizes; the last line of each shard has no end."""
    for folder, sizes in (("en", (2000, 3, 1, 700)), ("de", (5, 5))):
        (root / folder).mkdir(parents=True)
        number = 0
        for k, size in enumerate(sizes):
            rows = []
            for _ in range(size):
                text = f"text {number} " + "".join(
                    sha256(b"%d %d" % (number, k)).hexdigest() for k in range(number % 9)
                )
                rows.append(json.dumps({"id": f"{folder}{number}", "text": text, "n": number}))
                number += 1
            (root / folder / f"s{k}.jsonl.gz").write_bytes(gzip.compress("\n".join(rows).encode(), mtime=0))
    return root


def test_records_order_and_folders_stay(capsys, tmp_path):
    root = corpus(tmp_path / "in")
    code, status, err = tamis(capsys, root, tmp_path / "out", "--target-size", "100kB")
    assert (code, status["status"]) == (0, "resharded")
    assert status["counts"] == {"seen": 2714, "kept": 2714, "quarantined": 0}
    assert "seen 2,714 = kept 2,714 + quarantined 0" in err
    names = sorted(path.relative_to(tmp_path / "out").as_posix() for path in (tmp_path / "out").rglob("part-*.gz"))
    assert len(names) == status["shards"]["written"] > 3
    assert names[:2] == ["de/part-00000.jsonl.gz", "en/part-00000.jsonl.gz"]
    for folder in ("de", "en"):
        assert joined(tmp_path / "out" / folder) == joined(root / folder)
    sizes = [(tmp_path / "out" / name).stat().st_size for name in names[1:-1]]
    assert all(90_000 < size < 300_000 for size in sizes)
    manifest = json.loads(Path(status["manifest"]).read_text())
    assert [part["path"] for part in manifest["parts"]] == names


@pytest.mark.parametrize("format", ["parquet", "jsonl", "jsonl.zst"])
def test_formats(capsys, tmp_path, format):
    root = corpus(tmp_path / "in")
    assert tamis(capsys, root, tmp_path / "a", "--format", format, "--target_size", "150kB")[0] == 0
    assert tamis(capsys, tmp_path / "a", tmp_path / "b", "--format", "jsonl", "--target_size", "1GB")[0] == 0
    assert {path.name for path in (tmp_path / "b" / "en").iterdir()} == {"part-00000.jsonl"}
    back = [json.loads(line) for line in joined(tmp_path / "b").splitlines()]
    assert back == [json.loads(line) for line in joined(root).splitlines()]


@pytest.mark.parametrize("step", ["file.written:3", "file.named:2", "file.named:5", "file.named:9"])
def test_killed_and_continued(capsys, tmp_path, step):
    root = corpus(tmp_path / "in")
    arguments = [str(root), str(tmp_path / "out"), "--target-size", "100kB", "--format", "parquet"]
    environment = {**os.environ, "TAMIS_KILL_AT": step}
    command = [sys.executable, "-m", "tamis.pipeline", "reshard", *arguments]
    assert subprocess.run(command, env=environment, capture_output=True).returncode == -9
    assert not (tmp_path / "out" / ".tamis-reshard" / "MANIFEST.json").exists()
    assert tamis(capsys, *arguments)[0] == 0
    arguments[1] = str(tmp_path / "undisturbed")
    assert tamis(capsys, *arguments)[0] == 0
    assert tree(tmp_path / "out") == tree(tmp_path / "undisturbed")


def test_again_and_over_something_else(capsys, tmp_path):
    root = corpus(tmp_path / "in")
    first = tamis(capsys, root, tmp_path / "out")
    before = tree(tmp_path / "out")
    assert tamis(capsys, root, tmp_path / "out")[1] == first[1]
    assert tree(tmp_path / "out") == before
    for arguments, message in (
        ([root, tmp_path / "out", "--target-size", "1kB"], "other options"),
        ([root, root.parent], "not empty"),
        ([root, root / "x"], "lies in"),
        ([root, tmp_path / "new", "--format", "parqet"], "did you mean `parquet`"),
        ([root, tmp_path / "new", "--target-size", "big"], "not a size"),
        ([root, tmp_path / "new", "--shards", "*.csv"], "nothing matches"),
    ):
        code, _, err = tamis(capsys, *arguments)
        assert (code, message in err) == (2, True), err
    assert tree(tmp_path / "out") == before
    (root / "en" / "s9.jsonl.gz").write_bytes(gzip.compress(b'{"text":"x"}'))
    assert "other shards" in tamis(capsys, root, tmp_path / "out")[2]


def test_lines_that_are_no_documents_pass_and_broken_ones_are_kept(capsys, tmp_path):
    sound = [b'{"text": null}', b'{"no": "text"}', b'{"text":"x","id":[1]}', b'{"text": 5}', b'\t{"text":"y"}']
    data = b"\n".join([*sound, b'{"text":\xff}', b"[1]"]) + b"\n"
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.jsonl").write_bytes(data)
    code, _, err = tamis(capsys, tmp_path / "in", tmp_path / "out")
    assert (code, "2 of 7 records could not be read" in err) == (1, True)
    assert not (tmp_path / "out" / ".tamis-reshard" / "MANIFEST.json").exists()
    code, status, _ = tamis(capsys, tmp_path / "in", tmp_path / "out", "--max_quarantine", "0.5")
    assert (code, status["counts"]) == (0, {"seen": 7, "kept": 5, "quarantined": 2})
    assert joined(tmp_path / "out") == b"".join(line + b"\n" for line in sound)
    bad = lines(tmp_path / "out" / ".tamis-reshard" / "quarantine" / "part-00000.jsonl.jsonl.gz")
    assert [(one["shard"], one["number"]) for one in map(json.loads, bad)] == [("a.jsonl", 5), ("a.jsonl", 6)]


def test_a_damaged_shard_ends_it(capsys, tmp_path):
    root = corpus(tmp_path / "in")
    whole = (root / "en" / "s0.jsonl.gz").read_bytes()
    (root / "en" / "s0.jsonl.gz").write_bytes(whole[:-9])
    code, _, err = tamis(capsys, root, tmp_path / "out", "--target-size", "100kB")
    assert (code, "en/s0.jsonl.gz: cut off" in err) == (1, True)
    assert not (tmp_path / "out" / ".tamis-reshard" / "MANIFEST.json").exists()


def test_a_part_that_reads_back_otherwise_is_an_error(capsys, tmp_path, monkeypatch):
    from tamis.pipeline.jsonl import JsonlWriter

    write = JsonlWriter.write
    monkeypatch.setattr(JsonlWriter, "write", lambda self, documents, texts=None: write(self, documents[1:], texts))
    code, _, err = tamis(capsys, corpus(tmp_path / "in"), tmp_path / "out")
    assert (code, "read back" in err) == (1, True)


def test_tables_keep_their_types_and_part_where_they_change(capsys, tmp_path):
    root = tmp_path / "in"
    root.mkdir()
    one = pa.table({"text": ["a", "b"], "n": pa.array([1, 2], pa.int8()), "when": pa.array([1, 2], pa.timestamp("ns"))})
    parquet.write_table(one, root / "a.parquet")
    parquet.write_table(one, root / "b.parquet")
    parquet.write_table(pa.table({"text": ["c"], "n": ["x"]}), root / "c.parquet")
    assert tamis(capsys, root, tmp_path / "out")[1]["shards"] == {"read": 3, "written": 2}
    assert parquet.read_table(tmp_path / "out" / "part-00000.parquet").equals(pa.concat_tables([one, one]))


def test_rows_without_a_text_pass(capsys, tmp_path):
    (tmp_path / "in").mkdir()
    table = pa.table({"text": ["a", None], "n": [1, 2]})
    parquet.write_table(table, tmp_path / "in" / "a.parquet")
    assert tamis(capsys, tmp_path / "in", tmp_path / "out")[1]["counts"]["kept"] == 2
    assert parquet.read_table(tmp_path / "out" / "part-00000.parquet").equals(table)
    assert tamis(capsys, tmp_path / "in", tmp_path / "lines", "--format", "jsonl")[1]["counts"]["kept"] == 2
    assert json.loads(lines(tmp_path / "lines" / "part-00000.jsonl")[1]) == {"text": None, "n": 2}


def test_csv_text_and_pages(capsys, tmp_path):
    root = tmp_path / "in"
    root.mkdir()
    (root / "a.csv").write_text('id,text\n1,"a\nb"\n')
    (root / "b.csv").write_text("id,text\n2,c")
    (root / "c.csv").write_text("text\nd\n")
    (root / "a.txt").write_text("one\n\ntwo")
    (root / "b.txt").write_text("three\n")
    head = b"WARC/1.0\r\nWARC-Type: conversion\r\nWARC-Target-URI: http://a.example/\r\n"
    page = head + b"Content-Length: 5\r\n\r\nhello\r\n\r\n"
    (root / "a.wet").write_bytes(page)
    (root / "b.wet").write_bytes(page)
    code, status, _ = tamis(capsys, root, tmp_path / "out")
    assert (code, status["counts"]["kept"]) == (0, 8)
    assert (tmp_path / "out" / "part-00000.csv").read_text() == 'id,text\n1,"a\nb"\n2,c'
    assert (tmp_path / "out" / "part-00001.csv").read_text() == "text\nd\n"
    assert (tmp_path / "out" / "part-00000.txt").read_text() == "one\n\ntwo\n\nthree\n"
    assert (tmp_path / "out" / "part-00000.wet").read_bytes() == page * 2


@pytest.mark.parametrize(
    ("text", "size"), [("256MB", 256_000_000), ("1 GiB", 1 << 30), ("1.5k", 1500), ("7", 7), ("2tb", 2 * 10**12)]
)
def test_sizes(text, size):
    assert size_of(text) == size


@pytest.mark.parametrize("text", ["", "MB", "-1", "0", "1e3", "256 XB"])
def test_no_sizes(text):
    with pytest.raises(UsageError):
        size_of(text)


def test_on_a_service(capsys, tmp_path, connected):
    """There and back, in other formats; the output holds something, so a second one is refused."""
    server = connected("s3")
    root = f"{server.scheme}://{server.bucket}/{uuid.uuid4().hex}"
    local = corpus(tmp_path / "in")
    tables = ("--format", "parquet", "--target-size", "150kB")
    assert tamis(capsys, local, f"{root}/a", *tables)[0] == 0
    assert tamis(capsys, f"{root}/a", f"{root}/b", "--format", "jsonl.zst")[0] == 0
    assert tamis(capsys, f"{root}/b", tmp_path / "back", "--format", "jsonl")[1]["counts"]["kept"] == 2714
    back = [json.loads(line) for line in joined(tmp_path / "back").splitlines()]
    assert back == [json.loads(line) for line in joined(local).splitlines()]
    assert tamis(capsys, local, f"{root}/b")[0] == 2
    assert tamis(capsys, local, tmp_path / "a", *tables)[0] == 0
    store = open_store(f"{root}/a")
    parts = [name for name in store.names("") if name.endswith(".parquet")]
    assert len(parts) > 3
    assert {name: store.read(name) for name in parts} == {name: (tmp_path / "a" / name).read_bytes() for name in parts}
