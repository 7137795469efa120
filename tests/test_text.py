import hashlib
import io

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tamis.pipeline import formats, text
from tamis.pipeline.document import Document, Reason
from tamis.pipeline.errors import ShardError
from tamis.pipeline.limits import Limits
from tamis.pipeline.plan import Fields

MODES = {"blocks": "text", "lines": "text-lines", "file": "text-file"}


def reader(data, mode="blocks", limits=None):
    return formats.read_shard(io.BytesIO(data), "a.txt", Fields(), MODES[mode], limits)


def records(data, mode="blocks", limits=None):
    return [record for batch in reader(data, mode, limits) for record in batch]


def written(documents, mode="blocks", texts=None):
    sink = io.BytesIO()
    writer = formats.write_shard(sink, "a.txt", Fields(), MODES[mode])
    for i, document in enumerate(documents):
        writer.write([document], texts and texts[i : i + 1])
    writer.finish()
    assert (writer.records, writer.bytes_out) == (len(documents), len(sink.getvalue()))
    assert writer.digest == hashlib.sha256(sink.getvalue()).hexdigest()
    return sink.getvalue()


STORY = b"\xef\xbb\xbf\n \na b\nc\r\n\r\n\nd\n \n  e  \n\n"


@pytest.mark.parametrize(
    ("data", "mode", "texts"),
    [
        (STORY, "blocks", ["a b\nc", "d", "  e"]),
        (STORY, "lines", ["a b", "c", "d", "  e"]),
        (STORY, "file", ["a b\nc\r\n\r\n\nd\n \n  e"]),
        (b"", "blocks", []),
        (b" \n\n", "blocks", []),
        (b"\n", "file", []),
        (b"one", "blocks", ["one"]),
        (b"one", "lines", ["one"]),
        ("é\u2028x\n".encode(), "lines", ["é\u2028x"]),
    ],
)
def test_texts(data, mode, texts):
    found = records(data, mode)
    assert [record.text for record in found] == texts
    assert [record.id for record in found] == [f"a.txt#{i}" for i in range(len(texts))]
    assert all(record.synthetic_id for record in found)
    assert all(data[record.offset :].startswith(record.raw) for record in found)
    if mode != "lines" and texts:
        assert written(found, mode) == data


def test_blank_lines_are_counted():
    source = reader(b"a\n\nb\n \n", "lines")
    assert (len(next(iter(source))), source.blank_lines, source.records) == (2, 2, 2)


lines = st.lists(st.sampled_from([b"\n", b" \n", b"\r\n", b"one\n", b"two x\n", b"  three\r\n", b"tail"])).map(b"".join)


@settings(deadline=None)
@given(lines, st.sampled_from(list(MODES)))
def test_kept_bytes_are_untouched_and_read_back(data, mode):
    found = records(data, mode)
    out = written(found, mode)
    if mode != "lines" and found:
        assert out == data
    assert [record.text for record in records(out, mode)] == [record.text for record in found]
    half = found[::2]
    if mode != "file":
        assert [record.text for record in records(written(half, mode), mode)] == [record.text for record in half]


def test_replaced_texts():
    found = records(STORY)
    assert written(found, texts=["X\nY", None, "Z"]) == b"\xef\xbb\xbf\n \nX\nY\r\n\r\n\nd\n \nZ  \n\n"


def test_a_replaced_text_stays_one_document():
    found = records(b"a\n\nb\n")
    again = records(written(found, texts=["x\n \n\n y\nz\n\n", None]))
    assert [record.text for record in again] == ["x\n y\nz", "b"]
    found = records(b"a\nb\n", "lines")
    assert written(found, "lines", ["x\n\ny", None]) == b"x y\nb\n"
    with pytest.raises(ShardError, match=r"a\.txt#0: nothing is left"):
        written(found, "lines", [" \n", None])


def test_documents_of_several_shards_stay_apart():
    one, two = records(b"a")[0], records(b"b\n")[0]
    assert written([one, two, one]) == b"a\n\nb\n\na"
    assert written([one, two], "lines") == b"a\nb\n"


def test_bad_documents():
    good, bad, nul, last = records(b"a\n\nb\xff\n\nc\0d\n\ne\n")
    assert (bad.reason, nul.reason) == (Reason.INVALID_UTF8, Reason.NUL_BYTE)
    assert (bad.raw, bad.offset, bad.number) == (b"b\xff\n\n", 3, 1)
    assert (good.text, last.text, last.number) == ("a", "e", 3)


def test_a_tail_of_zeros():
    with pytest.raises(ShardError, match="zero bytes"):
        records(b"a\n\nb\n" + bytes(100))


@pytest.mark.parametrize("mode", MODES)
def test_long_documents(mode):
    data = b"ok\n\n" + b"x" * 500 + b"\n" + b"y\n" * 200 + b"\nok\n"
    found = records(data, mode, Limits(line=100))
    bad = [record for record in found if not isinstance(record, Document)]
    assert {record.reason for record in bad} == {Reason.TOO_LONG}
    for record in bad:
        part = data[record.offset : record.offset + record.length]
        assert hashlib.sha256(part).hexdigest() == record.sha256
    texts = [record.text for record in found if isinstance(record, Document)]
    assert (texts[0], texts[-1]) == ("ok", "ok") if mode != "file" else not texts


def test_batches(monkeypatch):
    monkeypatch.setattr(text, "BATCH_RECORDS", 3)
    assert [len(batch) for batch in reader(b"a\n\n" * 8)] == [3, 3, 2]
