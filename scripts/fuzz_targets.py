"""What `scripts/fuzz` throws bytes at, one target a reader, and what each must hold.

A target takes any bytes. It may raise an error of tamis, which is written for the user; anything else that it raises is
a find. What is read must be consistent too: every record lies in the shard where it says, every text can be encoded,
and what is written back is what was read. `tests/test_fuzz_finds.py` replays what was ever found.
"""

from __future__ import annotations

import gzip
import io
import json
import os
import tempfile
import warnings
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import zstandard

from tamis.classifiers import bundle_header, fasttext_file, npz
from tamis.classifiers.errors import TamisError
from tamis.interventions.grammar import parse as parse_condition
from tamis.interventions.scope import Scope
from tamis.pipeline import formats, inventory, plan
from tamis.pipeline.decompress import open_verified
from tamis.pipeline.document import Document
from tamis.pipeline.interfaces import Reader
from tamis.pipeline.limits import Limits
from tamis.pipeline.plan import Fields

__all__ = ["TARGETS", "Target", "probe"]

FIELDS = Fields(source="source", url="url", extra={"n": "n"})
#: Small, so that they are reached.
LIMITS = Limits(ratio=100, ratio_floor=1 << 20, window=1 << 20, line=1 << 14, nesting=32)
SCOPE = Scope({"policy": ("hate", "violence/graphic"), "spam": ("spam",)}, lambda *_: 0.5, ("year", "tag"))
ROWS = [{"id": f"d{i}", "text": f"a quiet river\n\n{i} caf\u00e9 \U0001f600", "source": "s", "n": i} for i in range(4)]


@dataclass(frozen=True)
class Target:
    """One reader.

    Attributes:
        check: Reads bytes; raises AssertionError where what it read is not consistent.
        seeds: Bytes to begin with.
        words: What is worth being put in.
    """

    check: Callable[[bytes], None]
    seeds: tuple[bytes, ...]
    words: tuple[str, ...] = ()


def probe(target: Target, data: bytes) -> bool:
    """Runs a target; False where the bytes were refused with an error of tamis.

    Raises:
        Exception: What must not happen.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            target.check(data)
        except TamisError:
            return False
    return True


def _shard(name: str, data: bytes, exact: bool) -> tuple[Reader, list[Document]]:
    """Reads a shard and checks what its records say of themselves; returns its reader and its documents."""
    reader = formats.read_shard(io.BytesIO(data), name, FIELDS, limits=LIMITS)
    records = [record for batch in reader for record in batch]
    assert reader.records == len(records)
    assert reader.bytes_read == len(data), "not all of it was read"
    assert [record.number for record in records] == list(range(len(records)))
    for record in records:
        if isinstance(record, Document):
            assert record.id
            record.text.encode()
        if exact and record.raw:
            assert data[record.offset : record.offset + len(record.raw)] == record.raw, "it stands elsewhere"
    return reader, [record for record in records if isinstance(record, Document)]


def _reads(name: str, exact: bool = False, again: bool = False) -> Callable[[bytes], None]:
    def check(data: bytes) -> None:
        reader, documents = _shard(name, data, exact)
        if again and documents:
            sink = io.BytesIO()
            writer = formats.write_shard(sink, name, FIELDS, like=reader)
            writer.write(documents)
            writer.finish()
            _, back = _shard(name, sink.getvalue(), exact=False)
            # A mark that was inside of a file may come to stand at its start, and is none of the text there.
            texts = [[one.text.lstrip("\ufeff") for one in found] for found in (back, documents)]
            assert texts[0] == texts[1], "written back it is another text"

    return check


def _decodes(compression: str) -> Callable[[bytes], None]:
    def check(data: bytes) -> None:
        stream = open_verified(io.BytesIO(data), "gz" if compression == "gz" else "zst", LIMITS)
        size = sum(map(len, stream))
        assert size == stream.bytes_out
        assert stream.bytes_read == len(data), "not all of it was read"

    return check


def _from_file(read: Callable[[Path], object]) -> Callable[[bytes], None]:
    folder = Path("/dev/shm") if Path("/dev/shm").is_dir() else Path(tempfile.gettempdir())  # noqa: S108
    path = folder / f"tamis-fuzz-{os.getpid()}"

    def check(data: bytes) -> None:
        path.write_bytes(data)
        try:
            read(path)
        finally:
            path.unlink()

    return check


EXPECTED = {"weights": (np.dtype(np.float32), (3, 4)), "bias": (np.dtype(np.float64), (3,))}


def _npz() -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a.npz"
        npz.write_arrays(path, {"weights": np.arange(12, dtype=np.float32).reshape(3, 4), "bias": np.zeros(3)})
        return path.read_bytes()


def _table(kind: str) -> bytes:
    import pyarrow as pa
    import pyarrow.parquet as pq

    sink, table = io.BytesIO(), pa.Table.from_pylist(ROWS)
    if kind == "parquet":
        pq.write_table(table, sink, row_group_size=2, write_page_checksum=True)
    else:
        with (pa.ipc.new_file if kind == "file" else pa.ipc.new_stream)(sink, table.schema) as writer:
            writer.write_table(table, 2)
    return sink.getvalue()


def _fasttext() -> bytes:
    import fasttext

    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "train.txt").write_text("__label__a river stone bread\n__label__b lamp kite door\n" * 5)
        model = fasttext.train_supervised(
            str(Path(folder) / "train.txt"), dim=2, bucket=20, minn=2, maxn=2, thread=1, verbose=0, minCount=1
        )
        model.save_model(str(Path(folder) / "a.bin"))
        return (Path(folder) / "a.bin").read_bytes()


def _warc(kind: str, mime: str, block: bytes) -> bytes:
    head = (
        f"WARC/1.0\r\nWARC-Type: {kind}\r\nWARC-Record-ID: <urn:a>\r\nWARC-Target-URI: https://a.example/b\r\n"
        f"Content-Type: {mime}\r\nContent-Length: {len(block)}\r\n\r\n"
    )
    return head.encode() + block + b"\r\n\r\n"


_PAGE = b"<html><head><meta charset=latin-1><title>a</title></head><body><p>a quiet river<p>stone</body></html>"
_HTTP = b"HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=utf-8\r\nTransfer-Encoding: chunked\r\n\r\n"
_WARCS = (
    _warc("warcinfo", "application/warc-fields", b"software: a\r\n") + _warc("conversion", "text/plain", b"a river"),
    _warc("response", "application/http", _HTTP + b"%x\r\n" % len(_PAGE) + _PAGE + b"\r\n0\r\n\r\n"),
    _warc("resource", "text/html", _PAGE),
    b"http://a.example/ 1.2.3.4 20200101000000 text/html 30\nHTTP/1.0 200 OK\r\n\r\na river\n\n",
)
_LINES = b"".join(json.dumps(row).encode() + b"\n" for row in ROWS)
_CSV = b'id,text,source,n\r\n1,"a ""river""\r\n,x",s,2\r\n2,stone,,\r\n'
_WORDS = ('"text"', '"id"', "null", "NaN", "1e999", "\\ud800", "\\u0000", "[[[[[[[[", "]]]]]]]]", "{}", "\x00")
_PLAN = (Path(__file__).resolve().parent / "demo_plan.yaml").read_bytes()
_HEADER = {
    "format": 1,
    "name": "a",
    "version": "1",
    "kind": "lexicon",
    "categories": ["hate"],
    "languages": ["en"],
    "normaliser": "none",
    "parameters": {"file": "a.json"},
    "files": {"a.json": {"bytes": 3, "sha256": "0" * 64}},
    "calibration": {"hate": {"method": "piecewise_logit", "x": [0, 1], "y": [0, 1]}},
    "operating_points": {"hate": {"default": {"threshold": 0.5}}},
}
_LIST = "path,bytes,sha256\na/b.jsonl,3," + "a" * 64 + "\n"


def _text(parse: Callable[[str], object]) -> Callable[[bytes], None]:
    return lambda data: parse(data.decode("utf-8", "replace")) and None


def _header(data: bytes) -> None:
    bundle_header.parse("a", data)


def _zstd(data: Iterable[bytes]) -> bytes:
    compress = zstandard.ZstdCompressor(level=1, write_checksum=True).compress
    return b"".join(map(compress, data)) + b"\x50\x2a\x4d\x18\x02\x00\x00\x00ab"


TARGETS = {
    "jsonl": Target(_reads("a.jsonl", True, True), (_LINES, b"\xef\xbb\xbf" + _LINES[:-1], b'{"text":""}'), _WORDS),
    "csv": Target(_reads("a.csv", True, True), (_CSV, b"text\n\n a\r"), ('"', '""', ",", "\r", "\r\n", "\x00")),
    "text": Target(_reads("a.txt", True, True), (b"a river\n\nstone\n", b"\xef\xbb\xbfa\r\n \r\nb"), ("\n\n", "\x00")),
    "warc": Target(
        _reads("a.warc"),
        _WARCS,
        (
            "WARC/1.0\r\n",
            "Content-Length: ",
            "WARC-Type: ",
            "\r\n\r\n",
            "Content-Encoding: gzip",
            "charset=utf-16",
            "-1",
        ),
    ),
    "gzip": Target(_decodes("gz"), (gzip.compress(b"river" * 9, mtime=0) * 2, gzip.compress(b"") + bytes(9))),
    "zstd": Target(_decodes("zst"), (_zstd([b"river" * 9, b"", b"a"]), zstandard.compress(bytes(9000), 19))),
    "parquet": Target(_reads("a.parquet", again=True), (_table("parquet"),), ("PAR1",)),
    "arrow": Target(_reads("a.arrow", again=True), (_table("file"), _table("stream")), ("ARROW1",)),
    "fasttext": Target(_from_file(fasttext_file.read), (_fasttext(),)),
    "npz": Target(
        _from_file(lambda path: npz.read_arrays(path, EXPECTED)), (_npz(),), ("weights.npy", "'descr': '|O'")
    ),
    "header": Target(lambda data: bundle_header.parse("a", data) and None, (json.dumps(_HEADER).encode(),), _WORDS),
    "plan": Target(
        _text(plan.parse), (_PLAN,), ("&a", "*a", "<<: ", "!!python/object:os.system", "? ", "- ", "schema: 1")
    ),
    "condition": Target(
        _text(lambda text: parse_condition(text, SCOPE)),
        (b'hate >= 0.5 and not (source in ["a"] or field.tag matches "a|b")', b"passage.any > precision(0.5)"),
        (
            "hate",
            "policy.",
            "share.",
            "violence/graphic",
            "field.year",
            "matches",
            '"',
            "random",
            "unscored",
            "(((((((",
        ),
    ),
    "inventory": Target(
        _from_file(lambda path: inventory.read(str(path))),
        (_LIST.encode(), b"a" * 64 + b"  b\n", json.dumps({"path": "a", "sha256": "b" * 64}).encode()),
        ('{"run_id"',),
    ),
}
