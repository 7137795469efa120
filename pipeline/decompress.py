"""Verified byte streams: every byte of a shard, or an error. Never a shorter shard.

`open_verified` decodes a shard in blocks and proves its end (`gzip_members`, `zstd_frames`). Plain files have no end
marker: what can be shown is that the file did not change while it was read, that its size was read, and, for lines,
that the last one is complete. The stored bytes are hashed in the same pass, for the shard's receipt.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO, Literal

from tamis.pipeline import gzip_members, zstd_frames, zstd_part
from tamis.pipeline.errors import ShardError, UsageError
from tamis.pipeline.limits import Limits
from tamis.pipeline.rawbytes import RawBytes

__all__ = ["COMPRESSIONS", "Compression", "VerifiedStream", "compression_of", "open_verified", "uncompressed"]

Compression = Literal["", "gz", "zst"]

#: Compression by the ending of a file's name; "" = plain.
COMPRESSIONS: dict[str, Compression] = {".gz": "gz", ".zst": "zst", ".zstd": "zst"}

_UNREAD = (".bz2", ".xz", ".lz4", ".br", ".zip", ".7z", ".snappy", ".Z")
_READ = 96 << 10


def compression_of(name: str) -> Compression:
    """Tells the compression from a file's name.

    Raises:
        UsageError: The name ends in a compression that is not read.
    """
    for ending in _UNREAD:
        if name.endswith(ending):
            raise UsageError(f"{name}: {ending} is not read, expected plain, .gz or .zst: compress the shard anew")
    return next((kind for ending, kind in COMPRESSIONS.items() if name.endswith(ending)), "")


def uncompressed(name: str) -> str:
    """Returns a file's name without the endings of compressions."""
    for ending in COMPRESSIONS:
        name = name.removesuffix(ending)
    return name


class VerifiedStream:
    """The decoded bytes of one shard, in blocks; iterate once, to the end.

    Args:
        raw: The stored bytes, at their start; of a piece (`splits.PieceFile`) only its own lines are yielded.
        compression: How they are compressed.
        limits: Limits on expansion and memory.
        name: What errors call the shard.
    """

    def __init__(self, raw: BinaryIO, compression: Compression, limits: Limits, name: str) -> None:
        self.name = name
        self.bytes_out = 0
        self._source = RawBytes(raw, name)
        self._part = getattr(raw, "part", None)
        self._compression = compression
        self._limits = limits
        self._state: Literal["fresh", "reading", "proven"] = "fresh"

    @property
    def bytes_read(self) -> int:
        """Stored bytes read so far."""
        return self._source.count

    @property
    def digest(self) -> str:
        """SHA-256 of the stored bytes, in hexadecimal; ValueError before the end has been proven."""
        if self._state != "proven":
            raise ValueError(f"{self.name}: the digest is known at the end of the stream only")
        return self._source.digest()

    def __iter__(self) -> Iterator[bytes]:
        """Yields the decoded bytes; the last block has been verified when the iteration ends.

        Raises:
            ShardError: The shard is cut, damaged, changing, or expands beyond the limits.
        """
        if self._state != "fresh":
            raise ValueError(f"{self.name}: a stream is read once")
        self._state = "reading"
        for block in self._blocks():
            self._count(len(block))
            yield block
        self._source.check_unchanged()
        self._state = "proven"

    def _blocks(self) -> Iterator[bytes]:
        if self._compression == "gz":
            return gzip_members.blocks(self._source)
        if self._compression == "zst":
            return self._frames()
        return _plain(self._source)

    def _frames(self) -> Iterator[bytes]:
        if isinstance(self._part, zstd_part.Part):
            return zstd_part.blocks(self._source, self._limits.window, self._part, self._count)
        return zstd_frames.blocks(self._source, self._limits.window)

    def _count(self, size: int) -> None:
        self.bytes_out += size
        limits, out = self._limits, self.bytes_out
        if out > limits.ratio_floor and out > limits.ratio * self.bytes_read:
            raise ShardError(
                f"{self.name}: {self.bytes_read} stored bytes have expanded to {out}, at most {limits.ratio} to 1 is "
                "allowed: this is taken for a decompression bomb; if it is real text, store it plain"
            )


def open_verified(
    raw: BinaryIO, compression: Compression, limits: Limits | None = None, name: str = "shard"
) -> VerifiedStream:
    """Opens stored bytes as a verified stream. See `VerifiedStream` for the arguments."""
    return VerifiedStream(raw, compression, limits or Limits(), name)


def _plain(source: RawBytes) -> Iterator[bytes]:
    first = True
    while block := source.read(_READ):
        if first and block.startswith((gzip_members.MAGIC, zstd_frames.MAGIC)):
            raise ShardError(
                f"{source.name}: the name says plain, the bytes {block[:4].hex()} say gzip or zstd: name the file "
                "after its compression"
            )
        first = False
        yield block
