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

    def writable(self) -> bool:
        """Returns True."""
        return True

    def tell(self) -> int:
        """Returns the bytes written so far."""
        return self.count

    def write(self, data: Any, /) -> int:
        """Writes all of the data, however little the file takes at a time."""
        view = memoryview(data).cast("B")
        self._hash.update(view)
        size = len(view)
        self.count += size
        while view:
            view = view[self._sink.write(view) :]
        return size

    def finish(self) -> None:
        """Marks the end."""
        self._finished = True

    @property
    def digest(self) -> str:
        """SHA-256 of what was written, in hexadecimal; ValueError before `finish`."""
        if not self._finished:
            raise ValueError("the digest of a file is known when it is finished")
        return self._hash.hexdigest()
