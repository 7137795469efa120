"""What the formats of bytes share (JSONL, text, CSV, WARC): a verified stream in, a writer of bytes out."""

from __future__ import annotations

from typing import Any, BinaryIO

from tamis.pipeline.decompress import Compression, VerifiedStream
from tamis.pipeline.limits import Limits
from tamis.pipeline.writer import ByteWriter

__all__ = ["StreamReader", "StreamWriter"]


class StreamReader:
    """The part of a reader that knows its stream; subclasses say what a record is.

    Args:
        stream: The shard's bytes; its name is the prefix of synthetic ids.
        limits: Longest record and deepest nesting.

    Attributes:
        records: Records read so far, rejected ones included.
        blank_lines: Blank lines passed over so far, where the format has any.
    """

    def __init__(self, stream: VerifiedStream, limits: Limits | None = None) -> None:
        self.records = 0
        self.blank_lines = 0
        self._stream = stream
        self._limits = limits or Limits()

    @property
    def bytes_read(self) -> int:
        """Stored bytes read so far."""
        return self._stream.bytes_read

    @property
    def digest(self) -> str:
        """SHA-256 of the stored bytes, in hexadecimal; ValueError before the end has been proven."""
        return self._stream.digest


class StreamWriter:
    """The part of a writer that knows its file; subclasses say how a document becomes bytes.

    Args:
        sink: The file.
        compression: How it is compressed.

    Attributes:
        records: Documents written so far.
    """

    def __init__(self, sink: BinaryIO, compression: Compression) -> None:
        self.records = 0
        self._bytes: Any = self._opened(sink, compression)

    def _opened(self, sink: BinaryIO, compression: Compression) -> Any:
        """Opens what compresses, counts and hashes."""
        return ByteWriter(sink, compression)

    @property
    def bytes_out(self) -> int:
        """Bytes handed to the file so far."""
        found: int = self._bytes.bytes_out
        return found

    @property
    def digest(self) -> str:
        """SHA-256 of the written file, in hexadecimal; ValueError before its end."""
        found: str = self._bytes.digest
        return found

    def finish(self) -> None:
        """Writes what is left and the end marker; once."""
        self._bytes.finish()
