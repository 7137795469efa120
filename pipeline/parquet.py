"""Parquet: row groups read one after the other, every column kept with its type, written back with its compression.

A Parquet file is proven by its footer, which is checked first (`parquet_footer`): a file that was cut has none, and
the rows of each row group are counted against it. Pages are verified by their checksums where the writer left any;
pages without one cannot show every flipped bit, and the footer has none. What tamis writes has page checksums.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any, BinaryIO

import pyarrow as pa
from pyarrow import parquet, types

from tamis.pipeline.columnar import BATCH_ROWS, Columns
from tamis.pipeline.columnar_reader import ColumnarReader
from tamis.pipeline.columnar_writer import ColumnarWriter, RowGroups
from tamis.pipeline.document import Record
from tamis.pipeline.errors import ShardError
from tamis.pipeline.hashing import HashingSink
from tamis.pipeline.jsontype import Layout
from tamis.pipeline.limits import Limits
from tamis.pipeline.parquet_footer import Footer, read_footer
from tamis.pipeline.plan import Fields
from tamis.pipeline.splits import PieceFile

__all__ = ["ParquetReader", "ParquetWriter"]


class ParquetReader(ColumnarReader):
    """The rows of one shard, in batches; iterate once, to the end.

    Args:
        raw: The file, seekable, at its start; of a piece, the `PieceFile`.
        name: The shard's path.
        fields: Where the plan says that the fields are.
        limits: Limits on expansion.

    Attributes:
        codecs: Codec of each column, by its path.

    Raises:
        ShardError: The file has no sound footer, or no text column.
    """

    FORMAT = "Parquet"

    def __init__(self, raw: BinaryIO, name: str, fields: Fields, limits: Limits | None = None) -> None:
        super().__init__(raw, name)
        whole: Any = raw.whole if isinstance(raw, PieceFile) else raw
        footer = self._footer(whole, limits or Limits())
        with self._damage():
            whole.seek(0)
            self._file = parquet.ParquetFile(whole, page_checksum_verification=True, pre_buffer=False)
            self.schema = self._file.schema_arrow
            self._columns = Columns(self.schema, Layout.of(fields), name)
        self._rows, self.codecs = footer.rows, footer.codecs
        self._groups = raw.groups if isinstance(raw, PieceFile) else None

    def _footer(self, raw: BinaryIO, limits: Limits) -> Footer:
        try:
            return read_footer(raw, raw.seek(0, os.SEEK_END), limits)
        except ValueError as error:
            raise self._damaged(str(error)) from None

    def __iter__(self) -> Iterator[list[Record]]:
        """Yields batches; ShardError where the shard is damaged."""
        for group in range(len(self._rows)) if self._groups is None else self._groups:
            before, rows = self.records, self._rows[group]
            for batch in self._batches(group):
                with self._damage():
                    found = self._columns.decode(batch)
                yield found
            if self.records - before != rows:
                raise ShardError(
                    f"{self._name}: row group {group} has {self.records - before} rows, the footer says {rows}: "
                    "fetch or write the shard again"
                )
        self._prove()

    def _batches(self, group: int) -> Iterator[Any]:
        return self._checked(self._file.iter_batches(BATCH_ROWS, row_groups=[group], use_threads=False))


class ParquetWriter(ColumnarWriter):
    """Writes rows back with their schema, column by column compressed as they were, with page checksums.

    Args:
        sink: The file.
        fields: Where the plan says that the fields are; a text is replaced there.
        like: The reader of the shard that the rows come from; of Arrow, the compression is zstd. Without one, the
            schema is that of the first row, the compression is zstd, and a file without rows has no columns.
    """

    def __init__(self, sink: BinaryIO, fields: Fields, like: ColumnarReader | None = None) -> None:
        self._codecs: dict[str, str] | str = getattr(like, "codecs", None) or "zstd"
        schema = None if like is None else like.schema
        # Parquet keeps its own types; of Arrow's, lists of fixed size with nulls could be written and not be read.
        super().__init__(sink, fields, schema if isinstance(like, ParquetReader) else schema and _listed(schema))

    def _open(self, sink: HashingSink, schema: Any) -> Any:
        # The names of list items stay what they are.
        options: dict[str, Any] = {"use_compliant_nested_type": False, "write_page_checksum": True}
        try:
            return parquet.ParquetWriter(sink, schema, compression=self._codecs, **options)
        except pa.ArrowNotImplementedError as error:
            raise ShardError(f"a column has a type that Parquet does not: {error}; leave `corpus.write` out") from None

    def _put(self, table: Any) -> None:
        self._writer.write_table(table, row_group_size=RowGroups.ROWS)


def _listed(schema: Any) -> Any:
    """Returns a schema in which lists of a fixed size are lists of any."""
    return pa.schema([field.with_type(_list_of(field.type)) for field in schema], schema.metadata)


def _list_of(kind: Any) -> Any:
    if types.is_fixed_size_list(kind):
        return pa.list_(kind.value_field.with_type(_list_of(kind.value_type)))
    if types.is_struct(kind):
        return pa.struct([field.with_type(_list_of(field.type)) for field in kind])
    return pa.list_(kind.value_field.with_type(_list_of(kind.value_type))) if types.is_list(kind) else kind
