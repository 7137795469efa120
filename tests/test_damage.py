"""Cuts and flipped bits in every format. TAMIS_FUZZ / 100 sets how many of each are tried a format (100 by default).

A cut or a flip must be an error, or change nothing that can be seen: the documents, their order and their bytes. What
a format cannot show is named in `CANNOT_SHOW`, and has to stay true.
"""

import csv
import gzip
import io
import json
import os
import random

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard

from tamis.pipeline import formats
from tamis.pipeline.document import Document
from tamis.pipeline.errors import ShardError
from tamis.pipeline.plan import Fields

COUNT = int(os.environ.get("TAMIS_FUZZ", "10000")) // 100
FIELDS = Fields(source="source", extra={"n": "n"})
WORDS = ["river", "stone", "bread", "lamp", "kite", "\u00e9t\u00e9", "\u6f22\u5b57"]


def rows(count=60):
    rng = random.Random(5)
    for i in range(count):
        text = " ".join(rng.choice(WORDS) for _ in range(rng.randrange(1, 60)))
        yield {"id": f"d{i}", "text": text, "source": rng.choice("abc"), "n": i}


def jsonl():
    return [json.dumps(row).encode() + b"\n" for row in rows()]


def warc():
    for row in rows():
        block = row["text"].encode()
        head = f"WARC/1.0\r\nWARC-Type: conversion\r\nWARC-Record-ID: {row['id']}\r\nContent-Type: text/plain\r\n"
        yield head.encode() + b"Content-Length: %d\r\n\r\n" % len(block) + block + b"\r\n\r\n"


def table():
    return pa.Table.from_pylist(list(rows()))


def parquet():
    sink = io.BytesIO()
    pq.write_table(table(), sink, row_group_size=25, write_page_checksum=True, compression="zstd")
    return sink.getvalue()


def arrow():
    sink = io.BytesIO()
    with pa.ipc.new_stream(sink, table().schema) as writer:
        writer.write_table(table(), 25)
    return sink.getvalue()


def delimited():
    sink = io.StringIO(newline="")
    writer = csv.DictWriter(sink, ["id", "text", "source", "n"], quoting=csv.QUOTE_ALL)
    writer.writeheader()
    writer.writerows(rows())
    return sink.getvalue().encode()


def frames(parts, size=20):
    compress = zstandard.ZstdCompressor(write_checksum=True).compress
    parts = list(parts)
    return b"".join(compress(b"".join(parts[i : i + size])) for i in range(0, len(parts), size))


SHARDS = {
    "a.jsonl.gz": gzip.compress(b"".join(jsonl()), mtime=0),
    "a.jsonl.zst": frames(jsonl()),
    "a.wet.gz": b"".join(gzip.compress(part, mtime=0) for part in warc()),
    "a.parquet": parquet(),
    "a.csv.gz": gzip.compress(delimited(), mtime=0),
    "a.txt.zst": frames(part + b"\n" for part in jsonl()),
    "a.jsonl": b"".join(jsonl()),
    "a.arrow": arrow(),
}
#: Damage that is invisible: a cut between members, frames or lines; a flip where there is no checksum.
CUT_CANNOT_SHOW = {"a.jsonl.zst", "a.wet.gz", "a.txt.zst", "a.jsonl"}
FLIP_CANNOT_SHOW = {"a.jsonl", "a.arrow"}


def read(name, data):
    """(id, text, extras) of every document; the footer of Parquet is left out, as it has no checksum."""
    found = []
    for batch in formats.read_shard(io.BytesIO(data), name, FIELDS):
        found += [(r.id, r.text, r.source, str(r.extras)) if isinstance(r, Document) else r.reason for r in batch]
    return found


@pytest.mark.parametrize("name", SHARDS)
def test_cuts(name):
    data = SHARDS[name]
    whole = read(name, data)
    assert len(whole) == 60
    rng, errors = random.Random(6), 0
    for _ in range(COUNT):
        size = rng.randrange(len(data))
        try:
            found = read(name, data[:size])
        except ShardError:
            errors += 1
        else:
            assert name in CUT_CANNOT_SHOW
            assert found == whole[: len(found)]
    assert errors >= (0.9 * COUNT if name in CUT_CANNOT_SHOW else COUNT)


@pytest.mark.parametrize("name", SHARDS)
def test_flips(name):
    data = SHARDS[name]
    whole = read(name, data)
    stop = len(data)
    if name == "a.parquet":
        stop -= 8 + int.from_bytes(data[-8:-4], "little")
    rng, errors = random.Random(7), 0
    for _ in range(COUNT):
        flipped = bytearray(data)
        flipped[rng.randrange(stop)] ^= 1 << rng.randrange(8)
        try:
            found = read(name, bytes(flipped))
        except ShardError:
            errors += 1
        else:
            assert found == whole or name in FLIP_CANNOT_SHOW
    assert errors > 0.6 * COUNT or name in FLIP_CANNOT_SHOW
