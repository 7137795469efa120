"""Zstandard, frame by frame and block by block, to a proven end (RFC 8878).

The frame's headers are walked here, so that the end of a frame is proven and not inferred, the window is known
before it is allocated, and no call to the decoder can expand to more than `_BLOCKS` blocks of 128 KiB. The decoder
verifies the content checksum where the frame has one, and the content size where it is declared. A frame without a
checksum cannot show every flipped bit. A file that was cut exactly between two frames is a valid shorter file: only
a manifest of sizes or hashes can show that.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO, Protocol

import zstandard

from tamis.pipeline.errors import ShardError
from tamis.pipeline.rawbytes import RawBytes

__all__ = ["MAGIC", "blocks", "frame_ends", "framed"]

MAGIC = bytes.fromhex("28b52ffd")

_SKIPPABLE = bytes.fromhex("2a4d18")
_BLOCKS = 2
_RESERVED, _RLE = 3, 1
_DICTIONARY_BYTES = (0, 1, 2, 4)
_SIZE_BYTES = (0, 2, 4, 8)


class _Source(Protocol):
    name: str
    count: int

    def exactly(self, size: int) -> bytes: ...


@dataclass(frozen=True, slots=True)
class _Header:
    data: bytes
    window: int
    checksum: bool
    dictionary: bool


class _Walker:
    """Reads the parts of frames, and knows where it is when a part is missing."""

    def __init__(self, source: _Source) -> None:
        self.source = source
        self.position = 0
        self.frames = 0
        self.decoded = 0

    def part(self, size: int) -> bytes:
        data = self.source.exactly(size)
        if len(data) < size:
            raise ShardError(
                f"{self.source.name}: cut off: zstd frame {self.frames + 1} has no end; the file ends after "
                f"{self.source.count} bytes ({self.decoded} decoded): fetch or write the shard again"
            )
        self.position += size
        return data

    def magic(self) -> bytes | None:
        """Reads the first bytes of a frame: the type of it, None at the end of the file."""
        start = self.source.exactly(4)
        if not start:
            return None
        kind = _SKIPPABLE if start[0] >> 4 == 5 and _SKIPPABLE.startswith(start[1:]) else MAGIC
        if kind is MAGIC and not MAGIC.startswith(start):
            raise _alien(self, start)
        self.position += len(start)
        self.part(4 - len(start))
        return kind

    def damaged(self, reason: str) -> ShardError:
        return ShardError(
            f"{self.source.name}: zstd frame {self.frames + 1} is damaged ({reason}) after {self.decoded} decoded "
            "bytes: fetch or write the shard again"
        )


def blocks(source: RawBytes, window: int) -> Iterator[bytes]:
    """Decodes a file.

    Args:
        source: The stored bytes.
        window: The largest window that is allocated, in bytes.

    Yields:
        The decoded bytes in blocks of up to 256 KiB.

    Raises:
        ShardError: The file is empty, cut, damaged, needs a dictionary or a larger window, or holds something that is
            not zstd.
    """
    return (block for _, block in framed(source, window))


def framed(source: RawBytes, window: int) -> Iterator[tuple[int, bytes]]:
    """Yields the blocks of a file, each with where its frame starts in the stored bytes; see `blocks`."""
    walker = _Walker(source)
    context = zstandard.ZstdDecompressor(max_window_size=window)
    while kind := walker.magic():
        start = walker.position - 4
        if kind is MAGIC:
            yield from ((start, block) for block in _frame(walker, context, window))
        else:
            _skip(walker)
        walker.frames += 1
    if not walker.frames:
        raise ShardError(f"{source.name}: the file is empty, expected a zstd frame: write the shard again")


class _Glance:
    """Reads small parts of a file, and passes over the rest."""

    def __init__(self, file: BinaryIO, name: str, start: int) -> None:
        self.name = name
        self.count = start
        self._file = file.fileno()

    def exactly(self, size: int) -> bytes:
        data = os.pread(self._file, size, self.count)
        self.count += len(data)
        return data


def frame_ends(file: BinaryIO, name: str, start: int = 0) -> Iterator[int]:
    """Yields where the frames of a file on a disk end, without reading more of them than the headers of their blocks.

    Args:
        file: The stored bytes; its position stays.
        name: What errors call it.
        start: Where a frame starts.

    Raises:
        ShardError: What follows is no frame, or the file ends before the last frame does.
    """
    size = os.fstat(file.fileno()).st_size
    glance = _Glance(file, name, start)
    walker = _Walker(glance)
    while kind := walker.magic():
        if kind is MAGIC:
            header, last = _header(walker), False
            while not last:
                _, last, length = _block(walker)
                glance.count += length
            glance.count += 4 * header.checksum
        else:
            length = int.from_bytes(walker.part(4), "little")
            glance.count += length
        if glance.count > size:
            raise ShardError(f"{name}: cut off: its last zstd frame has no end: fetch or write the shard again")
        walker.frames += 1
        yield glance.count


def _alien(walker: _Walker, start: bytes) -> ShardError:
    if walker.frames:
        return ShardError(
            f"{walker.source.name}: garbage after zstd frame {walker.frames}, expected another frame or the end of the "
            "file: write the shard again"
        )
    return ShardError(
        f"{walker.source.name}: found the bytes {start.hex()} at the start, expected zstd ({MAGIC.hex()}): name the "
        "file after its compression, or write it again"
    )


def _skip(walker: _Walker) -> None:
    left = int.from_bytes(walker.part(4), "little")
    while left:
        left -= len(walker.part(min(left, 1 << 20)))


def _frame(walker: _Walker, context: zstandard.ZstdDecompressor, window: int) -> Iterator[bytes]:
    header = _header(walker)
    if header.dictionary:
        raise ShardError(f"{walker.source.name}: compressed with a dictionary, expected none: compress it without one")
    if header.window > window:
        raise ShardError(
            f"{walker.source.name}: zstd frame {walker.frames + 1} asks for a window of {header.window} bytes, the "
            f"limit is {window}: compress it with a smaller --long"
        )
    decoder = context.decompressobj()
    for data in _groups(walker, header):
        try:
            block = decoder.decompress(data)
        except zstandard.ZstdError as error:
            raise walker.damaged(_reason(error)) from None
        walker.decoded += len(block)
        if block:
            yield block
    if not decoder.eof or decoder.unused_data:
        raise walker.damaged("its blocks and its content end at different places")


def _reason(error: zstandard.ZstdError) -> str:
    return str(error).removeprefix("zstd decompressor error: ")


def _header(walker: _Walker) -> _Header:
    """Reads a frame header after its magic number (RFC 8878, 3.1.1.1)."""
    descriptor = walker.part(1)
    flags = descriptor[0]
    if flags & 0x08:
        raise walker.damaged("a reserved bit is set")
    single = bool(flags & 0x20)
    dictionary = _DICTIONARY_BYTES[flags & 3]
    size = _SIZE_BYTES[flags >> 6] or single
    rest = walker.part((not single) + dictionary + size)
    if single:
        content = int.from_bytes(rest[dictionary:], "little") + (256 if size == 2 else 0)
        window = content
    else:
        base = 1 << (10 + (rest[0] >> 3))
        window = base + base // 8 * (rest[0] & 7)
    return _Header(MAGIC + descriptor + rest, window, bool(flags & 0x04), any(rest[not single :][:dictionary]))


def _groups(walker: _Walker, header: _Header) -> Iterator[bytes]:
    """Yields the frame's bytes in pieces of at most `_BLOCKS` blocks, the last one with the end of the frame."""
    pieces, last = [header.data], False
    while not last:
        for _ in range(_BLOCKS):
            head, last, size = _block(walker)
            pieces += (head, walker.part(size))
            if last:
                break
        if last and header.checksum:
            pieces.append(walker.part(4))
        yield b"".join(pieces)
        pieces = []


def _block(walker: _Walker) -> tuple[bytes, bool, int]:
    """Reads a block's header (RFC 8878, 3.1.1.2): it, whether the block is the last, and how many bytes follow."""
    head = walker.part(3)
    bits = int.from_bytes(head, "little")
    kind, size = bits >> 1 & 3, bits >> 3
    if kind == _RESERVED:
        raise walker.damaged("a block of a reserved type")
    return head, bool(bits & 1), 1 if kind == _RLE else size
