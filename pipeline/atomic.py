"""Local files that appear whole or not at all.

The protocol, for a file `folder/name`:

1. `folder/.name.tamis-tmp` is opened and locked (`flock`), then emptied. A second writer of the same file finds
   the lock held and fails at once: two processes never write one file.
2. The bytes are written, flushed and fsynced.
3. The temporary is renamed to `folder/name` (or, if the file must not exist yet, hard-linked to it).
4. The folder is fsynced, so that the name survives a power cut.

On any exception before step 3, `KeyboardInterrupt` included, the temporary is removed and `folder/name` is what
it was before. A process that is killed leaves the temporary behind: it is never read, the next writer of the
same file takes it over, and `leftovers` lists what nobody took over.

Accepted: a file system without `flock` (some network mounts) is written without step 1's lock.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from tamis.pipeline.errors import ShardError
from tamis.pipeline.steps import reach

__all__ = [
    "SUFFIX",
    "BusyError",
    "is_temporary",
    "leftovers",
    "locked",
    "open_write",
    "sync_folder",
    "temporary",
    "write_bytes",
]

SUFFIX = ".tamis-tmp"

_NO_LOCKS = {errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOLCK, errno.ENOSYS, errno.EINVAL}


class BusyError(ShardError):
    """Another process is writing the file."""


def temporary(path: Path) -> Path:
    """Returns the name under which `path` is written until it is whole."""
    return path.with_name(f".{path.name}{SUFFIX}")


def is_temporary(path: Path) -> bool:
    """Tells whether a file is a temporary of some writer, alive or killed."""
    return path.name.startswith(".") and path.name.endswith(SUFFIX)


def leftovers(root: Path) -> list[Path]:
    """Returns the temporaries that killed writers left anywhere under `root`, sorted."""
    return sorted(root.rglob(f".*{SUFFIX}"))


@contextlib.contextmanager
def open_write(path: Path, *, exclusive: bool = False) -> Iterator[BinaryIO]:
    """Opens a file for writing that appears under its name when the block ends without an exception.

    Args:
        path: The final name. Missing folders are made.
        exclusive: Whether an existing file is an error; otherwise it is replaced.

    Yields:
        The open temporary, unbuffered: write blocks, not single lines.

    Raises:
        BusyError: Another process is writing the same file.
        FileExistsError: `exclusive`, and the file exists.
        OSError: The disk is full, the folder cannot be written, and so on.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temp = temporary(path)
    with locked(temp) as file:
        try:
            yield file
            os.fsync(file.fileno())
            reach("file.written")
            _publish(temp, path, exclusive)
            reach("file.named")
        except BaseException:
            temp.unlink(missing_ok=True)
            raise
    sync_folder(path.parent)


def write_bytes(path: Path, data: bytes, *, exclusive: bool = False) -> None:
    """Writes a small file whole. See `open_write` for the arguments and errors."""
    with open_write(path, exclusive=exclusive) as file:
        view = memoryview(data)
        while view:
            view = view[file.write(view) :]


@contextlib.contextmanager
def locked(temp: Path) -> Iterator[BinaryIO]:
    """Opens a file that only one process at a time has open so; it is emptied, and left to its owner to remove.

    Raises:
        BusyError: Another process has it.
        OSError: It cannot be opened.
    """
    while True:
        with temp.open("ab", buffering=0) as file:
            _lock(file, temp)
            # Between open and lock the previous holder may have renamed the file to its final name.
            if not _is(file, temp):
                continue
            if os.fstat(file.fileno()).st_nlink > 1:
                # A writer was killed after it had linked the final name: emptying the one would empty the other.
                temp.unlink(missing_ok=True)
                continue
            file.truncate(0)
            yield file
            return


def _lock(file: BinaryIO, temp: Path) -> None:
    try:
        fcntl.flock(file.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise BusyError(
            f"{temp.name} is being written by another process, expected one writer per file: "
            "wait for the other run on this output, or stop it"
        ) from None
    except OSError as error:
        if error.errno not in _NO_LOCKS:
            raise


def _is(file: BinaryIO, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(file.fileno()), path.stat())
    except FileNotFoundError:
        return False


def _publish(temp: Path, path: Path, exclusive: bool) -> None:
    if exclusive:
        os.link(temp, path)
        reach("file.linked")
        temp.unlink()
    else:
        temp.replace(path)


def sync_folder(folder: Path) -> None:
    """Makes the names in a folder survive a power cut."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
