import datetime
import decimal
import hashlib
import io
import random

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tamis.pipeline import columnar, columnar_writer, formats
from tamis.pipeline.document import Document, Reason
from tamis.pipeline.errors import ShardError
from tamis.pipeline.plan import Fields

FIELDS = Fields(source="source", url="meta.url", extra={"score": "meta.score"})


def rich(rows=2500):
    """A table of many types, with metadata, as other tools write them."""
    numbers = range(rows)
    columns = {
        "id": pa.array([f"d{i}" for i in numbers]),
        "text": pa.array([f"stone {i} é" * (i % 5) for i in numbers], pa.large_string()),
        "source": pa.array([None if i % 7 == 0 else "abc"[i % 3] for i in numbers]).dictionary_encode(),
        "meta": pa.array([None if i % 11 == 0 else {"url": f"u{i}", "score": i / 3} for i in numbers]),
        "list": pa.array([[i] * (i % 3) for i in numbers], pa.list_(pa.field("thing", pa.int16()))),
        "map": pa.array([[("k", i)] for i in numbers], pa.map_(pa.string(), pa.int64())),
        "when": pa.array([datetime.datetime(2020, 1, 1) + datetime.timedelta(i) for i in numbers], pa.timestamp("ms")),
        "price": pa.array([decimal.Decimal(i) / 100 for i in numbers], pa.decimal128(10, 2)),
        "blob": pa.array([bytes([i % 256]) * 3 for i in numbers], pa.binary()),
        "small": pa.array([i % 100 for i in numbers], pa.int8()),
        "nan": pa.array([float("nan")] * rows, pa.float32()),
    }
    return pa.table(columns).replace_schema_metadata({"huggingface": "{}"})


def stored(table, **options):
    sink = io.BytesIO()
    pq.write_table(table, sink, **{"row_group_size": 700, "write_page_checksum": True, **options})
    return sink.getvalue()


def reader(data, fields=FIELDS):
    return formats.read_shard(io.BytesIO(data), "a.parquet", fields)


def records(data, fields=FIELDS):
    return [record for batch in reader(data, fields) for record in batch]


def written(source, keep=lambda record: True, text=lambda record: None, like=True):
    sink = io.BytesIO()
    writer = formats.write_shard(sink, "a.parquet", FIELDS, None, source if like else None)
    for batch in source:
        kept = [record for record in batch if isinstance(record, Document) and keep(record)]
        writer.write(kept, [text(record) for record in kept])
    writer.finish()
    data = sink.getvalue()
    assert (writer.bytes_out, writer.digest) == (len(data), hashlib.sha256(data).hexdigest())
    assert writer.records == pq.read_metadata(io.BytesIO(data)).num_rows
    return data


def test_documents():
    data = stored(rich())
    source = reader(data)
    batches = list(source)
    assert max(map(len, batches)) <= columnar.BATCH_ROWS
    found = [record for batch in batches for record in batch]
    assert [record.number for record in found] == list(range(2500))
    assert (source.records, source.bytes_read) == (2500, len(data))
    assert source.digest == hashlib.sha256(data).hexdigest()
    assert found[4].id == "d4"
    assert found[4].text == "stone 4 é" * 4
    assert (found[4].source, found[4].url, found[4].extras["score"]) == ("b", "u4", 4 / 3)
    assert (found[77].source, found[77].url, found[77].extras["score"]) == ("", "", None)


@pytest.mark.parametrize("codec", ["snappy", "zstd", "gzip", "none", "brotli", "lz4"])
def test_rows_are_written_back_untouched(codec):
    table = rich()
    data = written(reader(stored(table, compression=codec)), keep=lambda record: record.number % 3)
    again = pq.ParquetFile(io.BytesIO(data))
    before = pq.ParquetFile(io.BytesIO(stored(table, compression=codec)))
    assert again.schema_arrow.equals(before.schema_arrow, check_metadata=True)
    assert again.schema.equals(before.schema)
    keep = pa.array([i % 3 != 0 for i in range(2500)])
    assert again.read().drop(["nan"]).equals(before.read().filter(keep).drop(["nan"]))
    codecs = {again.metadata.row_group(0).column(i).compression for i in range(again.metadata.num_columns)}
    assert codecs == {before.metadata.row_group(0).column(0).compression}


def test_where_batches_and_row_groups_end_makes_no_difference(monkeypatch):
    monkeypatch.setattr(columnar_writer.RowGroups, "ROWS", 900)
    first = written(reader(stored(rich(), row_group_size=700)))
    for size, batch in ((100, 1000), (2500, 1000), (2500, 70)):
        monkeypatch.setattr("tamis.pipeline.parquet.BATCH_ROWS", batch)
        assert written(reader(stored(rich(), row_group_size=size))) == first
    assert pq.read_metadata(io.BytesIO(first)).row_group(0).num_rows == 900
    monkeypatch.setattr(columnar_writer.RowGroups, "BYTES", 20_000)
    assert pq.read_metadata(io.BytesIO(written(reader(stored(rich()))))).num_row_groups > 10


def test_replaced_texts():
    data = written(reader(stored(rich(50))), text=lambda record: "new \u00e9" if record.number % 2 else None)
    table = pq.read_table(io.BytesIO(data))
    assert table.schema.equals(pq.read_schema(io.BytesIO(stored(rich(50)))), check_metadata=True)
    texts = table.column("text").to_pylist()
    assert texts == ["new \u00e9" if i % 2 else f"stone {i} é" * (i % 5) for i in range(50)]
    assert table.drop(["text", "nan"]).equals(rich(50).drop(["text", "nan"]))


@pytest.mark.parametrize("kind", [pa.string(), pa.binary(), pa.dictionary(pa.int16(), pa.string()), pa.large_string()])
def test_nested_texts_of_every_type_are_replaced(kind):
    column = pa.array(["a", "b", None], pa.string())
    column = column.cast(kind) if not pa.types.is_dictionary(kind) else column.dictionary_encode().cast(kind)
    struct = pa.StructArray.from_arrays(
        [pa.array([1, 2, 3]), column], ["n", "text"], mask=pa.array([False, False, True])
    )
    data = stored(pa.table({"m": struct, "x": [1, 2, 3]}))
    fields = Fields(text="m.text")
    sink = io.BytesIO()
    source = reader(data, fields)
    writer = formats.write_shard(sink, "a.parquet", fields, None, source)
    (batch,) = source
    assert [isinstance(record, Document) for record in batch] == [True, True, False]
    writer.write(batch[:2], [None, "new"])
    writer.finish()
    table = pq.read_table(io.BytesIO(sink.getvalue()))
    assert [row["text"] for row in table["m"].to_pylist()] in (["a", "new"], [b"a", b"new"])
    assert [row["n"] for row in table["m"].to_pylist()] == [1, 2]
    assert (
        table.schema.field("m").type.field("text").type
        == pq.read_schema(io.BytesIO(data)).field("m").type.field("text").type
    )


def test_no_rows_kept_and_no_rows_at_all():
    for data in (stored(rich()), stored(rich(0))):
        empty = written(reader(data), keep=lambda record: False)
        assert pq.read_table(io.BytesIO(empty)).schema.equals(
            pq.read_table(io.BytesIO(data)).schema, check_metadata=True
        )
        assert pq.read_metadata(io.BytesIO(empty)).num_rows == 0
    assert pq.read_metadata(io.BytesIO(written(reader(stored(rich(0))), like=False))).num_columns == 0
    assert pq.read_table(io.BytesIO(written(reader(stored(rich(5))), like=False))).num_rows == 5


def test_rejected_rows():
    bad = pa.Array.from_buffers(pa.string(), 3, pa.array([b"ok", b"\xff\xfe", b"ok"]).buffers())
    data = stored(pa.table({"id": ["1", "2", "3"], "text": bad, "n": [1, 2, 3]}))
    first, second, third = records(data)
    assert (first.text, third.text, third.number) == ("ok", "ok", 2)
    assert (second.reason, second.number) == (Reason.INVALID_UTF8, 1)
    assert second.sha256 == hashlib.sha256(second.raw).hexdigest()
    row = pa.ipc.open_stream(second.raw).read_all()
    assert (row["id"].to_pylist(), row["n"].to_pylist()) == (["2"], [2])
    assert row["text"].cast(pa.binary()).to_pylist() == [b"\xff\xfe"]
    nulls = records(stored(pa.table({"text": [None, "a"]})))
    assert [getattr(record, "reason", "") for record in nulls] == [Reason.TEXT_NULL, ""]
    assert nulls[1].id == "a.parquet#1"
    assert nulls[1].synthetic_id


@pytest.mark.parametrize(
    ("column", "found"),
    [
        (pa.array([7, 0, -1]), ["7", "0", "-1"]),
        (pa.array(["x", "", None]), ["x", "a.parquet#1", "a.parquet#2"]),
        (pa.array([True, False, None]), ["true", "false", "a.parquet#2"]),
        (pa.array([0.5, 1.0, 1e300]), ["0.5", "1.0", "1e300"]),
        (pa.array([b"x", b"y", b"z"]), ["x", "y", "z"]),
    ],
)
def test_ids(column, found):
    data = stored(pa.table({"id": column, "text": ["a", "b", "c"]}))
    assert [record.id for record in records(data)] == found


@pytest.mark.parametrize(
    ("table", "message"),
    [
        (pa.table({"Text": ["a"]}), "no column text, found Text"),
        (pa.table({"text": [1]}), "column text has the type int64, expected strings"),
        (pa.table({"text": [["a"]]}), "expected strings"),
        (pa.table({"text": ["a"], "id": [[1]]}), "column id has the type"),
    ],
)
def test_schemas_that_do_not_fit(table, message):
    with pytest.raises(ShardError, match=message):
        records(stored(table))


DATA = stored(rich(40), row_group_size=20)


def test_every_cut_is_an_error():
    for size in range(len(DATA)):
        with pytest.raises(ShardError, match="cut or damaged"):
            records(DATA[:size])


def test_flipped_bits_are_an_error_or_change_nothing():
    """Pages have checksums. The footer has none: there a flip may change what no reader can check."""
    footer = len(DATA) - 8 - int.from_bytes(DATA[-8:-4], "little")
    clean = [record.row.batch.take([record.row.place]).to_pylist() for record in records(DATA)]
    rng, errors = random.Random(0), 0
    for _ in range(1500):
        data = bytearray(DATA)
        bit = rng.randrange(8 * footer)
        data[bit >> 3] ^= 1 << (bit & 7)
        try:
            found = [record.row.batch.take([record.row.place]).to_pylist() for record in records(bytes(data))]
        except ShardError:
            errors += 1
        else:
            assert str(found) == str(clean)
    assert errors > 1000


def test_flipped_bits_in_the_footer_do_not_crash():
    footer = len(DATA) - 8 - int.from_bytes(DATA[-8:-4], "little")
    rng = random.Random(1)
    for _ in range(1500):
        data = bytearray(DATA)
        bit = rng.randrange(8 * footer, 8 * len(DATA))
        data[bit >> 3] ^= 1 << (bit & 7)
        try:
            found = records(bytes(data))
        except ShardError:
            continue
        assert len(found) == 40
