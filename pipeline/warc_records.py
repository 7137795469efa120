"""WARC and ARC: records of declared length, followed one by one to a proven end.

A record is a header and a block of exactly `Content-Length` bytes. After it stand line ends only, and then the next
record or the end of the file: a wrong length, a cut inside a record or a hole in the file is an error of the shard. A
file that was cut exactly between two records is a valid shorter file.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from tamis.pipeline.errors import ShardError

__all__ = ["WarcRecord", "records"]

_HEADER_LIMIT = 1 << 20
_HEADER_END = re.compile(rb"\r?\n\r?\n")
_LINE_END = re.compile(rb"\n")
_USUAL_END = b"\r\n\r\n"
_FIRST_LINE = re.compile(rb"WARC/\d+\.\d+\r?\n")
_ARC_LINE = re.compile(rb"[^\s:]+:\S*[^\r\n]* \d+\r?\n")


@dataclass(frozen=True, slots=True)
class WarcRecord:
    """One record.

    Attributes:
        offset: Where it starts in the decoded shard, in bytes.
        head: Its header, the empty line included.
        headers: Header fields by their names in lower case; those of an ARC record under the names that WARC uses.
        block: Its block, None where it is too long to be kept.
        tail: The line ends after it.
        length: Its length in bytes, header and line ends included.
        sha256: SHA-256 of all of it, in hexadecimal, where it is too long; "" otherwise.
    """

    offset: int
    head: bytes
    headers: dict[str, str]
    block: bytes | None
    tail: bytes
    length: int
    sha256: str

    @property
    def raw(self) -> bytes:
        """The exact bytes of a record that was kept."""
        return self.head + (self.block or b"") + self.tail


class _Buffer:
    """The stream, with a look ahead."""

    def __init__(self, blocks: Iterable[bytes]) -> None:
        self.offset = 0
        self._blocks = iter(blocks)
        self._data = b""
        self._place = 0

    def _more(self) -> bool:
        block = next(self._blocks, None)
        if block is None:
            return False
        self._data = self._data[self._place :] + block
        self._place = 0
        return True

    def ended(self) -> bool:
        return self._place == len(self._data) and not self._more()

    def until(self, pattern: re.Pattern[bytes]) -> bytes:
        """Takes the bytes up to the end of a match; what there is where none comes within the limit."""
        while True:
            found = pattern.search(self._data, self._place)
            # A match at the very end could go on: "\n\r" may become "\n\r\n".
            if found and (found.end() < len(self._data) or not self._more()):
                return self.take(found.end() - self._place)
            if not found and (len(self._data) - self._place > _HEADER_LIMIT or not self._more()):
                return self.take(min(len(self._data) - self._place, _HEADER_LIMIT))

    def ends(self) -> bytes:
        """Takes the line ends that come next."""
        if self._data.startswith(_USUAL_END, self._place) and self._data[self._place + 4 : self._place + 5] == b"W":
            return self.take(len(_USUAL_END))
        pieces = []
        while not self.ended():
            rest = self._data[self._place : self._place + 4]
            size = len(rest) - len(rest.lstrip(b"\r\n"))
            pieces.append(self.take(size))
            if size < len(rest):
                break
        return b"".join(pieces)

    def pieces(self, size: int) -> Iterator[bytes]:
        """Takes `size` bytes, fewer only at the end of the stream."""
        while size and not self.ended():
            piece = self._data[self._place : self._place + size]
            self._place += len(piece)
            self.offset += len(piece)
            size -= len(piece)
            yield piece

    def take(self, size: int) -> bytes:
        stop = self._place + size
        if stop > len(self._data):
            return b"".join(self.pieces(size))
        data = self._data[self._place : stop]
        self._place = stop
        self.offset += size
        return data


def records(blocks: Iterable[bytes], limit: int, name: str) -> Iterator[WarcRecord]:
    """Splits a decoded stream into records.

    Args:
        blocks: The stream, in blocks of any size.
        limit: The longest record that is kept, in bytes.
        name: What errors call the shard.

    Raises:
        ShardError: The stream is no WARC or ARC, is cut inside a record, or a length is wrong or missing.
    """
    buffer = _Buffer(blocks)
    while not buffer.ended():
        offset = buffer.offset
        head, headers = _head(buffer, name)
        size = _size(headers, offset, name)
        if len(head) + size > limit:
            yield _long(buffer, offset, head, headers, size, name)
        else:
            block = buffer.take(size)
            _check_size(len(block), size, offset, name)
            tail = buffer.ends()
            yield WarcRecord(offset, head, headers, block, tail, len(head) + size + len(tail), "")


def _long(buffer: _Buffer, offset: int, head: bytes, headers: dict[str, str], size: int, name: str) -> WarcRecord:
    state, found = hashlib.sha256(head), 0
    for piece in buffer.pieces(size):
        state.update(piece)
        found += len(piece)
    _check_size(found, size, offset, name)
    tail = buffer.ends()
    state.update(tail)
    return WarcRecord(offset, head, headers, None, tail, len(head) + size + len(tail), state.hexdigest())


def _head(buffer: _Buffer, name: str) -> tuple[bytes, dict[str, str]]:
    offset = buffer.offset
    first = buffer.until(_LINE_END)
    if _FIRST_LINE.fullmatch(first):
        rest = buffer.until(_HEADER_END)
        if not _HEADER_END.search(rest):
            raise _broken(name, offset, "has a header without an end")
        return first + rest, _fields(rest)
    if _ARC_LINE.fullmatch(first):
        return first, _arc_fields(first)
    if buffer.ended() and (b"WARC/1.0\r\n".startswith(first[:5]) or not first.endswith(b"\n")):
        raise _broken(name, offset, "is cut in its first line")
    raise ShardError(
        f"{name}: byte {offset}: expected the start of a WARC record: the length of the record before it is wrong, or "
        "the file is damaged; fetch or write the shard again"
    )


def _broken(name: str, offset: int, what: str) -> ShardError:
    return ShardError(f"{name}: cut off or damaged: the record at byte {offset} {what}: fetch or write the shard again")


def _fields(head: bytes) -> dict[str, str]:
    """Reads header fields; a line that starts with white space goes on with the one before."""
    text = head.decode("utf-8", "replace")
    if "\n " in text or "\n\t" in text:
        text = re.sub(r"\r?\n[ \t]+", " ", text)
    found: dict[str, str] = {}
    for line in text.splitlines():
        key, colon, value = line.partition(":")
        if colon:
            key = key.strip().lower()
            value = value.strip()
            # Two lengths that differ leave no way to tell where the record ends.
            found[key] = f"{found[key]}, {value}" if key == "content-length" and key in found else value
    return found


def _arc_fields(line: bytes) -> dict[str, str]:
    """Reads an ARC header line: url, address, date, type, and further fields of version 2, then the length."""
    url, *rest = line.decode("utf-8", "replace").split()
    kind = "warcinfo" if url.startswith("filedesc:") else "response"
    mime = rest[2] if len(rest) > 3 else ""
    found = {"warc-type": kind, "warc-target-uri": url, "content-length": rest[-1], "arc-content-type": mime}
    if len(rest) > 2:
        found["warc-date"] = rest[1]
    return found | {"content-type": "application/http" if url.startswith("http") else mime}


def _size(headers: dict[str, str], offset: int, name: str) -> int:
    value = headers.get("content-length", "")
    if not (value.isascii() and value.isdigit() and len(value) < 19):
        raise _broken(name, offset, "has no sound Content-Length")
    return int(value)


def _check_size(found: int, size: int, offset: int, name: str) -> None:
    if found != size:
        raise _broken(name, offset, f"has {found} bytes, its header says {size}")
