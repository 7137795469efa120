"""Attributes that Dolma's taggers wrote, read row by row beside the documents that they speak of.

    <root>/<experiment>/<shard>       a JSON line a record: {"id": …, "attributes": {KEY: [[start, end, score], …]}}

KEY is `experiment__tagger__label`, start and end are characters of the text. A row belongs to the record with its
number, and its id must be the document's.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import msgspec

from tamis.pipeline import lines
from tamis.pipeline.decompress import compression_of, open_verified
from tamis.pipeline.document import Document
from tamis.pipeline.errors import ShardError
from tamis.pipeline.formats import open_stored
from tamis.pipeline.limits import Limits

__all__ = ["Rows", "Span", "experiment"]

#: Start and end in characters, score.
Span = tuple[float, float, float]


def experiment(key: str) -> str:
    """Returns the experiment that wrote an attribute: the folder that it lies in."""
    return key.partition("__")[0]


class Rows:
    """The attributes of one shard, from one experiment; the documents must come in order.

    Args:
        root: Folder or URL that has the experiments.
        path: Path of the file under it.
        version: The version that the listing showed.
        keys: The attributes that are asked for.

    Raises:
        ShardError: The file has vanished.
    """

    def __init__(self, root: str, path: str, version: str, keys: Sequence[str]) -> None:
        self._path = path
        self._names = [f"a{k}" for k in range(len(keys))]
        self._decode = msgspec.json.Decoder(_row_type(keys, self._names)).decode
        self._file = open_stored(root, path, version)
        self._lines = enumerate(_lines(open_verified(self._file, compression_of(path), name=path), path))
        self._number, self._line = -1, b""

    def close(self) -> None:
        """Closes the file."""
        self._file.close()

    def prove(self, records: int) -> None:
        """Reads to the end, which proves that the file is whole.

        Args:
            records: Records of the shard.

        Raises:
            ShardError: The file is damaged, or has rows of more records than the shard.
        """
        self._number = max(self._number, max((number for number, _ in self._lines), default=-1))
        if self._number >= records:
            raise ShardError(
                f"{self._path}: {self._number + 1} rows for {records} records: these attributes are of another shard; "
                "run `dolma tag` on this corpus"
            )

    def of(self, document: Document) -> list[list[Span] | None] | None:
        """Returns the spans of a document by attribute, None where the row has no such; None where it has no row.

        Raises:
            ShardError: The row is another document's, or is no row of attributes.
        """
        while self._number < document.number:
            found = next(self._lines, None)
            if found is None:
                return None
            self._number, self._line = found
        row = self._decoded(document.number)
        if row.id != document.id:
            raise ShardError(
                f"{self._path}: row {document.number} has the id {_shown(row.id)}, the document in that place "
                f"{_shown(document.id)}: these attributes are of other documents; run `dolma tag` on this corpus"
            )
        return [self._checked(getattr(row.attributes, name), document) for name in self._names]

    def _decoded(self, number: int) -> Any:
        try:
            row = self._decode(self._line)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            # The message of a wrong value names its place and kind, not the value.
            what = f"row {number} is no row of attributes ({error})"
            raise ShardError(f"{self._path}: {what}; tag the shard anew") from None
        return row if isinstance(row.id, str) else msgspec.structs.replace(row, id=str(row.id))

    def _checked(self, spans: list[Span] | None, document: Document) -> list[Span] | None:
        size = len(document.text)
        for start, end, score in spans or ():
            if not 0 <= score <= 1:
                raise self._wrong(document, f"a value of {score:g}, and a score is from 0 to 1")
            if not 0 <= start <= end <= size:
                raise self._wrong(document, f"the span {start:g} to {end:g}, and the text has {size} characters")
        return spans

    def _wrong(self, document: Document, what: str) -> ShardError:
        where = f"{self._path}: row {document.number}"
        return ShardError(f"{where} has {what}: map another attribute, or tag the shard anew")


def _row_type(keys: Sequence[str], names: Sequence[str]) -> Any:
    """Returns the type of a row, of which only the attributes that are asked for are decoded."""
    fields = [(name, list[Span] | None, None) for name in names]
    rename = dict(zip(names, keys, strict=True))
    attributes = msgspec.defstruct("Attributes", fields, rename=rename)
    return msgspec.defstruct("Row", [("id", str | int), ("attributes", attributes)])


def _lines(blocks: Iterable[bytes], path: str) -> Iterator[bytes]:
    for part in lines.split(blocks, Limits().line):
        if not isinstance(part, lines.Lines):
            raise ShardError(f"{path}: a row is longer than {Limits().line} bytes; tag the shard anew")
        yield from part.lines


def _shown(identity: str) -> str:
    return ascii(identity[:80])
