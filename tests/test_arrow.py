import hashlib
import io
import random

import pyarrow as pa
import pytest

from tamis.pipeline import columnar_writer, formats
from tamis.pipeline.document import Reason
from tamis.pipeline.errors import ShardError
from tamis.pipeline.plan import Fields

FIELDS = Fields(source="source", url="meta.url")


META = pa.struct([("url", pa.string_view())])


def rich(rows=1500):
    numbers = range(rows)
    columns = {
        "id": pa.array([f"d{i}" for i in numbers]),
        "text": pa.array([f"stone {i} é" * (i % 5) for i in numbers], pa.string_view()),
        "source": pa.array(["abc"[i % 3] for i in numbers]).dictionary_encode(),
        "meta": pa.array(
            [None if i % 11 == 0 else {"url": f"u{i}"} for i in numbers], pa.struct([("url", pa.string())])
        ),
        "list": pa.array([[i] * (i % 3) for i in numbers], pa.large_list(pa.int16())),
        "blob": pa.array([bytes([i % 256]) * 3 for i in numbers], pa.binary(3)),
    }
    return pa.table(columns).replace_schema_metadata({"huggingface": "{}"})


def stored(table, kind="file", codec=None, rows=400):
    sink = io.BytesIO()
    make = pa.ipc.new_file if kind == "file" else pa.ipc.new_stream
    with make(sink, table.schema, options=pa.ipc.IpcWriteOptions(compression=codec)) as writer:
        writer.write_table(table, rows)
    return sink.getvalue()


def reader(data):
    return formats.read_shard(io.BytesIO(data), "a.arrow", FIELDS)


def records(data):
    return [record for batch in reader(data) for record in batch]


def written(source, keep=lambda record: True, text=lambda record: None, like=True):
    sink = io.BytesIO()
    writer = formats.write_shard(sink, "a.arrow", FIELDS, None, source if like else None)
    for batch in source:
        kept = [record for record in batch if keep(record)]
        writer.write(kept, [text(record) for record in kept])
    writer.finish()
    assert (writer.bytes_out, writer.digest) == (len(sink.getvalue()), hashlib.sha256(sink.getvalue()).hexdigest())
    return sink.getvalue()


def loaded(data):
    return (pa.ipc.open_file if data.startswith(b"ARROW1") else pa.ipc.open_stream)(data).read_all()


@pytest.mark.parametrize("kind", ["file", "stream"])
@pytest.mark.parametrize("codec", [None, "zstd", "lz4"])
def test_rows_are_written_back_untouched(kind, codec):
    data = stored(rich(), kind, codec)
    source = reader(data)
    assert (source.stream, source.codec) == (kind == "stream", codec)
    out = written(source, keep=lambda record: record.number % 3)
    assert (source.records, source.bytes_read, source.digest) == (1500, len(data), hashlib.sha256(data).hexdigest())
    assert out.startswith(data[:8])
    assert reader(out).codec == codec
    assert loaded(out).schema.equals(rich().schema, check_metadata=True)
    assert loaded(out).to_pylist() == [row for i, row in enumerate(rich().to_pylist()) if i % 3]


def test_documents():
    found = records(stored(rich()))
    assert (found[4].id, found[4].text, found[4].source, found[4].url) == ("d4", "stone 4 é" * 4, "b", "u4")
    assert [record.number for record in found] == list(range(1500))
    assert found[11].url == ""


def test_where_batches_end_makes_no_difference(monkeypatch):
    monkeypatch.setattr(columnar_writer.RowGroups, "ROWS", 900)
    outs = {written(reader(stored(rich(), rows=rows))) for rows in (1, 100, 1500)}
    assert len(outs) == 1


def test_replaced_texts_and_nothing_kept():
    data = stored(rich(20), "stream")
    out = written(reader(data), text=lambda record: "new" if record.number % 2 else None)
    assert loaded(out).column("text").to_pylist() == ["new" if i % 2 else f"stone {i} é" * (i % 5) for i in range(20)]
    empty = written(reader(data), keep=lambda record: False)
    assert loaded(empty).schema.equals(rich().schema, check_metadata=True)
    assert loaded(written(reader(data), like=False)).num_rows == 20


def test_rejected_rows():
    bad = pa.Array.from_buffers(pa.string(), 3, pa.array([b"ok", b"\xff", b"ok"]).buffers())
    found = records(stored(pa.table({"text": bad})))
    assert [getattr(record, "reason", None) for record in found] == [None, Reason.INVALID_UTF8, None]


@pytest.mark.parametrize("kind", ["file", "stream"])
def test_every_cut_is_an_error(kind):
    data = stored(rich(20), kind, rows=7)
    for size in range(len(data)):
        with pytest.raises(ShardError, match="cut or damaged"):
            records(data[:size])
    with pytest.raises(ShardError, match="cut or damaged"):
        records(data + b"\0" * 8)


@pytest.mark.parametrize("kind", ["file", "stream"])
@pytest.mark.parametrize("codec", [None, "zstd"])
def test_flipped_bits_do_not_crash(kind, codec):
    data = stored(rich(30), kind, codec, 11)
    rng, errors = random.Random(3), 0
    for _ in range(600):
        flipped = bytearray(data)
        flipped[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
        try:
            records(bytes(flipped))
        except ShardError:
            errors += 1
    assert errors > 50


@pytest.mark.parametrize("data", [b"", b"ARROW1", b"\xff" * 100, b"PAR1" * 10, b"ARROW1\0\0" + b"\xff" * 50])
def test_what_is_no_arrow(data):
    with pytest.raises(ShardError, match="cut or damaged"):
        records(data)
