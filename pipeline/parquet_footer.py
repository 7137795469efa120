"""A Parquet file's footer, checked before any other reader trusts it.

The footer has no checksum, and a damaged one can abort the process that reads it. Here it is read on its own and
checked for what must hold: the tree of the schema, as many column chunks in each row group as it has leaves, of their
types and paths, inside of the file, and rows that add up.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, BinaryIO

from tamis.pipeline.limits import Limits
from tamis.pipeline.thrift import BINARY, I32, I64, LIST, STRUCT, Struct, read_struct

__all__ = ["MAGIC", "Footer", "read_footer"]

MAGIC = b"PAR1"
_TAIL = 8
_REPEATED = 2
_TYPES, _CODECS, _REPETITIONS = range(8), range(8), range(3)
_CODEC_NAMES = ("none", "snappy", "gzip", "snappy", "brotli", "lz4", "zstd", "lz4")


@dataclass(frozen=True, slots=True)
class Footer:
    """What the reader and the writer need.

    Attributes:
        rows: Rows of each row group.
        spans: From which byte to which the pages of each row group lie; (0, 0) where it has none.
        start: Where the footer starts.
        codecs: Codec of each column, by its dotted path, as the writer takes it; {} without row groups.
    """

    rows: tuple[int, ...]
    spans: tuple[tuple[int, int], ...]
    start: int
    codecs: dict[str, str]


@dataclass(frozen=True, slots=True)
class _Leaf:
    kind: int
    path: tuple[bytes, ...]
    repeated: bool


def read_footer(file: BinaryIO, size: int, limits: Limits) -> Footer:
    """Reads and checks the footer of a file.

    Args:
        file: The file, seekable; it is left anywhere.
        size: Its size in bytes.
        limits: Limits on expansion.

    Raises:
        ValueError: The file is cut or damaged, encrypted, or expands beyond the limits.
    """
    if size < 3 * len(MAGIC):
        raise ValueError("too short")
    file.seek(size - _TAIL)
    tail = file.read(_TAIL)
    length = int.from_bytes(tail[:4], "little")
    if tail[4:] != MAGIC or length > size - _TAIL - len(MAGIC):
        raise ValueError("no footer at the end")
    file.seek(0)
    if file.read(len(MAGIC)) != MAGIC:
        raise ValueError("no magic number at the start")
    end = size - _TAIL - length
    file.seek(end)
    return _checked(read_struct(file.read(length)), end, limits)


def _checked(meta: Struct, end: int, limits: Limits) -> Footer:
    leaves = list(_leaves(_get(meta, 2, LIST)))
    groups = _get(meta, 4, LIST)
    checked = [_group(_struct(group), leaves, end, limits) for group in groups]
    rows = tuple(group[0] for group in checked)
    if sum(rows) != _get(meta, 3, I64):
        raise ValueError("the rows of the row groups do not add up")
    if 8 in meta or 9 in meta:
        raise ValueError("encrypted")
    first = _get(_struct(groups[0]), 1, LIST) if groups else []
    spans = tuple(group[1] for group in checked)
    return Footer(rows, spans, end, {_dotted(leaf): _codec(chunk) for leaf, chunk in zip(leaves, first, strict=False)})


def _get(struct: Struct, number: int, kind: int) -> Any:
    found = struct.get(number)
    if found is None or found[0] != kind:
        raise ValueError(f"field {number} is missing or of another type")
    return found[1]


def _number(struct: Struct, number: int, kind: int, allowed: range) -> int:
    value: int = _get(struct, number, kind)
    if value not in allowed:
        raise ValueError(f"field {number} is out of range")
    return value


def _struct(value: Any) -> Struct:
    if not isinstance(value, dict):
        raise ValueError("a struct is expected")
    return value


def _dotted(leaf: _Leaf) -> str:
    return ".".join(part.decode("utf-8") for part in leaf.path)


def _codec(chunk: Struct) -> str:
    """Names the codec to write with; LZO and the old framing of LZ4 are read but not written."""
    return _CODEC_NAMES[_get(_get(chunk, 3, STRUCT), 4, I32)]


def _leaves(elements: list[Any]) -> Iterator[_Leaf]:
    """Walks the schema, which is a tree in depth-first order."""
    walk = iter(elements)
    root = _struct(next(walk, None))
    yield from _children(root, walk, (), False)
    if next(walk, None) is not None:
        raise ValueError("schema elements after the tree")


def _children(parent: Struct, walk: Iterator[Any], path: tuple[bytes, ...], repeated: bool) -> Iterator[_Leaf]:
    if len(path) > 64:
        raise ValueError("a schema nested too deep")
    for _ in range(_number(parent, 5, I32, range(1 << 20)) if 5 in parent else 0):
        element = _struct(next(walk, None))
        here = (*path, _get(element, 4, BINARY))
        again = repeated or _number(element, 3, I32, _REPETITIONS) == _REPEATED
        if 1 in element:
            if 5 in element and _get(element, 5, I32):
                raise ValueError("a leaf with children")
            yield _Leaf(_number(element, 1, I32, _TYPES), here, again)
        else:
            _number(element, 5, I32, range(1, 1 << 20))
            yield from _children(element, walk, here, again)


def _group(group: Struct, leaves: list[_Leaf], end: int, limits: Limits) -> tuple[int, tuple[int, int]]:
    """Checks a row group and returns its rows, and the bytes that its pages lie between."""
    rows = _number(group, 3, I64, range(1 << 62))
    chunks = _get(group, 1, LIST)
    if len(chunks) != len(leaves):
        raise ValueError("a row group with other columns than the schema")
    spans = [_chunk(_struct(chunk), leaf, rows, end, limits) for chunk, leaf in zip(chunks, leaves, strict=True)]
    pages = [span for span in spans if span[0]]
    return rows, (min(start for start, _ in pages), max(stop for _, stop in pages)) if pages else (0, 0)


def _chunk(chunk: Struct, leaf: _Leaf, rows: int, end: int, limits: Limits) -> tuple[int, int]:
    if not chunk.keys().isdisjoint((1, 8, 9)):
        raise ValueError("a column in another file, or encrypted")
    meta = _get(chunk, 3, STRUCT)
    _number(meta, 4, I32, _CODECS)
    if _get(meta, 1, I32) != leaf.kind or tuple(_get(meta, 3, LIST)) != leaf.path:
        raise ValueError("a column that is not the schema's")
    values = _number(meta, 5, I64, range(1 << 62))
    if values != rows and not leaf.repeated:
        raise ValueError("a column with other rows than its group")
    dictionary = 11 in meta and 0 < _get(meta, 11, I64) < _get(meta, 9, I64)
    # A column without values has no page, and then no offset that means anything.
    start = _number(meta, 11 if dictionary else 9, I64, range(len(MAGIC) if values else 0, end + 1))
    stored = _number(meta, 7, I64, range(end - start + 1))
    expanded = _number(meta, 6, I64, range(1 << 62))
    if expanded > limits.ratio_floor and expanded > limits.ratio * stored:
        raise ValueError("a decompression bomb")
    return start, start + stored
