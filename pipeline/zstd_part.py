"""The lines of a piece, out of zstd frames of which the first and the last hold lines of its neighbours too."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from tamis.pipeline import zstd_frames
from tamis.pipeline.errors import ShardError
from tamis.pipeline.rawbytes import RawBytes

__all__ = ["Part", "blocks"]


@dataclass(frozen=True, slots=True)
class Part:
    """What belongs to a piece, where its first and its last frame hold lines of its neighbours too.

    Attributes:
        skip: Decoded bytes of the first frame that come before the piece.
        last: Where the last frame starts, in stored bytes from the start of the piece; None = the piece has all of it.
        keep: Decoded bytes of the last frame that are the piece's; the rest is decoded too, for its checksum.
    """

    skip: int
    last: int | None
    keep: int


def blocks(source: RawBytes, window: int, part: Part, left: Callable[[int], None]) -> Iterator[bytes]:
    """Decodes a piece of a file: all of its frames, for their checksums, and yields what is the piece's.

    Args:
        source: The stored bytes of the piece.
        window: The largest window that is allocated, in bytes.
        part: What of them is wanted.
        left: Told of decoded bytes that are left out, as they too may expand without end.

    Raises:
        ShardError: As `zstd_frames.blocks`; or the frames are not where the part says.
    """
    frame = at = first = 0
    for start, block in zstd_frames.framed(source, window):
        at = at if start == frame else 0
        frame = start
        low = part.skip - at if start == 0 else 0
        high = part.keep - at if start == part.last else len(block)
        at += len(block)
        first = at if start == 0 else first
        wanted = block[max(0, low) : max(0, high)]
        left(len(block) - len(wanted))
        if wanted:
            yield wanted
    if first < part.skip or (part.last is not None and (frame != part.last or at < part.keep)):
        raise ShardError(f"{source.name}: the frames of its file are not where they were when it was cut: launch again")
