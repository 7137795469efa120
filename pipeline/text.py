"""Plain text: documents are blocks between blank lines, single lines, or the whole file.

- `text` (told from .txt): a document is a run of lines up to the next blank line, as in corpora of a sentence or a
  paragraph a line. A file without a blank line is one document.
- `text-lines`: a document is a line that is not blank; blank lines are left out.
- `text-file`: the file is one document.

The bytes of a document are kept with the lines that separate it from the next. Ids are synthetic: shard and number.
Plain text cannot show that it was cut; what can be shown is a tail of zero bytes, as a file system leaves it.
"""

from __future__ import annotations

import codecs
import hashlib
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import BinaryIO, Literal

from tamis.pipeline.decompress import Compression, VerifiedStream
from tamis.pipeline.document import NOTHING, Document, Reason, Record, Rejected
from tamis.pipeline.errors import ShardError
from tamis.pipeline.jsonl import BATCH_BYTES, BATCH_RECORDS, rejected, too_wide
from tamis.pipeline.jsonscan import text_size, utf8_fault
from tamis.pipeline.limits import Limits
from tamis.pipeline.lines import LongLine, split
from tamis.pipeline.stream_formats import StreamReader, StreamWriter

__all__ = ["Mode", "TextReader", "TextWriter", "batched", "content"]

Mode = Literal["blocks", "lines", "file"]

_BLANK = b" \t\r\n\f\v"


class TextReader(StreamReader):
    """The documents of one shard, in batches; iterate once, to the end.

    Args:
        stream: The shard's bytes; its name is the prefix of ids.
        mode: What a document is.
        limits: Longest document.
    """

    def __init__(self, stream: VerifiedStream, mode: Mode, limits: Limits | None = None) -> None:
        super().__init__(stream, limits)
        self._mode: Mode = mode
        self._limit = self._limits.line

    def __iter__(self) -> Iterator[list[Record]]:
        """Yields batches; ShardError where the stream is damaged or ends in zero bytes."""
        pieces = {"blocks": self._blocks, "lines": self._lines, "file": self._file}[self._mode]
        return batched(self._record(piece) for piece in pieces())

    def _lines(self) -> Iterator[_Piece]:
        for offset, line in self._split():
            if isinstance(line, LongLine):
                yield _Piece.of(line)
            elif not _blank(line):
                yield _Piece(offset, line)
            else:
                self.blank_lines += 1

    def _blocks(self) -> Iterator[_Piece]:
        piece, separated = _Piece(0), False
        for offset, line in self._split():
            if isinstance(line, LongLine) or (separated and not _blank(line)):
                if piece.solid:
                    yield piece
                piece, separated = _Piece(offset), False
            if isinstance(line, LongLine):
                yield _Piece.of(line)
                piece = _Piece(offset + line.length)
                continue
            piece.add(line, self._limit)
            separated = piece.solid and _blank(line)
        if piece.solid:
            yield piece

    def _file(self) -> Iterator[_Piece]:
        piece = _Piece(0)
        for block in self._stream:
            piece.add(block, self._limit)
        if piece.solid:
            yield piece

    def _split(self) -> Iterator[tuple[int, bytes | LongLine]]:
        for item in split(self._stream, self._limit):
            if isinstance(item, LongLine):
                yield item.offset, item
                continue
            offset = item.offset
            for line in item.lines:
                yield offset, line
                offset += len(line)

    def _record(self, piece: _Piece) -> Record:
        number, self.records = self.records, self.records + 1
        if piece.sha256 is not None:
            detail = f"at most {self._limit} bytes"
            return Rejected(number, piece.offset, piece.length, Reason.TOO_LONG, detail, piece.sha256, None)
        raw = b"".join(piece.parts)
        start, stop = content(raw, piece.offset)
        if (place := utf8_fault(raw)) is not None:
            return rejected(raw, piece.offset, number, (Reason.INVALID_UTF8, f"byte {place}"))
        if b"\0" in raw:
            self._check_tail(raw)
            return rejected(raw, piece.offset, number, (Reason.NUL_BYTE, f"byte {raw.index(0)}"))
        if 4 * len(raw) > self._limits.text < text_size(raw):
            return too_wide(raw, piece.offset, number, self._limits)
        text = raw[start:stop].decode("utf-8")
        return Document(f"{self._stream.name}#{number}", text, "", "", NOTHING, raw, piece.offset, number, True)

    def _check_tail(self, raw: bytes) -> None:
        if raw.endswith(b"\0"):
            raise ShardError(
                f"{self._stream.name}: ends in zero bytes, expected text: a file system lost the tail in a crash; "
                "fetch or write the shard again"
            )


def _blank(line: bytes) -> bool:
    """Tells a line of white space; a byte order mark is one more space of no width."""
    return not line.removeprefix(codecs.BOM_UTF8).strip(_BLANK)


class _Piece:
    """The lines of a document; only their hash once they are too long."""

    def __init__(self, offset: int, line: bytes = b"") -> None:
        self.offset = offset
        self.parts = [line]
        self.length = len(line)
        self.solid = bool(line)
        self._hash: hashlib._Hash | None = None
        self._known: str | None = None

    @classmethod
    def of(cls, line: LongLine) -> _Piece:
        """Makes the piece of a line that was too long on its own."""
        piece = cls(line.offset)
        piece.length, piece.solid, piece._known = line.length, True, line.sha256
        return piece

    def add(self, part: bytes, limit: int) -> None:
        self.length += len(part)
        self.solid = self.solid or not _blank(part)
        self.parts.append(part)
        if self._hash is None and self.length > limit:
            self._hash = hashlib.sha256()
        if self._hash is not None:
            for each in self.parts:
                self._hash.update(each)
            self.parts.clear()

    @property
    def sha256(self) -> str | None:
        """SHA-256 of a document that is too long, None where it is not."""
        return self._known if self._hash is None else self._hash.hexdigest()


def content(raw: bytes, offset: int) -> tuple[int, int]:
    """Returns where the text of a document starts and stops in its bytes.

    A byte order mark at the start of the shard, blank lines around the text and its last line end are no part of it.
    """
    mark = len(codecs.BOM_UTF8) if offset == 0 and raw.startswith(codecs.BOM_UTF8) else 0
    first = len(raw) - len(raw[mark:].lstrip(_BLANK))
    start = max(raw.rfind(b"\n", mark, first) + 1, mark)
    return start, max(start, len(raw[start:].rstrip(_BLANK)) + start)


def batched(records: Iterable[Record]) -> Iterator[list[Record]]:
    """Puts records into batches of at most `BATCH_RECORDS` and about `BATCH_BYTES`."""
    batch: list[Record] = []
    size = 0
    for record in records:
        batch.append(record)
        size += len(record.raw or b"")
        if len(batch) >= BATCH_RECORDS or size >= BATCH_BYTES:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


class TextWriter(StreamWriter):
    """Writes documents back with the lines that separate them.

    Args:
        sink: The file.
        compression: How it is compressed.
        mode: What a document is.
    """

    def __init__(self, sink: BinaryIO, compression: Compression, mode: Mode) -> None:
        super().__init__(sink, compression)
        self._mode = mode
        self._apart = 2 if mode == "blocks" else 1
        self._missing = 0

    def write(self, documents: Sequence[Document], texts: Sequence[str | None] | None = None) -> None:
        """Appends documents; see `tamis.pipeline.formats.Writer`."""
        for i, document in enumerate(documents):
            raw, text = document.raw, texts[i] if texts else None
            if text is not None:
                start, stop = content(raw, document.offset)
                raw = raw[:start] + self._fitting(document, text) + raw[stop:]
            # Only the last document of another shard lacks the lines that keep the next one apart.
            self._bytes.write((b"\n" * self._missing, raw))
            self._missing = max(0, self._apart - raw[len(raw.rstrip(_BLANK)) :].count(b"\n"))
            self.records += 1

    def _fitting(self, document: Document, text: str) -> bytes:
        """Encodes a new text so that it stays one document: without what separates documents."""
        separator = {"blocks": r"\n\s*\n", "lines": r"\s*\n\s*", "file": r"(?!)"}[self._mode]
        fitting = re.sub(separator, "\n" if self._mode == "blocks" else " ", text).strip()
        if not fitting:
            raise ShardError(
                f"{document.id}: nothing is left of its text, and plain text has no empty documents: drop such "
                "documents instead, or keep the corpus in JSONL"
            )
        return fitting.encode("utf-8")
