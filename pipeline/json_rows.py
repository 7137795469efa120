"""Documents of any format as JSON objects, every field of them: what a conversion writes.

JSON Lines stay the lines that they are; rows of Parquet and Arrow keep every column (`arrow_json`); CSV gives strings
under the names of its header; plain text gives `id` and `text`; a web page gives `id`, `text`, `url`, `date`, `digest`
and all fields of its record's header under `headers`. The page itself is not kept, its text is.
"""

from __future__ import annotations

import codecs
import functools
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec

from tamis.pipeline.csvformat import CsvReader, row_of
from tamis.pipeline.document import Document
from tamis.pipeline.errors import ShardError, UsageError
from tamis.pipeline.interfaces import Reader
from tamis.pipeline.jsonl import JsonlReader
from tamis.pipeline.jsontype import Layout, Path, rewrite
from tamis.pipeline.plan import Fields
from tamis.pipeline.warc import NAMES, WarcReader
from tamis.pipeline.warc_records import records

__all__ = ["Rows", "fields_of", "rows_from"]

#: Documents and the texts that replace theirs, into one JSON object each, on one line without an end.
Rows = Callable[[Sequence[Document], Sequence[str | None] | None], list[bytes]]

_encode = msgspec.json.Encoder().encode


def rows_from(reader: Reader, fields: Fields, name: str) -> Rows:
    """Returns what turns documents of a reader into JSON.

    Args:
        reader: The reader of the shard that they come from.
        fields: Where the plan says that the fields are.
        name: The shard's path, for errors.

    Raises:
        ShardError: A column has no JSON form.
        UsageError: A column of a CSV that the plan names cannot be named in JSON.
    """
    if isinstance(reader, JsonlReader):
        return _lines(Layout.of(fields).text)
    if isinstance(reader, CsvReader):
        return _delimited(reader, fields, name)
    if hasattr(reader, "schema"):
        return _columnar(reader, Layout.of(fields), name)
    return _each(_page if isinstance(reader, WarcReader) else _plain, ("text",))


def fields_of(kind: str, fields: Fields) -> Fields:
    """Returns where the fields are in what `rows_from` makes.

    Args:
        kind: The format that the documents come from.
        fields: Where they are in that.
    """
    if kind == "warc":
        source = None if fields.source is None else _header(fields.source)
        return Fields(source=source, url="url", extra={name: _header(path) for name, path in fields.extra.items()})
    return Fields() if kind.startswith("text") else fields


def _header(name: str) -> str:
    return f"headers.{NAMES.get(name.lower(), name.lower())}"


def _lines(path: Path) -> Rows:
    def rows(documents: Sequence[Document], texts: Sequence[str | None] | None) -> list[bytes]:
        found = []
        for i, document in enumerate(documents):
            text = texts[i] if texts else None
            raw = document.raw if text is None else rewrite(document.raw, path, text)
            found.append(raw.removeprefix(codecs.BOM_UTF8).strip(b" \t\r\n"))
        return found

    return rows


def _each(row: Callable[[Document], dict[str, Any]], path: Path) -> Rows:
    def rows(documents: Sequence[Document], texts: Sequence[str | None] | None) -> list[bytes]:
        found = [row(document) for document in documents]
        _replace(found, path, texts)
        return [_encode(each) for each in found]

    return rows


def _replace(rows: Sequence[dict[str, Any]], path: Path, texts: Sequence[str | None] | None) -> None:
    for row, text in zip(rows, texts or (), strict=False):
        if text is not None:
            _put(row, path, text)


def _put(row: dict[str, Any], path: Path, value: Any) -> None:
    for part in path[:-1]:
        row = row[part]
    row[path[-1]] = value


def _get(row: Any, path: Path) -> Any:
    for part in path:
        row = row.get(part) if isinstance(row, Mapping) else None
    return row


def _plain(document: Document) -> dict[str, Any]:
    return {"id": document.id, "text": document.text}


def _page(document: Document) -> dict[str, Any]:
    headers = next(records([document.raw], len(document.raw) + 1, document.id)).headers
    named = {name: headers[NAMES[name]] for name in ("date", "digest") if NAMES[name] in headers}
    return {"id": document.id, "text": document.text, "url": document.url, **named, "headers": headers}


def _delimited(reader: CsvReader, fields: Fields, name: str) -> Rows:
    for column in (fields.text, fields.id, fields.source, fields.url, *fields.extra.values()):
        if column is not None and "." in column:
            raise UsageError(
                f"{name}: the column {column!r} has a dot in its name, which means a nested field in JSON and Parquet: "
                "rename the column, or leave `corpus.write` out"
            )

    # All records of a shard have one header.
    header = functools.lru_cache(maxsize=1)(row_of)

    def row(document: Document) -> dict[str, Any]:
        names, values = header(document.row, reader.delimiter), row_of(document.raw, reader.delimiter)
        return dict(zip(names, values, strict=True))

    return _each(row, (fields.text,))


def _columnar(reader: Any, layout: Layout, name: str) -> Rows:
    from tamis.pipeline.arrow_json import Converter, NotJson

    try:
        converter = Converter(reader.schema, layout.paths())
    except NotJson as error:
        raise ShardError(f"{name}: {error}: it cannot be written as JSON; leave `corpus.write` out") from None

    def rows(documents: Sequence[Document], texts: Sequence[str | None] | None) -> list[bytes]:
        found = _converted(converter, documents, name)
        _replace(found, layout.text, texts)
        for row, document in zip(found, documents, strict=True):
            _keep_id(row, layout.id, document)
        return [_encode(row) for row in found]

    return rows


def _keep_id(row: dict[str, Any], path: Path, document: Document) -> None:
    """An id of another type than JSON's becomes the text that it was known by."""
    if not document.synthetic_id and not isinstance(_get(row, path), (str, int, float, msgspec.Raw)):
        _put(row, path, document.id)


def _converted(converter: Any, documents: Sequence[Document], name: str) -> list[dict[str, Any]]:
    from tamis.pipeline.columnar import taken

    try:
        return [row for batch in taken(documents) for row in converter.rows(batch)]
    except UnicodeDecodeError:
        raise ShardError(
            f"{name}: a column of strings holds bytes that are not UTF-8, which JSON cannot have: make the column "
            "binary, or leave `corpus.write` out"
        ) from None
