"""Applies a plan to every shard of a stored run, here or in processes of its own, and ends the run like any other."""

from __future__ import annotations

import logging
import multiprocessing
import signal
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from itertools import islice

import msgspec

from tamis.pipeline import manifest as manifests
from tamis.pipeline import merging, publish, runlock
from tamis.pipeline.apply_shard import apply_shard
from tamis.pipeline.applying import Application, check
from tamis.pipeline.errors import TamisError, describe
from tamis.pipeline.merging import Merged, ShardLine
from tamis.pipeline.plan import Plan
from tamis.pipeline.receipts import Failure
from tamis.pipeline.storage import open_store
from tamis.pipeline.stored_run import StoredRun

__all__ = ["run"]

LOG = logging.getLogger(__name__)

#: Shards whose measurements are merged at a time: one call for many costs less than a chain of calls.
AT_ONCE = 64

_bound: list[Application] = []


def run(application: Application, workers: int = 1, told: Callable[[int], None] = lambda _: None) -> str:
    """Decides and measures every shard, then gates, reports and publishes.

    Args:
        application: The plan and the run that has the scores.
        workers: Processes; 1 works in this one.
        told: Is told how many shards are done, now and then.

    Returns:
        The run's status, see `publish.finish`.

    Raises:
        RaceLost: Another run has been published since this one was launched, or another process is at this very one.
    """
    store = open_store(application.spec.plan.output)
    spec = msgspec.structs.replace(application.spec, base=manifests.base_of(store))
    merged, done = Merged(), 0
    with runlock.held(store, spec.run_id):
        parts = iter(_parts(application, workers))
        while found := list(islice(parts, AT_ONCE)):
            merged = merging.merge([merged, *found])
            done += len(found)
            told(done)
        return publish.finish(store, spec, merged, application.context)


def _parts(application: Application, workers: int) -> Iterable[Merged]:
    lines = application.source.manifest.shards
    if workers <= 1:
        return (_attempt(application, line) for line in lines)
    return _in_processes(application, lines, workers)


def _attempt(application: Application, line: ShardLine) -> Merged:
    """Applies the plan to a shard; any error becomes a failure of this shard alone."""
    try:
        return merging.of_receipt(*apply_shard(application, line, open_store(application.spec.plan.output)))
    except Exception as error:  # noqa: BLE001 - one shard's failure must not end its siblings
        reason = describe(error)
        LOG.error("shard %s: %s", line.shard, reason)
        return merging.of_failure(Failure(line.shard, reason))


def _in_processes(application: Application, lines: Iterable[ShardLine], workers: int) -> Iterator[Merged]:
    source = application.source
    told = (msgspec.json.encode(application.spec.plan), source.store.root, source.manifest.run_id)
    # Not forked: a process that has threads must not be.
    context = multiprocessing.get_context("spawn")
    try:
        with ProcessPoolExecutor(workers, context, initializer=_bind, initargs=told) as pool:
            for data in pool.map(_apply, (msgspec.json.encode(line) for line in lines)):
                yield msgspec.json.decode(data, type=Merged)
    except BrokenProcessPool:
        raise TamisError(
            "a worker process died: it was killed, or crashed. Most often the machine was out of memory. Finished "
            "shards are kept: run the same command again, with a smaller --workers if memory is short"
        ) from None


def _bind(plan: bytes, root: str, run_id: str) -> None:
    """Makes a worker ready; it checks for itself that the scores are those that the plan asks for."""
    # Ctrl-C reaches the launcher too, which waits for the shards at work and says that it was interrupted.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _bound[:] = [check(msgspec.json.decode(plan, type=Plan), StoredRun.open(open_store(root), run_id))]


def _apply(line: bytes) -> bytes:
    return msgspec.json.encode(_attempt(_bound[0], msgspec.json.decode(line, type=ShardLine)))
