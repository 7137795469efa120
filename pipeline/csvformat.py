"""CSV and TSV: a header names the columns, quotes may hold delimiters and line ends, a record keeps its exact bytes.

Quoting is that of RFC 4180 for both; Python's `csv` decides where a record ends. The header leads every output. What
cannot be a record costs one record: other fields than the header has, bytes that are not UTF-8, a lone carriage
return. A file that ends inside quotes, or without a line end before its last column, was cut: that is an error of the
shard. A cut inside of the last column, or between records, cannot be seen. A field is named as the header
names it: dots have no meaning here. Every value is a string.
"""

from __future__ import annotations

import codecs
import csv
import hashlib
import io
from collections.abc import Iterator

from tamis.pipeline.decompress import VerifiedStream
from tamis.pipeline.document import NOTHING, Document, Reason, Record, Rejected
from tamis.pipeline.errors import ShardError
from tamis.pipeline.jsonfaults import Fault
from tamis.pipeline.jsonl import rejected
from tamis.pipeline.limits import Limits
from tamis.pipeline.lines import LongLine, split
from tamis.pipeline.plan import Fields
from tamis.pipeline.stream_formats import StreamReader
from tamis.pipeline.text import batched

__all__ = ["CsvReader", "row_of"]

_OPEN_QUOTE = "unexpected end of data"


class _TooLong(Exception):  # noqa: N818 - never leaves this module
    """Interrupts the parser when a record grows beyond the limit."""


class _Feed:
    """Hands lines to the parser and remembers those of the record in progress."""

    def __init__(self, stream: VerifiedStream, limit: int) -> None:
        self.lines: list[bytes] = []
        self.offset = 0
        self.size = 0
        self.long: LongLine | None = None
        self._open = False
        self._source = self._split(stream, limit)
        self._limit = limit

    def _split(self, stream: VerifiedStream, limit: int) -> Iterator[bytes | LongLine]:
        for item in split(stream, limit):
            if isinstance(item, LongLine):
                yield item
            else:
                yield from item.lines

    def start(self) -> None:
        """Begins the next record."""
        self.offset += self.size
        self.lines, self.size, self.long = [], 0, None

    def skip(self) -> str | None:
        """Passes over the rest of a record that is too long, where its quotes are open.

        Returns:
            SHA-256 of the whole record; None where the file ends before its quotes do.
        """
        state = hashlib.sha256(b"".join(self.lines))
        self.lines = []
        if not self._open:
            return state.hexdigest()
        for line in self._source:
            if isinstance(line, LongLine):
                break
            state.update(line)
            self.size += len(line)
            if line.count(b'"') % 2:
                return state.hexdigest()
        return None

    def __iter__(self) -> _Feed:
        return self

    def __next__(self) -> str:
        line = next(self._source)
        if isinstance(line, LongLine):
            self.long = line
            raise _TooLong
        # The parser asks for another line of a record only while its quotes are open.
        self._open = bool(self.lines) != bool(line.count(b'"') % 2)
        self.lines.append(line)
        self.size += len(line)
        if self.size > self._limit:
            # Before the parser sees it: that takes four bytes a character, and copies them when they grow.
            raise _TooLong
        # Bytes that are not UTF-8 travel as lone surrogates, so that the parser sees where the record ends.
        return line.removeprefix(_mark(self.offset, line)).decode("utf-8", "surrogateescape")


def _mark(offset: int, line: bytes) -> bytes:
    return codecs.BOM_UTF8 if offset == 0 and line.startswith(codecs.BOM_UTF8) else b""


def row_of(raw: bytes, delimiter: str) -> list[str]:
    """Returns the fields of a readable record, or of the header, off its bytes."""
    lines = io.StringIO(raw.removeprefix(codecs.BOM_UTF8).decode("utf-8"), newline="")
    return next(csv.reader(lines, delimiter=delimiter, strict=True))


class CsvReader(StreamReader):
    """The records of one shard, in batches; iterate once, to the end.

    Args:
        stream: The shard's bytes; its name is the prefix of synthetic ids.
        delimiter: What separates fields.
        fields: Where the plan says that the fields are.
        limits: Longest record.

    Attributes:
        header: The bytes of the header, its line end included; b"" before the iteration starts.
        delimiter: What separates fields.
    """

    def __init__(self, stream: VerifiedStream, delimiter: str, fields: Fields, limits: Limits | None = None) -> None:
        super().__init__(stream, limits)
        self.header = b""
        self.delimiter = delimiter
        self._fields = fields
        self._limit = self._limits.line // 2
        self._feed = _Feed(stream, self._limit)

    def __iter__(self) -> Iterator[list[Record]]:
        """Yields batches; ShardError where the stream is damaged, cut inside quotes, or has no text column."""
        return batched(self._records())

    def _records(self) -> Iterator[Record]:
        csv.field_size_limit(max(csv.field_size_limit(), self._limit))
        parser = csv.reader(self._feed, delimiter=self.delimiter, strict=True)
        names = self._header(parser)
        while True:
            self._feed.start()
            try:
                row = next(parser)
            except StopIteration:
                return
            except _TooLong:
                yield from self._long()
            except csv.Error as error:
                yield self._broken(str(error))
            else:
                if row or b"".join(self._feed.lines).strip():
                    yield self._record(names, row)
                else:
                    self.blank_lines += 1

    def _header(self, parser: Iterator[list[str]]) -> dict[str, int]:
        """Reads the header and returns the place of each column."""
        try:
            row = next(parser, [])
        except (csv.Error, _TooLong):
            raise ShardError(
                f"{self._stream.name}: the header cannot be read, expected column names in one line: check "
                "quotes, line ends and the delimiter"
            ) from None
        self.header = b"".join(self._feed.lines)
        names = {name: place for place, name in enumerate(row)}
        if len(names) != len(row):
            raise ShardError(f"{self._stream.name}: the header names a column twice: rename one of them")
        if row and self._fields.text not in names:
            # Not named: in a file without a header they are the text of its first document.
            raise ShardError(
                f"{self._stream.name}: no column {self._fields.text} among the {len(row)} of the first line, expected "
                "a header: name the text column in `corpus.fields.text`, check the delimiter, or write a header"
            )
        return names

    def _record(self, names: dict[str, int], row: list[str]) -> Record:
        feed, fields = self._feed, self._fields
        raw, number = b"".join(feed.lines), self._next()
        if fault := _fault(raw, row, len(names)):
            if len(row) < len(names) and not raw.endswith(b"\n"):
                raise self._cut("in the middle of")
            return rejected(raw, feed.offset, number, fault)

        def value(name: str | None) -> str:
            return row[names[name]] if name in names else ""

        extras = {key: row[names[name]] if name in names else None for key, name in fields.extra.items()}
        ident = value(fields.id)
        made = f"{self._stream.name}#{number}"
        return Document(
            ident or made,
            value(fields.text),
            value(fields.source),
            value(fields.url),
            extras or NOTHING,
            raw,
            feed.offset,
            number,
            not ident,
            self.header,
        )

    def _next(self) -> int:
        number, self.records = self.records, self.records + 1
        return number

    def _broken(self, message: str) -> Rejected:
        if message == _OPEN_QUOTE:
            raise self._cut("inside the quotes of")
        fault = (Reason.NUL_BYTE, "") if b"\\0" in self._feed.lines[-1] else (Reason.BAD_ROW, "quotes or line ends")
        return rejected(b"".join(self._feed.lines), self._feed.offset, self._next(), fault)

    def _cut(self, where: str) -> ShardError:
        return ShardError(
            f"{self._stream.name}: cut off: the file ends {where} the record that starts at byte {self._feed.offset}: "
            "fetch or write the shard again, or close the quotes"
        )

    def _long(self) -> Iterator[Rejected]:
        """Rejects a record over the limit; a line that is too long on its own is taken for the end of its record."""
        feed = self._feed
        if feed.long is None:
            if (digest := feed.skip()) is None:
                raise self._cut("inside the quotes of")
            yield self._too_long(feed.size, digest)
            return
        if feed.lines:
            yield self._too_long(feed.size, hashlib.sha256(b"".join(feed.lines)).hexdigest())
            line = feed.long
            feed.start()
            feed.long = line
        feed.size = feed.long.length
        yield self._too_long(feed.size, feed.long.sha256)

    def _too_long(self, size: int, digest: str) -> Rejected:
        detail = f"at most {self._limit} bytes"
        return Rejected(self._next(), self._feed.offset, size, Reason.TOO_LONG, detail, digest, None)


def _fault(raw: bytes, row: list[str], columns: int) -> Fault | None:
    try:
        raw.decode("utf-8")
    except UnicodeDecodeError as error:
        return Reason.INVALID_UTF8, f"byte {error.start}"
    if b"\0" in raw:
        return Reason.NUL_BYTE, f"byte {raw.index(0)}"
    if len(row) != columns:
        return Reason.BAD_ROW, f"expected {columns} fields, found {len(row)}"
    return None
