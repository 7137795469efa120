"""Which runs of an output nobody needs any more, and what deleting them gives back.

Kept, whatever the limits: the published run, a run whose scores a kept one was decided from, and a run in progress. On
a disk a run in progress is one whose lock is held (`runlock`); beyond that, and on an object store, one without a
manifest whose newest file is younger than the age given. Unchanged shards of a refreshed run are hard links on a disk
and objects of their own on a service, so deleting a run takes nothing from another.

A run's manifest is deleted first: what is left of a collection that was killed is a run that did not finish.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from tamis.classifiers.errors import RaceLost, TamisError
from tamis.pipeline import atomic, runlock
from tamis.pipeline import manifest as manifests
from tamis.pipeline.manifest import MANIFEST
from tamis.pipeline.pins import RATES
from tamis.pipeline.storage import Entry, Store

__all__ = ["Found", "collect", "find"]

#: A temporary file of this age has no writer any more; on a disk its lock says so too.
STALE_S = 86_400.0


@dataclass(frozen=True, slots=True)
class _Finished:
    """What is asked of a manifest: of a large one, which is let go at once, the lines of shards are nearly all."""

    status: str
    scores: str | None


@dataclass(frozen=True, slots=True)
class Found:
    """A run, or left-over temporary files.

    Attributes:
        name: Its id; "" for temporary files.
        status: Of its manifest; "unfinished" without one; "temporary".
        bytes: Size of what is in it.
        frees: … of what no other name keeps on a disk.
        modified: When it was finished, or last worked on, in seconds since 1970.
        why: Why it is kept; "" = it is deleted.
        paths: The temporary files.
    """

    name: str
    status: str
    bytes: int
    frees: int
    modified: float
    why: str = ""
    paths: tuple[str, ...] = ()


def find(store: Store, now: float, keep: int, older_than_s: float) -> list[Found]:
    """Looks at every run of an output.

    Args:
        store: The output root.
        now: The time, in seconds since 1970.
        keep: How many finished runs are kept beside the published one, the newest first.
        older_than_s: Age from which on a run may be deleted, in seconds.

    Returns:
        The runs, oldest first, then the temporary files.

    Raises:
        TamisError: The pointer, or the manifest of the published run, cannot be read.
    """
    current = manifests.read_current(store)
    entries = list(store.entries("runs"))
    # The rates of random controls of runs that nobody will continue, see `pins`.
    rates = [one for one in store.entries(RATES) if now - one.modified >= older_than_s]
    temporary = [*(one for one in entries if _temporary(one.path)), *rates]
    runs = _by_run(one for one in entries if not _temporary(one.path))
    finished = {name: one for name in runs if (one := _finished(store, name)) is not None}
    needed = _needed(finished, None if current is None else current.run_id)
    age = {name: _written(name, found) for name, found in runs.items()}
    newest = sorted((name for name in finished if name not in needed), key=lambda name: (-age[name], name))
    for name in newest[:keep]:
        needed |= {one: f"one of the {keep} newest" for one in _with_scores(finished, name) if one not in needed}
    found = []
    for name in sorted(runs, key=lambda one: (age[one], one)):
        why = needed.get(name) or _young(store, name, name in finished, now - age[name], older_than_s)
        status = finished[name].status if name in finished else "unfinished"
        found.append(Found(name, status, *_sizes(runs[name]), age[name], why))
    return [*found, *_left(temporary, now)]


def _written(name: str, entries: Sequence[Entry]) -> float:
    """Returns when a run was finished, or last worked on; a file that runs share has the time of one of them."""
    own = [one.modified for one in entries if one.path == f"runs/{name}/{MANIFEST}"]
    return max(own or [one.modified for one in entries])


def _temporary(path: str) -> bool:
    return atomic.is_temporary(Path(path))


def _by_run(entries: Iterator[Entry]) -> dict[str, list[Entry]]:
    found: dict[str, list[Entry]] = {}
    for entry in entries:
        _, name, *rest = entry.path.split("/")
        if rest:
            found.setdefault(name, []).append(entry)
    return found


def _finished(store: Store, run_id: str) -> _Finished | None:
    if store.size(f"runs/{run_id}/{MANIFEST}") is None:
        return None
    try:
        manifest, _ = manifests.read(store, run_id)
    except TamisError:
        # Not one that this version reads: somebody else's to judge.
        return None
    return _Finished(manifest.status, manifest.spec.scores)


def _needed(finished: dict[str, _Finished], current: str | None) -> dict[str, str]:
    if current is None:
        return {}
    if current not in finished:
        raise TamisError(f"the published run {current} has no manifest that can be read: nothing is deleted")
    first, *others = _with_scores(finished, current)
    return {first: "published", **dict.fromkeys(others, "the published run was decided from its scores")}


def _with_scores(finished: dict[str, _Finished], name: str) -> Iterator[str]:
    yield name
    scores = finished[name].scores
    if scores is not None and scores in finished:
        yield scores


def _young(store: Store, name: str, done: bool, age: float, limit: float) -> str:
    if age < limit:
        return "younger than the age given" if done else "may be in progress: younger than the age given"
    try:
        with runlock.held(store, name):
            return ""
    except RaceLost:
        return "in progress"


def _sizes(entries: Sequence[Entry]) -> tuple[int, int]:
    return sum(one.size for one in entries), sum(one.size for one in entries if one.links == 1)


def _left(entries: Sequence[Entry], now: float) -> Iterator[Found]:
    stale = [one for one in entries if now - one.modified >= STALE_S]
    if stale:
        newest, paths = max(one.modified for one in stale), tuple(one.path for one in stale)
        yield Found("", "temporary", *_sizes(stale), newest, "", paths)


def collect(store: Store, found: Found) -> None:
    """Deletes a run, or temporary files.

    Raises:
        RaceLost: It has been published, or somebody works on it, since it was looked at.
    """
    if not found.name:
        for path in found.paths:
            store.delete(path)
        return
    with runlock.held(store, found.name):
        current = manifests.read_current(store)
        if current is not None and current.run_id == found.name:
            raise RaceLost(f"run {found.name} has been published meanwhile: nothing of it was deleted")
        store.delete(f"runs/{found.name}/{MANIFEST}")
        store.clear(f"runs/{found.name}")
