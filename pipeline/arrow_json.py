"""Arrow rows into JSON, every column and every value of them.

What JSON has no type for becomes text that says it exactly: times are ISO 8601 (a time with a zone in UTC), durations
`PT1.5S`, decimals their digits, binary is base64, NaN and the infinities are the strings "NaN", "Infinity" and
"-Infinity"; a map is a list of objects with `key` and `value`. Null is null, but in columns that `json_columns` made.
"""

from __future__ import annotations

import base64
import math
from collections.abc import Callable, Sequence
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa
from pyarrow import types

from tamis.pipeline.json_columns import ABSENT, JSON
from tamis.pipeline.recast import recast

__all__ = ["Converter", "NotJson"]

_To = Callable[[Any], Any]
_Path = tuple[str, ...]

#: Stands for a member that is missing.
_MISSING = object()
_RAW = msgspec.json.Decoder(msgspec.Raw)
_UNITS = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}


class NotJson(Exception):  # noqa: N818 - the caller knows the shard
    """A column that has no JSON form; the message names it and its type."""


class Converter:
    """Turns record batches of one schema into rows of JSON values.

    Args:
        schema: The Arrow schema.
        texts: Paths of binary columns that hold UTF-8.

    Raises:
        NotJson: A column has no JSON form, or two have one name.
    """

    def __init__(self, schema: Any, texts: Sequence[_Path] = ()) -> None:
        self._texts = frozenset(texts)
        _check_names("the schema", schema.names)
        self._simple = pa.schema([field.with_type(_simple(field.type)) for field in schema])
        self._columns = [(field.name, self._member(field, (field.name,))) for field in schema]

    def rows(self, batch: Any) -> list[dict[str, Any]]:
        """Returns the rows as what `msgspec.json.encode` takes.

        Raises:
            UnicodeDecodeError: A string is not UTF-8.
        """
        found: list[dict[str, Any]] = [{} for _ in range(batch.num_rows)]
        for array, field, (name, to) in zip(batch.columns, self._simple, self._columns, strict=True):
            for row, value in zip(found, recast(array, field.type).to_pylist(), strict=True):
                if to is not None:
                    value = to(value)
                if value is not _MISSING:
                    row[name] = value
        return found

    def _member(self, field: Any, path: _Path) -> _To | None:
        """Returns what turns a member's values into JSON, None where they are that already."""
        metadata = field.metadata or {}
        to = self._to(field.type, path)
        if JSON.items() <= metadata.items():
            return _of_text
        if not ABSENT.items() <= metadata.items():
            return None if to is None else lambda value: None if value is None else to(value)
        return lambda value: _MISSING if value is None else value if to is None else to(value)

    def _to(self, kind: Any, path: _Path) -> _To | None:
        if types.is_struct(kind):
            return self._struct(kind, path)
        if types.is_map(kind):
            return self._map(kind, path)
        if _is_list(kind):
            item = self._member(kind.value_field, (*path, ""))
            return None if item is None else lambda values: [_held(item(value)) for value in values]
        if types.is_dictionary(kind):
            return self._to(kind.value_type, path)
        if _is_binary(kind):
            return (lambda value: value.decode("utf-8")) if path in self._texts else _base64
        return _scalar(kind, path)

    def _struct(self, kind: Any, path: _Path) -> _To | None:
        fields = [kind.field(i) for i in range(kind.num_fields)]
        _check_names(".".join(path), [field.name for field in fields])
        changes = {field.name: self._member(field, (*path, field.name)) for field in fields}
        changes = {name: to for name, to in changes.items() if to is not None}
        return _of_struct(changes) if changes else None

    def _map(self, kind: Any, path: _Path) -> _To:
        key, item = (self._member(field, (*path, "")) or _same for field in (kind.key_field, kind.item_field))
        return lambda pairs: [{"key": _held(key(k)), "value": _held(item(v))} for k, v in pairs]


def _same(value: Any) -> Any:
    return value


def _held(value: Any) -> Any:
    """Returns an item of a list, which cannot be missing."""
    return None if value is _MISSING else value


def _of_struct(changes: dict[str, Any]) -> _To:
    def to(value: dict[str, Any]) -> dict[str, Any]:
        changed = {name: (changes[name](one) if name in changes else one) for name, one in value.items()}
        return {name: one for name, one in changed.items() if one is not _MISSING}

    return to


def _of_text(value: str | None) -> Any:
    """Returns JSON text as it is; what is none, whatever the metadata says, is a string."""
    if value is None:
        return _MISSING
    try:
        raw = _RAW.decode(value)
    except (msgspec.DecodeError, RecursionError):
        return value
    # A line end between tokens is fine in JSON, and would cut the line.
    return value if "\n" in value or "\r" in value else raw


def _check_names(where: str, names: Sequence[str]) -> None:
    if len(set(names)) < len(names):
        raise NotJson(f"{where} has two columns of one name")


def _is_list(kind: Any) -> bool:
    return bool(types.is_list(kind) or types.is_large_list(kind) or types.is_fixed_size_list(kind))


def _is_binary(kind: Any) -> bool:
    tests = (types.is_binary, types.is_large_binary, types.is_binary_view, types.is_fixed_size_binary)
    return any(test(kind) for test in tests)


def _base64(value: bytes) -> str:
    return base64.b64encode(value).decode("ascii")


def _scalar(kind: Any, path: _Path) -> _To | None:
    if types.is_floating(kind):
        return _finite
    if types.is_decimal(kind):
        return lambda value: format(value, "f")
    if types.is_date(kind) or types.is_timestamp(kind):
        return _moment(kind)
    if types.is_time(kind):
        return lambda value: np.datetime_as_string(np.datetime64(value, kind.unit)).partition("T")[2]
    if types.is_duration(kind):
        return lambda value: _duration(value, _UNITS[kind.unit])
    known = (types.is_string, types.is_large_string, types.is_string_view)
    if types.is_null(kind) or types.is_boolean(kind) or types.is_integer(kind) or any(test(kind) for test in known):
        return None
    raise NotJson(f"column {'.'.join(filter(None, path))} has the type {kind}")


def _finite(value: float) -> float | str:
    if math.isfinite(value):
        return value
    return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"


def _moment(kind: Any) -> _To:
    unit: Any = "D" if types.is_date32(kind) else "ms" if types.is_date64(kind) else kind.unit
    zone = "Z" if types.is_timestamp(kind) and kind.tz is not None else ""
    return lambda value: str(np.datetime_as_string(np.datetime64(value, unit))) + zone


def _duration(value: int, unit: int) -> str:
    whole, rest = divmod(abs(value), unit)
    digits = f"{rest:0{len(str(unit)) - 1}d}".rstrip("0") if unit > 1 else ""
    return f"{'-' if value < 0 else ''}PT{whole}{'.' if digits else ''}{digits}S"


def _simple(kind: Any) -> Any:
    """Returns the type whose Python values say everything: times as whole numbers of their unit."""
    if types.is_date32(kind) or types.is_time32(kind):
        return pa.int32()
    if types.is_temporal(kind) and not types.is_interval(kind):
        return pa.int64()
    if types.is_dictionary(kind):
        return _simple(kind.value_type)
    if types.is_struct(kind):
        return pa.struct([field.with_type(_simple(field.type)) for field in kind])
    if types.is_map(kind):
        return pa.map_(*(field.with_type(_simple(field.type)) for field in (kind.key_field, kind.item_field)))
    if _is_list(kind):
        return _list_like(kind)
    return kind


def _list_like(kind: Any) -> Any:
    item = kind.value_field.with_type(_simple(kind.value_type))
    if types.is_fixed_size_list(kind):
        return pa.list_(item, kind.list_size)
    return pa.large_list(item) if types.is_large_list(kind) else pa.list_(item)
