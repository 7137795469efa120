"""Arrow IPC: the file format (.arrow, Feather) and the stream format (as `datasets` has it), told by the first bytes.

Both show a cut: the one by its footer, the other by its end-of-stream marker, which is demanded here although readers
do without. Neither has checksums: a flipped bit in a text cannot be seen. Every offset and index is checked before a
value is looked at. The output has the input's format and compression.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, BinaryIO

import pyarrow as pa

from tamis.pipeline.arrow_messages import walk
from tamis.pipeline.columnar import BATCH_ROWS, Columns
from tamis.pipeline.columnar_reader import ColumnarReader
from tamis.pipeline.columnar_writer import ColumnarWriter
from tamis.pipeline.document import Record
from tamis.pipeline.hashing import HashingSink
from tamis.pipeline.jsontype import Layout
from tamis.pipeline.plan import Fields

__all__ = ["ArrowReader", "ArrowWriter"]

_MAGIC = b"ARROW1"
_FILE_START = 8  # the magic number, padded


class ArrowReader(ColumnarReader):
    """The rows of one shard, in batches; iterate once, to the end.

    Args:
        raw: The file, seekable, at its start.
        name: The shard's path.
        fields: Where the plan says that the fields are.

    Attributes:
        stream: Whether it is in the stream format.
        codec: What its buffers are compressed with, None = nothing.

    Raises:
        ShardError: The file is cut or damaged, or has no text column.
    """

    FORMAT = "Arrow IPC"

    def __init__(self, raw: BinaryIO, name: str, fields: Fields) -> None:
        super().__init__(raw, name)
        self.stream = raw.read(len(_MAGIC)) != _MAGIC
        self.codec = self._walked(raw)
        raw.seek(0)
        with self._damage():
            self._batches = pa.ipc.open_stream(raw) if self.stream else pa.ipc.open_file(raw)
            self.schema = self._batches.schema
            self._columns = Columns(self.schema, Layout.of(fields), name)

    def _walked(self, raw: BinaryIO) -> str | None:
        """Proves the end of the shard and returns its codec."""
        size = self._source.count
        try:
            end, codec = walk(raw, 0 if self.stream else _FILE_START, size)
            raw.seek(max(0, size - len(_MAGIC)))
            if end != size if self.stream else raw.read() != _MAGIC:
                raise ValueError("no end at the end of the file")
        except ValueError as error:
            raise self._damaged(str(error)) from None
        return codec

    def __iter__(self) -> Iterator[list[Record]]:
        """Yields batches; ShardError where the shard is damaged."""
        for batch in self._stored():
            for start in range(0, batch.num_rows, BATCH_ROWS):
                with self._damage():
                    found = self._columns.decode(batch.slice(start, BATCH_ROWS))
                yield found
        self._prove()

    def _stored(self) -> Iterator[Any]:
        """Yields the batches of the shard, checked."""
        batches = iter(self._batches) if self.stream else self._of_file()
        return self._checked(batches)

    def _of_file(self) -> Iterator[Any]:
        for index in range(self._batches.num_record_batches):
            yield self._batches.get_batch(index)


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
