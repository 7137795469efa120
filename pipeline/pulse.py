"""Signs of life of a local worker: what it is at, and how far it has got. The launcher reads them (`crew`).

Every worker process has a small file of its own in a folder that the launcher made. It holds two counters: beats,
which the work itself counts (a block read, a batch decided), and ticks, which a thread counts while the process runs
at all. Counters, not times: a clock that jumps changes nothing.

The launcher holds a lock on another file of the folder for as long as it lives. A worker waits for that lock in a
thread, and ends when it gets it: no worker outlives its launcher, however that ended.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, Final

import msgspec

__all__ = ["FOLDER", "LAUNCHER", "Pulse", "at", "beat", "end_with_launcher", "joined", "read"]

#: Environment variable that names the folder.
FOLDER: Final = "TAMIS_CREW"
#: Name of the file that the launcher keeps locked.
LAUNCHER: Final = "launcher"
#: Seconds between two ticks.
EVERY_S: Final = 1.0
# One size for every write: a disk that has filled up meanwhile can still be written in place.
_SIZE = 8192

_beats = 0
_ticks = 0
_at = ""
_left = threading.Event()
_file: BinaryIO | None = None
# Held while the file is written or closed: once it is closed, its number may be another file's.
_telling = threading.Lock()


class Pulse(msgspec.Struct, frozen=True):
    """What a worker's file says.

    Attributes:
        beats: Counts pieces of work done.
        ticks: Counts seconds in which the process ran.
        at: The shard that it is at, "" between shards.
    """

    beats: int
    ticks: int
    at: str


def beat() -> None:
    """Says that some work was done; costs nothing worth counting."""
    global _beats
    _beats += 1


@contextlib.contextmanager
def at(shard: str) -> Iterator[None]:
    """Says which shard the block is about."""
    global _at
    _at = shard
    beat()
    _tell()
    try:
        yield
    finally:
        _at = ""
        beat()
        _tell()


@contextlib.contextmanager
def joined(folder: str) -> Iterator[None]:
    """Gives signs of life in a folder until the block ends: who takes leave has not died.

    Where the folder cannot be written there are none, and nobody waits for any.
    """
    path = Path(folder, str(os.getpid()))
    _join(path)
    try:
        yield
    finally:
        _leave(path)


def _join(path: Path) -> None:
    global _file
    with contextlib.suppress(OSError):
        _file = path.open("w+b", buffering=0)
        _left.clear()
        _tell()
        threading.Thread(target=_tick, name="pulse", daemon=True).start()


def _leave(path: Path) -> None:
    global _file
    _left.set()
    with _telling:
        if _file is not None:
            _file.close()
            _file = None
    with contextlib.suppress(OSError):
        path.unlink(missing_ok=True)


def end_with_launcher(folder: str) -> None:
    """Makes this process end when its launcher has, in whatever way."""
    threading.Thread(target=_outlive, args=(Path(folder),), name="launcher", daemon=True).start()


def read(path: Path) -> Pulse | None:
    """Reads a worker's file; None where it is gone. One that is being written just now says nothing yet."""
    try:
        return msgspec.json.decode(path.read_bytes().rstrip(), type=Pulse)
    except msgspec.DecodeError:
        return Pulse(0, 0, "")
    except OSError:
        return None


def _tell() -> None:
    with _telling:
        if _file is not None:
            with contextlib.suppress(OSError):
                os.pwrite(_file.fileno(), msgspec.json.encode(Pulse(_beats, _ticks, _at)).ljust(_SIZE), 0)


def _tick() -> None:
    global _ticks
    while not _left.wait(EVERY_S):
        _ticks += 1
        _tell()


def _outlive(folder: Path) -> None:
    try:
        with (folder / LAUNCHER).open("rb") as file:
            fcntl.flock(file.fileno(), fcntl.LOCK_SH)
    except FileNotFoundError:
        # It ended while this process started.
        os._exit(1)
    except OSError:
        return
    shutil.rmtree(folder, ignore_errors=True)
    os._exit(1)
