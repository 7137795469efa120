"""Gzip, member by member, to a proven end.

A member is proven by its end marker, its CRC-32 and its length modulo 2**32, all checked by ISA-L. A file is any
number of members, one at least. What follows the last member may be zero bytes, up to `PADDING`, as tape-like tools
round a file up to their block size; more zeros than that are what a file system leaves after a crash, and anything
else is garbage: both are errors. A file that was cut exactly between two members is a valid shorter file: gzip
cannot show that, only a manifest of sizes or hashes can.
"""

from __future__ import annotations

from collections.abc import Iterator

from isal import isal_zlib

from tamis.pipeline.errors import ShardError
from tamis.pipeline.rawbytes import RawBytes

__all__ = ["MAGIC", "PADDING", "blocks"]

MAGIC = b"\x1f\x8b"
PADDING = 64 << 10

_Error: type[Exception] = isal_zlib.error  # type: ignore[assignment] # isal's stubs call the class an instance
_READ = 128 << 10
# Decoded bytes per block. Below 128 KiB malloc reuses memory; above, each block is mapped and faulted in anew.
_BLOCK = 96 << 10
_GZIP = 31  # wbits: a gzip header and trailer around a window of 2**15 bytes


def blocks(source: RawBytes) -> Iterator[bytes]:
    """Decodes a file.

    Yields:
        The decoded bytes in blocks of up to 96 KiB.

    Raises:
        ShardError: The file is empty, cut, damaged, or followed by something that is not gzip.
    """
    members, decoded = 0, 0
    data = source.read(_READ)
    while data:
        _check_start(source, data, members)
        if members and data[0] == 0:
            _check_padding(source, data, members)
            return
        decoder = isal_zlib.decompressobj(wbits=_GZIP)
        try:
            while not decoder.eof:
                # At the end of the file the decoder may still hold output that did not fit the last block.
                data = data or source.read(_READ)
                block = decoder.decompress(data, _BLOCK)
                if not block and not data and not decoder.eof:
                    raise _cut(source, members, decoded)
                data = decoder.unconsumed_tail
                decoded += len(block)
                if block:
                    yield block
        except _Error as error:
            raise _damaged(source, members, decoded, error) from None
        members += 1
        data = decoder.unused_data or source.read(_READ)
    if not members:
        raise ShardError(f"{source.name}: the file is empty, expected a gzip member: write the shard again")


def _check_start(source: RawBytes, data: bytes, members: int) -> None:
    if MAGIC.startswith(data[:2]) or (members and data[0] == 0):
        return
    if members:
        raise ShardError(
            f"{source.name}: garbage after gzip member {members}, expected another member or the end of the file: "
            "write the shard again"
        )
    raise ShardError(
        f"{source.name}: found the bytes {data[:4].hex()} at the start, expected gzip ({MAGIC.hex()}): "
        "name the file after its compression, or write it again"
    )


def _check_padding(source: RawBytes, data: bytes, members: int) -> None:
    size = 0
    while data:
        size += len(data)
        if data.count(0) != len(data) or size > PADDING:
            raise ShardError(
                f"{source.name}: zeros and more after gzip member {members}, expected at most {PADDING} zero bytes: "
                "the tail of the file was lost; write the shard again"
            )
        data = source.read(_READ)


def _cut(source: RawBytes, members: int, decoded: int) -> ShardError:
    return ShardError(
        f"{source.name}: cut off: gzip member {members + 1} has no end marker; the file ends after "
        f"{source.count} bytes ({decoded} decoded): fetch or write the shard again"
    )


def _damaged(source: RawBytes, members: int, decoded: int, error: Exception) -> ShardError:
    return ShardError(
        f"{source.name}: gzip member {members + 1} is damaged ({error}) after {decoded} decoded bytes: "
        "fetch or write the shard again"
    )
