"""Hostile records. TAMIS_FUZZ sets how many are tried (10,000 by default)."""

import io
import json
import os
import random
import subprocess
import sys

import pytest

from tamis.pipeline.decompress import open_verified
from tamis.pipeline.document import Document, Reason
from tamis.pipeline.errors import ShardError
from tamis.pipeline.jsonl import JsonlReader, JsonlWriter
from tamis.pipeline.plan import Fields

COUNT = int(os.environ.get("TAMIS_FUZZ", "10000"))
FIELDS = Fields(id="id", text="text", source="source", url="metadata.url", extra={"score": "metadata.score"})

SEEDS = (
    b'{"id": "a-1", "text": "a quiet river", "source": "s", "metadata": {"url": "http://x.org/", "score": 0.5}}',
    b'{"id": 7, "text": "caf\xc3\xa9 \\u00e9 \\ud83d\\ude00 \xf0\x9f\x98\x80", "metadata": null, "n": [{"k": []}]}',
    b'{"text": "", "other": {"text": "not this"}, "t": true}',
    b'  {"metadata": {"score": 1, "url": null}, "text": "a\\n\\"b\\"\\\\", "id": ""}  \r',
)
PARTS = (
    *(b"{", b"}", b"[", b"]", b'"', b":", b",", b"\\", b"\\u", b"\\ud800", b"\\udfff", b"\0", b"\xff", b"\xed\xa0\x80"),
    *(
        b"\xef\xbb\xbf",
        b"\xc0\x80",
        b"NaN",
        b"-Infinity",
        b"1e999",
        b"-0",
        b"null",
        b"true",
        b"\t",
        b" ",
        b"\r",
        b"\x1b[31m",
    ),
    *(b'"text": 5,', b'"text": null,', b'"text": "other",', b'"id": [1],', b'"id": 1.50,', b'"metadata": "x",'),
    *(b"9" * 5000, b"[" * 600, b"[" * 600 + b"]" * 600, b'{"a":' * 600, b"\xe2\x80\xa8", b"\\u0000", b"{}", b"[[{}]]"),
)


def mutated(rng):
    line = bytearray(rng.choice(SEEDS))
    for _ in range(rng.choice((0, 1, 1, 2, 3, 8))):
        at = rng.randrange(len(line) + 1)
        how = rng.randrange(5)
        if how == 0:
            line[at:at] = rng.choice(PARTS)
        elif how == 1:
            line[at : at + rng.randrange(1, 9)] = b""
        elif how == 2 and at < len(line):
            line[at] ^= 1 << rng.randrange(8)
        elif how == 3:
            line[at:at] = line[rng.randrange(len(line) + 1) :][:20]
        else:
            line[at : at + 1] = rng.randbytes(rng.randrange(1, 4))
    return bytes(line).replace(b"\n", b" ") + b"\n"


def is_json(raw):
    """What Python's own decoder takes, strictly."""

    def refuse(word):
        raise ValueError(word)

    try:
        value = json.loads(raw.decode(), parse_constant=refuse, parse_int=str)
        value = json.loads(json.dumps(value, ensure_ascii=False).encode(), parse_int=str)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def test_fuzzed_records_are_documents_or_rejected_with_a_true_reason():
    rng = random.Random(20)
    lines = [mutated(rng) for _ in range(COUNT)]
    data = b"".join(lines)
    reader = JsonlReader(open_verified(io.BytesIO(data), "", name="s"), FIELDS)
    found = [record for batch in reader for record in batch]
    documents = [record for record in found if isinstance(record, Document)]
    blank = [line for line in lines if not line.strip(b" \t\r\n")]
    assert (reader.records, reader.blank_lines) == (len(found), len(blank))
    assert len(found) + len(blank) == COUNT
    assert [record.number for record in found] == list(range(len(found)))
    assert b"".join(record.raw for record in found) == b"".join(line for line in lines if line.strip(b" \t\r\n"))
    for record in found:
        check(record)
    # Both kinds must be there in numbers, or the test has lost its teeth.
    assert min(len(documents), len(found) - len(documents)) > COUNT / 5
    assert written(documents) == b"".join(document.raw for document in documents)


def check(record):
    value = is_json(record.raw.removeprefix(b"\xef\xbb\xbf") if record.offset == 0 else record.raw)
    if isinstance(record, Document):
        assert value is not None
        assert value["text"] == record.text
        record.text.encode()
        assert record.synthetic_id == (record.id == f"s#{record.number}")
        return
    by_value = {Reason.TEXT_MISSING, Reason.TEXT_NULL, Reason.TEXT_TYPE, Reason.ID_TYPE, Reason.NUMBER_RANGE}
    # Deep nesting is valid JSON; so is a lone surrogate in a key or value that Python's encoder then refuses.
    assert (value is not None) == (record.reason in by_value) or record.reason is Reason.TOO_DEEP


def written(documents):
    sink = io.BytesIO()
    writer = JsonlWriter(sink, "gz", FIELDS)
    writer.write(documents)
    writer.finish()
    return b"".join(open_verified(io.BytesIO(sink.getvalue()), "gz"))


def test_fuzzed_shards_end_in_records_or_in_one_clear_error():
    """The same lines without care for line ends: a shard is read whole, or refused with a ShardError."""
    rng = random.Random(21)
    refused = 0
    for _ in range(COUNT // 10):
        data = b"".join(mutated(rng) for _ in range(3))[: rng.randrange(1, 400)]
        try:
            reader = JsonlReader(open_verified(io.BytesIO(data), "", name="s"), FIELDS)
            found = [record for batch in reader for record in batch]
        except ShardError:
            refused += 1
            continue
        assert reader.records == len(found)
    assert 0 < refused < COUNT // 10


BIG = """
import io, sys
from tamis.pipeline.decompress import open_verified
from tamis.pipeline.jsonl import JsonlReader
from tamis.pipeline.plan import Fields

class Huge(io.RawIOBase):
    def __init__(self, head, fill, size, tail):
        self.left, self.pieces, self.fill = size, [head], fill
        self.tail = tail
    def read(self, size=-1):
        if self.pieces:
            return self.pieces.pop()
        if self.left > 0:
            self.left -= 1 << 18
            return self.fill
        self.tail, tail = b"", self.tail
        return tail

good = b'{"text": "a"}\\n'
head, fill, tail = eval(sys.argv[1])
raw = Huge(good + head, (fill * (1 << 18))[:1 << 18], int(sys.argv[2]) << 20, tail + b"\\n" + good)
found = [(type(r).__name__, getattr(r, "reason", "")) for b in JsonlReader(open_verified(raw, ""), Fields()) for r in b]
# Not getrusage: its high-water mark outlives exec, and would be that of the process that runs the tests.
peak = next(int(line.split()[1]) for line in open("/proc/self/status") if line.startswith("VmHWM"))
print(len(found), found[1][1] or "document", peak >> 10)
"""


@pytest.mark.parametrize(
    ("parts", "size", "reason"),
    [
        ((b'{"text": "', b"x", b'"}'), 400, "Reason.TOO_LONG"),
        ((b"", b"[", b""), 400, "Reason.TOO_LONG"),
        ((b"", b"[", b""), 30, "Reason.TOO_DEEP"),
        ((b'{"text": "a", "x": [NaN', b",0", b"]}"), 30, "Reason.NOT_A_NUMBER"),
        ((b'{"text": "a", "x": "', b"\\ud800", b'"}'), 30, "Reason.LONE_SURROGATE"),
        ((b'{"x": [1', b",0", b"]}"), 30, "Reason.TEXT_MISSING"),
        ((b'{"text": {"a": [1', b",{} ", b"]}}"), 30, "Reason.TEXT_TYPE"),
        ((b'{"text": 1', b"0", b"}"), 30, "Reason.TEXT_TYPE"),
        ((b'{"text": "a", "x": 1', b'"', b"}"), 30, "Reason.INVALID_JSON"),
        ((b'{"text": "', b"x", b'\xff"}'), 30, "Reason.INVALID_UTF8"),
        # One character that is four bytes wide makes all of them so.
        ((b'{"text": "', b"x", b'\xf0\x9f\x98\x80"}'), 30, "Reason.TOO_LONG"),
        ((b'{"text": "', b"x", b'\\ud83d\\ude00"}'), 30, "Reason.TOO_LONG"),
        ((b'{"text": "', b"x", b'\xe6\xbc\xa2"}'), 30, "document"),
    ],
    ids=lambda value: str(value)[:30],
)
def test_huge_lines_stay_under_300_mib(parts, size, reason):
    command = [sys.executable, "-c", BIG, repr(parts), str(size)]
    count, found, peak = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()
    assert (int(count), found) == (3, reason)
    assert int(peak) < 300
