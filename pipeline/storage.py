"""Where a run is written: a small interface over whole objects, with one implementation per kind of storage.

Every write is all or nothing: a reader of a final name sees the complete object or none. On a disk that is a
temporary file, fsync, rename (`tamis.pipeline.atomic`); on an object store a finished upload is atomic by itself.
"""

from __future__ import annotations

import contextlib
import hashlib
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO, Protocol, TypeVar

from tamis.pipeline import atomic, locations
from tamis.pipeline.errors import RaceLost, ShardError

__all__ = ["LocalStore", "Store", "open_store"]

T = TypeVar("T")

# How often, and how long apart, a small file that another process is writing is asked for.
_TRIES, _PAUSE_S = 100, 0.05


class Store(Protocol):
    """Whole objects under one root, named by relative paths with forward slashes."""

    @property
    def root(self) -> str:
        """The root as the user wrote it."""

    def read(self, path: str) -> bytes:
        """Returns an object's bytes; raises FileNotFoundError where there is none."""

    def read_versioned(self, path: str) -> tuple[bytes, str]:
        """Returns an object's bytes and their version, for `replace`; raises FileNotFoundError where there is none."""

    def write(self, path: str, data: bytes) -> None:
        """Writes or replaces an object, all or nothing."""

    def create(self, path: str, data: bytes) -> bool:
        """Writes an object that does not exist yet; returns False, and writes nothing, where one with other content is.

        Of two that create one object at the same time exactly one succeeds, unless they write the same bytes.
        """

    def replace(self, path: str, data: bytes, expected: str | None) -> None:
        """Replaces an object if it is still the version that was read; None = if there still is none.

        Raises:
            RaceLost: It is not; it is left as it is. An object that holds `data` already is no error.
        """

    def open_write(self, path: str) -> contextlib.AbstractContextManager[BinaryIO]:
        """Opens an object for writing; it appears under its name when the block ends without an error."""

    def open_read(self, path: str) -> BinaryIO:
        """Opens an object for reading; raises FileNotFoundError where there is none."""

    def size(self, path: str) -> int | None:
        """Returns an object's size in bytes, None where there is none."""

    def names(self, prefix: str) -> Iterator[str]:
        """Lists the objects under a folder, in path order."""

    def delete(self, path: str) -> None:
        """Removes an object; none there is no error."""

    def sweep(self, prefix: str) -> None:
        """Removes what a killed writer left under a folder and no reader can see."""


class LocalStore:
    """A folder of a local or mounted file system."""

    def __init__(self, root: str) -> None:
        self.root = root
        self._folder = Path(root)

    def _path(self, path: str) -> Path:
        return self._folder / path

    def read(self, path: str) -> bytes:
        """See `Store.read`."""
        return self._path(path).read_bytes()

    def read_versioned(self, path: str) -> tuple[bytes, str]:
        """See `Store.read_versioned`; the version is the digest of the bytes."""
        data = self.read(path)
        return data, hashlib.sha256(data).hexdigest()

    def write(self, path: str, data: bytes) -> None:
        """See `Store.write`."""
        atomic.write_bytes(self._path(path), data)

    def create(self, path: str, data: bytes) -> bool:
        """See `Store.create`."""
        try:
            _patiently(lambda: atomic.write_bytes(self._path(path), data, exclusive=True))
        except FileExistsError:
            return self.read(path) == data
        return True

    def replace(self, path: str, data: bytes, expected: str | None) -> None:
        """See `Store.replace`."""
        _patiently(lambda: self._replace(path, data, expected))

    def _replace(self, path: str, data: bytes, expected: str | None) -> None:
        # The temporary's lock is held from before the comparison until after the rename.
        with atomic.open_write(self._path(path)) as file:
            found = self._versioned(path)
            if found[1] != expected and found[0] != data:
                raise RaceLost(f"{self.root}/{path}: another run wrote it first")
            file.write(data)

    def _versioned(self, path: str) -> tuple[bytes | None, str | None]:
        try:
            return self.read_versioned(path)
        except FileNotFoundError:
            return None, None

    @contextlib.contextmanager
    def open_write(self, path: str) -> Iterator[BinaryIO]:
        """See `Store.open_write`."""
        with atomic.open_write(self._path(path)) as file:
            yield file

    def open_read(self, path: str) -> BinaryIO:
        """See `Store.open_read`."""
        return self._path(path).open("rb")

    def size(self, path: str) -> int | None:
        """See `Store.size`."""
        try:
            return self._path(path).stat().st_size
        except FileNotFoundError:
            return None

    def names(self, prefix: str) -> Iterator[str]:
        """See `Store.names`."""
        folder = self._path(prefix)
        files = (path for path in folder.rglob("*") if path.is_file() and not atomic.is_temporary(path))
        yield from sorted(path.relative_to(self._folder).as_posix() for path in files)

    def delete(self, path: str) -> None:
        """See `Store.delete`."""
        self._path(path).unlink(missing_ok=True)

    def sweep(self, prefix: str) -> None:
        """See `Store.sweep`."""
        for path in atomic.leftovers(self._path(prefix)):
            path.unlink(missing_ok=True)


def _patiently(write: Callable[[], T]) -> T:
    """Runs a short write, waiting for the process that is writing the same file just now."""
    for _ in range(_TRIES):
        try:
            return write()
        except ShardError:
            time.sleep(_PAUSE_S)
    return write()


def open_store(root: str) -> Store:
    """Opens the storage behind a root; see `tamis.pipeline.locations`.

    Raises:
        UsageError: The root is not one that can be written to.
    """
    location = locations.parse(root)
    if location is None:
        return LocalStore(locations.local_folder(root) or root)
    # The clients of the services are slow to import, and most runs need none.
    from tamis.pipeline.object_store import ObjectStore

    return ObjectStore(root, location)
