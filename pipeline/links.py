"""A finished file under a second name: what an unchanged shard of a refreshed run costs on a disk."""

from __future__ import annotations

import errno
import shutil
from pathlib import Path

from tamis.pipeline import atomic

__all__ = ["link"]

_NO_LINKS = {errno.EXDEV, errno.EPERM, errno.EACCES, errno.EMLINK, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS}


def link(source: Path, target: Path) -> None:
    """Gives a finished file a second name, or copies it where the file system has no hard links.

    Files are never written to in place (see `atomic`), so what one name shows does not change with the other.

    Raises:
        FileNotFoundError: There is no such file.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        target.hardlink_to(source)
    except OSError as error:
        if error.errno not in {*_NO_LINKS, errno.EEXIST}:
            raise
        if not _same(source, target):
            _copy(source, target)
    else:
        atomic.sync_folder(target.parent)


def _same(source: Path, target: Path) -> bool:
    return target.exists() and target.samefile(source)


def _copy(source: Path, target: Path) -> None:
    with source.open("rb") as original, atomic.open_write(target) as file:
        shutil.copyfileobj(original, file, 1 << 20)
