"""Small files that a run needs before its first shard, local or remote: plans, lists, and the folders of bundles.

A bundle by URL is fetched once a machine into the user's cache, under the sha256 of its header, and verified there
like any other folder: a copy that was cut, altered or half written is refused, never used.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import tempfile
from pathlib import Path

from tamis.classifiers import bundle_header
from tamis.classifiers.bundle_facts import CARD, HEADER
from tamis.pipeline import locations
from tamis.pipeline.errors import BundleError, TamisError, UsageError
from tamis.pipeline.locations import Location
from tamis.pipeline.redact import redact

__all__ = ["bundle_folder", "read"]

#: Bytes of a plan or of a bundle's header; a longer one is something else.
LONGEST = 16 << 20

_BLOCK = 1 << 20


def read(where: str, most: int = LONGEST) -> bytes:
    """Returns the bytes of a file.

    Args:
        where: Its path, or its file://, s3://, gs://, az:// or http(s):// URL.
        most: Bytes that are expected at most of a remote one.

    Raises:
        FileNotFoundError: There is none.
        OSError: A local one cannot be read.
        TamisError: A remote one cannot be read, or is longer.
    """
    path = locations.local_folder(where)
    if path is not None:
        return Path(path).read_bytes()
    location = locations.parse(where)
    assert location is not None
    return _read(location, "", most)


def _read(location: Location, path: str, most: int) -> bytes:
    # The clients of the services are slow to import, and most runs need none.
    from tamis.pipeline.remote_file import open_remote

    parts, left = [], most
    with contextlib.closing(open_remote(location, path)) as file:
        while left >= 0 and (part := file.read(min(left + 1, _BLOCK))):
            parts.append(part)
            left -= len(part)
    if left < 0:
        name = redact(location.url(path))
        raise TamisError(f"{name}: longer than the {most:,} bytes that were expected: name another file")
    return b"".join(parts)


def bundle_folder(ref: str, sha256: str | None = None) -> str:
    """Returns the local folder of a bundle, which is fetched where the reference is a URL.

    Args:
        ref: `builtin:NAME`, a folder, or a URL of a bundle's folder.
        sha256: What the sha256 of its bundle.json must be, None = any.

    Raises:
        UsageError: There is no bundle at the URL.
        BundleError: Its header is damaged, or not the one that was asked for.
    """
    if ref.startswith("builtin:") or locations.local_folder(ref) is not None:
        return ref
    location = locations.parse(ref)
    assert location is not None
    try:
        data = _read(location, HEADER, LONGEST)
    except FileNotFoundError:
        raise UsageError(f"{redact(ref)}: no bundle there: expected a folder with {HEADER}") from None
    digest = hashlib.sha256(data).hexdigest()
    if sha256 is not None and digest != sha256.lower():
        raise BundleError(f"{redact(ref)}/{HEADER}: expected sha256 {sha256}, found {digest}; change plan or bundle")
    folder = _cache() / digest
    if not folder.is_dir():
        _fetch(location, data, folder)
    return str(folder)


def _cache() -> Path:
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "tamis" / "bundles"


def _fetch(location: Location, header: bytes, folder: Path) -> None:
    """Fetches a bundle's files next to where they belong, and moves them there when all are complete."""
    listed = bundle_header.parse(redact(location.url(HEADER)), header).files
    temporary = _temporary(folder.parent)
    try:
        (temporary / HEADER).write_bytes(header)
        for name, facts in listed.items():
            (temporary / name).write_bytes(_file(location, name, facts.bytes))
        with contextlib.suppress(FileNotFoundError):
            (temporary / CARD).write_bytes(_read(location, CARD, LONGEST))
        _move(temporary, folder)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _temporary(parent: Path) -> Path:
    try:
        parent.mkdir(parents=True, exist_ok=True)
        return Path(tempfile.mkdtemp(prefix=".fetching-", dir=parent))
    except OSError as error:
        reason = error.strerror
        raise TamisError(f"{parent}: bundles cannot be kept there ({reason}): set XDG_CACHE_HOME to a folder") from None


def _file(location: Location, name: str, size: int) -> bytes:
    try:
        return _read(location, name, size)
    except FileNotFoundError as error:
        raise BundleError(f"{error}: {HEADER} lists it, and it is not there; upload the whole bundle") from None


def _move(temporary: Path, folder: Path) -> None:
    """Moves a folder to its place, unless another process was first."""
    try:
        temporary.rename(folder)
    except OSError:
        if not folder.is_dir():
            raise
