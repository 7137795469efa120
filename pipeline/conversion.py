"""Conversion: what is kept, written in another format than it came in, without losing a field or changing a value.

JSON Lines and Parquet convert into one another, and back to the same JSON values; everything else converts into both.
Parquet needs the types of all rows before its first: the rows wait as compressed JSON in a temporary file that has no
name, so a shard of any size takes little memory.
"""

from __future__ import annotations

import tempfile
import weakref
from collections.abc import Iterator, Sequence
from typing import Any, BinaryIO, cast

from tamis.pipeline import formats, json_rows
from tamis.pipeline.decompress import Compression, compression_of, open_verified
from tamis.pipeline.document import Document
from tamis.pipeline.errors import ShardError
from tamis.pipeline.hashing import HashingSink
from tamis.pipeline.interfaces import Reader, Writer
from tamis.pipeline.json_rows import Rows
from tamis.pipeline.json_shape import Column, Shape, TooWide, loads
from tamis.pipeline.jsonl import JsonlReader, JsonlWriter
from tamis.pipeline.jsontype import Layout, Path
from tamis.pipeline.limits import Limits
from tamis.pipeline.lines import Lines, split
from tamis.pipeline.plan import Corpus, Fields
from tamis.pipeline.stream_formats import StreamWriter
from tamis.pipeline.targets import TARGETS, Target
from tamis.pipeline.text import TextReader
from tamis.pipeline.warc import WarcReader
from tamis.pipeline.writer import ByteWriter

__all__ = ["open_writer", "read_written", "written_name"]

#: What was written here a moment ago is no bomb, however well it compressed.
_OWN = Limits(ratio=1 << 40)
_GROUP_ROWS, _GROUP_BYTES = 10_000, 32 << 20


def written_name(corpus: Corpus, shard: str) -> str:
    """Returns what the documents of a shard are called: its own path, with another ending where they are converted."""
    target = _target(corpus, shard)
    if target is None:
        return shard
    endings = formats.format_of(shard, corpus.format).ending(shard)
    return f"{shard.removesuffix(''.join(endings))}.{target.name}"


def open_writer(sink: BinaryIO, corpus: Corpus, shard: str, like: Reader | None) -> Writer:
    """Opens a writer of a shard's documents, in its own format or that which `corpus.write` names.

    Args:
        sink: The file, empty.
        corpus: The plan's corpus.
        shard: The shard's path.
        like: The reader that the documents come from; a conversion needs it.
    """
    target = _target(corpus, shard)
    if target is None:
        return formats.write_shard(sink, shard, corpus.fields, corpus.format, like)
    assert like is not None
    return convert(sink, target, corpus.fields, shard, like)


def convert(sink: BinaryIO, target: Target, fields: Fields, shard: str, like: Reader) -> Writer:
    """Opens a writer to a target; see `open_writer`."""
    if target.format == "parquet" and hasattr(like, "schema"):
        from tamis.pipeline.parquet import ParquetWriter

        return ParquetWriter(sink, fields, cast(Any, like))
    if target.format == "jsonl" and isinstance(like, JsonlReader):
        return JsonlWriter(sink, cast(Compression, target.compression), fields)
    rows = json_rows.rows_from(like, fields, shard)
    if target.format == "parquet":
        return _ParquetWriter(sink, rows, Layout.of(json_rows.fields_of(_kind(like), fields)), shard)
    return _JsonWriter(sink, cast(Compression, target.compression), rows)


def read_written(raw: BinaryIO, corpus: Corpus, shard: str) -> Reader:
    """Opens a reader over the documents that were written of a shard."""
    target = _target(corpus, shard)
    if target is None:
        return formats.read_shard(raw, shard, corpus.fields, corpus.format)
    fields = json_rows.fields_of(formats.format_of(shard, corpus.format).name, corpus.fields)
    return formats.read_shard(raw, written_name(corpus, shard), fields)


def _target(corpus: Corpus, shard: str) -> Target | None:
    """Returns what a shard is converted to, None where it stays what it is."""
    if corpus.write is None:
        return None
    target = TARGETS[corpus.write]
    found = formats.format_of(shard, corpus.format).name
    # The compression of Parquet is its own, whatever the name ends in.
    return None if target.keeps(found, "" if found == "parquet" else compression_of(shard)) else target


def _kind(reader: Reader) -> str:
    return "warc" if isinstance(reader, WarcReader) else "text" if isinstance(reader, TextReader) else ""


class _JsonWriter(StreamWriter):
    """Writes documents as JSON Lines."""

    def __init__(self, sink: BinaryIO, compression: Compression, rows: Rows) -> None:
        super().__init__(sink, compression)
        self._rows = rows

    def write(self, documents: Sequence[Document], texts: Sequence[str | None] | None = None) -> None:
        """Appends documents; see `tamis.pipeline.formats.Writer`."""
        self._bytes.write(line + b"\n" for line in self._rows(documents, texts))
        self.records += len(documents)


class _ParquetWriter:
    """Writes JSON objects as Parquet, once the types of all of them are known.

    Args:
        sink: The file.
        rows: Makes JSON of documents.
        layout: Where the text is in that.
        shard: The shard's path, for errors.
    """

    def __init__(self, sink: BinaryIO, rows: Rows, layout: Layout, shard: str) -> None:
        self.records = 0
        self._sink = HashingSink(sink)
        self._rows, self._layout, self._shard = rows, layout, shard
        self._shape = Shape()
        self._file: BinaryIO = tempfile.TemporaryFile()  # noqa: SIM115 - closed when the writer is done or given up
        weakref.finalize(self, self._file.close)
        self._spool = ByteWriter(self._file, "zst")

    @property
    def bytes_out(self) -> int:
        """Bytes of the file; before it is finished, of the rows that wait."""
        return self._sink.count or self._spool.bytes_out

    @property
    def digest(self) -> str:
        """SHA-256 of the written file, in hexadecimal; ValueError before its end."""
        return self._sink.digest

    def write(self, documents: Sequence[Document], texts: Sequence[str | None] | None = None) -> None:
        """Appends documents; see `tamis.pipeline.formats.Writer`."""
        for line in self._rows(documents, texts):
            try:
                self._shape.add(loads(line.decode("utf-8")))
            except TooWide:
                raise self._no_table("its records have more than 4096 fields between them") from None
            self._spool.write((line + b"\n",))
        self.records += len(documents)

    def finish(self) -> None:
        """Writes the file; once."""
        from pyarrow import parquet

        from tamis.pipeline.json_columns import batch_of, schema_of

        column = self._column()
        schema = schema_of(column)
        self._spool.finish()
        with (
            self._file,
            parquet.ParquetWriter(self._sink, schema, compression="zstd", write_page_checksum=True) as writer,
        ):
            for group in self._groups():
                writer.write_batch(batch_of(group, column, schema), row_group_size=_GROUP_ROWS)
        self._sink.finish()

    def _column(self) -> Column:
        column = self._shape.column() if self._shape.seen else _empty((self._layout.id, self._layout.text))
        found: Column | None = column
        for part in self._layout.text:
            found = None if found is None else found.members.get(part)
        if found is None or found.kind != "string":
            raise self._no_table("its texts lie in objects that are too wide, or too deep, for columns")
        return column

    def _groups(self) -> Iterator[list[dict[str, Any]]]:
        self._file.seek(0)
        rows: list[dict[str, Any]] = []
        size = 0
        for part in split(open_verified(self._file, "zst", _OWN, "the rows that wait"), 1 << 31):
            assert isinstance(part, Lines)
            for line in part.lines:
                rows.append(loads(line.decode("utf-8")))
                size += len(line)
                if len(rows) >= _GROUP_ROWS or size >= _GROUP_BYTES:
                    yield rows
                    rows, size = [], 0
        if rows:
            yield rows

    def _no_table(self, why: str) -> ShardError:
        return ShardError(f"{self._shard}: {why}: it is no table; write it as JSON Lines (`corpus.write: jsonl.zst`)")


def _empty(paths: Sequence[Path]) -> Column:
    """Returns the type of a shard of which nothing is kept: the fields that a reader asks for."""
    root = Column("struct")
    for path in paths:
        members = root.members
        for part in path[:-1]:
            members = members.setdefault(part, Column("struct")).members
        members.setdefault(path[-1], Column("string"))
    return root
