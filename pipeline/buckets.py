"""What tamis asks of a storage service: nine operations on whole objects, one small module per service.

The services differ in names, not in kind: each gives objects a version that changes with their content, writes them
whole or not at all, and writes on the condition that the version is still the one that was read. The modules translate
names, through the vendor's own library, whose credentials and endpoint come from the environment as everywhere else.
They let the library's errors pass; `tamis.pipeline.retries` reads them.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, BinaryIO, Protocol

from tamis.pipeline.errors import UsageError
from tamis.pipeline.locations import READ_ONLY, Location

__all__ = ["ABSENT", "CONNECT_S", "READ_S", "Bucket", "Source", "Stat", "open_bucket", "open_source"]

#: The version of an object that does not exist.
ABSENT = ""
#: Seconds until a connection, and until an answer's next bytes, count as failed.
CONNECT_S, READ_S = 10.0, 60.0

_INSTALL = "pip install 'tamis[cloud]'"


@dataclass(frozen=True, slots=True)
class Stat:
    """An object as a listing shows it.

    Attributes:
        key: Name inside the bucket.
        size: Bytes as stored.
        version: What changes when the object is written again: an ETag or a generation; never empty.
        modified: When it was written, in seconds since 1970; 0 where nobody said.
    """

    key: str
    size: int
    version: str
    modified: float = field(default=0.0, compare=False)


class Source(Protocol):
    """The objects of one bucket, or the files of a web server, to be read."""

    def stat(self, key: str) -> Stat:
        """Returns an object's size and version."""

    def open(self, key: str, version: str, position: int) -> BinaryIO:
        """Opens exactly this version of an object (412 otherwise) through smart_open, at a position."""


class Bucket(Source, Protocol):
    """The objects of one bucket. Every operation may be repeated without harm, except a conditional `put`."""

    def get(self, key: str, version: str | None = None) -> bytes:
        """Returns an object's bytes; with a version, exactly those (412 otherwise)."""

    def put(self, key: str, data: bytes, expected: str | None = None) -> None:
        """Writes a small object.

        Args:
            key: Its name.
            data: Its bytes.
            expected: Write only if the object has this version, `ABSENT` = does not exist (409 or 412 otherwise);
                None = replace whatever is there.
        """

    def upload(self, key: str, file: BinaryIO, size: int) -> None:
        """Writes an object of any size from a file at its start; nothing is visible before the last byte is there."""

    def pages(self, prefix: str, after: str = "") -> Iterator[list[Stat]]:
        """Lists the objects whose names start with a prefix, in order, from just behind a name on."""

    def copy(self, source: str, target: str) -> None:
        """Copies an object inside the service, whatever its size; what the target was is replaced."""

    def delete(self, key: str) -> None:
        """Removes an object."""


# Scheme -> (module, class, the package whose absence means that the extra is not installed).
_KINDS = {
    "s3": ("bucket_s3", "S3Bucket", "boto3"),
    "gs": ("bucket_gcs", "GcsBucket", "google.cloud.storage"),
    "az": ("bucket_azure", "AzureBucket", "azure.storage.blob"),
    "http": ("bucket_http", "HttpBucket", "requests"),
    "https": ("bucket_http", "HttpBucket", "requests"),
}


@lru_cache(maxsize=64)
def _made(scheme: str, name: str) -> Any:
    module, cls, package = _KINDS[scheme]
    try:
        importlib.import_module(package)
    except ImportError:
        raise UsageError(f"{scheme}:// needs the package {package.partition('.')[0]}: {_INSTALL}") from None
    return getattr(importlib.import_module(f"tamis.pipeline.{module}"), cls)(name)


def open_bucket(location: Location) -> Bucket:
    """Returns the bucket of a location that can be written to; the client behind it is made once a process.

    Raises:
        UsageError: The service's library is not installed, or the environment names no account.
    """
    assert location.scheme not in READ_ONLY
    bucket: Bucket = _made(location.scheme, location.bucket)
    return bucket


def open_source(location: Location) -> Source:
    """Returns what reads a location's objects; see `open_bucket`."""
    if location.scheme not in READ_ONLY:
        return open_bucket(location)
    source: Source = _made(location.scheme, f"{location.scheme}://{location.bucket}")
    return source
