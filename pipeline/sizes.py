"""When a shard is too large for one worker, and what to do about it."""

from __future__ import annotations

import shlex
from collections.abc import Sequence

from tamis.pipeline.paths import Shard

__all__ = ["LARGE_SHARD", "files_text", "large_warning", "size_text"]

#: Stored bytes from which on a shard is worth cutting: one worker reads it from start to end.
LARGE_SHARD = 1 << 30


def size_text(size: int) -> str:
    """Returns a size for people."""
    for unit, bytes_ in (("GB", 10**9), ("MB", 10**6), ("kB", 10**3)):
        if size >= bytes_:
            return f"{size / bytes_:,.1f} {unit}"
    return f"{size} bytes"


def files_text(count: int) -> str:
    """Returns a number of files for people."""
    return "1 file" if count == 1 else f"{count:,} files"


def large_warning(root: str, pattern: str, shards: Sequence[Shard]) -> str | None:
    """Says which shards are too large, and the command that cuts them; None where none is."""
    large = [one for one in shards if one.size > LARGE_SHARD]
    if not large:
        return None
    command = ["tamis", "reshard", root, f"{root.rstrip('/')}-resharded", "--shards", pattern, "--target-size", "256MB"]
    largest = max(large, key=lambda one: one.size)
    count = "1 shard is" if len(large) == 1 else f"{len(large):,} shards are"
    return (
        f"{count} over {LARGE_SHARD >> 30} GiB ({largest.path}: {size_text(largest.size)}), and each is read by one "
        "worker from start to end: a run splits, on a disk, only Parquet of several row groups and JSON Lines that are "
        f"plain or in several zstd frames. This cuts them, and proves that nothing is lost:\n  {shlex.join(command)}"
    )
