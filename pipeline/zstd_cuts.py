"""Where a file of several zstd frames is cut into pieces of whole lines, without decoding what lies between.

A cut is the first line that starts after the first newline in a frame or behind it. So the line that ends in a frame
at which a file is cut goes to the piece before, also where it starts with the frame: to know that, one would have to
decode the frame before. Of every piece only the block with that newline is decoded here.
"""

from __future__ import annotations

import functools
import itertools
import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from tamis.pipeline import zstd_frames
from tamis.pipeline.errors import ShardError
from tamis.pipeline.limits import Limits
from tamis.pipeline.rawbytes import RawBytes, open_raw

__all__ = ["Point", "points"]


@dataclass(frozen=True, slots=True)
class Point:
    """A place between two lines, the end of the file included.

    Attributes:
        frame: Where the frame starts that holds the byte behind it, in stored bytes.
        offset: Decoded bytes of the frame before it.
        stop: Where the stored bytes end of what lies before it: the end of the frame, its start if `offset` is 0.
    """

    frame: int
    offset: int
    stop: int


@functools.lru_cache(maxsize=16)
def points(path: Path, modified: int, count: int) -> tuple[Point, ...]:
    """Finds the cuts between pieces; kept, as every piece of a file asks for them.

    Args:
        path: The file, on a disk.
        modified: Its modification time, in nanoseconds.
        count: Pieces.

    Returns:
        [count + 1], from the start of the file to its end, in order: where the first frame starts behind each n-th of
        it. Equal ones where nothing starts between. None at all where the file is no zstd, is cut or damaged, or has a
        line of more than 64 MiB at a cut: the reader of the whole says what is wrong with it.

    Raises:
        ShardError: It has vanished or was written to.
    """
    with open_raw(path, str(modified)) as file:
        try:
            return _points(file, path.name, count)
        except ShardError:
            return ()


def _points(file: BinaryIO, name: str, count: int) -> tuple[Point, ...]:
    size = os.fstat(file.fileno()).st_size
    found = [Point(size, 0, size)]
    for until, start in itertools.pairwise(reversed(_starts(file, name, size, count))):
        found.append(_point(file, name, start, until) or found[-1])
    return tuple(reversed(found))


def _starts(file: BinaryIO, name: str, size: int, count: int) -> list[int]:
    """Returns where the first frame starts behind each n-th of a file."""
    found: list[int] = []
    for start in itertools.chain((0,), zstd_frames.frame_ends(file, name)):
        while len(found) <= count and size * len(found) // count <= start:
            found.append(start)
    return found


def _point(file: BinaryIO, name: str, start: int, until: int) -> Point | None:
    """Returns the cut behind the first newline between two frames, None where there is none."""
    if start in (0, until):
        return Point(0, 0, 0) if not start else None
    file.seek(start)
    source = RawBytes(file, name)
    frames = ((start + frame, block) for frame, block in zstd_frames.framed(source, Limits().window))
    place = _behind_newline(frames, until, name)
    if place is None:
        return None
    frame, offset = place
    if frame < 0:
        size = os.fstat(file.fileno()).st_size
        return Point(size, 0, size)
    return Point(frame, offset, next(zstd_frames.frame_ends(file, name, frame)) if offset else frame)


def _behind_newline(frames: Iterable[tuple[int, bytes]], until: int, name: str) -> tuple[int, int] | None:
    """Returns frame and offset of the byte behind the first newline; frame -1: the newline is the last byte."""
    frame, at, passed, found = -1, 0, 0, False
    for start, block in frames:
        frame, at = start, at if start == frame else 0
        if found:
            return frame, at
        if frame >= until:
            return None
        end = block.find(b"\n") + 1
        if 0 < end < len(block):
            return frame, at + end
        found = end > 0
        at, passed = at + len(block), passed + len(block)
        if passed > Limits().ratio_floor:
            raise ShardError(f"{name}: a line of more than {Limits().ratio_floor} bytes: it is not cut there")
    return (-1, 0) if found else None
