"""JSON rows into Arrow columns, by the types that hold them exactly; see `json_shape`.

What Arrow cannot say is in the metadata of a field: `tamis:null = absent` where null stands for a member that is
missing, `tamis:json = 1` where a string is JSON text. `arrow_json` reads both; other tools see nulls and strings.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import msgspec
import pyarrow as pa

from tamis.pipeline.json_shape import Column

__all__ = ["ABSENT", "JSON", "batch_of", "schema_of"]

#: Metadata of a field whose nulls are members that are missing.
ABSENT = {b"tamis:null": b"absent"}
#: Metadata of a field whose strings are JSON text.
JSON = {b"tamis:json": b"1"}

_SIMPLE = {
    "null": pa.null(),
    "bool": pa.bool_(),
    "int64": pa.int64(),
    "uint64": pa.uint64(),
    "double": pa.float64(),
    "string": pa.string(),
    "json": pa.string(),
}
_Change = Callable[[Any], Any]


def schema_of(column: Column) -> Any:
    """Returns the Arrow schema of records."""
    return pa.schema([_field(name, member) for name, member in column.members.items()])


def batch_of(rows: Sequence[dict[str, Any]], column: Column, schema: Any) -> Any:
    """Returns records as a record batch.

    Args:
        rows: Records as `json_shape.loads` gives them.
        column: Their type; every one of them was looked at.
        schema: Its schema.
    """
    changed = _change(column)
    if changed is not None:
        rows = [changed(row) for row in rows]
    arrays = [pa.array([row.get(field.name) for row in rows], field.type) for field in schema]
    return pa.RecordBatch.from_arrays(arrays, schema=schema)


def _field(name: str, column: Column) -> Any:
    metadata = (ABSENT if column.absent else {}) | (JSON if column.kind == "json" else {})
    return pa.field(name, _type(column), metadata=metadata or None)


def _type(column: Column) -> Any:
    if column.kind == "struct":
        return pa.struct([_field(name, member) for name, member in column.members.items()])
    if column.kind == "list":
        assert column.item is not None
        return pa.list_(_field("element", column.item))
    return _SIMPLE[column.kind]


def _text(value: Any) -> str:
    return msgspec.json.encode(value).decode("utf-8")


def _change(column: Column) -> _Change | None:
    """Returns what turns values into what Arrow takes, None where they are that already."""
    if column.kind == "json":
        return _text
    if column.kind == "list":
        assert column.item is not None
        change = _change(column.item)
        return None if change is None else _in_list(change)
    changes = {name: change for name, member in column.members.items() if (change := _change(member)) is not None}
    return _in_struct(changes) if changes else None


def _in_list(change: _Change) -> _Change:
    return lambda values: None if values is None else [change(value) for value in values]


def _in_struct(changes: dict[str, _Change]) -> _Change:
    def change(value: Any) -> Any:
        if value is None:
            return None
        changed = {name: each(value[name]) for name, each in changes.items() if name in value}
        return {**value, **changed}

    return change
