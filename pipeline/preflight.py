"""Before the first shard: the plan's models load and verify, its rules parse, its shards exist. Fails closed.

A look at the first documents of a few shards, spread over the corpus, fixes the evaluation's sampling rate and the
rate of random controls. Both are functions of the inputs and the plan alone, so a rerun finds the same ones.
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from tamis.classifiers.errors import ShardError
from tamis.classifiers.selftest import check_fasttext_apart
from tamis.interventions import proxy_sample, sampling
from tamis.interventions.batch import Batch
from tamis.pipeline import pins, runspec, scoring
from tamis.pipeline.binding import floors_of, interventions_of, rates_of
from tamis.pipeline.conversion import written_name
from tamis.pipeline.document import Document
from tamis.pipeline.dolma_scores import ShardScores
from tamis.pipeline.paths import Shard
from tamis.pipeline.plan import Plan
from tamis.pipeline.proxy import lexicon_of
from tamis.pipeline.runspec import PilotPart, RunSpec
from tamis.pipeline.shard import list_corpus, peek
from tamis.pipeline.sizes import large_warning
from tamis.pipeline.storage import open_store
from tamis.pipeline.targets import check_names
from tamis.pipeline.workbench import Workbench, load_models

__all__ = ["Estimate", "Pilot", "Preflight", "check", "estimate"]

PILOT_DOCUMENTS = 1_000
PILOT_CHARACTERS = 2_000_000
PILOT_SHARDS = 8


@dataclass(frozen=True, slots=True)
class Part:
    """The first documents of one shard.

    Attributes:
        shard: The shard's path.
        documents: Them.
        scale: How many times the part its shard is, by stored bytes.
    """

    shard: str
    documents: Sequence[Document]
    scale: float


@dataclass(frozen=True, slots=True)
class Pilot:
    """The first documents of a few shards.

    Attributes:
        parts: One a shard.
        scale: How many times these shards the corpus is, by stored bytes.
    """

    parts: Sequence[Part]
    scale: float

    def documents(self) -> float:
        """Returns the estimated number of documents of the corpus; shards of one corpus can differ by much."""
        return self.scale * sum(len(part.documents) * part.scale for part in self.parts)

    def words(self) -> float:
        """Returns the estimated number of words of the corpus, as much of each document as the proxy's sample takes."""
        return self.scale * sum(
            part.scale * sum(len(document.text[: proxy_sample.TEXT_CAP].split()) for document in part.documents)
            for part in self.parts
        )

    def record(self) -> list[PilotPart]:
        """Returns what was looked at, for the run's record."""
        return [PilotPart(part.shard, len(part.documents), part.scale) for part in self.parts]


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

    def bound(self, spec: RunSpec) -> Preflight:
        """Returns the same bound to a spec that differs only in how the run is told apart and published."""
        return dataclasses.replace(self, spec=spec, bench=self.bench.bound(spec))

    def lighter(self) -> Preflight:
        """Returns the same without the pilot's texts, which a run does not need."""
        return dataclasses.replace(self, pilot=Pilot((), 0.0))

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


def check(plan: Plan, before: RunSpec | None = None, *, anew: bool = False) -> Preflight:
    """Checks a plan against this machine and its corpus.

    Args:
        plan: The plan.
        before: The run whose sampling levels and rates are kept as far as the plan asks for the same, see `pins`.
        anew: Whether the rates of random controls are set anew where an earlier launch of this run has set them.

    Raises:
        UsageError: The corpus has no shard, or a rule does not parse.
        BundleError: A model is damaged or scores its golden texts wrongly.
    """
    models = load_models(plan)
    if any(bundle.kind == "fasttext" for bundle in models.classifiers.values()):
        check_fasttext_apart()
    points: dict[str, float] = {}
    interventions = interventions_of(plan, models, points)
    floors = floors_of(interventions, {name: one.categories for name, one in models.classifiers.items()})
    shards = list_corpus(plan.corpus)
    check_names((shard.path, written_name(plan.corpus, shard.path)) for shard in shards)
    pilot = _pilot(plan, shards)
    inputs = runspec.inputs_digest((item.path, item.size) for item in shards)
    level, proxy = _levels(plan, pilot, models.evaluator_id(), before)
    spec = runspec.resolve(plan, models.ids(), models.evaluator_id(), level, inputs, proxy=proxy)
    spec = msgspec.structs.replace(spec, points=points, floors=floors, pilot=pilot.record(), pilot_scale=pilot.scale)
    bench = Workbench.assemble(spec, models)
    if any(item.matches for item in interventions.values()):
        spec = runspec.identified(spec, rates=_rates(bench, pilot, before, anew))
        bench = Workbench.assemble(spec, models)
    return Preflight(spec, bench, shards, pilot, tuple(_warnings(plan, shards)))


def _total(shards: Sequence[Shard]) -> int:
    return sum(item.size for item in shards)


def _pilot(plan: Plan, shards: Sequence[Shard]) -> Pilot:
    """Reads the first documents of shards spread evenly over the listing; damaged shards are the job's to report."""
    parts: list[Part] = []
    covered = 0
    for shard in shards[:: max(1, len(shards) // PILOT_SHARDS)][:PILOT_SHARDS]:
        try:
            documents, read = peek(plan.corpus, shard, PILOT_DOCUMENTS, PILOT_CHARACTERS)
        except ShardError:
            continue
        if documents:
            parts.append(Part(shard.path, documents, shard.size / read))
            covered += shard.size
    return Pilot(parts, _total(shards) / covered if covered else 0.0)


def _levels(
    plan: Plan, pilot: Pilot, evaluator: str | None, before: RunSpec | None
) -> tuple[int | None, tuple[int, str] | None]:
    """Returns the levels of the evaluation's sample and of the proxy's."""
    if before is not None and pins.keeps_evaluation(plan, evaluator, before):
        proxy = None if before.proxy_level is None else (before.proxy_level, lexicon_of(plan).id)
        return before.sample_level, proxy
    return _sample_level(plan, pilot), _proxy(plan, pilot)


def _rates(bench: Workbench, pilot: Pilot, before: RunSpec | None, anew: bool) -> dict[str, float]:
    """Returns the rates of the random controls."""
    if before is not None and pins.keeps_rates(bench.spec.plan, bench.spec.bundles, before):
        return before.rates
    known = None if anew else pins.recorded_rates(open_store(bench.spec.plan.output), bench.spec)
    if known is not None:
        return known
    return rates_of(bench.interventions, _scored(bench, pilot))


def _scored(bench: Workbench, pilot: Pilot) -> Iterator[tuple[float, Batch]]:
    """Yields the pilot's documents, scored, and how many times the part its shard is."""
    for part in pilot.parts:
        with ShardScores(bench.imported, part.shard) as given:
            for batch in scoring.batches(bench, part.documents, given):
                yield part.scale, batch


def _sample_level(plan: Plan, pilot: Pilot) -> int | None:
    if plan.evaluator is None or plan.evaluate.sample == 0:
        return None
    return sampling.level_for(round(pilot.documents()), plan.evaluate.sample)


def _proxy(plan: Plan, pilot: Pilot) -> tuple[int, str] | None:
    """Returns the level of the proxy's sample and the id of its word list, None where the plan asks for no proxy."""
    if not plan.evaluate.proxy_lm:
        return None
    level = proxy_sample.level_for_tokens(pilot.words(), plan.evaluate.proxy_tokens)
    return level, lexicon_of(plan).id


def _warnings(plan: Plan, shards: Sequence[Shard]) -> Iterator[str]:
    if (large := large_warning(plan.corpus.root, plan.corpus.shards, shards)) is not None:
        yield large


def estimate(checked: Preflight) -> Estimate:
    """Measures the scoring of the pilot's documents and extrapolates, shard by shard, by stored bytes."""
    pilot = checked.pilot
    seconds = pilot.scale * sum(part.scale * _seconds(checked.bench, part.documents) for part in pilot.parts)
    return Estimate(pilot.documents(), seconds, sum(len(part.documents) for part in pilot.parts))


def _seconds(bench: Workbench, documents: Sequence[Document]) -> float:
    # A first batch pays for loading compiled code.
    scoring.score(bench, documents[:20])
    start = time.process_time()
    for batch in scoring.batches(bench, documents):
        for item in bench.interventions.values():
            item.decide(batch)
    return time.process_time() - start
