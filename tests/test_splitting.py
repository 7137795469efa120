"""Huge shards in pieces: every record in exactly one, whatever the sizes, in a run too. TAMIS_FUZZ scales the tries."""

from __future__ import annotations

import hashlib
import json
import os
import random
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyarrow import parquet

from tamis.pipeline import formats, plan, preflight, splits, verify
from tamis.pipeline.corpora import list_corpus
from tamis.pipeline.errors import ShardError, UsageError
from tamis.pipeline.plan import Corpus
from tamis.pipeline.storage import open_store

FUZZ = int(os.environ.get("TAMIS_FUZZ", "10000"))


def corpus_of(folder: Path, least: int | None, shards: str = "**/*") -> Corpus:
    return Corpus(root=str(folder), shards=shards, split_bytes=least)


def read(corpus: Corpus) -> list[tuple[str, str]]:
    """Reads every shard as a run does; returns ids and texts in their order."""
    found = []
    for shard in list_corpus(corpus):
        with formats.open_shard(corpus, shard.path, version=shard.version) as reader:
            found += [(record.id, record.text) for batch in reader for record in batch]
            # As the receipt checks and records it.
            assert reader.bytes_read == shard.size
        with formats.open_stored(corpus.root, shard.path, shard.version) as file:
            assert hashlib.sha256(file.read()).hexdigest() == reader.digest
    return found


def lines_of(sizes: list[int]) -> bytes:
    return b"".join(json.dumps({"id": f"{i}", "text": "x" * size}).encode() + b"\n" for i, size in enumerate(sizes))


@settings(max_examples=FUZZ // 100, deadline=None)
@given(st.lists(st.integers(0, 400), min_size=1, max_size=40), st.integers(1, 3000), st.booleans())
def test_lines_are_in_one_piece_each(tmp_path_factory, sizes, least, ended):
    folder = tmp_path_factory.mktemp("lines")
    data = lines_of(sizes) if ended else lines_of(sizes)[:-1]
    (folder / "a.jsonl").write_bytes(data)
    assert read(corpus_of(folder, least)) == read(corpus_of(folder, None))
    pieces = list_corpus(corpus_of(folder, least))
    assert sum(piece.size for piece in pieces) == len(data)


@settings(max_examples=FUZZ // 300, deadline=None)
@given(st.integers(1, 30), st.integers(1, 20), st.integers(1000, 20_000))
def test_row_groups_are_in_one_piece_each(tmp_path_factory, rows, group, least):
    folder = tmp_path_factory.mktemp("rows")
    texts = [hashlib.sha256(b"%d" % i).hexdigest() * 5 for i in range(rows)]
    table = pa.table({"id": [str(i) for i in range(rows)], "text": texts})
    parquet.write_table(table, folder / "a.parquet", row_group_size=group)
    assert read(corpus_of(folder, least)) == read(corpus_of(folder, None))


def test_names(tmp_path):
    (tmp_path / "en").mkdir()
    (tmp_path / "en" / "big.v2.jsonl").write_bytes(lines_of([100] * 50))
    (tmp_path / "small.jsonl").write_bytes(lines_of([1]))
    found = [shard.path for shard in list_corpus(corpus_of(tmp_path, 3000))]
    assert found[0] == "en/big.v2.split-00000-of-00009.jsonl"
    assert (len(found), found[-1]) == (10, "small.jsonl")


def test_what_cannot_be_split_stays_whole(tmp_path):
    table = pa.table({"text": ["x" * 1000] * 5})
    parquet.write_table(table, tmp_path / "one-group.parquet")
    (tmp_path / "a.jsonl.gz").write_bytes(os.urandom(9000))
    (tmp_path / "a.csv").write_bytes(b"text\n" + b"x\n" * 9000)
    (tmp_path / "broken.parquet").write_bytes(b"PAR1" + os.urandom(9000))
    (tmp_path / "one-line.jsonl").write_bytes(lines_of([9000]))
    names = [shard.path for shard in list_corpus(corpus_of(tmp_path, 100))]
    assert names == sorted(path.name for path in tmp_path.iterdir())


def test_a_file_that_has_the_name_of_a_piece(tmp_path):
    """What an earlier run wrote of pieces is a corpus too."""
    name = "a.split-00000-of-00005.jsonl"
    (tmp_path / name).write_bytes(lines_of([100] * 50))
    assert [shard.path for shard in list_corpus(corpus_of(tmp_path, 10))] == [name]
    assert len(read(corpus_of(tmp_path, 10))) == 50
    (tmp_path / "a.jsonl").write_bytes(lines_of([100] * 50))
    with pytest.raises(UsageError, match="same file"):
        list_corpus(corpus_of(tmp_path, 6000))


def test_a_piece_of_a_file_that_changed(tmp_path):
    path = tmp_path / "a.jsonl"
    path.write_bytes(lines_of([100] * 50))
    corpus = corpus_of(tmp_path, 1000)
    first, *_, last = list_corpus(corpus)
    path.write_bytes(lines_of([1]))
    with pytest.raises(ShardError, match="launch again"), formats.open_shard(corpus, last.path):
        pass
    path.write_bytes(lines_of([100] * 50_000))
    with formats.open_shard(corpus, first.path) as reader:
        batches = iter(reader)
        next(batches)
        os.utime(path, ns=(1, 1))
        with pytest.raises(ShardError, match="changed while it was read"):
            list(batches)
    path.unlink()
    with pytest.raises(ShardError, match="vanished"), formats.open_shard(corpus, first.path):
        pass


def test_a_cut_file_is_an_error_in_its_last_piece(tmp_path):
    (tmp_path / "a.jsonl").write_bytes(lines_of([100] * 50)[:-20])
    corpus = corpus_of(tmp_path, 1000)
    last = list_corpus(corpus)[-1]
    with pytest.raises(ShardError, match="cut off"), formats.open_shard(corpus, last.path) as reader:
        list(reader)


def test_a_piece_is_a_file(tmp_path):
    data = lines_of([50] * 20)
    (tmp_path / "a.jsonl").write_bytes(data)
    shard = list_corpus(corpus_of(tmp_path, 500))[1]
    with formats.open_stored(str(tmp_path), shard.path, None) as file:
        whole = file.read()
        assert whole in data
        assert len(whole) == shard.size
        for _ in range(50):
            position, size = random.randrange(shard.size), random.randrange(200)
            file.seek(position)
            assert file.read(size) == whole[position : position + size]
        assert file.seek(0, os.SEEK_END) == file.tell() == shard.size
        assert file.read(1) == b""
    assert splits.open_piece(tmp_path, "a.jsonl") is None


@pytest.fixture
def roots(tmp_path):
    """The same documents as lines and as rows."""
    documents = [
        {"id": f"d{i}", "text": "plain words " * 20 + (f"hate{i % 100:02d}" if i % 7 == 0 else "")}
        for i in range(1, 300)
    ]
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.jsonl").write_text("".join(json.dumps(each) + "\n" for each in documents))
    parquet.write_table(pa.Table.from_pylist(documents), tmp_path / "in" / "b.parquet", row_group_size=40)
    return tmp_path / "in"


def test_a_run_over_pieces(marker_run, roots, tmp_path):
    """The same documents and numbers as over whole files; verified; and pieces mirror the file in their order."""
    bundles = marker_run.bundles(tmp_path / "bundles")
    made = {}
    for least in (None, 5000):
        corpus = {"root": str(roots), "shards": "*", "split_bytes": least}
        content = marker_run.plan_of(tmp_path / str(least), roots, bundles, corpus=corpus)
        folder = marker_run.run(content)
        manifest = verify.verify(open_store(str(tmp_path / str(least) / "out")), folder.name)
        made[least] = folder, manifest.counts, len(manifest.shards)
    assert made[None][1] == made[5000][1]
    assert made[None][2] == 2
    assert made[5000][2] > 10
    whole, pieces = (sorted((made[least][0] / "documents").iterdir()) for least in (None, 5000))
    lines = [b"".join(path.read_bytes() for path in files if path.suffix == ".jsonl") for files in (whole, pieces)]
    assert lines[0] == lines[1]
    tables = [
        pa.concat_tables(parquet.read_table(path) for path in files if path.suffix == ".parquet")
        for files in (whole, pieces)
    ]
    assert tables[0].equals(tables[1])


def test_the_plan_says_from_which_size_on(marker_run, roots, tmp_path):
    bundles = marker_run.bundles(tmp_path / "bundles")
    content = marker_run.plan_of(tmp_path, roots, bundles, corpus={"root": str(roots), "shards": "*", "split_bytes": 0})
    with pytest.raises(UsageError, match="null to split nothing"):
        plan.parse(json.dumps(content))
    content["corpus"]["split_bytes"] = 5000
    assert len(preflight.check(plan.parse(json.dumps(content))).shards) > 10


def test_attributes_of_dolma_are_of_whole_files(marker_run, roots, tmp_path):
    content = marker_run.plan_of(tmp_path, roots, {"policy": "p", "evaluator": "e"})
    content["corpus"] = {"root": str(roots), "shards": "*", "split_bytes": 5000}
    assert plan.parse(json.dumps(content)).corpus.split_bytes == 5000
    content["classifiers"] = {"t": {"path": "dolma:attributes", "map": {"hate": "e__t__hate"}}}
    assert plan.parse(json.dumps(content)).corpus.split_bytes is None
