"""Where a run is written: a small interface over whole objects, with one implementation per kind of storage.

Every write is all or nothing: a reader of a final name sees the complete object or none. On a disk that is a
temporary file, fsync, rename (`tamis.pipeline.atomic`); on an object store a finished upload is atomic by itself.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, Protocol

from tamis.classifiers.errors import UsageError
from tamis.pipeline import atomic

__all__ = ["LocalStore", "Store", "open_store"]


class Store(Protocol):
    """Whole objects under one root, named by relative paths with forward slashes."""

    @property
    def root(self) -> str:
        """The root as the user wrote it."""

    def read(self, path: str) -> bytes:
        """Returns an object's bytes; raises FileNotFoundError where there is none."""

    def write(self, path: str, data: bytes) -> None:
        """Writes or replaces an object, all or nothing."""

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

    def write(self, path: str, data: bytes) -> None:
        """See `Store.write`."""
        atomic.write_bytes(self._path(path), data)

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


def open_store(root: str) -> Store:
    """Opens the storage behind a root.

    Raises:
        UsageError: The root's scheme is not one that this version writes to.
    """
    scheme, separator, _ = root.partition("://")
    if separator and scheme != "file":
        raise UsageError(f"{root}: `{scheme}://` is not a storage that this version reaches; use a local folder")
    return LocalStore(root.removeprefix("file://"))
