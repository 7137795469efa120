"""Parquet: row groups read one after the other, every column kept with its type, written back with its compression.

A Parquet file is proven by its footer, which is checked first (`parquet_footer`): a file that was cut has none, and
the rows of each row group are counted against it. Pages are verified by their checksums where the writer left any;
pages without one cannot show every flipped bit, and the footer has none. What tamis writes has page checksums.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any, BinaryIO

import pyarrow as pa
from pyarrow import parquet

from tamis.pipeline.columnar import BATCH_ROWS, Columns, check
from tamis.pipeline.columnar_writer import ColumnarWriter, RowGroups
from tamis.pipeline.document import Record
from tamis.pipeline.errors import ShardError
from tamis.pipeline.hashing import HashingSink
from tamis.pipeline.jsontype import Layout
from tamis.pipeline.limits import Limits
from tamis.pipeline.parquet_footer import Footer, read_footer
from tamis.pipeline.plan import Fields
from tamis.pipeline.rawbytes import RawBytes

__all__ = ["ParquetReader", "ParquetWriter"]

_FAULTS = (pa.ArrowException, OSError, ValueError, OverflowError, MemoryError, NotImplementedError)


class ParquetReader:
    """The rows of one shard, in batches; iterate once, to the end.

    Args:
        raw: The file, seekable, at its start.
        name: The shard's path.
        fields: Where the plan says that the fields are.
        limits: Limits on expansion.

    Attributes:
        schema: The shard's Arrow schema, with its metadata.
        codecs: Codec of each column, by its path.

    Raises:
        ShardError: The file has no sound footer, or no text column.
    """

    def __init__(self, raw: BinaryIO, name: str, fields: Fields, limits: Limits | None = None) -> None:
        self._source = RawBytes(raw, name)
        self._source.exhaust()
        footer = _footer(raw, self._source.count, name, limits or Limits())
        with _damage(name):
            raw.seek(0)
            self._file = parquet.ParquetFile(raw, page_checksum_verification=True, pre_buffer=False)
            self.schema = self._file.schema_arrow
            self._columns = Columns(self.schema, Layout.of(fields), name)
        self._rows, self.codecs = footer.rows, footer.codecs
        self._name = name
        self._proven = False

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
        for group, rows in enumerate(self._rows):
            before = self.records
            for batch in self._batches(group):
                with _damage(self._name):
                    found = self._columns.decode(batch)
                yield found
            if self.records - before != rows:
                raise ShardError(
                    f"{self._name}: row group {group} has {self.records - before} rows, the footer says {rows}: "
                    "fetch or write the shard again"
                )
        self._source.check_unchanged()
        self._proven = True

    def _batches(self, group: int) -> Iterator[Any]:
        batches = self._file.iter_batches(BATCH_ROWS, row_groups=[group], use_threads=False)
        while True:
            with _damage(self._name):
                batch = next(batches, None)
                if batch is None:
                    return
                check(batch)
            yield batch


def _footer(raw: BinaryIO, size: int, name: str, limits: Limits) -> Footer:
    try:
        return read_footer(raw, size, limits)
    except ValueError as error:
        raise ShardError(
            f"{name}: cut or damaged: not a sound Parquet file ({error}): fetch or write the shard again"
        ) from None


@contextlib.contextmanager
def _damage(name: str) -> Iterator[None]:
    """Turns what the decoder raises into an error of the shard; its message may quote data, so it is left out."""
    try:
        yield
    except _FAULTS as error:
        raise ShardError(
            f"{name}: cut or damaged: not a sound Parquet file ({type(error).__name__}): fetch or write the shard again"
        ) from None


class ParquetWriter(ColumnarWriter):
    """Writes rows back with their schema, column by column compressed as they were, with page checksums.

    Args:
        sink: The file.
        fields: Where the plan says that the fields are; a text is replaced there.
        like: The reader of the shard that the rows come from. Without one, the schema is that of the first row, the
            compression is zstd, and a file without rows has no columns.
    """

    def __init__(self, sink: BinaryIO, fields: Fields, like: ParquetReader | None = None) -> None:
        self._codecs: dict[str, str] | str = (like and like.codecs) or "zstd"
        super().__init__(sink, fields, None if like is None else like.schema)

    def _open(self, sink: HashingSink, schema: Any) -> Any:
        return parquet.ParquetWriter(
            sink,
            schema,
            compression=self._codecs,
            # The names of list items stay what they are.
            use_compliant_nested_type=False,
            write_page_checksum=True,
        )

    def _put(self, table: Any) -> None:
        self._writer.write_table(table, row_group_size=RowGroups.ROWS)
