"""Thrift's compact protocol, read into plain values: what a Parquet footer is written in.

Structs become dicts from field number to `(type, value)`, so that a reader can check both. Sizes are bounded by the
bytes at hand and nesting by `DEPTH`, so that hostile input costs no more than its length.
"""

from __future__ import annotations

from typing import Any

__all__ = ["BINARY", "BOOL", "DEPTH", "I32", "I64", "LIST", "STRUCT", "Struct", "read_struct"]

Struct = dict[int, tuple[int, Any]]

BOOL, FALSE, BYTE, I16, I32, I64, DOUBLE, BINARY, LIST, SET, MAP, STRUCT = range(1, 13)
DEPTH = 64
_LONGEST_VARINT = 10


def read_struct(data: bytes) -> Struct:
    """Reads one struct that fills the data.

    Raises:
        ValueError: The data is not one, goes on after it, or ends inside it.
    """
    reader = _Reader(data)
    value = reader.struct(0)
    if reader.place != len(data):
        raise ValueError("bytes after the struct")
    return value


class _Reader:
    def __init__(self, data: bytes) -> None:
        self.place = 0
        self._data = data

    def struct(self, depth: int) -> Struct:
        if depth > DEPTH:
            raise ValueError("nested too deep")
        fields: Struct = {}
        number = 0
        while head := self._byte():
            kind = head & 15
            number = number + (head >> 4) if head >> 4 else self._zigzag()
            if number in fields:
                raise ValueError("a field stands twice")
            if kind in (BOOL, FALSE):
                fields[number] = (BOOL, kind == BOOL)
            else:
                fields[number] = (kind, self._value(kind, depth))
        return fields

    def _value(self, kind: int, depth: int) -> Any:
        if kind in (I16, I32, I64):
            return self._zigzag()
        if kind == BINARY:
            return self._take(self._varint())
        if kind == STRUCT:
            return self.struct(depth + 1)
        if kind in (LIST, SET):
            return self._list(depth + 1)
        if kind in (BYTE, BOOL, FALSE):
            return self._byte()
        if kind == DOUBLE:
            return self._take(8)
        if kind == MAP:
            return self._map(depth + 1)
        raise ValueError("a type that thrift does not have")

    def _list(self, depth: int) -> list[Any]:
        head = self._byte()
        size = head >> 4 if head >> 4 != 15 else self._varint()
        self._check(size, depth)
        return [self._value(head & 15, depth) for _ in range(size)]

    def _map(self, depth: int) -> list[tuple[Any, Any]]:
        size = self._varint()
        self._check(size, depth)
        kinds = self._byte() if size else 0
        return [(self._value(kinds >> 4, depth), self._value(kinds & 15, depth)) for _ in range(size)]

    def _check(self, size: int, depth: int) -> None:
        """Every element takes a byte at least."""
        if size > len(self._data) - self.place or depth > DEPTH:
            raise ValueError("a list longer than the data, or nested too deep")

    def _byte(self) -> int:
        if self.place >= len(self._data):
            raise ValueError("ends inside a struct")
        self.place += 1
        return self._data[self.place - 1]

    def _take(self, size: int) -> bytes:
        end = self.place + size
        if end > len(self._data):
            raise ValueError("ends inside a value")
        start, self.place = self.place, end
        return self._data[start:end]

    def _varint(self) -> int:
        value = 0
        for shift in range(0, 7 * _LONGEST_VARINT, 7):
            byte = self._byte()
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                return value
        raise ValueError("a number of too many bytes")

    def _zigzag(self) -> int:
        value = self._varint()
        return (value >> 1) ^ -(value & 1)
