"""The messages of an Arrow stream, walked without reading their bodies: where they end, and how they are compressed.

A message is a marker, a length, a flatbuffer and a body (Arrow's IPC specification). Of the flatbuffer only three
values are read: what the message holds, how long its body is, and the codec of a record batch.
"""

from __future__ import annotations

import struct
from typing import BinaryIO

__all__ = ["walk"]

_MARKER = b"\xff\xff\xff\xff"
_RECORD_BATCH = 3
_CODECS = {0: "lz4", 1: "zstd"}
_LONGEST = 256 << 20


def walk(raw: BinaryIO, start: int, size: int) -> tuple[int, str | None]:
    """Walks a stream to its end marker.

    Args:
        raw: The file, seekable; it is left anywhere.
        start: Where the stream starts.
        size: Size of the file, in bytes.

    Returns:
        Where the stream ends, its end marker included, and the codec of its first record batch, None = plain.

    Raises:
        ValueError: A message is damaged, or the file ends before the stream does.
    """
    place, codec, seen = start, None, False
    while True:
        raw.seek(place)
        head = raw.read(8)
        if len(head) < 8 or head[:4] != _MARKER:
            raise ValueError("a message without its marker")
        length = int.from_bytes(head[4:], "little")
        place += 8
        if not length:
            return place, codec
        if length > min(_LONGEST, size - place):
            raise ValueError("a message longer than the file")
        kind, body, found = _message(raw.read(length))
        if kind == _RECORD_BATCH and not seen:
            codec, seen = found, True
        place += length
        if not 0 <= body <= size - place:
            raise ValueError("a body longer than the file")
        place += body


def _message(data: bytes) -> tuple[int, int, str | None]:
    """Returns a message's kind, the length of its body, and its codec."""
    table = _pointer(data, 0)
    kind_at, header_at, body_at = (_field(data, table, index) for index in (1, 2, 3))
    kind = _number(data, kind_at, "<B") if kind_at else 0
    body = _number(data, body_at, "<q") if body_at else 0
    codec = _codec(data, _pointer(data, header_at)) if kind == _RECORD_BATCH and header_at else None
    return kind, body, codec


def _codec(data: bytes, batch: int) -> str | None:
    place = _field(data, batch, 3)
    if not place:
        return None
    codec = _field(data, _pointer(data, place), 0)
    return _CODECS.get(_number(data, codec, "<b") if codec else 0)


def _number(data: bytes, place: int, kind: str) -> int:
    try:
        value: int = struct.unpack_from(kind, data, place)[0]
    except struct.error:
        raise ValueError("a flatbuffer that ends too early") from None
    return value


def _pointer(data: bytes, place: int) -> int:
    """Follows an offset that is stored at a place."""
    return place + _number(data, place, "<I")


def _field(data: bytes, table: int, index: int) -> int:
    """Returns where a field of a table is stored, 0 where the table has none."""
    slots = table - _number(data, table, "<i")
    if slots < 0:
        raise ValueError("a flatbuffer that points out of itself")
    at = 4 + 2 * index
    if at >= _number(data, slots, "<H"):
        return 0
    offset = _number(data, slots + at, "<H")
    return table + offset if offset else 0
