"""What `scripts/simulate` is made of: shards of many sizes, their receipts through the real merge, workers in time."""

from __future__ import annotations

import hashlib
import heapq
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from tamis.pipeline import job, merging, plan, preflight, publish
from tamis.pipeline.job import ListShards, MergeReceipts
from tamis.pipeline.merging import Merged, ShardLine
from tamis.pipeline.paths import Shard
from tamis.pipeline.runspec import RunSpec, inputs_digest
from tamis.pipeline.shard import sealed_shard
from tamis.pipeline.storage import open_store
from tamis.pipeline.workbench import Workbench

__all__ = ["Spent", "Work", "combine", "finish", "listed", "makespan", "model", "scheduled", "shards"]

SIGMA = 1.0
MEAN_BYTES = 128 << 20


@dataclass(frozen=True)
class Spent:
    """What a step took: CPU seconds, and the highest resident memory of its process so far in MiB."""

    cpu: float
    peak: float
    bytes: int = 0


def spent(start: float, size: int = 0) -> Spent:
    """Returns what has been spent since a moment of `time.process_time`."""
    status = Path("/proc/self/status").read_text()
    # Not from `getrusage`, which in a new process still knows the peak of the one that started it.
    peak = next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM:"))
    return Spent(time.process_time() - start, peak / 1024, size)


def shards(count: int, seed: int) -> list[Shard]:
    """Makes a listing: lognormal sizes, 128 MiB on average, a thousand shards a folder."""
    draw = np.random.default_rng(seed)
    sizes = draw.lognormal(np.log(MEAN_BYTES) - SIGMA**2 / 2, SIGMA, count).astype(np.int64) + 1
    return [Shard(f"{k // 1000:04}/part-{k:07}.jsonl.zst", size, "1") for k, size in enumerate(sizes.tolist())]


def model(content: str) -> tuple[Workbench, list[Merged]]:
    """Runs a plan's shards; returns its workbench and a receipt's merge for each: real states of real measures."""
    checked = preflight.check(plan.parse(content))
    return checked.bench, [merging.of_receipt(*sealed_shard(checked.bench, one)) for one in checked.shards]


def listed(spec: RunSpec, found: Sequence[Shard]) -> RunSpec:
    """Returns a spec of the same plan over a listing."""
    return msgspec.structs.replace(spec, inputs=inputs_digest((one.path, one.size) for one in found))


def scheduled(spec: RunSpec, found: Sequence[Shard]) -> list[int]:
    """Returns the shards' numbers in the order that the job's `ListShards` sends them; no storage is asked."""
    numbers = {one.path: number for number, one in enumerate(found)}
    asked, job.list_corpus = job.list_corpus, lambda _: list(found)
    try:
        sent = ListShards().process(msgspec.json.encode(spec))
        return [numbers[msgspec.json.decode(data, type=Shard).path] for _, data in sent]
    finally:
        job.list_corpus = asked


def combine(models: Sequence[Merged], found: Sequence[Shard], file: Path, lines: bool = False) -> Spent:
    """Merges a receipt for each shard as one worker's bundle does, and writes what it would send.

    With `lines` only the first receipts have measurements; the others are a line and counts.
    """
    bare = [msgspec.structs.replace(one, states={}) for one in models]
    start, merger = time.process_time(), MergeReceipts()
    accumulator = merger.create_accumulator()
    for number, one in enumerate(found):
        like = bare if lines and number >= len(models) else models
        accumulator = merger.add_input(accumulator, _receipt(like[number % len(like)], one))
    data = merger.get_accumulator_coder().encode(merger.compact(accumulator))
    file.write_bytes(data)
    return spent(start, len(data))


def _receipt(like: Merged, shard: Shard) -> Merged:
    line = like.shards[0]
    digest = hashlib.sha256(shard.path.encode()).hexdigest()
    mine = ShardLine(shard.path, digest, line.counts, shard.size, digest[:32])
    return msgspec.structs.replace(like, shards=(mine,))


def finish(bench: Workbench, files: Sequence[Path], output: str) -> Spent:
    """Ends the run as the last stage does: joins the merges, gates, reports, writes the manifest, publishes."""
    start, merger = time.process_time(), MergeReceipts()
    parts = merger.merge_accumulators(merger.get_accumulator_coder().decode(file.read_bytes()) for file in files)
    merged = merger.extract_output(parts)
    del parts
    publish.finish(open_store(output), bench.spec, merged, bench.context)
    path = Path(output) / bench.spec.folder / "MANIFEST.json"
    return spent(start, path.stat().st_size)


@dataclass(frozen=True)
class Work:
    """What the workers of a run have to do.

    Attributes:
        seconds: Of each shard, where nothing goes wrong, float64 [n_shards].
        tries: Factor of its time for slow machines and for attempts that failed, float64 [n_shards].
    """

    seconds: Any
    tries: Any

    @classmethod
    def drawn(cls, found: Sequence[Shard], speed: float, failing: float, straggling: float, seed: int) -> Work:
        """Draws what goes wrong.

        Args:
            found: The shards.
            speed: Stored bytes a second of a core.
            failing: Probability that an attempt fails, at a moment that is as likely as any other.
            straggling: Probability that a shard falls on a slow machine: 2 to 6 times the time.
            seed: Of the draws.
        """
        draw = np.random.default_rng(seed)
        sizes = np.array([one.size for one in found], dtype=np.float64)
        slow = np.where(draw.random(len(sizes)) < straggling, draw.uniform(2, 6, len(sizes)), 1.0)
        lost = sum((draw.random(len(sizes)) < failing**k) * draw.random(len(sizes)) for k in (1, 2, 3))
        return cls(sizes / speed, slow * (1 + lost))

    def ideal(self, workers: int) -> float:
        """Returns the least wall time: all work shared out evenly, or the longest shard."""
        spent = self.seconds * self.tries
        return float(max(spent.sum() / workers, spent.max()))

    def orders(self, real: Sequence[int], seed: int) -> Iterator[tuple[str, Sequence[int]]]:
        """Yields orders to compare, by name; the first is the job's own."""
        yield "largest first (the job's)", real
        yield "by path", range(len(real))
        yield "at random", np.random.default_rng(seed).permutation(len(real)).tolist()
        yield "smallest first", list(reversed(real))


def makespan(work: Work, order: Sequence[int], workers: int) -> float:
    """Returns the wall time of workers that each take the next shard of one queue when they are done with one."""
    durations = (work.seconds * work.tries).tolist()
    free = [0.0] * workers
    for shard in order:
        heapq.heapreplace(free, free[0] + durations[shard])
    return max(free)


def dealt(work: Work, workers: int, seed: int) -> float:
    """Returns the wall time where shards are dealt out to the workers beforehand, as a hash of their rank does it."""
    hands = np.random.default_rng(seed).integers(0, workers, len(work.seconds))
    return float(np.bincount(hands, weights=work.seconds * work.tries).max())


def timed(step: Callable[[], Any]) -> tuple[Any, Spent]:
    """Runs a step; returns its result and what it took."""
    start = time.process_time()
    found = step()
    return found, spent(start)
