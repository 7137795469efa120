"""The stored bytes of a shard: opened from anywhere, counted and hashed while they pass, proven not to change."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import Any, BinaryIO

from tamis.pipeline import pulse
from tamis.pipeline.errors import ShardError

__all__ = ["RawBytes", "open_raw"]


def open_raw(location: str | Path, version: str | None = None) -> BinaryIO:
    """Opens the stored bytes of a local file for reading, without decompressing them.

    Args:
        location: A path, or a file:// URL. What lies on a storage service is opened by `remote_file.open_remote`.
        version: The modification time, in nanoseconds, that the listing showed; None = whichever.

    Raises:
        ShardError: There is no such file, or it was written to since it was listed.
        OSError: It cannot be opened.
    """
    text = str(location)
    try:
        raw = Path(text.removeprefix("file://")).open("rb", buffering=0)  # noqa: SIM115 - the caller closes it
    except FileNotFoundError:
        raise ShardError(f"{text}: the shard has vanished since it was listed: restore it, or run again") from None
    if version is not None and str(os.fstat(raw.fileno()).st_mtime_ns) != version:
        raw.close()
        raise ShardError(f"{text}: the shard was written to since it was listed: run again when its writer is done")
    return raw


class RawBytes:
    """A binary file that is read once from start to end.

    Args:
        raw: The file, at its start.
        name: What errors call it.

    Attributes:
        count: Bytes read so far.
    """

    def __init__(self, raw: BinaryIO, name: str) -> None:
        self.name = name
        self.count = 0
        self._raw = raw
        self._hash = hashlib.sha256()
        self._state = _state(raw)
        self._buffer = b""
        self._position = 0

    def digest(self) -> str:
        """Returns the SHA-256 of the bytes read so far, in hexadecimal."""
        return self._hash.hexdigest()

    def read(self, size: int) -> bytes:
        """Returns up to `size` bytes, fewer only where fewer are at hand, and none at the end of the file."""
        if self._position < len(self._buffer):
            start, self._position = self._position, self._position + size
            return self._buffer[start : self._position]
        data = self._raw.read(size)
        self._hash.update(data)
        self.count += len(data)
        pulse.beat()
        return data

    def exactly(self, size: int) -> bytes:
        """Returns `size` bytes, fewer only at the end of the file."""
        end = self._position + size
        if end > len(self._buffer):
            self._fill(size)
            end = size
        data = self._buffer[self._position : end]
        self._position = end
        return data

    def exhaust(self) -> None:
        """Reads to the end, for the count and the digest, and goes back to the start: the file must be seekable."""
        # A file that comes over the network is fetched once when it is told first that it will be sought in.
        self._raw.seek(0)
        while self.read(1 << 18):
            pass
        self._raw.seek(0)

    def _fill(self, size: int) -> None:
        pieces = [self._buffer[self._position :]]
        self._buffer, self._position = b"", 0
        missing = size - len(pieces[0])
        while missing > 0 and (data := self.read(max(missing, 1 << 17))):
            pieces.append(data)
            missing -= len(data)
        self._buffer = b"".join(pieces)

    def check_unchanged(self) -> None:
        """Checks, at the end, that the file is still what it was when it was opened.

        Raises:
            ShardError: It was written to meanwhile, or ended before its size.
        """
        before, after = self._state, _state(self._raw)
        if before != after:
            raise ShardError(f"{self.name}: the file changed while it was read: run again when its writer is done")
        if before is not None and before[0] != self.count:
            raise ShardError(f"{self.name}: read {self.count} bytes, expected the file's {before[0]}: run again")


def _state(raw: Any) -> tuple[int, int] | None:
    """Returns size and modification time of a local file, None where the bytes come from elsewhere."""
    if hasattr(raw, "state"):
        found: tuple[int, int] = raw.state()
        return found
    try:
        stat: Any = os.fstat(raw.fileno())
    except (OSError, AttributeError):
        return None
    return stat.st_size, stat.st_mtime_ns
