"""Runs on an object store: the operations of `Store` over a bucket, with retries and conditional writes.

A finished upload is atomic: readers see an object whole or not at all, so the final name is written directly. What is
being written lies in a local temporary file until it is complete; only then the upload starts, and a failure while the
shard is processed leaves nothing at all on the service. A killed upload may leave parts that no reader sees and that
only the bucket's lifecycle rule removes ("abort incomplete multipart uploads", one day).

A conditional write whose answer was lost is asked for again and then refused, because the first one took effect. What
decides is the content: the object holds what we wrote, so it was written.
"""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Callable, Iterator
from typing import BinaryIO, NoReturn, TypeVar, cast

from tamis.pipeline.buckets import ABSENT, Stat, open_bucket
from tamis.pipeline.errors import RaceLost, TamisError, UsageError
from tamis.pipeline.locations import READ_ONLY, Location
from tamis.pipeline.remote_file import open_remote
from tamis.pipeline.retries import DELAYS_S, explain, retried, status_of, transient, wait
from tamis.pipeline.storage import Entry

__all__ = ["ObjectStore", "listed"]

T = TypeVar("T")

#: Bytes of an output that are kept in memory; a longer one goes to a temporary file (TMPDIR).
SPOOL = 16 << 20
_UNMET = (409, 412)


class ObjectStore:
    """See `tamis.pipeline.storage.Store`.

    Args:
        root: The root as the user wrote it.
        location: The same, parsed.

    Raises:
        UsageError: The root is read only, or its service's library is not installed.
    """

    def __init__(self, root: str, location: Location) -> None:
        if location.scheme in READ_ONLY:
            raise UsageError(f"{root}: {location.scheme}:// is read only; write to a folder, s3://, gs:// or az://")
        self.root = root
        self._location = location
        self._bucket = open_bucket(location)

    def _ask(self, path: str, operation: Callable[[], T]) -> T:
        """Runs an operation with retries; errors become FileNotFoundError, or a TamisError that names the object."""
        try:
            return retried(operation)
        except Exception as error:  # noqa: BLE001 - every library has errors of its own
            self._fail(path, error)

    def _fail(self, path: str, error: Exception) -> NoReturn:
        if isinstance(error, TamisError):
            raise error
        if status_of(error) == 404:
            raise FileNotFoundError(self._location.url(path)) from error
        raise TamisError(f"{self._location.url(path)}: {explain(error)}") from error

    def _stat(self, path: str) -> Stat:
        return self._ask(path, lambda: self._bucket.stat(self._location.key(path)))

    def read(self, path: str) -> bytes:
        """See `Store.read`."""
        return self._ask(path, lambda: self._bucket.get(self._location.key(path)))

    def read_versioned(self, path: str) -> tuple[bytes, str]:
        """See `Store.read_versioned`."""
        key = self._location.key(path)
        for _ in DELAYS_S:
            version = self._stat(path).version
            try:
                return retried(lambda version=version: self._bucket.get(key, version)), version  # type: ignore[misc]
            except Exception as error:  # noqa: BLE001 - every library has errors of its own
                # Written between the two questions: ask again.
                if status_of(error) not in (404, *_UNMET):
                    self._fail(path, error)
        raise TamisError(f"{self._location.url(path)}: it is written to again and again: run again later")

    def write(self, path: str, data: bytes) -> None:
        """See `Store.write`."""
        self._write(path, lambda: self._bucket.put(self._location.key(path), data))

    def create(self, path: str, data: bytes) -> bool:
        """See `Store.create`."""
        return self._put_if(path, data, ABSENT)

    def replace(self, path: str, data: bytes, expected: str | None) -> None:
        """See `Store.replace`."""
        if not self._put_if(path, data, ABSENT if expected is None else expected):
            raise RaceLost(f"{self._location.url(path)}: another run wrote it first")

    def _put_if(self, path: str, data: bytes, expected: str) -> bool:
        """Writes on a condition; returns False where it does not hold and the object is not what we write."""
        try:
            retried(lambda: self._bucket.put(self._location.key(path), data, expected))
        except Exception as error:  # noqa: BLE001 - every library has errors of its own
            # Replacing an object that is gone is answered with "not found".
            if status_of(error) not in (_UNMET if expected == ABSENT else (404, *_UNMET)):
                self._refused(path, error)
            return self._holds(path, data)
        return True

    def _holds(self, path: str, data: bytes) -> bool:
        try:
            return self.read(path) == data
        except FileNotFoundError:
            return False

    @contextlib.contextmanager
    def open_write(self, path: str) -> Iterator[BinaryIO]:
        """See `Store.open_write`."""
        with tempfile.SpooledTemporaryFile(max_size=SPOOL) as spool:
            yield cast(BinaryIO, spool)
            size = spool.tell()
            self._write(path, lambda: self._upload(path, cast(BinaryIO, spool), size))

    def _upload(self, path: str, spool: BinaryIO, size: int) -> None:
        spool.seek(0)
        self._bucket.upload(self._location.key(path), spool, size)

    def _write(self, path: str, operation: Callable[[], None]) -> None:
        try:
            retried(operation)
        except Exception as error:  # noqa: BLE001 - every library has errors of its own
            self._refused(path, error)

    def _refused(self, path: str, error: Exception) -> NoReturn:
        if status_of(error) == 404:
            raise TamisError(
                f"{self._location.url(path)}: cannot be written, there is no such bucket: make it, or correct `output`"
            ) from error
        self._fail(path, error)

    def open_read(self, path: str) -> BinaryIO:
        """See `Store.open_read`."""
        return open_remote(self._location, path)

    def size(self, path: str) -> int | None:
        """See `Store.size`."""
        try:
            return self._stat(path).size
        except FileNotFoundError:
            return None

    def names(self, prefix: str) -> Iterator[str]:
        """See `Store.names`."""
        skipped = len(self._location.key("x")) - 1
        yield from sorted(stat.key[skipped:] for stat in listed(self._location, prefix))

    def copy(self, source: str, target: str) -> None:
        """See `Store.copy`: inside the service."""
        self._ask(source, lambda: self._bucket.copy(self._location.key(source), self._location.key(target)))

    def entries(self, prefix: str) -> Iterator[Entry]:
        """See `Store.entries`."""
        skipped = len(self._location.key("x")) - 1
        for stat in listed(self._location, prefix):
            yield Entry(stat.key[skipped:], stat.size, stat.modified)

    def clear(self, prefix: str) -> None:
        """See `Store.clear`."""
        for entry in list(self.entries(prefix)):
            self.delete(entry.path)

    def delete(self, path: str) -> None:
        """See `Store.delete`."""
        with contextlib.suppress(FileNotFoundError):
            self._ask(path, lambda: self._bucket.delete(self._location.key(path)))

    def sweep(self, prefix: str) -> None:
        """See `Store.sweep`. Nothing to do: what a killed upload leaves is the bucket's to remove."""


def listed(location: Location, folder: str) -> Iterator[Stat]:
    """Lists the objects under a folder of a root, in the order of their names.

    A page that fails is asked for again, from the last name seen on.

    Raises:
        UsageError: There is no such bucket, or the service lists nothing.
        TamisError: The listing fails.
    """
    bucket, prefix, last, failures = open_bucket(location), location.folder(folder), "", 0
    pages = bucket.pages(prefix)
    while True:
        try:
            page = next(pages, None)
        except Exception as error:  # noqa: BLE001 - every library has errors of its own
            if failures == len(DELAYS_S) or not transient(error):
                _unlisted(location, error)
            wait(DELAYS_S[failures])
            failures, pages = failures + 1, bucket.pages(prefix, last)
            continue
        if page is None:
            return
        failures, last = 0, page[-1].key if page else last
        yield from page


def _unlisted(location: Location, error: Exception) -> NoReturn:
    if isinstance(error, TamisError):
        raise error
    if status_of(error) == 404:
        raise UsageError(f"{location.url()}: there is no bucket {location.bucket}: check the name") from error
    raise TamisError(f"{location.url()}: the listing failed: {explain(error)}") from error
