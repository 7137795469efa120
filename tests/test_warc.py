import base64
import gzip
import hashlib
import io
import random

import pytest
import zstandard

from tamis.pipeline import formats
from tamis.pipeline.document import Document, Reason
from tamis.pipeline.errors import ShardError
from tamis.pipeline.limits import Limits
from tamis.pipeline.plan import Fields

FIELDS = Fields(source="warc-filename", extra={"date": "date", "lang": "language", "trec": "WARC-TREC-ID"})


def record(kind, block, *fields, version="1.0", end="\r\n"):
    head = [f"WARC/{version}", f"WARC-Type: {kind}", *fields, f"Content-Length: {len(block)}", "", ""]
    return end.join(head).encode() + block + b"\r\n\r\n"


def named(number):
    uri, ident = f"WARC-Target-URI: http://a.org/{number}", f"WARC-Record-ID: <urn:uuid:{number}>"
    return uri, ident, "WARC-Date: 2024-01-01T00:00:00Z"


def page(body, number=1, status="200 OK", mime="text/html; charset=utf-8"):
    block = f"HTTP/1.1 {status}\r\nContent-Type: {mime}\r\n\r\n".encode() + body
    fields = (
        f"WARC-Target-URI: http://a.org/{number}",
        f"WARC-Record-ID: <urn:uuid:{number}>",
        "WARC-Date: 2024-01-01T00:00:00Z",
    )
    return record("response", block, *fields, "Content-Type: application/http; msgtype=response")


def wet(text, number=1, *fields):
    fields = (
        f"WARC-Target-URI: http://a.org/{number}",
        f"WARC-Record-ID: <urn:uuid:{number}>",
        "WARC-Date: 2024",
        *fields,
    )
    return record("conversion", text, *fields, "Content-Type: text/plain")


INFO = record("warcinfo", b"software: x\r\n", "Content-Type: application/warc-fields")
REQUEST = record(
    "request", b"GET / HTTP/1.1\r\n\r\n", "WARC-Target-URI: http://a.org/1", "Content-Type: application/http"
)
WARC = [
    INFO,
    REQUEST,
    page(b"<p>tea &amp; caf\xc3\xa9"),
    page(b"\x89PNG", 2, mime="image/png"),
    page(b"<p>gone", 3, "404 Not Found"),
    page(b"a plain page", 4, mime="text/plain"),
    record("metadata", b"a: b", "WARC-Target-URI: http://a.org/1", "Content-Type: application/warc-fields"),
    record("response", b"ip", "WARC-Target-URI: dns:a.org", "Content-Type: text/dns"),
    record("resource", b"log", "WARC-Target-URI: metadata://gnu.org/log", "Content-Type: text/plain"),
    record("resource", b"<p>lamp", "WARC-Target-URI: <https://a.org/5>", "Content-Type: text/html"),
]
WET = [INFO, wet(b"tea\ncaf\xc3\xa9", 1, "WARC-Identified-Content-Language: eng,fra"), wet(b"", 2), wet(b"lamp", 3)]
ARC_INFO = b"filedesc://x.arc 0.0.0.0 20080430204825 text/plain 9\n1 0 Some\n\n"
ARC_BLOCK = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n<p>tea"
ARC = [
    ARC_INFO,
    b"http://a.org/ 1.2.3.4 20080430204826 text/html %d\n" % len(ARC_BLOCK) + ARC_BLOCK + b"\n",
    b"dns:a.org 1.2.3.4 20080430204826 text/dns 2\nip\n",
]


def reader(data, name="a.warc", limits=None):
    return formats.read_shard(io.BytesIO(data), name, FIELDS, None, limits)


def records(data, name="a.warc", limits=None):
    return [record for batch in reader(data, name, limits) for record in batch]


def compressed(parts, kind):
    compress = {"": bytes, ".gz": gzip.compress, ".zst": zstandard.ZstdCompressor(write_checksum=True).compress}[kind]
    return b"".join(map(compress, parts))


def written(source, name, texts=None, keep=True, like=True):
    found = [record for batch in source for record in batch if keep]
    sink = io.BytesIO()
    writer = formats.write_shard(sink, name, FIELDS, None, source if like else None)
    writer.write(found, texts)
    writer.finish()
    assert (writer.records, writer.bytes_out) == (len(found), len(sink.getvalue()))
    assert writer.digest == hashlib.sha256(sink.getvalue()).hexdigest()
    return sink.getvalue()


@pytest.mark.parametrize("kind", ["", ".gz", ".zst"])
def test_pages(kind):
    data = compressed(WARC, kind)
    source = reader(data, f"a.warc{kind}")
    (found,) = source
    assert [(record.id, record.url, record.text) for record in found] == [
        ("<urn:uuid:1>", "http://a.org/1", "tea & café"),
        ("<urn:uuid:4>", "http://a.org/4", "a plain page"),
        (f"a.warc{kind}#2", "https://a.org/5", "lamp"),
    ]
    assert (source.records, source.others, source.bytes_read) == (3, 7, len(data))
    assert found[0].extras == {"date": "2024-01-01T00:00:00Z", "lang": None, "trec": None}
    plain = b"".join(WARC)
    assert all(plain[record.offset :].startswith(record.raw) for record in found)
    assert [record.raw for record in found] == [WARC[2], WARC[5], WARC[9]]


@pytest.mark.parametrize("name", ["a.warc.wet", "a.warc.wet.gz", "b.wet.zst"])
def test_wet(name):
    data = compressed(WET, name[name.index("wet") + 3 :])
    found = records(data, name)
    assert [record.text for record in found] == ["tea\ncafé", "", "lamp"]
    assert found[0].extras["lang"] == "eng,fra"
    assert written(reader(data, name), name) == compressed(WET, "") if name.endswith("wet") else True
    again = records(written(reader(data, name), name), name)
    assert [record.raw for record in again] == WET[1:]


def test_arc():
    source = reader(b"".join(ARC), "a.arc")
    ((found,),) = source
    assert (found.text, found.url, found.synthetic_id, found.extras["date"]) == (
        "tea",
        "http://a.org/",
        True,
        "20080430204826",
    )
    assert source.others == 2
    assert written(reader(b"".join(ARC), "a.arc"), "a.arc") == b"".join(ARC[:2])
    again = records(written(reader(b"".join(ARC), "a.arc"), "a.arc.gz", ["new é"]), "a.arc.gz")
    assert [record.text for record in again] == ["new é"]


def test_each_record_is_compressed_on_its_own():
    data = written(reader(b"".join(WARC)), "a.warc.gz")
    parts, rest = [], data
    while rest:
        decoder = gzip.zlib.decompressobj(31)
        parts.append(decoder.decompress(rest))
        rest = decoder.unused_data
    assert parts == [INFO, WARC[2], WARC[5], WARC[9]]
    assert data[4:8] == bytes(4)


def test_nothing_kept():
    for name in ("a.warc", "a.warc.gz"):
        data = written(reader(b"".join(WARC)), name, keep=False)
        assert records(data, name) == []
        assert reader(data, name).records == 0
    assert written(reader(b""), "a.warc", like=False) == b""
    assert records(written(reader(b""), "a.warc.gz"), "a.warc.gz") == []


def sha1(block):
    return base64.b32encode(hashlib.sha1(block).digest()).decode()


def test_replaced_texts():
    source = [INFO, *WET[1:], *WARC[1:]]
    data = written(reader(b"".join(source)), "a.warc.gz", ["new é", None, None, "page text", None, "x"])
    found = records(data, "a.warc.gz")
    assert [record.text for record in found] == ["new é", "", "lamp", "page text", "a plain page", "x"]
    assert found[0].id == "<urn:uuid:1>"
    assert found[3].url == "http://a.org/1"
    assert b"WARC-Type: conversion" in found[3].raw
    # The id is what ties a document to its attributes.
    assert [record.id for record in found[:4]] == ["<urn:uuid:1>", "<urn:uuid:2>", "<urn:uuid:3>", "<urn:uuid:1>"]
    assert f"WARC-Block-Digest: sha1:{sha1(b'page text')}".encode() in found[3].raw
    again = records(b"".join(record.raw for record in found))
    assert [(record.text, record.url) for record in again] == [(record.text, record.url) for record in found]


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        (wet(b"\xff"), Reason.INVALID_UTF8),
        (
            record("response", b"garbage", "WARC-Target-URI: http://a.org/", "Content-Type: application/http"),
            Reason.BAD_RECORD,
        ),
        (wet(b"tea", 1, "WARC-Block-Digest: sha1:" + sha1(b"coffee")), Reason.BAD_RECORD),
        (wet(b"tea", 1, "WARC-Block-Digest: sha256:" + "0" * 64), Reason.BAD_RECORD),
        (wet(b"x" * 900), Reason.TOO_LONG),
    ],
)
def test_a_bad_record_costs_one_record(bad, reason):
    good = [wet(b"tea", 1, "WARC-Block-Digest: sha1:" + sha1(b"tea")), wet(b"lamp", 2, "WARC-Block-Digest: x:y")]
    first, rejected, last = records(good[0] + bad + good[1], limits=Limits(line=800))
    assert (first.text, last.text, last.number) == ("tea", "lamp", 2)
    assert (rejected.reason, rejected.offset, rejected.length) == (reason, len(good[0]), len(bad))
    assert rejected.sha256 == hashlib.sha256(bad).hexdigest()
    assert rejected.raw == (None if reason is Reason.TOO_LONG else bad)


def test_digests_are_left_to_the_compression_where_there_is_one():
    assert isinstance(records(gzip.compress(wet(b"tea", 1, "WARC-Block-Digest: sha1:AAAA")), "a.wet.gz")[0], Document)


@pytest.mark.parametrize("parts", [WARC, WET, ARC], ids=["warc", "wet", "arc"])
def test_every_cut_is_an_error_except_between_records(parts):
    data = b"".join(parts)
    whole = [record.text for record in records(data)]
    # The line ends after a block hold no content.
    ends = {
        place for part in parts for place in range(data.index(part) + len(part) - 4, data.index(part) + len(part) + 1)
    }
    for size in range(1, len(data)):
        if size in ends:
            continue
        with pytest.raises(ShardError, match=r"cut off|expected the start"):
            records(data[:size])
    assert len(whole) >= 1


def test_flipped_bits_in_compressed_records():
    data = compressed(WET, ".gz")
    whole = [record.text for record in records(data, "a.wet.gz")]
    rng, errors = random.Random(0), 0
    for _ in range(1000):
        flipped = bytearray(data)
        flipped[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
        try:
            assert [record.text for record in records(bytes(flipped), "a.wet.gz")] == whole
        except ShardError:
            errors += 1
    assert errors > 800


@pytest.mark.parametrize(
    "data",
    [
        b"hello\n",
        b"<html>\n\n",
        INFO + b"garbage\r\n" + INFO,
        WET[1].replace(b"Content-Length: 9", b"Content-Length: 8") + INFO,
        INFO.replace(b"Content-Length: 13", b"Content-Length: 20") + INFO,
        INFO.replace(b"Content-Length: 13", b"Content-Length: -1") + INFO,
        INFO.replace(b"Content-Length: 13", b"Content-Length: 13\r\nContent-Length: 14") + INFO,
        INFO.replace(b"Content-Length: 13\r\n", b"") + INFO,
        b"WARC/1.0\r\n" + b"x: y\r\n" * 300_000 + b"\r\n",
        INFO + bytes(5000),
    ],
)
def test_shards_that_are_not_sound(data):
    with pytest.raises(ShardError, match=r"cut off|expected the start"):
        records(data)


def test_lines_may_end_as_they_like():
    data = record("conversion", b"tea", "Content-Type: text/plain", "X: folded", "\tvalue", end="\n", version="0.18")
    assert records(data)[0].text == "tea"
    assert records(b"".join(WET), "a.warc") == records(b"".join(WET), "a.warc")
    assert [record.text for record in records(b"\r\n".join(WET))] == ["tea\ncafé", "", "lamp"]


def test_blocks_of_any_size_make_no_difference():
    from tamis.pipeline.warc_records import records as split

    data = b"".join(WARC)
    whole = list(split([data], 1 << 20, "a"))
    for size in (1, 2, 3, 7, 100):
        assert list(split((data[i : i + size] for i in range(0, len(data), size)), 1 << 20, "a")) == whole
    assert b"".join(record.raw for record in whole) == data
