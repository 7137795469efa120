"""The launcher's side of local workers: who is there, who has died, who has stopped getting on.

Times are sums of short spells in which this process was awake: neither a clock that jumps nor a machine that sleeps
makes anybody look hung.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import signal
import stat
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tamis.pipeline import pulse

__all__ = ["Crew", "gathered"]

#: Longest spell between two looks that counts in full.
SPELL_S = 5.0

#: How the folder of a crew begins, before the launcher's process id.
_PREFIX = "tamis-crew-"

_KEPT = "finished shards are kept: run the same command again to continue"


class Crew:
    """The local worker processes of a run.

    Args:
        folder: Where they give signs of life.
        patience: Seconds without any progress after which a worker counts as hung; 0 = never.
    """

    def __init__(self, folder: Path, patience: float) -> None:
        self._folder = folder
        self._patience = patience
        self._awake = 0.0
        self._last = time.monotonic()
        self._seen: dict[int, tuple[object, float]] = {}

    def look(self, unfinished: object = None) -> str | None:
        """Returns what is wrong with the workers, None where nothing is.

        Args:
            unfinished: What changes while shards are finished; None where all of them are.
        """
        now = time.monotonic()
        self._awake += min(max(now - self._last, 0.0), SPELL_S)
        self._last = now
        members = self._members()
        return _dead(members) or self._hung(members) or self._idle(members, unfinished)

    def _members(self) -> dict[int, pulse.Pulse]:
        found = {}
        with contextlib.suppress(OSError):
            for path in self._folder.iterdir():
                if path.name.isdigit() and (told := pulse.read(path)):
                    found[int(path.name)] = told
        return found

    def lost(self, wait: float) -> str | None:
        """Names a worker that died without taking its leave.

        Args:
            wait: Seconds to ask again: who is told that a worker is gone may be told before the system knows.
        """
        found = _dead(self._members())
        for _ in range(round(wait / 0.1)):
            if found is None:
                time.sleep(0.1)
                found = _dead(self._members())
        return found

    def _hung(self, members: dict[int, pulse.Pulse]) -> str | None:
        for pid, told in members.items():
            # In a shard the work must get on; between shards it is enough that the process runs.
            sign = (told.at, told.beats) if told.at else ("", told.ticks)
            if self._unchanged(pid, sign):
                return (
                    f"worker process {pid} hangs {_where(told.at)}: no progress for {self._patience / 60:g} minutes. A "
                    "disk or a network mount may not answer, the process may have been stopped, or a classifier is "
                    f"slower than that (--stall_minutes sets the time). The run was ended; {_KEPT}"
                )
        return None

    def _idle(self, members: dict[int, pulse.Pulse], unfinished: object) -> str | None:
        if unfinished is None or any(told.at for told in members.values()):
            self._seen.pop(0, None)
            return None
        if self._unchanged(0, unfinished):
            return f"no worker has begun a shard for {self._patience / 60:g} minutes. The run was ended; {_KEPT}"
        return None

    def _unchanged(self, who: int, sign: object) -> bool:
        before, since = self._seen.get(who, (None, 0.0))
        if before != sign:
            self._seen[who] = (sign, self._awake)
            return False
        return 0 < self._patience <= self._awake - since

    def end(self) -> None:
        """Kills the workers that are left, stopped ones too."""
        for pid in self._members():
            if pid != os.getpid():
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)


@contextmanager
def gathered(patience: float) -> Iterator[Crew]:
    """Makes the folder of a crew, and tells the processes that this one starts of it, until the block ends."""
    _sweep(Path(tempfile.gettempdir()))
    folder = Path(tempfile.mkdtemp(prefix=f"{_PREFIX}{os.getpid()}-"))
    with (folder / pulse.LAUNCHER).open("wb") as file:
        with contextlib.suppress(OSError):
            fcntl.flock(file.fileno(), fcntl.LOCK_EX)
        os.environ[pulse.FOLDER] = str(folder)
        try:
            yield Crew(folder, patience)
        finally:
            del os.environ[pulse.FOLDER]
            shutil.rmtree(folder, ignore_errors=True)


def _sweep(place: Path) -> None:
    """Removes the folders of launchers that were killed: those of this user whose process and whose lock are gone."""
    for folder in place.glob(f"{_PREFIX}*-*"):
        pid = folder.name.removeprefix(_PREFIX).partition("-")[0]
        with contextlib.suppress(OSError, ValueError, OverflowError):
            if pid.isdecimal() and _own(folder) and not _alive(int(pid)) and _unlocked(folder / pulse.LAUNCHER):
                shutil.rmtree(folder, ignore_errors=True)


def _own(folder: Path) -> bool:
    """Whether a folder is this user's alone, and no link."""
    found = folder.lstat()
    return stat.S_ISDIR(found.st_mode) and found.st_uid == os.geteuid() and not found.st_mode & 0o077


def _unlocked(path: Path) -> bool:
    """Whether nobody holds a lock on a file, else raises: the process may be alive in another container."""
    with path.open("r+b") as file:
        fcntl.flock(file.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
    return True


def _dead(members: dict[int, pulse.Pulse]) -> str | None:
    for pid, told in members.items():
        if pid != os.getpid() and not _alive(pid):
            return (
                f"worker process {pid} died {_where(told.at)}: it was killed, or crashed. Most often the machine "
                f"was out of memory. {_KEPT.capitalize()}, with fewer workers (--direct_num_workers=1) if memory "
                "is short"
            )
    return None


def _where(shard: str) -> str:
    return f"in shard {shard}" if shard else "between two shards"


def _alive(pid: int) -> bool:
    """Whether a process runs; one that has ended and was not waited for yet does not."""
    try:
        os.kill(pid, 0)
        status = Path(f"/proc/{pid}/stat")
        return not status.exists() or status.read_text(errors="replace").rpartition(")")[2].split()[0] != "Z"
    except PermissionError:
        return True
    except (OSError, IndexError):
        return False
