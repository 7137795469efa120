"""What proves that records arrived: their number, and a digest over what they say, in their order.

Records that stay in their format are hashed as the bytes that they are, without the white space around them; rows of
tables, and records that change their format, as JSON with sorted keys, in which 1.0 is 1.
"""

from __future__ import annotations

import codecs
import hashlib
import json
from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

from tamis.pipeline import formats
from tamis.pipeline.columnar_reader import ColumnarReader
from tamis.pipeline.document import Document, Reason, Record, Rejected
from tamis.pipeline.interfaces import Reader
from tamis.pipeline.json_rows import Rows, rows_from
from tamis.pipeline.json_shape import loads
from tamis.pipeline.plan import Fields
from tamis.pipeline.storage import Store

__all__ = ["Proof", "pass_nulls", "passed"]

#: What a run would quarantine, and a reshard that keeps JSON Lines passes on: the line is sound.
_NO_DOCUMENT = frozenset((Reason.TEXT_MISSING, Reason.TEXT_NULL, Reason.TEXT_TYPE, Reason.ID_TYPE, Reason.NUMBER_RANGE))
_EXACT = float(1 << 53)


def passed(record: Record) -> Record:
    """Returns a sound line that is no document of a run as one without a text; any other record as it is."""
    if isinstance(record, Rejected) and record.reason in _NO_DOCUMENT and record.raw is not None:
        return Document("", "", raw=record.raw, offset=record.offset, number=record.number)
    return record


def pass_nulls(reader: Reader) -> None:
    """Lets rows of tables pass that have no text, as sound lines do."""
    if isinstance(reader, ColumnarReader):
        reader.pass_nulls()


class Proof:
    """Counts and hashes records as they pass.

    Args:
        fields: Where the fields are in the records.
        as_json: Whether records are compared as JSON; rows of tables always are.

    Attributes:
        records: Records so far.
    """

    def __init__(self, fields: Fields, as_json: bool) -> None:
        self.records = 0
        self._fields = fields
        self._as_json = as_json
        self._hash = hashlib.sha256()
        self._reader: Reader | None = None
        self._rows: Rows | None = None

    def digest(self) -> str:
        """Returns the digest of the records so far, in hexadecimal."""
        return self._hash.hexdigest()

    def add(self, documents: Sequence[Document], reader: Reader) -> None:
        """Adds documents, of the reader that they come from."""
        if reader is not self._reader:
            as_json = self._as_json or hasattr(reader, "schema")
            self._rows = rows_from(reader, self._fields, "a part") if as_json else None
            self._reader = reader
        contents = map(_bare, documents) if self._rows is None else map(_canonical, self._rows(documents, None))
        for content in contents:
            self._hash.update(hashlib.sha256(content).digest())
        self.records += len(documents)

    def read(self, store: Store, path: str) -> None:
        """Adds every record of a file, to its proven end; ShardError where it is damaged."""
        with store.open_read(path) as file:
            reader = formats.read_shard(file, path, self._fields)
            pass_nulls(reader)
            for batch in reader:
                self.add(_documents(map(passed, batch)), reader)


def _documents(records: Iterable[Record]) -> list[Document]:
    return [record for record in records if isinstance(record, Document)]


def _bare(document: Document) -> bytes:
    return document.raw.removeprefix(codecs.BOM_UTF8).strip(b" \t\r\n")


def _canonical(line: bytes) -> bytes:
    value = _plain(loads(line.decode("utf-8")))
    return json.dumps(value, sort_keys=True, ensure_ascii=False, separators=(",", ":")).encode("utf-8")


def _plain(value: Any) -> Any:
    """Returns a value in which equal numbers are alike."""
    if isinstance(value, float):
        return int(value) if value.is_integer() and abs(value) <= _EXACT else value
    if isinstance(value, msgspec.Raw):
        return {"": bytes(value).decode("ascii")}
    if isinstance(value, dict):
        return {name: _plain(member) for name, member in value.items()}
    return [_plain(item) for item in value] if isinstance(value, list) else value
