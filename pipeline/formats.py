"""The table of shard formats: told from the name, or named by the plan's `corpus.format`.

A format is a reader and a writer. The reader turns the stored bytes of a shard into batches of documents and rejected
records, and proves what it read. The writer takes documents of the same format and writes them back untouched. A new
format is one module and one line in `FORMATS`.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from tamis.pipeline import locations, paths, splits
from tamis.pipeline.csvformat import CsvReader
from tamis.pipeline.csvwriter import CsvWriter
from tamis.pipeline.decompress import compression_of, open_verified, uncompressed
from tamis.pipeline.errors import UsageError
from tamis.pipeline.interfaces import Reader, Writer
from tamis.pipeline.jsonl import JsonlReader, JsonlWriter
from tamis.pipeline.limits import Limits
from tamis.pipeline.plan import Corpus, Fields
from tamis.pipeline.rawbytes import open_raw
from tamis.pipeline.text import Mode, TextReader, TextWriter
from tamis.pipeline.warc import WarcReader
from tamis.pipeline.warc_writer import WarcWriter
from tamis.pipeline.wording import nearest

__all__ = [
    "FORMATS",
    "Format",
    "Reader",
    "Writer",
    "format_of",
    "open_shard",
    "open_stored",
    "read_shard",
    "write_shard",
]


_Read = Callable[[BinaryIO, str, Fields, Limits], Reader]
_Write = Callable[[BinaryIO, str, Fields, Reader | None], Writer]


@dataclass(frozen=True, slots=True)
class Format:
    """One line of the table.

    Attributes:
        name: What the plan's `corpus.format` calls it.
        endings: Endings of file names, before that of the compression.
        read: Opens a reader over stored bytes at their start, for a shard's name and the plan's fields.
        write: Opens a writer to an empty file, for the output's name, the plan's fields and the reader that the
            documents come from, where there is one.
    """

    name: str
    endings: tuple[str, ...]
    read: _Read
    write: _Write

    def ending(self, name: str) -> tuple[str, str]:
        """Returns the endings of a name that tell this format and its compression, each "" where it has none."""
        bare = uncompressed(name)
        return next((each for each in self.endings if bare.endswith(each)), ""), name.removeprefix(bare)


def _read_jsonl(raw: BinaryIO, name: str, fields: Fields, limits: Limits) -> Reader:
    return JsonlReader(open_verified(raw, compression_of(name), limits, name), fields, limits)


def _write_jsonl(sink: BinaryIO, name: str, fields: Fields, like: Reader | None) -> Writer:  # noqa: ARG001
    return JsonlWriter(sink, compression_of(name), fields)


def _read_parquet(raw: BinaryIO, name: str, fields: Fields, limits: Limits) -> Reader:
    from tamis.pipeline.parquet import ParquetReader

    return ParquetReader(raw, name, fields, limits)


def _write_parquet(sink: BinaryIO, name: str, fields: Fields, like: Reader | None) -> Writer:  # noqa: ARG001
    from tamis.pipeline.parquet import ParquetReader, ParquetWriter

    return ParquetWriter(sink, fields, like if isinstance(like, ParquetReader) else None)


def _text(mode: Mode) -> tuple[_Read, _Write]:
    def read(raw: BinaryIO, name: str, fields: Fields, limits: Limits) -> Reader:  # noqa: ARG001
        return TextReader(open_verified(raw, compression_of(name), limits, name), mode, limits)

    def write(sink: BinaryIO, name: str, fields: Fields, like: Reader | None) -> Writer:  # noqa: ARG001
        return TextWriter(sink, compression_of(name), mode)

    return read, write


def _delimited(delimiter: str) -> tuple[_Read, _Write]:
    def read(raw: BinaryIO, name: str, fields: Fields, limits: Limits) -> Reader:
        return CsvReader(open_verified(raw, compression_of(name), limits, name), delimiter, fields, limits)

    def write(sink: BinaryIO, name: str, fields: Fields, like: Reader | None) -> Writer:
        source = like if isinstance(like, CsvReader) else None
        return CsvWriter(sink, compression_of(name), delimiter, fields, source)

    return read, write


def _read_warc(raw: BinaryIO, name: str, fields: Fields, limits: Limits) -> Reader:
    compression = compression_of(name)
    # Compressed records have checksums of their own, and some crawlers' digests are of something else.
    return WarcReader(open_verified(raw, compression, limits, name), fields, limits, digests=not compression)


def _write_warc(sink: BinaryIO, name: str, fields: Fields, like: Reader | None) -> Writer:  # noqa: ARG001
    return WarcWriter(sink, compression_of(name), like if isinstance(like, WarcReader) else None)


def _read_arrow(raw: BinaryIO, name: str, fields: Fields, limits: Limits) -> Reader:  # noqa: ARG001
    from tamis.pipeline.arrow import ArrowReader

    return ArrowReader(raw, name, fields)


def _write_arrow(sink: BinaryIO, name: str, fields: Fields, like: Reader | None) -> Writer:  # noqa: ARG001
    from tamis.pipeline.arrow import ArrowReader, ArrowWriter

    return ArrowWriter(sink, fields, like if isinstance(like, ArrowReader) else None)


_TABLE = (
    Format("jsonl", (".jsonl", ".ndjson", ".json"), _read_jsonl, _write_jsonl),
    Format("parquet", (".parquet", ".pq"), _read_parquet, _write_parquet),
    Format("arrow", (".arrow", ".arrows", ".feather", ".ipc"), _read_arrow, _write_arrow),
    Format("warc", (".warc", ".wet", ".arc", ".wat"), _read_warc, _write_warc),
    Format("csv", (".csv",), *_delimited(",")),
    Format("tsv", (".tsv", ".tab"), *_delimited("\t")),
    Format("text", (".txt",), *_text("blocks")),
    Format("text-lines", (), *_text("lines")),
    Format("text-file", (), *_text("file")),
)

#: Every format, by name.
FORMATS = {each.name: each for each in _TABLE}


def format_of(name: str, override: str | None = None) -> Format:
    """Tells the format of a shard.

    Args:
        name: The shard's path.
        override: The plan's `corpus.format`, None = told from the name.

    Raises:
        UsageError: The override is no format, or the name tells none.
    """
    if override is not None:
        if override not in FORMATS:
            raise UsageError(f"`corpus.format: {override}` is not a format{nearest(override, FORMATS)}")
        return FORMATS[override]
    bare = uncompressed(name)
    for each in _TABLE:
        if each.endings and bare.endswith(each.endings):
            return each
    endings = ", ".join(ending for each in _TABLE for ending in each.endings)
    raise UsageError(
        f"{name}: the name tells no format, expected one of {endings} (with .gz or .zst): narrow `corpus.shards`, or "
        "name the format in `corpus.format`"
    )


def read_shard(
    raw: BinaryIO, name: str, fields: Fields, override: str | None = None, limits: Limits | None = None
) -> Reader:
    """Opens a reader over the stored bytes of a shard, which stay the caller's to close."""
    return format_of(name, override).read(raw, name, fields, limits or Limits())


def write_shard(
    sink: BinaryIO, name: str, fields: Fields, override: str | None = None, like: Reader | None = None
) -> Writer:
    """Opens a writer to a file, which stays the caller's to close and to put in place.

    Args:
        sink: The file, empty.
        name: The output's name, which tells format and compression.
        fields: The plan's fields.
        override: The plan's `corpus.format`, None = told from the name.
        like: The reader that the documents come from: columnar formats take their schema from it.
    """
    return format_of(name, override).write(sink, name, fields, like)


@contextlib.contextmanager
def open_shard(corpus: Corpus, path: str, limits: Limits | None = None, version: str | None = None) -> Iterator[Reader]:
    """Opens a shard of a corpus.

    Args:
        corpus: The corpus of a plan.
        path: The shard's path under the corpus root.
        limits: Limits of the reader.
        version: The version that the listing showed; what is read of an object store is exactly that. None = the one
            of now.

    Raises:
        ShardError: The shard has vanished, or is another version.
        UsageError: The path is unsafe, or tells no format.
    """
    with open_stored(corpus.root, path, version) as raw:
        yield read_shard(raw, path, corpus.fields, corpus.format, limits)


def open_stored(root: str, path: str, version: str | None) -> BinaryIO:
    """Opens the stored bytes of a shard; see `open_shard`."""
    location = locations.parse(root)
    if location is None:
        folder = Path(locations.local_folder(root) or root)
        file = paths.under(folder, path)
        piece = None if file.exists() else splits.open_piece(folder, path, version)
        return open_raw(file, version) if piece is None else piece
    from tamis.pipeline.remote_file import open_shard_object

    return open_shard_object(location, paths.safe_relative(path), version)
