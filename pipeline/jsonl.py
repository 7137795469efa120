"""JSONL: one JSON object a line; the text and a few fields are decoded, everything else passes through as bytes.

A record is a line that is not blank. Blank lines (white space only) are counted and left out: they are not in the
output, and conservation does not count them. A record that cannot be read is `Rejected` with a reason of a closed
set, and the reading goes on. Two things are errors of the shard, since more than one record was lost:

- the last line has no end and its JSON is not closed: the file was cut before it was compressed, or is being written;
- the last line has no end and holds zero bytes: a file system lost the tail in a crash.

A byte order mark at the start of the shard is passed over, and kept in the bytes of the first record. Of a key that
stands twice the last value counts. An id that is a number becomes its JSON text; one that is missing, null or "" is
made from the shard's path and the record's number, and said to be synthetic.
"""

from __future__ import annotations

import codecs
import hashlib
from collections.abc import Iterator, Sequence
from typing import BinaryIO

import msgspec

from tamis.pipeline import jsoncareful, jsonfaults, jsonscan
from tamis.pipeline.decompress import Compression, VerifiedStream
from tamis.pipeline.document import Document, Reason, Record, Rejected
from tamis.pipeline.errors import ShardError
from tamis.pipeline.jsontype import Layout, Odd, RecordType, rewrite
from tamis.pipeline.limits import Limits
from tamis.pipeline.lines import Lines, LongLine, split
from tamis.pipeline.plan import Fields
from tamis.pipeline.stream_formats import StreamReader, StreamWriter

__all__ = ["BATCH_BYTES", "BATCH_RECORDS", "JsonlReader", "JsonlWriter", "rejected", "too_wide"]

#: Records and stored bytes after which a batch is full. What is read does not depend on where batches end.
BATCH_RECORDS = 1000
BATCH_BYTES = 4 << 20


_SLOW = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError, Odd)


class JsonlReader(StreamReader):
    """The records of one shard, in batches; iterate once, to the end.

    Args:
        stream: The shard's bytes; its name is the prefix of synthetic ids.
        fields: Where the plan says that the fields are.
        limits: Longest line and deepest nesting.
    """

    def __init__(self, stream: VerifiedStream, fields: Fields, limits: Limits | None = None) -> None:
        super().__init__(stream, limits)
        self._layout = Layout.of(fields)
        self._type = RecordType(self._layout)

    def __iter__(self) -> Iterator[list[Record]]:
        """Yields batches of at most `BATCH_RECORDS` records.

        Raises:
            ShardError: The stream is damaged, or its last line was cut.
        """
        batch: list[Record] = []
        size = 0
        for part, stored in self._parts():
            if batch and (len(batch) + len(part) > BATCH_RECORDS or size + stored > BATCH_BYTES):
                yield batch
                batch, size = [], 0
            batch += part
            size += stored
        if batch:
            yield batch

    def _parts(self) -> Iterator[tuple[list[Record], int]]:
        """Yields runs of at most `BATCH_RECORDS` records, with the bytes that they hold."""
        for item in split(self._stream, self._limits.line):
            if isinstance(item, LongLine):
                yield [self._too_long(item)], 0
                continue
            offset = item.offset
            for start in range(0, len(item.lines), BATCH_RECORDS):
                lines = item.lines[start : start + BATCH_RECORDS]
                stored = sum(map(len, lines))
                yield self._decode(item, lines, offset), stored
                offset += stored

    def _decode(self, run: Lines, lines: list[bytes], offset: int) -> list[Record]:
        """Decodes consecutive lines; what the fast way does not take goes the slow way."""
        ascii_only = run.data.isascii()
        nesting = self._limits.nesting
        shallow = jsonscan.brackets(run.bytes) <= nesting
        read = self._type.read
        name, number = self._stream.name, self.records
        found: list[Record] = []
        for raw in lines:
            try:
                # The decoder does not look into the strings that it skips.
                if not ascii_only and not raw.isascii() and jsonscan.utf8_fault(raw) is not None:
                    raise Odd
                if not shallow and jsonscan.too_deep(raw, nesting):
                    raise Odd
                if self._is_wide(raw):
                    raise Odd
                text, ident, source, url, extras = read(raw)
                record: Record | None = Document(
                    ident or f"{name}#{number}", text, source, url, extras, raw, offset, number, not ident
                )
            except _SLOW:
                record = self._slow(raw, offset, number)
            if record is not None:
                found.append(record)
                number += 1
            offset += len(raw)
        self.records = number
        return found

    def _slow(self, raw: bytes, offset: int, number: int) -> Record | None:
        """Reads one record and names what is wrong with it; None = a blank line."""
        body = raw.removeprefix(codecs.BOM_UTF8) if offset == 0 else raw
        if not body.strip(b" \t\r\n"):
            self.blank_lines += 1
            return None
        fault = jsonfaults.find(body, self._limits.nesting)
        if fault is not None:
            self._check_tail(raw)
            return rejected(raw, offset, number, fault)
        if self._is_wide(raw):
            return too_wide(raw, offset, number, self._limits)
        values = jsoncareful.read(body, self._layout)
        if not isinstance(values, jsoncareful.Values):
            return rejected(raw, offset, number, values)
        text, ident, source, url, extras = values
        made = f"{self._stream.name}#{number}"
        return Document(ident or made, text, source, url, extras, raw, offset, number, not ident)

    def _is_wide(self, raw: bytes) -> bool:
        return 4 * len(raw) > self._limits.text < jsonscan.text_size(raw, escaped=True)

    def _too_long(self, line: LongLine) -> Rejected:
        number, self.records = self.records, self.records + 1
        detail = f"at most {self._limits.line} bytes"
        return Rejected(number, line.offset, line.length, Reason.TOO_LONG, detail, line.sha256, None)

    def _check_tail(self, raw: bytes) -> None:
        """Raises where a faulty last line shows that the shard goes on no further than its writer got."""
        if raw.endswith(b"\n"):
            return
        if b"\0" in raw:
            raise ShardError(
                f"{self._stream.name}: the last line ends in zero bytes, expected a JSON object: a file system lost "
                "the tail in a crash; fetch or write the shard again"
            )
        if jsonscan.is_open(raw):
            raise ShardError(
                f"{self._stream.name}: cut off: the last line has no end and its JSON is not closed: the shard was cut "
                "before it was compressed, or is still being written; fetch or write it again"
            )


def rejected(raw: bytes, offset: int, number: int, fault: jsonfaults.Fault) -> Rejected:
    """Makes the entry of a record that cannot be used."""
    return Rejected(number, offset, len(raw), *fault, hashlib.sha256(raw).hexdigest(), raw)


def too_wide(raw: bytes, offset: int, number: int, limits: Limits) -> Rejected:
    """Makes the entry of a record whose text would take more memory than is allowed."""
    return rejected(raw, offset, number, (Reason.TOO_LONG, f"at most {limits.text} bytes in memory"))


class JsonlWriter(StreamWriter):
    """Writes documents back as the lines that they were.

    Args:
        sink: The file.
        compression: How it is compressed.
        fields: Where the plan says that the fields are; a text is replaced there.
    """

    def __init__(self, sink: BinaryIO, compression: Compression, fields: Fields) -> None:
        super().__init__(sink, compression)
        self._text = Layout.of(fields).text
        self._open = False

    def write(self, documents: Sequence[Document], texts: Sequence[str | None] | None = None) -> None:
        """Appends documents; see `tamis.pipeline.formats.Writer`."""
        lines = [document.raw for document in documents]
        for i, text in enumerate(texts or ()):
            if text is not None:
                lines[i] = rewrite(lines[i], self._text, text)
        if not lines:
            return
        if self._open:
            # The last line of another shard, which had no end.
            lines[0] = b"\n" + lines[0]
        self._open = not lines[-1].endswith(b"\n")
        self._bytes.write(lines)
        self.records += len(lines)
