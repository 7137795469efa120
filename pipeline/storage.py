"""Where a run is written: a small interface over whole objects, with one implementation per kind of storage.

Every write is all or nothing: a reader of a final name sees the complete object or none. On a disk that is a
temporary file, fsync, rename (`tamis.pipeline.atomic`); on an object store a finished upload is atomic by itself.
"""

from __future__ import annotations

import contextlib
import hashlib
import shutil
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Protocol, TypeVar

from tamis.pipeline import atomic, links, locations
from tamis.pipeline.errors import RaceLost

__all__ = ["Entry", "LocalStore", "Store", "open_store"]

T = TypeVar("T")

# How often, and how long apart, a file that another process is writing is asked for.
_TRIES, _PAUSE_S = 100, 0.05


@dataclass(frozen=True, slots=True)
class Entry:
    """An object or a left-over temporary file: path, size in bytes, when it was written (seconds since 1970).

    `links` is the number of names that a file on a disk has; its bytes are given back when the last of them goes.
    """

    path: str
    size: int
    modified: float
    links: int = 1


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

    def copy(self, source: str, target: str) -> None:
        """Makes an object of another, without its bytes passing through here; FileNotFoundError where there is none.

        What the target was is replaced. On a disk both are names of one file, which nothing ever writes to in place.
        """

    def entries(self, prefix: str) -> Iterator[Entry]:
        """Lists everything under a folder with sizes and times, in path order, left-over temporary files included."""

    def clear(self, prefix: str) -> None:
        """Removes a folder and everything under it."""

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
        _patiently(lambda: atomic.write_bytes(self._path(path), data))

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
        with contextlib.ExitStack() as stack:
            # The worker of a launcher that was killed a moment ago may still be at it.
            yield _patiently(lambda: stack.enter_context(atomic.open_write(self._path(path))))

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

    def copy(self, source: str, target: str) -> None:
        """See `Store.copy`."""
        links.link(self._path(source), self._path(target))

    def entries(self, prefix: str) -> Iterator[Entry]:
        """See `Store.entries`."""
        for path in sorted(path for path in self._path(prefix).rglob("*") if path.is_file()):
            with contextlib.suppress(FileNotFoundError):
                stat = path.stat()
                name = path.relative_to(self._folder).as_posix()
                yield Entry(name, stat.st_size, stat.st_mtime, stat.st_nlink)

    def clear(self, prefix: str) -> None:
        """See `Store.clear`."""
        if self._path(prefix).is_dir():
            shutil.rmtree(self._path(prefix))

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
        except atomic.BusyError:
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
