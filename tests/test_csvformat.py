import csv
import hashlib
import io

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tamis.pipeline import formats
from tamis.pipeline.document import Document, Reason
from tamis.pipeline.errors import ShardError
from tamis.pipeline.limits import Limits
from tamis.pipeline.plan import Fields

FIELDS = Fields(source="source", url="meta.url", extra={"n": "n", "none": "none"})


def reader(data, name="a.csv", fields=FIELDS, limits=None):
    return formats.read_shard(io.BytesIO(data), name, fields, None, limits)


def records(data, name="a.csv", fields=FIELDS, limits=None):
    return [record for batch in reader(data, name, fields, limits) for record in batch]


def written(source, texts=None, name="a.csv", like=True):
    documents = [record for batch in source for record in batch if isinstance(record, Document)]
    sink = io.BytesIO()
    writer = formats.write_shard(sink, name, FIELDS, None, source if like else None)
    writer.write(documents, texts)
    writer.finish()
    assert (writer.records, writer.digest) == (len(documents), hashlib.sha256(sink.getvalue()).hexdigest())
    return sink.getvalue()


DATA = (
    b'\xef\xbb\xbfid,text,n,"meta.url"\r\n'
    b"1,plain,5,u\r\n"
    b'2,"with ""quotes"", commas\nand lines",,\n'
    b'"3",caf\xc3\xa9,"",x\n'
    b",,7,y"
)


def test_documents():
    found = records(DATA)
    assert [(record.id, record.text, record.url) for record in found] == [
        ("1", "plain", "u"),
        ("2", 'with "quotes", commas\nand lines', ""),
        ("3", "café", "x"),
        ("a.csv#3", "", "y"),
    ]
    assert found[0].extras == {"n": "5", "none": None}
    assert [record.synthetic_id for record in found] == [False, False, False, True]
    assert all(DATA[record.offset :].startswith(record.raw) for record in found)


def test_tabs():
    data = b'text\tid\n"a\tb"\t1\nc,d\t2\n'
    assert [record.text for record in records(data, "a.tsv")] == ["a\tb", "c,d"]
    assert written(reader(data, "a.tsv"), name="a.tsv") == data


def test_untouched_bytes():
    assert written(reader(DATA)) == DATA
    assert written(reader(DATA), like=False) == DATA
    assert written(reader(b"id,text\n\n1,a\n\n")) == b"id,text\n1,a\n"
    assert written(reader(b"id,text\n")) == b"id,text\n"
    assert written(reader(b"")) == b""


def test_replaced_texts():
    out = written(reader(DATA), [None, 'new "x",\n', "y", "z"])
    assert out.startswith(DATA[: DATA.index(b"2,")])
    assert [record.text for record in records(out)] == ["plain", 'new "x",\n', "y", "z"]
    assert out.endswith(b",z,7,y")


@pytest.mark.parametrize("text", ["two\nlines", "a\rb", "\r\n", "tab\there", "comma, here", 'quote " here', " x ", ""])
@pytest.mark.parametrize("name", ["a.csv", "a.tsv"])
def test_a_replaced_text_is_read_back(name, text):
    data = b"id,text\n1,old\n2,old".replace(b",", b"," if name == "a.csv" else b"\t")
    out = written(reader(data, name), [text, text], name)
    assert [record.text for record in records(out, name)] == [text, text]


rows = st.lists(st.tuples(st.text(max_size=5), st.text(max_size=12), st.text(max_size=3)), max_size=9)


@settings(deadline=None)
@given(rows, st.sampled_from(["\n", "\r\n"]), st.sampled_from([",", "\t"]))
def test_what_python_writes_is_read_and_kept(table, end, delimiter):
    table = [[cell.encode("utf-8", "replace").decode().replace("\0", "") for cell in row] for row in table]
    sink = io.StringIO(newline="")
    out = csv.writer(sink, delimiter=delimiter, lineterminator=end, quoting=csv.QUOTE_ALL)
    out.writerows([["id", "text", "n"], *table])
    data = sink.getvalue().encode()
    name = "a.csv" if delimiter == "," else "a.tsv"
    assert [record.text for record in records(data, name)] == [row[1] for row in table]
    assert written(reader(data, name), name=name) == data


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (b"1,a,b\n", Reason.BAD_ROW),
        (b"1\n", Reason.BAD_ROW),
        (b'1,"a"b\n', Reason.BAD_ROW),
        (b"1,a\rb\n", Reason.BAD_ROW),
        (b"1,\xff\n", Reason.INVALID_UTF8),
        (b"1,\xed\xb3\xbf\n", Reason.INVALID_UTF8),
        (b"1,a\0b\n", Reason.NUL_BYTE),
    ],
)
def test_a_bad_row_costs_one_row(row, reason):
    data = b"id,text\n0,good\n" + row + b'2,"good"\n'
    first, bad, last = records(data)
    assert (first.text, last.text, last.number, last.offset) == ("good", "good", 2, 15 + len(row))
    assert (bad.reason, bad.raw, bad.offset, bad.number) == (reason, row, 15, 1)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"id;text\n1;a\n", "no column text among the 1 of the first line"),
        (b"text,text\n1,a\n", "names a column twice"),
        (b'id,"text\n', "header cannot be read"),
        (b"id,text\r1,a\r", "header cannot be read"),
        (b'id,text\n1,"a\n2,b\n', "cut off: the file ends inside the quotes"),
        (b"id,text\n1,a\n2", "cut off: the file ends in the middle"),
    ],
)
def test_shards_that_cannot_be_read(data, message):
    with pytest.raises(ShardError, match=message):
        records(data)


def test_every_cut_is_an_error_or_keeps_all_but_the_last_record():
    whole = [record.text for record in records(DATA)]
    errors = 0
    for size in range(len(DATA)):
        try:
            found = records(DATA[:size])
        except ShardError:
            errors += 1
            continue
        texts = [record.text for record in found]
        assert texts[:-1] == whole[: len(texts)][:-1]
    assert errors > len(DATA) / 2


LONG = (
    b"1," + b"x" * 300 + b"\n",
    b'1,"' + b"y\n" * 200 + b'"\n',
    b'1,"' + b'""y\n' * 99 + b'",2\n',
    b'1,"a\n' + b"x" * 300 + b'"\n',
)


@pytest.mark.parametrize("row", LONG, ids=range(4))
def test_long_records(row):
    data = b"id,text\n0,ok\n" + row + b"2,ok\n"
    found = records(data, limits=Limits(line=100))
    bad = [record for record in found if not isinstance(record, Document)]
    assert bad[0].reason is Reason.TOO_LONG
    assert (found[0].text, found[-1].text) == ("ok", "ok")
    assert [record.number for record in found] == list(range(len(found)))
    for record in bad:
        part = data[record.offset : record.offset + record.length]
        assert hashlib.sha256(part).hexdigest() == record.sha256


@pytest.mark.parametrize("size", [100, 5_000, 200_000])
@pytest.mark.parametrize("end", [b'stone"\n', b'"\n', b'"",""\n"\n', b'"\r\n'])
def test_a_record_that_is_too_long_over_several_lines_costs_one_record(size, end):
    long = b'2,"' + b"a river\n" * (size // 8) + end
    found = records(b"id,text\n1,a\n" + long + b"3,b\n", limits=Limits(line=size))
    assert [type(record).__name__ for record in found] == ["Document", "Rejected", "Document"]
    assert (found[1].reason, found[1].length) == (Reason.TOO_LONG, len(long))
    assert found[1].sha256 == hashlib.sha256(long).hexdigest()
    assert found[2].offset == 12 + len(long)
