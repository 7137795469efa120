"""JSON Lines to Parquet and back: the same JSON values, whatever they are. TAMIS_FUZZ / 50 sets how many shards."""

from __future__ import annotations

import base64
import datetime
import decimal
import io
import json
import os
from decimal import Decimal
from pathlib import Path

import msgspec
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pyarrow import parquet

from tamis.pipeline import conversion, formats, json_shape
from tamis.pipeline.document import Document
from tamis.pipeline.errors import ShardError, UsageError
from tamis.pipeline.plan import Corpus, Fields
from tamis.pipeline.targets import TARGETS, check_names

EXAMPLES = int(os.environ.get("TAMIS_FUZZ", "10000")) // 50


def converted(data: bytes, name: str, target: str, fields: Fields | None = None, texts: object = None) -> bytes:
    """Converts a shard and returns the file."""
    fields = fields or Fields()
    reader, sink = formats.read_shard(io.BytesIO(data), name, fields), io.BytesIO()
    writer = conversion.convert(sink, TARGETS[target], fields, name, reader)
    for batch in reader:
        assert all(isinstance(record, Document) for record in batch)
        writer.write(batch, texts)
    writer.finish()
    assert writer.bytes_out == len(sink.getvalue())
    return sink.getvalue()


def copied(data: bytes) -> bytes:
    """Writes a table in kind, as a run does that converts nothing."""
    reader, sink = formats.read_shard(io.BytesIO(data), "a.parquet", Fields()), io.BytesIO()
    writer = formats.write_shard(sink, "a.parquet", Fields(), None, reader)
    for batch in reader:
        writer.write(batch)
    writer.finish()
    return sink.getvalue()


def exact(value: object) -> object:
    """Makes values comparable: numbers by what they are worth, and apart from booleans."""
    if isinstance(value, bool) or value is None or isinstance(value, str):
        return (type(value).__name__, value)
    if isinstance(value, dict):
        return {key: exact(item) for key, item in value.items()}
    return [exact(item) for item in value] if isinstance(value, list) else ("number", value)


def values(lines: bytes) -> list[object]:
    """Returns the records of JSON lines, no number of them rounded."""
    return [exact(json.loads(line, parse_float=Decimal, parse_int=Decimal)) for line in lines.splitlines()]


def line(**members: object) -> bytes:
    return json.dumps(members).encode() + b"\n"


SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.integers(-5, 5)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"]), max_size=5)
    | st.sampled_from(["1e400", "0.10000000000000000000001", "-0", "1.50", "1E5"]).map(
        lambda text: msgspec.Raw(text.encode())
    )
)
NAMES = st.sampled_from(["a", "b", "a.b", "", "element", "list", "ü"])
VALUES = st.recursive(SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3))
RECORDS = st.lists(st.dictionaries(st.sampled_from("abcde"), VALUES, max_size=4), min_size=1, max_size=6)


@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))
@given(RECORDS)
def test_any_json_comes_back(records):
    data = b"".join(msgspec.json.encode({"id": f"{i}", "text": "x", **each}) + b"\n" for i, each in enumerate(records))
    table = converted(data, "a.jsonl", "parquet")
    assert values(converted(table, "a.parquet", "jsonl")) == values(data)
    assert parquet.read_table(io.BytesIO(copied(table))).equals(parquet.read_table(io.BytesIO(table)))
    # Once more, from what the first way back wrote.
    assert converted(converted(table, "a.parquet", "jsonl"), "a.jsonl", "parquet") == table


@pytest.mark.parametrize(
    ("members", "kind"),
    [
        ([1, -5], "int64"),
        ([1, 2**64 - 1], "uint64"),
        ([1, -1, 2**64 - 1], "string"),
        ([1, 0.5], "double"),
        ([2**53 + 1, 0.5], "string"),
        ([True, False], "bool"),
        ([True, 1], "string"),
        (["a", None], "string"),
        ([[1], [], None], "list<element: int64>"),
        ([[], []], "list<element: null>"),
        ([[1], ["a"]], "list<element: string>"),
        ([{"u": 1}, {"u": 2, "v": "x"}], "struct<u: int64, v: string>"),
        ([{"u": 1}, "x"], "string"),
        ([{}, {}], "string"),
        ([None, None], "null"),
        ([{str(i): 1} for i in range(300)], "string"),
    ],
)
def test_the_types_of_columns(members, kind):
    data = b"".join(line(text="x", m=member) for member in members)
    table = converted(data, "a.jsonl", "parquet")
    assert str(parquet.read_schema(io.BytesIO(table)).field("m").type) == kind
    assert values(converted(table, "a.parquet", "jsonl")) == values(data)


def test_missing_is_not_null():
    """Both at once in a nested object, and each alone."""
    rows = [{"u": None}, {"u": 1}, {}], [{"u": 1}, {}], [{"u": None}, {"u": 1}]
    for members in rows:
        data = b"".join(line(text="x", m={"k": 1, **each}, **each) for each in members)
        assert values(converted(converted(data, "a.jsonl", "parquet"), "a.parquet", "jsonl")) == values(data)


def test_what_has_no_column_is_refused():
    wide = b"".join(line(text="x", **{f"k{i}": 1}) for i in range(5000))
    with pytest.raises(ShardError, match="more than 4096 fields"):
        converted(wide, "a.jsonl", "parquet")
    inside = b"".join(line(d={"text": "x", f"k{i}": 1}) for i in range(300))
    with pytest.raises(ShardError, match="too wide, or too deep"):
        converted(inside, "a.jsonl", "parquet", Fields(text="d.text"))


def test_deep_json_comes_back():
    deep = b'{"text":"x","d":' + b"[" * 400 + b"1" + b"]" * 400 + b"}\n"
    assert values(converted(converted(deep, "a.jsonl", "parquet"), "a.parquet", "jsonl")) == values(deep)


def test_a_number_of_many_digits_comes_back():
    data = b'{"text":"x","n":' + b"7" * 5000 + b"}\n"
    assert converted(converted(data, "a.jsonl", "parquet"), "a.parquet", "jsonl") == data


def test_text_that_only_claims_to_be_json():
    """Metadata comes with the file: it must not put anything between the lines."""
    field = pa.field("j", pa.string(), metadata={b"tamis:json": b"1"})
    texts = ['{"a":1}\n{"id":"fake","text":"y"}', "{", "[1,\n2]", "7", None, "NaN"]
    table = pa.table({"text": ["x"] * 6, "j": texts}, schema=pa.schema([("text", pa.string()), field]))
    sink = io.BytesIO()
    parquet.write_table(table, sink)
    rows = [json.loads(each) for each in converted(sink.getvalue(), "a.parquet", "jsonl").splitlines()]
    assert [row.get("j", "missing") for row in rows] == [texts[0], "{", texts[2], 7, "missing", "NaN"]


NANO = pa.scalar(1_500_000_000_123_456_789, pa.timestamp("ns", "Europe/Paris"))
OTHERS = {
    "moment": (NANO, "2017-07-14T02:40:00.123456789Z"),
    "local": (pa.scalar(datetime.datetime(2020, 1, 2, 3, 4, 5), pa.timestamp("s")), "2020-01-02T03:04:05.000"),
    "far": (pa.scalar(10**12, pa.timestamp("s")), "33658-09-27T01:46:40.000"),
    "day": (pa.scalar(datetime.date(1969, 12, 31)), "1969-12-31"),
    "time": (pa.scalar(datetime.time(1, 2, 3, 4)), "01:02:03.000004"),
    "span": (pa.scalar(-1_500, pa.duration("ms")), "-PT1.5S"),
    "money": (pa.scalar(decimal.Decimal("12345678901234567890.10"), pa.decimal128(30, 2)), "12345678901234567890.10"),
    "blob": (pa.scalar(b"\xff\x00"), base64.b64encode(b"\xff\x00").decode()),
    "nan": (pa.scalar(float("nan")), "NaN"),
    "low": (pa.scalar(float("-inf")), "-Infinity"),
    "single": (pa.scalar(0.1, pa.float32()), 0.10000000149011612),
    "code": (pa.scalar("c").cast(pa.dictionary(pa.int32(), pa.string())), "c"),
    "map": (
        pa.scalar([("k", 1), ("k", 2)], pa.map_(pa.string(), pa.int64())),
        [{"key": "k", "value": 1}, {"key": "k", "value": 2}],
    ),
    "days": (pa.scalar([[datetime.date(2020, 1, 1)], None], pa.list_(pa.list_(pa.date32()))), [["2020-01-01"], None]),
    "deep": (
        pa.scalar({"t": 5, "n": None}, pa.struct([("t", pa.timestamp("us")), ("n", pa.null())])),
        {"t": "1970-01-01T00:00:00.000005", "n": None},
    ),
}


@pytest.mark.parametrize("kind", OTHERS)
def test_what_json_has_no_type_for(kind):
    scalar, expected = OTHERS[kind]
    first = pa.array(["c"], pa.string()).dictionary_encode() if kind == "code" else pa.repeat(scalar, 1)
    array = pa.concat_arrays([first.cast(scalar.type), pa.nulls(1, scalar.type)])
    sink = io.BytesIO()
    parquet.write_table(pa.table({"text": ["x", "y"], "c": array}), sink)
    rows = [json.loads(each) for each in converted(sink.getvalue(), "a.parquet", "jsonl").splitlines()]
    assert [row["c"] for row in rows] == [expected, None]


def test_binary_texts_are_text():
    sink = io.BytesIO()
    parquet.write_table(pa.table({"id": [b"a"], "text": ["é".encode()], "other": [b"b"]}), sink)
    assert json.loads(converted(sink.getvalue(), "a.parquet", "jsonl")) == {"id": "a", "text": "é", "other": "Yg=="}


@pytest.mark.parametrize("change", ["two columns of one name", "not UTF-8"])
def test_rows_that_are_no_json(change):
    arrays = [pa.array(["x"]), pa.array(["a"]), pa.array(["b"])]
    names = ["text", "c", "c"]
    if change == "not UTF-8":
        arrays[1] = pa.array([b"\xff"]).view(pa.string())
        names[2] = "d"
    sink = io.BytesIO()
    parquet.write_table(pa.Table.from_arrays(arrays, names), sink)
    with pytest.raises(ShardError, match=change):
        converted(sink.getvalue(), "a.parquet", "jsonl")


def test_csv():
    data = b'id,text,n\r\n1,"a\nb",7\r\n2,"c""d",\r\n'
    rows = [{"id": "1", "text": "a\nb", "n": "7"}, {"id": "2", "text": 'c"d', "n": ""}]
    assert [json.loads(each) for each in converted(data, "a.csv", "jsonl").splitlines()] == rows
    assert parquet.read_table(io.BytesIO(converted(data, "a.csv", "parquet"))).to_pylist() == rows
    with pytest.raises(UsageError, match="dot in its name"):
        converted(b"my.text\nx\n", "a.csv", "jsonl", Fields(text="my.text"))


def test_plain_text():
    rows = [{"id": "a.txt#0", "text": "one\ntwo"}, {"id": "a.txt#1", "text": "three"}]
    assert [json.loads(each) for each in converted(b"one\ntwo\n\nthree\n", "a.txt", "jsonl").splitlines()] == rows


PAGE = (
    b"WARC/1.0\r\nWARC-Type: conversion\r\nWARC-Target-URI: http://a.example/\r\nWARC-Date: 2026-01-02T03:04:05Z\r\n"
    b"WARC-Record-ID: <urn:uuid:1>\r\nContent-Type: text/plain\r\nContent-Length: 5\r\n\r\nhello\r\n\r\n"
)


def test_pages():
    (row,) = map(json.loads, converted(PAGE, "a.wet", "jsonl").splitlines())
    headers = row.pop("headers")
    assert row == {"id": "<urn:uuid:1>", "text": "hello", "url": "http://a.example/", "date": "2026-01-02T03:04:05Z"}
    assert headers["content-length"] == "5"
    table = parquet.read_table(io.BytesIO(converted(PAGE, "a.wet", "parquet"))).to_pylist()
    assert table == [{**row, "headers": headers}]


def test_new_texts_take_the_place_of_old_ones():
    data = line(id="1", d={"text": "old", "k": 1}) + line(id="2", d={"text": "same", "k": 2})
    fields = Fields(text="d.text")
    table = converted(data, "a.jsonl", "parquet", fields, ["new", None])
    assert [row["d"] for row in parquet.read_table(io.BytesIO(table)).to_pylist()] == [
        {"text": "new", "k": 1},
        {"text": "same", "k": 2},
    ]
    lines = converted(converted(data, "a.jsonl", "parquet", fields), "a.parquet", "jsonl", fields, ["new", None])
    assert [json.loads(each)["d"]["text"] for each in lines.splitlines()] == ["new", "same"]


def test_documents_are_read_alike_before_and_after():
    """Also where an id or a url is a number here and a string there, and its column therefore JSON text."""
    data = b"".join(
        [
            line(id="a", text="x", url="http://x"),
            line(id=5, text="y", url=None),
            line(text="z"),
            line(id=None, text="w", url=3),
        ]
    )
    fields = Fields(url="url", extra={"u": "url"})

    def documents(data: bytes, name: str) -> list[tuple[object, ...]]:
        reader = formats.read_shard(io.BytesIO(data), name, fields)
        return [
            (one.id.partition("#")[2] or one.id, one.text, one.url, one.extras) for batch in reader for one in batch
        ]

    assert documents(converted(data, "a.jsonl", "parquet", fields), "a.parquet") == documents(data, "a.jsonl")


def test_ids_that_are_numbers():
    data = line(id=1.0, text="x") + line(id=1e16, text="y") + line(id=0.5, text="z")
    assert values(converted(converted(data, "a.jsonl", "parquet"), "a.parquet", "jsonl")) == values(data)
    reader = formats.read_shard(io.BytesIO(converted(data, "a.jsonl", "parquet")), "a.parquet", Fields())
    assert [one.id for batch in reader for one in batch] == ["1.0", "1e16", "0.5"]


def test_page_checksums_and_types_of_columnar_sources():
    """From Arrow, nothing goes through JSON."""
    schema = pa.schema([("text", pa.string()), ("when", pa.timestamp("ns", "UTC")), ("n", pa.int8())])
    table = pa.table({"text": ["x"], "when": [1], "n": [3]}, schema=schema)
    sink = io.BytesIO()
    with pa.ipc.new_file(sink, schema) as writer:
        writer.write_table(table)
    found = parquet.read_table(
        io.BytesIO(converted(sink.getvalue(), "a.arrow", "parquet")), page_checksum_verification=True
    )
    assert found.schema.equals(schema)
    assert found.equals(table)


def arrow_of(column: pa.Array) -> bytes:
    sink = io.BytesIO()
    table = pa.table({"text": [str(i) for i in range(len(column))], "c": column})
    with pa.ipc.new_file(sink, table.schema) as writer:
        writer.write_table(table)
    return sink.getvalue()


@pytest.mark.parametrize(
    "column",
    [
        pa.array([[1, 2], None, [3, None]], pa.list_(pa.int8(), 2)),
        pa.array([{"v": [1.5]}, {"v": None}, None], pa.struct([("v", pa.list_(pa.float32(), 1))])),
        pa.array(["a", "b", "a"]).dictionary_encode(),
        pa.array(["a", None], pa.string_view()),
        pa.array([[("k", 1)], None, []], pa.map_(pa.string(), pa.int64())),
        pa.array([[None], []], pa.list_(pa.null())),
    ],
)
def test_arrow_to_parquet_keeps_values(column):
    """Also of lists of a fixed size, which pyarrow writes to Parquet with nulls and does not read."""
    found = parquet.read_table(io.BytesIO(converted(arrow_of(column), "a.arrow", "parquet"))).column("c")
    assert found.to_pylist() == column.to_pylist()


@pytest.mark.parametrize("target", ["parquet", "jsonl"])
def test_types_that_have_no_place(target):
    with pytest.raises(ShardError, match="month_day_nano_interval"):
        converted(arrow_of(pa.nulls(1, pa.month_day_nano_interval())), "a.arrow", target)


def test_a_flipped_bit_is_seen():
    data = bytearray(converted(b"".join(line(text=f"some words {i}") for i in range(100)), "a.jsonl", "parquet"))
    data[len(data) // 4] ^= 1
    with pytest.raises(ShardError, match="damaged"):
        list(formats.read_shard(io.BytesIO(bytes(data)), "a.parquet", Fields()))


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("fields", [Fields(), Fields(text="d.text", id="d.id")])
def test_nothing_kept(target, fields):
    sink = io.BytesIO()
    reader = formats.read_shard(io.BytesIO(b""), "a.jsonl", fields)
    list(reader)
    writer = conversion.convert(sink, TARGETS[target], fields, "a.jsonl", reader)
    writer.finish()
    assert not list(formats.read_shard(io.BytesIO(sink.getvalue()), f"a.{target}", fields))


@pytest.mark.parametrize(
    ("shard", "write", "name"),
    [
        ("en/a.jsonl.gz", None, "en/a.jsonl.gz"),
        ("en/a.jsonl.gz", "jsonl.gz", "en/a.jsonl.gz"),
        ("en/a.ndjson.gz", "jsonl.gz", "en/a.ndjson.gz"),
        ("en/a.jsonl.gz", "jsonl.zst", "en/a.jsonl.zst"),
        ("en/a.jsonl.gz", "parquet", "en/a.parquet"),
        ("a.pq", "parquet", "a.pq"),
        ("a.b.warc.gz", "jsonl", "a.b.jsonl"),
        ("a.txt", "parquet", "a.parquet"),
    ],
)
def test_names(shard, write, name):
    assert conversion.written_name(Corpus(root="r", write=write), shard) == name


def test_names_that_fall_together():
    with pytest.raises(UsageError, match=r"a\.csv and a\.jsonl would both be written as a\.parquet"):
        check_names([("a.csv", "a.parquet"), ("a.jsonl", "a.parquet")])


def test_a_shape_sees_every_number():
    assert json_shape.loads("0.10") == 0.1
    assert isinstance(json_shape.loads("0.1000000000000000055"), msgspec.Raw)
    assert isinstance(json_shape.loads("1e400"), msgspec.Raw)


def test_every_real_file_converts():
    """The demo's corpus: what is readable in it."""
    root = Path(__file__).resolve().parent.parent / "scripts" / "demo_corpus"
    for path in sorted(root.rglob("*.jsonl*")):
        name = path.relative_to(root).as_posix()
        reader = formats.read_shard(io.BytesIO(path.read_bytes()), name, Fields())
        lines = b"".join(one.raw for batch in reader for one in batch if isinstance(one, Document))
        back = converted(converted(lines, "a.jsonl", "parquet"), "a.parquet", "jsonl")
        assert values(back) == values(lines)
