"""Before the first shard: the plan's models load and verify, its rules parse, its shards exist. Fails closed.

The same look gives the warnings (shards too few or too large to share out) and the estimate of `--dry_run`, which
is measured on this machine from the first documents of the corpus.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from tamis.classifiers.errors import ShardError
from tamis.classifiers.selftest import check_fasttext
from tamis.pipeline import runspec
from tamis.pipeline.plan import Plan
from tamis.pipeline.paths import Shard
from tamis.pipeline.runspec import RunSpec
from tamis.pipeline.shard import list_corpus, measure_documents, peek
from tamis.pipeline.workbench import Workbench, load_models

__all__ = ["Estimate", "Preflight", "check", "estimate"]

LARGE_SHARD = 2 << 30
PEEK_DOCUMENTS = 1_000
PEEK_SHARDS = 5


@dataclass(frozen=True, slots=True)
class Preflight:
    """A run that may start.

    Attributes:
        spec: The resolved run.
        bench: Models and rules, loaded.
        shards: The listing, by path.
        warnings: What the user should know before it starts.
    """

    spec: RunSpec
    bench: Workbench
    shards: Sequence[Shard]
    warnings: tuple[str, ...]

    @property
    def total_bytes(self) -> int:
        """Size of the corpus as stored."""
        return sum(item.size for item in self.shards)


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
            f"about {self.documents:,.0f} documents and {self.core_seconds / 60:,.1f} core-minutes on a machine like this "
            f"(measured on {self.sampled:,} documents)"
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
    check_fasttext()
    models = load_models(plan)
    shards = list_corpus(plan.corpus)
    shift = runspec.sample_shift(_estimated_documents(plan, shards), plan.evaluate.sample)
    inputs = runspec.inputs_digest((item.path, item.size) for item in shards)
    spec = runspec.resolve(plan, models.ids(), models.evaluator_id(), shift, inputs)
    bench = Workbench.assemble(spec, models)
    return Preflight(spec, bench, shards, tuple(_warnings(shards)))


def _estimated_documents(plan: Plan, shards: Sequence[Shard]) -> float:
    """Estimates the documents of the corpus from the first records of its first readable shards.

    The estimate fixes the sampling rate, so it is a function of the inputs alone.
    """
    documents, read = 0, 0
    for shard in shards[:PEEK_SHARDS]:
        try:
            found = peek(plan, shard, PEEK_DOCUMENTS)
        except ShardError:
            continue
        documents += len(found.documents)
        read += found.bytes_read
    total = sum(item.size for item in shards)
    return documents * total / read if read else 0.0


def _warnings(shards: Sequence[Shard]) -> list[str]:
    found = []
    large = [item for item in shards if item.size > LARGE_SHARD]
    if large:
        found.append(
            f"{len(large)} shards are over {LARGE_SHARD >> 30} GiB ({large[0].path}): each is read by one worker from "
            "start to end; smaller shards finish sooner"
        )
    return found


def estimate(checked: Preflight) -> Estimate:
    """Measures the scoring of the corpus' first documents and extrapolates by bytes as stored."""
    documents, read, seconds = 0, 0, 0.0
    for shard in checked.shards[:PEEK_SHARDS]:
        try:
            found = peek(checked.spec.plan, shard, PEEK_DOCUMENTS)
        except ShardError:
            continue
        measure_documents(checked.bench, found.documents[:50])
        start = time.process_time()
        measure_documents(checked.bench, found.documents)
        seconds += time.process_time() - start
        documents, read = documents + len(found.documents), read + found.bytes_read
    scale = checked.total_bytes / read if read else 0.0
    return Estimate(documents * scale, seconds * scale, documents)
