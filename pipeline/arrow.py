"""Arrow IPC: the file format (.arrow, Feather) and the stream format (as `datasets` has it), told by the first bytes.

Both show a cut: the one by its footer, the other by its end-of-stream marker, which is demanded here although readers
do without. Neither has checksums: a flipped bit in a text cannot be seen. Every offset and index is checked before a
value is looked at. The output has the input's format and compression.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any, BinaryIO

import pyarrow as pa

from tamis.pipeline.arrow_messages import walk
from tamis.pipeline.columnar import BATCH_ROWS, Columns, check
from tamis.pipeline.columnar_writer import ColumnarWriter
from tamis.pipeline.document import Record
from tamis.pipeline.errors import ShardError
from tamis.pipeline.hashing import HashingSink
from tamis.pipeline.jsontype import Layout
from tamis.pipeline.plan import Fields
from tamis.pipeline.rawbytes import RawBytes

__all__ = ["ArrowReader", "ArrowWriter"]

_MAGIC = b"ARROW1"
_FILE_START = 8  # the magic number, padded
_FAULTS = (pa.ArrowException, OSError, ValueError, OverflowError, MemoryError, NotImplementedError)


class ArrowReader:
    """The rows of one shard, in batches; iterate once, to the end.

    Args:
        raw: The file, seekable, at its start.
        name: The shard's path.
        fields: Where the plan says that the fields are.

    Attributes:
        schema: The shard's Arrow schema, with its metadata.
        stream: Whether it is in the stream format.
        codec: What its buffers are compressed with, None = nothing.

    Raises:
        ShardError: The file is cut or damaged, or has no text column.
    """

    def __init__(self, raw: BinaryIO, name: str, fields: Fields) -> None:
        self._source = RawBytes(raw, name)
        self._source.exhaust()
        self._name = name
        self.stream = raw.read(len(_MAGIC)) != _MAGIC
        self.codec = self._walked(raw)
        raw.seek(0)
        with self._damage():
            self._batches = pa.ipc.open_stream(raw) if self.stream else pa.ipc.open_file(raw)
            self.schema = self._batches.schema
            self._columns = Columns(self.schema, Layout.of(fields), name)
        self._proven = False

    def _walked(self, raw: BinaryIO) -> str | None:
        """Proves the end of the shard and returns its codec."""
        size = self._source.count
        try:
            end, codec = walk(raw, 0 if self.stream else _FILE_START, size)
            raw.seek(max(0, size - len(_MAGIC)))
            if end != size if self.stream else raw.read() != _MAGIC:
                raise ValueError("no end at the end of the file")
        except ValueError as error:
            raise ShardError(
                f"{self._name}: cut or damaged: not sound Arrow IPC ({error}): fetch or write the shard again"
            ) from None
        return codec

    @property
    def records(self) -> int:
        """Rows read so far, rejected ones included."""
        return self._columns.records

    @property
    def bytes_read(self) -> int:
        """Stored bytes."""
        return self._source.count

    @property
    def digest(self) -> str:
        """SHA-256 of the stored bytes, in hexadecimal; ValueError before the end has been proven."""
        if not self._proven:
            raise ValueError(f"{self._name}: the digest is known at the end of the shard only")
        return self._source.digest()

    def __iter__(self) -> Iterator[list[Record]]:
        """Yields batches; ShardError where the shard is damaged."""
        for batch in self._stored():
            for start in range(0, batch.num_rows, BATCH_ROWS):
                with self._damage():
                    found = self._columns.decode(batch.slice(start, BATCH_ROWS))
                yield found
        self._source.check_unchanged()
        self._proven = True

    def _stored(self) -> Iterator[Any]:
        """Yields the batches of the shard, checked."""
        batches = iter(self._batches) if self.stream else self._of_file()
        while True:
            with self._damage():
                batch = next(batches, None)
                if batch is None:
                    return
                check(batch)
            yield batch

    def _of_file(self) -> Iterator[Any]:
        for index in range(self._batches.num_record_batches):
            yield self._batches.get_batch(index)

    @contextlib.contextmanager
    def _damage(self) -> Iterator[None]:
        """Turns what the library raises into an error of the shard, without its message, which may quote data."""
        try:
            yield
        except _FAULTS as error:
            raise ShardError(
                f"{self._name}: cut or damaged: not sound Arrow IPC ({type(error).__name__}): fetch or write the shard "
                "again"
            ) from None


class ArrowWriter(ColumnarWriter):
    """Writes rows back with their schema, in the format and compression of their shard.

    Args:
        sink: The file.
        fields: Where the plan says that the fields are; a text is replaced there.
        like: The reader of the shard that the rows come from. Without one, the schema is that of the first row, and the
            format is that of files, uncompressed.
    """

    def __init__(self, sink: BinaryIO, fields: Fields, like: ArrowReader | None = None) -> None:
        self._stream = like is not None and like.stream
        self._options = pa.ipc.IpcWriteOptions(compression=None if like is None else like.codec)
        super().__init__(sink, fields, None if like is None else like.schema)

    def _open(self, sink: HashingSink, schema: Any) -> Any:
        make = pa.ipc.new_stream if self._stream else pa.ipc.new_file
        return make(sink, schema, options=self._options)

    def _put(self, table: Any) -> None:
        self._writer.write_table(table)
