"""A file that hashes and counts what is written to it, for writers that are not ours."""

from __future__ import annotations

import hashlib
import io
from typing import Any, BinaryIO

__all__ = ["HashingSink"]


class HashingSink(io.RawIOBase):
    """Passes writes on to a file, which stays its owner's to close.

    Attributes:
        count: Bytes written so far.
    """

    def __init__(self, sink: BinaryIO) -> None:
        self.count = 0
        self._sink = sink
        self._hash = hashlib.sha256()
        self._finished = False
        self._lost = False

    def writable(self) -> bool:
        """Returns True."""
        return True

    def tell(self) -> int:
        """Returns the bytes written so far."""
        return self.count

    def write(self, data: Any, /) -> int:
        """Writes all of the data, however little the file takes at a time."""
        view = memoryview(data).cast("B")
        if self._sink.closed:
            # A writer that was given up writes its footer when it is collected, long after the file was removed.
            self._lost = True
            return len(view)
        self._hash.update(view)
        size = len(view)
        self.count += size
        while view:
            view = view[self._sink.write(view) :]
        return size

    def finish(self) -> None:
        """Marks the end; ValueError where the file was closed before it."""
        if self._lost:
            raise ValueError("the file was closed before its writer was finished")
        self._finished = True

    @property
    def digest(self) -> str:
        """SHA-256 of what was written, in hexadecimal; ValueError before `finish`."""
        if not self._finished:
            raise ValueError("the digest of a file is known when it is finished")
        return self._hash.hexdigest()
