import io

import pytest

from tamis.pipeline import formats
from tamis.pipeline.errors import ShardError, UsageError
from tamis.pipeline.plan import Corpus, Fields

LINES = b'{"id": "1", "text": "a"}\n{"text": "b"}\n'


@pytest.mark.parametrize(
    ("name", "override", "found"),
    [
        ("a/b.jsonl", None, "jsonl"),
        ("b.jsonl.gz", None, "jsonl"),
        ("b.ndjson.zstd", None, "jsonl"),
        ("b.json.gz", None, "jsonl"),
        ("b.dat", "jsonl", "jsonl"),
        ("b.dat.zst", "jsonl", "jsonl"),
        ("b.parquet", None, "parquet"),
        ("CC-MAIN-0001.warc.wet.gz", None, "warc"),
        ("CC-MAIN-0001.warc.gz", None, "warc"),
        ("x.arc.gz", None, "warc"),
        ("x.csv.zst", None, "csv"),
        ("x.tsv", None, "tsv"),
        ("x.txt.gz", None, "text"),
        ("x.txt.gz", "text-lines", "text-lines"),
        ("x.feather", None, "arrow"),
    ],
)
def test_format_of(name, override, found):
    assert formats.format_of(name, override).name == found


@pytest.mark.parametrize(
    ("name", "override", "message"),
    [("a.dat", None, "tells no format"), ("a", None, "tells no format"), ("a.jsonl", "jsnl", "did you mean `jsonl`")],
)
def test_format_errors(name, override, message):
    with pytest.raises(UsageError, match=message):
        formats.format_of(name, override)


@pytest.mark.parametrize(
    ("name", "override", "found"),
    [
        ("a/b.jsonl", None, (".jsonl", "")),
        ("b.ndjson.zstd", None, (".ndjson", ".zstd")),
        ("x.warc.wet.gz", None, (".wet", ".gz")),
        ("b.jsonl.zst.gz", None, (".jsonl", ".zst.gz")),
        ("b.dat.zst", "jsonl", ("", ".zst")),
        ("b", "text-file", ("", "")),
    ],
)
def test_endings(name, override, found):
    assert formats.format_of(name, override).ending(name) == found


def test_the_table():
    endings = [ending for each in formats.FORMATS.values() for ending in each.endings]
    assert len(set(endings)) == len(endings)
    assert all(each.name == name for name, each in formats.FORMATS.items())


def test_open_shard(tmp_path):
    (tmp_path / "en").mkdir()
    (tmp_path / "en" / "a.jsonl").write_bytes(LINES)
    for root in (str(tmp_path), f"file://{tmp_path}"):
        with formats.open_shard(Corpus(root=root), "en/a.jsonl") as reader:
            assert [record.id for batch in reader for record in batch] == ["1", "en/a.jsonl#1"]
            assert (reader.records, reader.bytes_read, len(reader.digest)) == (2, len(LINES), 64)
    with pytest.raises(UsageError), formats.open_shard(Corpus(root=str(tmp_path)), "../a.jsonl"):
        pass
    with pytest.raises(ShardError, match="vanished"), formats.open_shard(Corpus(root=str(tmp_path)), "b.jsonl"):
        pass


@pytest.mark.parametrize("name", ["a.jsonl", "a.jsonl.gz", "a.jsonl.zst"])
def test_written_in_kind(name):
    reader = formats.read_shard(io.BytesIO(LINES), "a.jsonl", Fields())
    sink = io.BytesIO()
    writer = formats.write_shard(sink, name, Fields())
    for batch in reader:
        writer.write(batch, [None] * len(batch))
    writer.finish()
    again = formats.read_shard(io.BytesIO(sink.getvalue()), name, Fields())
    assert b"".join(record.raw for batch in again for record in batch) == LINES
