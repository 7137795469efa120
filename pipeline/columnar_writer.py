"""Documents back into Arrow record batches, untouched: what the writers of Parquet and Arrow IPC share."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, BinaryIO

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import types

from tamis.pipeline.columnar import is_text, plain_schema, taken
from tamis.pipeline.document import Document
from tamis.pipeline.hashing import HashingSink
from tamis.pipeline.jsontype import Layout, Path
from tamis.pipeline.plan import Fields
from tamis.pipeline.recast import recast_batch, recast_table

__all__ = ["ColumnarWriter", "RowGroups"]


class RowGroups:
    """Collects rows into groups whose limits depend on the rows alone, not on how they came.

    Args:
        schema: The rows' schema.

    Attributes:
        schema: As given.
    """

    ROWS = 10_000
    BYTES = 64 << 20

    def __init__(self, schema: Any) -> None:
        self.schema = schema
        self._parts: list[Any] = []
        self._rows = 0
        self._bytes = 0

    def add(self, batch: Any) -> Iterator[Any]:
        """Adds rows and yields the groups that they fill, as tables."""
        start = 0
        for index, size in enumerate(_row_bytes(batch)):
            self._rows += 1
            self._bytes += size
            if self._rows >= self.ROWS or self._bytes >= self.BYTES:
                self._parts.append(_part(batch, start, index + 1))
                start = index + 1
                yield self.rest()
        if start < batch.num_rows:
            self._parts.append(_part(batch, start, batch.num_rows))

    def rest(self) -> Any:
        """Returns the rows that are waiting, as a table."""
        table = pa.Table.from_batches(self._parts, self.schema).combine_chunks()
        self._parts, self._rows, self._bytes = [], 0, 0
        return table


def _part(batch: Any, start: int, stop: int) -> Any:
    """Returns some rows of a batch, without the buffers of the others."""
    return batch if stop - start == batch.num_rows else batch.take(pa.array(range(start, stop)))


def _row_bytes(batch: Any) -> list[int]:
    """Returns the size of each row's strings and binaries; what is nested is not looked into."""
    total = np.full(batch.num_rows, 8 * batch.num_columns, np.int64)
    for column in batch.columns:
        if is_text(column.type) and not types.is_dictionary(column.type):
            total += pc.fill_null(pc.binary_length(column), 0).to_numpy(zero_copy_only=False)
    sizes: list[int] = total.tolist()
    return sizes


class ColumnarWriter:
    """Writes rows back with their schema; subclasses say how a table reaches the file.

    Args:
        sink: The file.
        fields: Where the plan says that the fields are; a text is replaced there.
        schema: The schema of the shard that the rows come from, None = that of the first row.

    Attributes:
        records: Rows written so far.
    """

    def __init__(self, sink: BinaryIO, fields: Fields, schema: Any) -> None:
        self.records = 0
        self._sink = HashingSink(sink)
        self._text = Layout.of(fields).text
        self._writer: Any = None
        if schema is not None:
            self._start(schema)

    def _start(self, schema: Any) -> None:
        self._schema = schema
        self._groups = RowGroups(plain_schema(schema))
        self._writer = self._open(self._sink, schema)

    def _open(self, sink: HashingSink, schema: Any) -> Any:
        """Opens the library's writer; it has a `close`."""
        raise NotImplementedError

    def _put(self, table: Any) -> None:
        """Writes a group of rows."""
        raise NotImplementedError

    @property
    def bytes_out(self) -> int:
        """Bytes handed to the file so far."""
        return self._sink.count

    @property
    def digest(self) -> str:
        """SHA-256 of the written file, in hexadecimal; ValueError before its end."""
        return self._sink.digest

    def write(self, documents: Sequence[Document], texts: Sequence[str | None] | None = None) -> None:
        """Appends documents; see `tamis.pipeline.formats.Writer`."""
        start = 0
        for batch in taken(documents):
            count = batch.num_rows
            part = texts[start : start + count] if texts else ()
            start += count
            if self._writer is None:
                self._start(documents[start - count].row.batch.schema)
            changed = _rewritten(batch, self._text, part) if any(text is not None for text in part) else batch
            for table in self._groups.add(recast_batch(changed, self._groups.schema)):
                self._put(recast_table(table, self._schema))
            self.records += count

    def finish(self) -> None:
        """Writes what is left and the end of the file; once."""
        if self._writer is None:
            self._start(pa.schema([]))
        if (table := self._groups.rest()).num_rows:
            self._put(recast_table(table, self._schema))
        self._writer.close()
        self._sink.finish()


def _rewritten(batch: Any, path: Path, texts: Sequence[str | None]) -> Any:
    """Replaces texts of a batch where they are not None; every other value keeps its bits."""
    index = batch.schema.get_field_index(path[0])
    column = _replaced(batch.column(index), path[1:], texts)
    return batch.set_column(index, batch.schema.field(index), column)


def _replaced(array: Any, path: Path, texts: Sequence[str | None]) -> Any:
    if path:
        kind = array.type
        place = kind.get_field_index(path[0])
        children = [array.field(i) for i in range(kind.num_fields)]
        children[place] = _replaced(children[place], path[1:], texts)
        return pa.StructArray.from_arrays(children, fields=list(kind), mask=array.is_null())
    plain = array.dictionary_decode() if types.is_dictionary(array.type) else array
    keep = pa.array([text is None for text in texts])
    changed = pc.if_else(keep, plain, pa.array(texts, plain.type))
    return changed.dictionary_encode().cast(array.type) if types.is_dictionary(array.type) else changed
