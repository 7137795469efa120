"""Huge shards in pieces: row groups of Parquet, lines of JSON Lines, plain or in several zstd frames, on a disk.

A piece is a shard like any other, with a receipt and outputs of its own: `en/big.jsonl` becomes
`en/big.split-00000-of-00012.jsonl` and so on. Piece k of n is what starts between k and k + 1 n-ths of the file, so its
name says all that is needed to find it again; one in which nothing starts is left out. The stored bytes of a piece are
its lines, its row groups and the footer, or the frames that hold its lines: a frame in which one piece ends and
another begins is of both.
"""

from __future__ import annotations

import io
import os
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, cast

from tamis.pipeline import paths, zstd_cuts
from tamis.pipeline.decompress import compression_of, uncompressed
from tamis.pipeline.errors import ShardError
from tamis.pipeline.limits import Limits
from tamis.pipeline.parquet_footer import MAGIC, read_footer
from tamis.pipeline.paths import Shard
from tamis.pipeline.rawbytes import open_raw
from tamis.pipeline.zstd_part import Part

__all__ = ["PieceFile", "expand", "is_piece", "open_piece"]

#: Pieces of a shard that is just large enough to be split.
PIECES = 4

_NAME = re.compile(r"(?P<stem>.+)\.split-(?P<index>\d{5})-of-(?P<count>\d{5})(?P<ending>(?:\.[A-Za-z0-9]+)*)")
_PROBE = 64 << 10

Ranges = tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class _Cut:
    """What a piece is of its file.

    Attributes:
        ranges: Stored bytes, from and to, in order; none where nothing starts in the piece.
        groups: Row groups, None where the file has none.
        part: What of its frames is the piece's, None where the file has none.
    """

    ranges: Ranges
    groups: tuple[int, ...] | None = None
    part: Part | None = None


class PieceFile(io.RawIOBase):
    """The stored bytes of a piece, as a file to read.

    Args:
        whole: The file that it is a piece of.
        cut: Which part.

    Attributes:
        whole: As given.
        groups: Row groups of the piece, None where the file has none.
        part: What of the decoded bytes is the piece's, None = everything.
        size: Bytes.
    """

    def __init__(self, whole: BinaryIO, cut: _Cut) -> None:
        self.whole = whole
        self.groups = cut.groups
        self.part = cut.part
        self.size = sum(stop - start for start, stop in cut.ranges)
        self._ranges = cut.ranges
        self._position = 0

    def readable(self) -> bool:
        """Returns True."""
        return True

    def seekable(self) -> bool:
        """Returns True."""
        return True

    def tell(self) -> int:
        """Returns the position in the piece."""
        return self._position

    def seek(self, offset: int, whence: int = os.SEEK_SET, /) -> int:
        """Moves to a position in the piece, and returns it."""
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._position, os.SEEK_END: self.size}[whence]
        self._position = max(0, base + offset)
        return self._position

    def readinto(self, buffer: Any, /) -> int:
        """Reads up to the end of a range."""
        before = 0
        for start, stop in self._ranges:
            length = stop - start
            if self._position < before + length:
                self.whole.seek(start + self._position - before)
                data = self.whole.read(min(len(buffer), before + length - self._position))
                buffer[: len(data)] = data
                self._position += len(data)
                return len(data)
            before += length
        return 0

    def state(self) -> tuple[int, int]:
        """Returns what changes when the file is written to: the piece's size, and the file's modification time."""
        return self.size, os.fstat(self.whole.fileno()).st_mtime_ns

    def close(self) -> None:
        """Closes the file."""
        self.whole.close()
        super().close()


def is_piece(path: str) -> bool:
    """Tells whether a name is one that a piece would have."""
    return _NAME.fullmatch(path) is not None


def expand(folder: Path, shards: Sequence[Shard], least: int, fits: Callable[[str], bool]) -> list[Shard]:
    """Puts pieces in the place of shards that are larger than `least` and can be split.

    Args:
        folder: The corpus root.
        shards: Its shards, by path.
        least: Stored bytes.
        fits: Tells by a shard's name whether it is Parquet, or JSON Lines that are plain or in zstd.

    Returns:
        Shards and pieces, by path. A shard of which an inventory knows the digest stays whole: it can be checked.

    Raises:
        UsageError: A piece would have the name of another shard.
        ShardError: A shard vanished meanwhile.
    """
    found: list[Shard] = []
    for shard in shards:
        large = shard.size > least and not shard.sha256 and not is_piece(shard.path)
        pieces = list(_pieces(folder, shard, least)) if large and fits(shard.path) else []
        found += pieces if len(pieces) > 1 else [shard]
    if len(found) > len(shards):
        paths.check_collisions(shard.path for shard in found)
    return sorted(found, key=lambda shard: shard.path)


def _pieces(folder: Path, shard: Shard, least: int) -> Iterator[Shard]:
    count = -(-shard.size * PIECES // least)
    stem, tail = _stem(shard.path)
    path = paths.under(folder, shard.path)
    with open_raw(path) as file:
        cut = _cutter(file, path)
        for index in range(count):
            if ranges := cut(index, count).ranges:
                size = sum(stop - start for start, stop in ranges)
                name = paths.safe_relative(f"{stem}.split-{index:05d}-of-{count:05d}{tail}")
                yield Shard(name, size, shard.version)


def _stem(path: str) -> tuple[str, str]:
    """Divides a path before the ending of its format."""
    inner = uncompressed(path)
    ending = re.search(r"(?:\.[A-Za-z0-9]+)?$", inner.rpartition("/")[2])
    stem = inner.removesuffix(ending[0] if ending else "")
    return stem, path.removeprefix(stem)


def open_piece(folder: Path, path: str, version: str | None = None) -> BinaryIO | None:
    """Opens the stored bytes of a piece; None where the name is none of a piece.

    Args:
        folder: The corpus root.
        path: The piece's path.
        version: The modification time of its file that the listing showed, in nanoseconds; None = whichever.

    Raises:
        ShardError: The file that it is a piece of has vanished, was written to, or has no such piece any more.
    """
    found = _NAME.fullmatch(path)
    if found is None:
        return None
    file = paths.under(folder, f"{found['stem']}{found['ending']}")
    whole = open_raw(file, version)
    try:
        cut = _cutter(whole, file)(int(found["index"]), int(found["count"]))
        if not cut.ranges:
            raise ShardError(
                f"{path}: nothing starts in this piece of its file any more: it was written to; launch again"
            )
    except BaseException:
        whole.close()
        raise
    return cast(BinaryIO, PieceFile(whole, cut))


def _cutter(file: BinaryIO, path: Path) -> Callable[[int, int], _Cut]:
    """Returns what cuts a file: the piece of a number, and of how many."""
    size = file.seek(0, os.SEEK_END)
    file.seek(0)
    columns = file.read(len(MAGIC)) == MAGIC
    if not columns and compression_of(path.name) == "zst":
        return _frame_cutter(file, path)
    of = _group_cutter(file, size) if columns else _line_cutter(file, size)

    def cut(index: int, count: int) -> _Cut:
        return of(size * index // count, size * (index + 1) // count) if index < count else _Cut(())

    return cut


def _line_cutter(file: BinaryIO, size: int) -> Callable[[int, int], _Cut]:
    def cut(first: int, last: int) -> _Cut:
        start, stop = _line_start(file, first, size), _line_start(file, last, size)
        return _Cut(((start, stop),) if stop > start else ())

    return cut


def _line_start(file: BinaryIO, position: int, size: int) -> int:
    """Returns where the first line starts that starts at a position or after it."""
    if position in (0, size):
        return position
    position -= 1
    file.seek(position)
    while block := file.read(_PROBE):
        if (found := block.find(b"\n")) >= 0:
            return position + found + 1
        position += len(block)
    return size


def _frame_cutter(file: BinaryIO, path: Path) -> Callable[[int, int], _Cut]:
    modified = os.fstat(file.fileno()).st_mtime_ns

    def cut(index: int, count: int) -> _Cut:
        found = zstd_cuts.points(path, modified, count)[index : index + 2]
        if len(found) < 2 or found[0] == found[1]:
            return _Cut(())
        start, stop = found
        last = stop.frame - start.frame if stop.offset else None
        return _Cut(((start.frame, stop.stop),), part=Part(start.offset, last, stop.offset))

    return cut


def _group_cutter(file: BinaryIO, size: int) -> Callable[[int, int], _Cut]:
    try:
        footer = read_footer(file, size, Limits())
    except ValueError:
        # The reader of the whole says what is wrong with it.
        return lambda *_: _Cut(())
    apart = all(a[1] <= b[0] for a, b in zip(footer.spans, footer.spans[1:], strict=False))

    def cut(first: int, last: int) -> _Cut:
        groups = tuple(i for i, span in enumerate(footer.spans) if first <= span[0] < last) if apart else ()
        if not groups:
            return _Cut(())
        return _Cut(((footer.spans[groups[0]][0], footer.spans[groups[-1]][1]), (footer.start, size)), groups)

    return cut
