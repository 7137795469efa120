"""A remote object as a file that is read once, from start to end: all of one version, or an error.

A connection that is cut, times out or is refused is opened again where it stopped, on the condition that the object is
still the version that was opened first. Fewer bytes than the service told are an error, never the end of the file.
"""

from __future__ import annotations

import contextlib
import io
import os
import shutil
import tempfile
from typing import BinaryIO, cast

from tamis.pipeline.buckets import Source, Stat, open_source
from tamis.pipeline.errors import ShardError, TamisError
from tamis.pipeline.locations import Location
from tamis.pipeline.retries import DELAYS_S, CutError, explain, retried, status_of, transient, wait

__all__ = ["RemoteFile", "open_remote", "open_shard_object"]

_BLOCK = 1 << 20


class RemoteFile(io.RawIOBase):
    """The bytes of one version of an object.

    Formats that jump about in a file (Parquet) `seek` first: that fetches the object, whole, into a temporary file.

    Args:
        source: What reads it.
        stat: Its name, size and version.
        name: What errors call it.
    """

    def __init__(self, source: Source, stat: Stat, name: str) -> None:
        super().__init__()
        self._source, self._stat, self._name = source, stat, name
        self._file: BinaryIO | None = None
        self._copy: BinaryIO | None = None
        self._position = 0

    def readable(self) -> bool:
        """Returns True."""
        return True

    def seekable(self) -> bool:
        """Returns True."""
        return True

    def tell(self) -> int:
        """Returns the position."""
        return self._position if self._copy is None else self._copy.tell()

    def seek(self, offset: int, whence: int = os.SEEK_SET, /) -> int:
        """Goes to a position; the first call fetches the whole object, with the errors of `read`."""
        if self._copy is None:
            self._fetch()
            assert self._copy is not None
        return self._copy.seek(offset, whence)

    def _fetch(self) -> None:
        before, self._position = self._position, 0
        self._drop()
        with contextlib.ExitStack() as stack:
            copy = cast(BinaryIO, stack.enter_context(tempfile.TemporaryFile()))
            shutil.copyfileobj(cast(BinaryIO, self), copy, _BLOCK)
            copy.seek(before)
            stack.pop_all()
        self._drop()
        self._copy = copy

    def read(self, size: int = -1, /) -> bytes:
        """Returns up to `size` bytes (all that are left where it is negative), none at the end of the object.

        Raises:
            ShardError: The object changed or vanished, or cannot be read after the last attempt.
        """
        if self._copy is not None:
            return self._copy.read(size)
        left = self._stat.size - self._position
        if size < 0:
            return b"".join(iter(lambda: self.read(_BLOCK), b""))
        return self._attempts(min(size, left)) if min(size, left) else b""

    def readinto(self, buffer: memoryview, /) -> int:  # type: ignore[override]
        """Reads into a buffer; see `read`."""
        data = self.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)

    def _attempts(self, size: int) -> bytes:
        for delay in (*DELAYS_S, None):
            try:
                return self._advance(size)
            except Exception as error:
                self._drop()
                if delay is None or not transient(error):
                    raise ShardError(f"{self._name}: {_reason(error, self._position, self._stat.size)}") from error
                wait(delay)
        raise AssertionError

    def _advance(self, size: int) -> bytes:
        if self._file is None:
            self._file = self._source.open(self._stat.key, self._stat.version, self._position)
        data = self._file.read(size)
        if not data:
            raise CutError(f"the stream ended after {self._position} of {self._stat.size} bytes")
        self._position += len(data)
        return data

    def _drop(self) -> None:
        file, self._file = self._file, None
        if file is not None:
            # The connection is broken; closing it may fail for the same reason.
            with contextlib.suppress(Exception):
                file.close()

    def close(self) -> None:
        """Closes the connection and removes the temporary file."""
        self._drop()
        if self._copy is not None:
            self._copy.close()
        super().close()


def _reason(error: Exception, position: int, size: int) -> str:
    status = status_of(error)
    if status in (404, 409, 412):
        return "the object was replaced or removed while it was read: run again when its writer is done"
    return f"reading stopped after {position} of {size} bytes: {explain(error)}; run again to continue"


def open_remote(location: Location, path: str, version: str | None = None) -> BinaryIO:
    """Opens an object for reading.

    Args:
        location: A root.
        path: The object's path under it.
        version: The version that a listing showed, None = the one of now.

    Raises:
        FileNotFoundError: There is none.
        ShardError: It is another version, or cannot be reached.
    """
    name, source = location.url(path), open_source(location)
    try:
        stat = retried(lambda: source.stat(location.key(path)))
    except TamisError:
        raise
    except Exception as error:
        if status_of(error) == 404:
            raise FileNotFoundError(name) from None
        raise ShardError(f"{name}: {explain(error)}") from error
    if version is not None and stat.version != version:
        raise ShardError(f"{name}: the object was written to since it was listed: launch again")
    return cast(BinaryIO, RemoteFile(source, stat, name))


def open_shard_object(location: Location, path: str, version: str | None) -> BinaryIO:
    """Opens a shard of a remote corpus; see `open_remote`.

    Raises:
        ShardError: It has vanished, is another version, or cannot be reached.
        UsageError: The service's library is not installed.
    """
    try:
        return open_remote(location, path, version)
    except FileNotFoundError as error:
        raise ShardError(f"{error}: the shard has vanished since it was listed: restore it, or run again") from None
