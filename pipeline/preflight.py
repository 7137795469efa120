"""Before the first shard: the plan's models load and verify, its rules parse, its shards exist. Fails closed.

A look at the first documents of a few shards, spread over the corpus, fixes the evaluation's sampling rate and the
rate of random controls. Both are functions of the inputs and the plan alone, so a rerun finds the same ones.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from tamis.classifiers.errors import ShardError
from tamis.classifiers.selftest import check_fasttext_apart
from tamis.interventions import sampling
from tamis.pipeline import runspec, scoring
from tamis.pipeline.document import Document
from tamis.pipeline.paths import Shard
from tamis.pipeline.plan import Plan
from tamis.pipeline.runspec import RunSpec
from tamis.pipeline.shard import list_corpus, peek
from tamis.pipeline.workbench import Workbench, interventions_of, load_models

__all__ = ["Estimate", "Pilot", "Preflight", "check", "estimate"]

LARGE_SHARD = 2 << 30
PILOT_DOCUMENTS = 1_000
PILOT_SHARDS = 8


@dataclass(frozen=True, slots=True)
class Pilot:
    """The first documents of a few shards.

    Attributes:
        documents: Them.
        bytes_read: Stored bytes that they were read from.
    """

    documents: Sequence[Document]
    bytes_read: int

    def scale(self, total_bytes: int) -> float:
        """Returns how many times the pilot the corpus is, by stored bytes; 0 where nothing was read."""
        return total_bytes / self.bytes_read if self.bytes_read else 0.0


@dataclass(frozen=True, slots=True)
class Preflight:
    """A run that may start.

    Attributes:
        spec: The resolved run.
        bench: Models and rules, loaded.
        shards: The listing, by path.
        pilot: The first documents of a few shards.
        warnings: What the user should know before it starts.
    """

    spec: RunSpec
    bench: Workbench
    shards: Sequence[Shard]
    pilot: Pilot
    warnings: tuple[str, ...]

    @property
    def total_bytes(self) -> int:
        """Size of the corpus as stored."""
        return _total(self.shards)


@dataclass(frozen=True, slots=True)
class Estimate:
    """What a run would take, from a measured sample of the corpus.

    Attributes:
        documents: Estimated documents in the corpus.
        core_seconds: Estimated CPU seconds.
        sampled: Documents that were measured.
    """

    documents: float
    core_seconds: float
    sampled: int

    def sentence(self) -> str:
        """Says the estimate and where it comes from."""
        if not self.sampled:
            return "no estimate: none of the first shards could be read"
        return (
            f"about {self.documents:,.0f} documents and {self.core_seconds / 60:,.1f} core-minutes on a machine "
            f"like this (measured on {self.sampled:,} documents)"
        )

    def record(self) -> dict[str, Any]:
        """Returns the estimate as plain data, None where nothing could be measured."""
        if not self.sampled:
            return {"documents": None, "core_seconds": None, "sampled": 0}
        rounded = {"documents": round(self.documents), "core_seconds": round(self.core_seconds, 1)}
        return {**rounded, "sampled": self.sampled}


def check(plan: Plan) -> Preflight:
    """Checks a plan against this machine and its corpus.

    Raises:
        UsageError: The corpus has no shard, or a rule does not parse.
        BundleError: A model is damaged or scores its golden texts wrongly.
    """
    models = load_models(plan)
    if any(bundle.kind == "fasttext" for bundle in models.classifiers.values()):
        check_fasttext_apart()
    interventions_of(plan, models)
    shards = list_corpus(plan.corpus)
    pilot = _pilot(plan, shards)
    inputs = runspec.inputs_digest((item.path, item.size) for item in shards)
    level = _sample_level(plan, shards, pilot)
    spec = runspec.resolve(plan, models.ids(), models.evaluator_id(), level, inputs)
    bench = Workbench.assemble(spec, models)
    rates = _rates(bench, pilot)
    if rates:
        spec = msgspec.structs.replace(spec, rates=rates)
        bench = Workbench.assemble(spec, models)
    return Preflight(spec, bench, shards, pilot, tuple(_warnings(shards)))


def _total(shards: Sequence[Shard]) -> int:
    return sum(item.size for item in shards)


def _pilot(plan: Plan, shards: Sequence[Shard]) -> Pilot:
    """Reads the first documents of shards spread evenly over the listing; damaged shards are the job's to report."""
    documents: list[Document] = []
    read = 0
    for shard in shards[:: max(1, len(shards) // PILOT_SHARDS)][:PILOT_SHARDS]:
        try:
            found, size = peek(plan.corpus, shard, PILOT_DOCUMENTS)
        except ShardError:
            continue
        documents += found
        read += size
    return Pilot(documents, read)


def _sample_level(plan: Plan, shards: Sequence[Shard], pilot: Pilot) -> int | None:
    if plan.evaluator is None or plan.evaluate.sample == 0:
        return None
    documents = len(pilot.documents) * pilot.scale(_total(shards))
    return sampling.level_for(round(documents), plan.evaluate.sample)


def _rates(bench: Workbench, pilot: Pilot) -> dict[str, float]:
    """Returns the share of the pilot's words that each intervention matched by a random control removes."""
    matched = sorted({name for item in bench.interventions.values() for name in item.matches})
    removed, words = dict.fromkeys(matched, 0), 0
    for documents in _batches(pilot.documents) if matched else ():
        batch = scoring.score(bench, documents)
        words += int(batch.words.sum())
        for name in matched:
            removed[name] += int(batch.words[bench.interventions[name].decide(batch).removed].sum())
    return {name: round(value / words, 6) if words else 0.0 for name, value in removed.items()}


def _batches(documents: Sequence[Document], size: int = 1000) -> Iterator[Sequence[Document]]:
    for start in range(0, len(documents), size):
        yield documents[start : start + size]


def _warnings(shards: Sequence[Shard]) -> Iterator[str]:
    large = [item for item in shards if item.size > LARGE_SHARD]
    if large:
        yield (
            f"{len(large)} shards are over {LARGE_SHARD >> 30} GiB ({large[0].path}): each is read by one worker from "
            "start to end; smaller shards finish sooner"
        )


def estimate(checked: Preflight) -> Estimate:
    """Measures the scoring of the pilot's documents and extrapolates by stored bytes."""
    documents = checked.pilot.documents
    if not documents:
        return Estimate(0.0, 0.0, 0)
    # The first batch pays for loading compiled code.
    scoring.score(checked.bench, documents[:20])
    start = time.process_time()
    for batch in _batches(documents):
        scored = scoring.score(checked.bench, batch)
        for item in checked.bench.interventions.values():
            item.decide(scored)
    seconds = time.process_time() - start
    scale = checked.pilot.scale(checked.total_bytes)
    return Estimate(len(documents) * scale, seconds * scale, len(documents))
