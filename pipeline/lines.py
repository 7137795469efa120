"""Lines out of blocks, with their exact bytes, and without ever holding a line that is too long.

A line ends with the byte 10 and keeps it: the lines of a stream, joined, are the stream. The last line may lack it. A
line longer than the limit (its end included) is hashed while it passes, reported with offset, length and digest,
and the reading goes on after it. Where the blocks are cut makes no difference to the lines.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["Lines", "LongLine", "split"]

_NEWLINE = 10


@dataclass(frozen=True, slots=True)
class Lines:
    """Consecutive lines.

    Attributes:
        offset: Offset of the first line in the stream, in bytes.
        lines: The lines with their ends; only the last line of a stream may lack its own.
        data: The lines, joined.
        bytes: `data` as an array, uint8 [len(data)].
    """

    offset: int
    lines: list[bytes]
    data: bytes
    bytes: NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class LongLine:
    """A line over the limit, which was not kept.

    Attributes:
        offset: Its offset in the stream, in bytes.
        length: Its length in bytes, its end included.
        sha256: SHA-256 of its bytes, its end included, in hexadecimal.
    """

    offset: int
    length: int
    sha256: str


def split(blocks: Iterable[bytes], limit: int) -> Iterator[Lines | LongLine]:
    """Splits a stream into lines.

    Args:
        blocks: The stream, in blocks of any size.
        limit: The longest line that is kept, in bytes.

    Yields:
        Runs of lines, and long lines between them, in the order of the stream.
    """
    splitter = _Splitter(limit)
    for block in blocks:
        yield from splitter.add(block)
    yield from splitter.finish()


class _Splitter:
    """Holds the beginning of a line whose end has not come yet: its bytes, or only their hash once it is too long."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._offset = 0
        # One growing array, not a list of pieces: a hostile stream comes in pieces of a few bytes.
        self._held = bytearray()
        self._length = 0
        self._hash: hashlib._Hash | None = None

    def add(self, block: bytes) -> Iterator[Lines | LongLine]:
        if self._hash is not None:
            end = block.find(b"\n") + 1
            self._hold(block[:end] if end else block)
            if not end:
                return
            yield self._long()
            block = block[end:]
        end = block.rfind(b"\n") + 1
        if end:
            yield from self._complete(block[:end])
            block = block[end:]
        self._hold(block)

    def finish(self) -> Iterator[Lines | LongLine]:
        if self._hash is not None:
            yield self._long()
        elif self._held:
            yield from self._complete(b"")

    def _hold(self, piece: bytes) -> None:
        self._length += len(piece)
        if self._hash is None and self._length > self._limit:
            self._hash = hashlib.sha256(self._held)
            self._held = bytearray()
        if self._hash is not None:
            self._hash.update(piece)
        else:
            self._held += piece

    def _long(self) -> LongLine:
        assert self._hash is not None
        line = LongLine(self._offset, self._length, self._hash.hexdigest())
        self._offset += self._length
        self._length, self._hash = 0, None
        return line

    def _complete(self, tail: bytes) -> Iterator[Lines | LongLine]:
        """Yields what is held together with `tail`, which ends a line."""
        data = b"".join((self._held, tail)) if self._held else tail
        self._held = bytearray()
        self._length = 0
        offset, self._offset = self._offset, self._offset + len(data)
        if len(data) <= self._limit:
            yield _cut(data, offset)
        else:
            yield from _within(data, offset, self._limit)


def _cut(data: bytes, offset: int) -> Lines:
    array = np.frombuffer(data, np.uint8)
    ends = np.flatnonzero(array == _NEWLINE)
    if len(ends) < 2 and (not len(ends) or ends[0] == len(data) - 1):
        return Lines(offset, [data], data, array)
    stops: list[int] = (ends + 1).tolist()
    if stops[-1] != len(data):
        stops.append(len(data))
    return Lines(offset, [data[start:stop] for start, stop in zip([0, *stops], stops, strict=False)], data, array)


def _within(data: bytes, offset: int, limit: int) -> Iterator[Lines | LongLine]:
    """Yields the lines of a run that is longer than the limit, as any of them may be."""
    run = 0  # where the lines that have not been yielded start
    start = 0
    for line in _cut(data, offset).lines:
        stop = start + len(line)
        if len(line) > limit:
            if start > run:
                yield _cut(data[run:start], offset + run)
            yield LongLine(offset + start, len(line), hashlib.sha256(line).hexdigest())
            run = stop
        start = stop
    if run < len(data):
        yield _cut(data[run:], offset + run)
