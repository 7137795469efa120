import hashlib
import io
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tamis.pipeline import jsonl
from tamis.pipeline.decompress import open_verified
from tamis.pipeline.document import Document, Reason, Rejected
from tamis.pipeline.errors import ShardError, UsageError
from tamis.pipeline.jsonl import JsonlReader, JsonlWriter
from tamis.pipeline.limits import Limits
from tamis.pipeline.plan import Fields

FIELDS = Fields(source="source", url="metadata.url", extra={"score": "metadata.score", "tags": "tags"})


def reader(data, fields=FIELDS, limits=None, name="a/b.jsonl"):
    return JsonlReader(open_verified(io.BytesIO(data), "", limits, name), fields, limits)


def records(data, fields=FIELDS, limits=None):
    return [record for batch in reader(data, fields, limits) for record in batch]


def one(data, fields=FIELDS, limits=None):
    (record,) = records(data, fields, limits)
    return record


def test_a_document():
    raw = b'{"id":"1","text":"caf\\u00e9 \\ud83d\\ude00","source":"s","metadata":{"url":"u","score":2},"tags":["a"]}\n'
    found = records(b'{"text":""}\r\n' + raw)
    assert found == [
        Document("a/b.jsonl#0", "", "", "", {"score": None, "tags": None}, b'{"text":""}\r\n', 0, 0, True),
        Document("1", "café 😀", "s", "u", {"score": 2, "tags": ["a"]}, raw, 13, 1, False),
    ]


@pytest.mark.parametrize(
    ("ident", "expected"),
    [
        ('"x"', "x"),
        ('"\\u0041"', "A"),
        *((number, number) for number in ("7", "-7", "0", "-0", "1.50", "1e2", "true", "9" * 30, "9" * 5000)),
        ("null", None),
        ('""', None),
    ],
    ids=lambda value: str(value)[:40],
)
def test_ids(ident, expected):
    document = one(f'{{"text": "t", "id": {ident}}}'.encode())
    assert (document.id, document.synthetic_id) == (expected or "a/b.jsonl#0", expected is None)


@pytest.mark.parametrize(
    ("metadata", "url"),
    [
        *(
            (odd, "")
            for odd in ("null", '"x"', "[]", "{}", '{"url":null}', '{"url":{"a":1}}', '{"url":"u"},"metadata":null')
        ),
        ('{"url":5}', "5"),
        ('{"url":"u"}', "u"),
        ('{"url":"u"},"metadata":{"url":"v"}', "v"),
    ],
)
def test_nested_fields(metadata, url):
    document = one(f'{{"id": "1", "text": "t", "metadata": {metadata}}}'.encode())
    assert (document.url, document.text, document.extras["score"]) == (url, "t", None)


def test_fields_may_share_a_path_and_lie_deep():
    fields = Fields(id="a.b.url", text="a.b.text", source="a.b.url", url="a.b.url", extra={"x": "a.b.url"})
    document = one(b'{"a":{"z":1,"b":{"text":"t","url":"u"}}}', fields)
    assert (document.id, document.text, document.source, document.url) == ("u", "t", "u", "u")
    assert document.extras == {"x": "u"}
    assert one(b'{"a":{"b":null}}', fields).reason is Reason.TEXT_MISSING


@pytest.mark.parametrize(
    "fields",
    [Fields(text=""), Fields(text="a..b"), Fields(text="id.text"), Fields(url="text.url"), Fields(extra={"x": "id.y"})],
)
def test_fields_that_cannot_be(fields):
    with pytest.raises(UsageError, match="fields"):
        reader(b"", fields)


def test_of_two_equal_keys_the_last_counts():
    document = one(b'{"text":"a","text":"b","id":"1","id":"2"}')
    assert (document.text, document.id) == ("b", "2")
    assert one(b'{"text":5,"text":"b"}').text == "b"
    assert one(b'{"text":"a","text":null}').reason is Reason.TEXT_NULL


DEEP = b"[" * 200_000 + b"]" * 200_000
BAD = {
    b"": None,
    b'{"text": "a" "b": 1}': Reason.INVALID_JSON,
    b"{'text': 'a'}": Reason.INVALID_JSON,
    b'{"text": "a",}': Reason.INVALID_JSON,
    b'{"text": "a", "n": 01}': Reason.INVALID_JSON,
    b'{"text": "a\tb"}': Reason.INVALID_JSON,
    b'{"text": "a"} {}': Reason.INVALID_JSON,
    b'{"text": "a\\x"}': Reason.INVALID_JSON,
    b'{"text": "a': Reason.INVALID_JSON,
    b"hello": Reason.INVALID_JSON,
    b'{"text": "\xff"}': Reason.INVALID_UTF8,
    b'{"text": "a", "skipped": "\xc3\x28"}': Reason.INVALID_UTF8,
    b'{"text": "a", "\xe9": 1}': Reason.INVALID_UTF8,
    b'{"text": "\xed\xa0\x80"}': Reason.INVALID_UTF8,
    b'{"text": "\xc0\xaf"}': Reason.INVALID_UTF8,
    b'{"text": "\\ud800"}': Reason.LONE_SURROGATE,
    b'{"text": "\\udc00 and on and on"}': Reason.LONE_SURROGATE,
    b'{"text": "a", "skipped": "\\ud800\\ud800"}': Reason.LONE_SURROGATE,
    b'{"text": "a\0b"}': Reason.NUL_BYTE,
    b'{"text": "a"}\0\0': Reason.NUL_BYTE,
    b'{"text": "a", "n": NaN}': Reason.NOT_A_NUMBER,
    b'{"text": "a", "n": -Infinity}': Reason.NOT_A_NUMBER,
    b'\xef\xbb\xbf{"text": "a"}': Reason.BYTE_ORDER_MARK,
    b'{"text": "a", "x": ' + DEEP + b"}": Reason.TOO_DEEP,
    DEEP: Reason.TOO_DEEP,
    b"[" * 200_000: Reason.TOO_DEEP,
    b'{"a":' * 200_000 + b"1" + b"}" * 200_000: Reason.TOO_DEEP,
    b"[]": Reason.NOT_AN_OBJECT,
    b'"text"': Reason.NOT_AN_OBJECT,
    b"12": Reason.NOT_AN_OBJECT,
    b"null": Reason.NOT_AN_OBJECT,
    b"{}": Reason.TEXT_MISSING,
    b'{"id": "1", "Text": "a"}': Reason.TEXT_MISSING,
    b'{"text": null}': Reason.TEXT_NULL,
    b'{"text": 5}': Reason.TEXT_TYPE,
    b'{"text": ["a"]}': Reason.TEXT_TYPE,
    b'{"text": {"a": 1}}': Reason.TEXT_TYPE,
    b'{"text": true}': Reason.TEXT_TYPE,
    b'{"text": ' + b"9" * 5000 + b"}": Reason.TEXT_TYPE,
    b'{"text": "a", "id": [1]}': Reason.ID_TYPE,
    b'{"text": "a", "id": {}}': Reason.ID_TYPE,
    b'{"text": "a", "tags": 1e999}': Reason.NUMBER_RANGE,
    b'{"text": "a", "tags": [' + b"9" * 5000 + b"]}": Reason.NUMBER_RANGE,
}
GOOD = b'{"id": "good", "text": "t"}\n'


@pytest.mark.parametrize(("line", "reason"), BAD.items(), ids=lambda value: str(value)[:40])
def test_a_bad_record_costs_one_record(line, reason):
    raw = line + b"\n"
    source = reader(GOOD + raw + GOOD)
    found = [record for batch in source for record in batch]
    assert [record.raw for record in found] == [GOOD, GOOD] if reason is None else [GOOD, raw, GOOD]
    assert (source.records, source.blank_lines) == ((2, 1) if reason is None else (3, 0))
    assert [record.number for record in found] == list(range(len(found)))
    if reason is not None:
        bad = found[1]
        assert isinstance(bad, Rejected)
        assert (bad.reason, bad.offset, bad.length) == (reason, len(GOOD), len(raw))
        assert bad.sha256 == hashlib.sha256(raw).hexdigest()
    assert found[-1].offset == len(GOOD) + len(raw)


@pytest.mark.parametrize(
    "line",
    [
        b'{"text": "a", "n": ' + b"9" * 4300 + b"}",
        b'{"text": "a", "n": 1e999}',
        b'{"text": "a\\u0000b"}',
        b'{"text": "a", "x": ' + b"[" * 511 + b"]" * 511 + b"}",
        b'{"text": "' + b"[{" * 5000 + b'"}',
        b'{"text": "' + b'\\"[' * 5000 + b'"}',
        b'  {"text" : "a"}  \r',
        '{"text": "\u2028\ufffe", "\u00e9": "\U0010ffff"}'.encode(),
    ],
    ids=lambda value: str(value)[:40],
)
def test_odd_records_that_are_json(line):
    document = one(line + b"\n")
    assert document.text == json.loads(line)["text"]


def test_details_do_not_quote():
    for line in BAD:
        canary = line.replace(b"text", b"text").replace(b'"a"', b'"canary"')
        for record in records(canary + b"\n"):
            if isinstance(record, Rejected):
                assert "canary" not in record.detail
                assert len(record.detail) < 80


@pytest.mark.parametrize("depth", [500, 511, 512, 513, 600, 900, 2000])
def test_the_nesting_limit_does_not_depend_on_the_stack(depth):
    line = b'{"text":"a","x":' + b"[" * (depth - 1) + b"]" * (depth - 1) + b"}"

    def at(frames):
        return at(frames - 1) if frames else isinstance(one(line), Document)

    assert at(0) == at(300) == (depth <= 512)


def test_byte_order_mark_at_the_start():
    data = b"\xef\xbb\xbf" + GOOD + GOOD
    found = records(data)
    assert b"".join(record.raw for record in found) == data
    assert [record.id for record in found] == ["good", "good"]
    assert records(b"\xef\xbb\xbf\n" + GOOD)[0].number == 0


def test_blank_lines():
    source = reader(b"\n \t\r\n" + GOOD + b"\n\n" + GOOD + b"\r\n  ")
    assert [record.number for batch in source for record in batch] == [0, 1]
    assert (source.records, source.blank_lines) == (2, 6)


def test_a_last_line_without_its_end():
    assert one(GOOD[:-1]).raw == GOOD[:-1]
    assert one(b"hello").reason is Reason.INVALID_JSON


def test_every_cut_inside_a_line_is_an_error():
    line = '{"id": "x]}", "text": "a}\\"] é", "n": [1, {"k": -0.5e3}], "t": true}'.encode()
    for size in range(1, len(line)):
        with pytest.raises(ShardError, match="cut off"):
            records(GOOD + line[:size])
    assert len(records(GOOD + line)) == 2


def test_a_tail_of_zeros_is_an_error():
    for tail in (bytes(10), b'{"text": "a' + bytes(4096)):
        with pytest.raises(ShardError, match="zero bytes"):
            records(GOOD + tail)


def test_long_lines_are_skipped():
    limits = Limits(line=100)
    bomb = b'{"text": "' + b"x" * 500 + b'"}\n'
    good, bad, last = records(GOOD + bomb + GOOD, limits=limits)
    assert (good.number, bad.number, last.number) == (0, 1, 2)
    assert (bad.reason, bad.length, bad.raw) == (Reason.TOO_LONG, len(bomb), None)
    assert bad.sha256 == hashlib.sha256(bomb).hexdigest()
    assert last.offset == len(GOOD) + len(bomb)


def test_batches(monkeypatch):
    data = b"".join(b'{"id":"%d","text":"%s"}\n' % (i, b"x" * (i % 50)) for i in range(3000)) + b"{}\n\n" + GOOD
    whole = records(data)
    sizes = [len(batch) for batch in reader(data)]
    assert max(sizes) <= jsonl.BATCH_RECORDS
    assert sum(sizes) == len(whole) == 3002
    monkeypatch.setattr(jsonl, "BATCH_RECORDS", 7)
    assert max(len(batch) for batch in reader(data)) == 7
    monkeypatch.setattr(jsonl, "BATCH_BYTES", 100)
    assert records(data) == whole


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["url", "score", "b"]), inner),
    max_leaves=8,
)
rows = st.dictionaries(st.sampled_from(["id", "text", "source", "metadata", "tags", "other"]), values | st.text())


@settings(deadline=None)
@given(st.lists(st.tuples(rows, st.booleans())))
def test_the_fast_way_and_the_slow_way_agree(items):
    data = b"".join(json.dumps(row, ensure_ascii=how).encode("utf-8", "replace") + b"\n" for row, how in items)
    source = reader(data)
    fast = [record for batch in source for record in batch]
    offset, slow = 0, []
    for number, line in enumerate(data.splitlines(True)):
        slow.append(source._slow(line, offset, number))
        offset += len(line)
    assert fast == slow
    assert b"".join(record.raw for record in fast) == data


def written(documents, texts=None, kind="", fields=FIELDS):
    sink = io.BytesIO()
    writer = JsonlWriter(sink, kind, fields)
    writer.write(documents, texts)
    writer.finish()
    assert hashlib.sha256(sink.getvalue()).hexdigest() == writer.digest
    assert (len(sink.getvalue()), len(documents)) == (writer.bytes_out, writer.records)
    return sink.getvalue()


def test_untouched_bytes():
    data = b'\xef\xbb\xbf{ "text":"a","text":"b\\u0041" }\r\n' + GOOD + b'{"z": 1.10, "text": "c"}'
    assert written(records(data)) == data
    assert written(records(data)[:2]) == data[: -len(b'{"z": 1.10, "text": "c"}')]


def test_a_replaced_text_leaves_the_rest_alone():
    data = b'{"n":1.10, "m":{"a":"\\u0041","text":"old","z":[1 ,2]}, "big":1e999,"text":"not this"}\r\n' + GOOD
    fields = Fields(text="m.text")
    document = one(data[: data.index(b"\n") + 1], fields)
    out = written([document], ['new "\u00e9"'], fields=fields)
    inner = '{"a":"\\u0041","text":"new \\"\u00e9\\"","z":[1 ,2]}'
    assert out.decode() == '{"n":1.10,"m":' + inner + ',"big":1e999,"text":"not this"}\r\n'


def test_shards_without_a_last_end_can_follow_one_another():
    first, second = one(GOOD[:-1]), one(GOOD[:-1])
    sink = io.BytesIO()
    writer = JsonlWriter(sink, "", FIELDS)
    for document in (first, second):
        writer.write([document])
    writer.write([])
    writer.finish()
    assert sink.getvalue() == GOOD + GOOD[:-1]
