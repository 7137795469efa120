"""Documents out of Arrow record batches: what Parquet and Arrow IPC share.

A row keeps every column with its type. Nested columns are reached by dots, as in JSON. A row that cannot be used is
`Rejected`; its `raw` is the row as an Arrow IPC stream, so that nothing of it is lost.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Any, NamedTuple

import msgspec
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import types

from tamis.pipeline.document import NOTHING, Document, Reason, Record, Rejected
from tamis.pipeline.errors import ShardError
from tamis.pipeline.json_columns import JSON
from tamis.pipeline.jsontype import Layout, Path
from tamis.pipeline.recast import recast_batch

__all__ = ["BATCH_ROWS", "Columns", "Row", "check", "is_text", "plain_schema", "rows_of", "taken"]

#: Rows that are decoded at a time.
BATCH_ROWS = 1000


class Row(NamedTuple):
    """A row of a record batch."""

    batch: Any
    place: int


class _Bad:
    """Stands for a value that is not UTF-8."""


_BAD = _Bad()


class Columns:
    """Turns record batches of one schema into records.

    Args:
        schema: The shard's Arrow schema.
        layout: Where the plan says that the fields are.
        name: The shard's path, for synthetic ids and errors.

    Attributes:
        records: Rows decoded so far.
        nulls_pass: Whether a row without a text is a document with an empty one.

    Raises:
        ShardError: The schema has no text column, or a column of a type that cannot be one.
    """

    def __init__(self, schema: Any, layout: Layout, name: str) -> None:
        self.records = 0
        self.nulls_pass = False
        self._layout = layout
        self._name = name
        text = _type_at(schema, layout.text)
        if text is None:
            raise ShardError(
                f"{name}: no column {'.'.join(layout.text)}, found {', '.join(schema.names)}: name the text column in "
                "`corpus.fields.text`"
            )
        self._check("text", layout.text, text, is_text(text), "strings")
        ident = _type_at(schema, layout.id)
        self._check("id", layout.id, ident, ident is None or not types.is_nested(ident), "strings or numbers")

    def _check(self, role: str, path: Path, found: Any, fits: bool, expected: str) -> None:
        if not fits:
            raise ShardError(
                f"{self._name}: column {'.'.join(path)} has the type {found}, expected {expected}: name another in "
                f"`corpus.fields.{role}`"
            )

    def decode(self, batch: Any) -> list[Record]:
        """Returns the records of a batch, one a row."""
        layout, size = self._layout, batch.num_rows
        texts = _values(_column(batch, layout.text), size)
        idents, sources, urls = (_scalars(batch, path) for path in (layout.id, layout.source, layout.url))
        extras = [_extras(batch, path) for path in layout.extras.values()]
        names = tuple(layout.extras)
        found: list[Record] = []
        for index, values in enumerate(zip(texts, idents, sources, urls, *extras, strict=True)):
            number = self.records + index
            text, ident, source, url, *rest = values
            if (text is None and not self.nulls_pass) or _BAD in values:
                found.append(_rejected(batch, index, number, text is None))
                continue
            made = dict(zip(names, rest, strict=True)) if names else NOTHING
            ident, synthetic = (ident, False) if ident else (f"{self._name}#{number}", True)
            found.append(Document(ident, text or "", source, url, made, b"", 0, number, synthetic, Row(batch, index)))
        self.records += size
        return found


def check(batch: Any) -> None:
    """Checks every offset and index of a batch, so that no value lies outside of its buffers.

    Raises:
        pyarrow.ArrowInvalid: One does. Strings that are not UTF-8 pass: they cost their row only.
    """
    for column in batch.columns:
        try:
            column.validate(full=True)
        except pa.ArrowInvalid as error:
            if "UTF8" not in str(error):
                raise


def is_text(kind: Any) -> bool:
    """Tells whether a column's values are strings, or bytes that may be."""
    kind = kind.value_type if types.is_dictionary(kind) else kind
    tests = (types.is_string, types.is_large_string, types.is_string_view, types.is_binary, types.is_large_binary)
    return any(test(kind) for test in tests)


def _type_at(schema: Any, path: Path) -> Any:
    """Returns the type of a column, None where there is none."""
    field = _field_at(schema, path)
    return None if field is None else field.type


def _field_at(schema: Any, path: Path) -> Any:
    """Returns the field of a column, None where there is none."""
    index = schema.get_field_index(path[0])
    field: Any = schema.field(index) if index >= 0 else None
    for part in path[1:]:
        index = field.type.get_field_index(part) if field is not None and types.is_struct(field.type) else -1
        field = field.type.field(index) if index >= 0 and field is not None else None
    return field


def _column(batch: Any, path: Path) -> Any:
    """Returns the array of a column, None where there is none; a null object gives nulls for its members."""
    if _type_at(batch.schema, path) is None:
        return None
    array = batch.column(batch.schema.get_field_index(path[0]))
    for part in path[1:]:
        array = pc.struct_field(array, part)
    return array


def _values(array: Any, size: int) -> list[Any]:
    """Returns Python values; binary is taken for UTF-8."""
    if array is None:
        return [None] * size
    try:
        values = array.to_pylist()
    except UnicodeDecodeError:
        values = [_value(scalar) for scalar in array]
    return [_decoded(value) if isinstance(value, bytes) else value for value in values]


def _value(scalar: Any) -> Any:
    try:
        return scalar.as_py()
    except UnicodeDecodeError:
        return _BAD


def _decoded(value: bytes) -> str | _Bad:
    try:
        return value.decode("utf-8")
    except UnicodeDecodeError:
        return _BAD


def _scalars(batch: Any, path: Path | None) -> list[Any]:
    """Returns a column's values as strings, "" where there is none or it is nested."""
    array = None if path is None else _column(batch, path)
    if array is None or types.is_nested(array.type):
        return [""] * batch.num_rows
    values = _values(array, batch.num_rows)
    if _is_json(batch, path):
        values = [_scalar_of(value) for value in values]
    return [value if isinstance(value, (str, _Bad)) else _text(value) for value in values]


def _extras(batch: Any, path: Path) -> list[Any]:
    """Returns a column's values as they are, None where there is none."""
    values = _values(_column(batch, path), batch.num_rows)
    return [_of_json(value) for value in values] if _is_json(batch, path) else values


def _is_json(batch: Any, path: Path | None) -> bool:
    """Tells whether a column's strings are JSON text; see `json_columns`."""
    field = None if path is None else _field_at(batch.schema, path)
    return field is not None and JSON.items() <= (field.metadata or {}).items()


def _of_json(value: Any) -> Any:
    """Decodes JSON text; what is none, whatever the metadata says, is a string."""
    try:
        return msgspec.json.decode(value) if isinstance(value, str) else value
    except (msgspec.MsgspecError, RecursionError):
        return value


def _scalar_of(value: Any) -> Any:
    """Returns the string that JSON text is, the text of a number, "" for what is neither; as JSON Lines are read."""
    found = _of_json(value)
    if isinstance(found, (str, _Bad)):
        return found
    return "" if found is None or isinstance(found, (list, dict)) else value


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, float) and math.isfinite(value):
        # As it stands in JSON, where ids are known by their text.
        return msgspec.json.encode(value).decode("ascii")
    return str(value).lower() if isinstance(value, bool) else str(value)


def plain_type(kind: Any) -> Any:
    """Returns the type without string views, which Arrow cannot pick rows of."""
    if types.is_string_view(kind):
        return pa.large_string()
    if types.is_binary_view(kind):
        return pa.large_binary()
    if types.is_struct(kind):
        return pa.struct([plain_field(field) for field in kind])
    if types.is_large_list(kind):
        return pa.large_list(plain_field(kind.value_field))
    return pa.list_(plain_field(kind.value_field)) if types.is_list(kind) else kind


def plain_field(field: Any) -> Any:
    """Returns a field with its type made plain; see `plain_type`."""
    return field.with_type(plain_type(field.type))


def plain_schema(schema: Any) -> Any:
    """Returns a schema with its types made plain; see `plain_type`."""
    return pa.schema([plain_field(field) for field in schema], schema.metadata)


def rows_of(batch: Any, places: list[int]) -> Any:
    """Picks rows of a batch, with types made plain: the result holds these rows and nothing else."""
    return recast_batch(batch, plain_schema(batch.schema)).take(pa.array(places))


def taken(documents: Sequence[Document]) -> Iterator[Any]:
    """Yields the rows of documents, untouched, as record batches: one for each run that came in one batch."""
    for _, run in groupby(documents, key=lambda document: id(document.row.batch)):
        rows = [document.row for document in run]
        yield rows_of(rows[0].batch, [row.place for row in rows])


def _rejected(batch: Any, index: int, number: int, null: bool) -> Rejected:
    sink = pa.BufferOutputStream()
    row = rows_of(batch, [index])
    with pa.ipc.new_stream(sink, row.schema) as writer:
        writer.write_batch(row)
    raw = sink.getvalue().to_pybytes()
    fault = (Reason.TEXT_NULL, "expected a string, found null") if null else (Reason.INVALID_UTF8, "a column's value")
    return Rejected(number, 0, len(raw), *fault, hashlib.sha256(raw).hexdigest(), raw)
