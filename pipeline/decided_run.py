"""A finished run whose documents can be looked up: its decisions, made again from the scores that were stored."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tamis.classifiers.errors import TamisError, UsageError
from tamis.interventions.rules import Intervention
from tamis.interventions.verdict import Action, Decisions
from tamis.pipeline import binding
from tamis.pipeline import manifest as manifests
from tamis.pipeline.manifest import Manifest
from tamis.pipeline.scorefile import EVALUATOR
from tamis.pipeline.scoreread import Stored
from tamis.pipeline.storage import Store
from tamis.pipeline.stored_run import StoredRun, fit
from tamis.pipeline.wording import nearest

__all__ = ["DecidedRun", "Page"]


@dataclass(frozen=True, slots=True)
class Page:
    """Documents of a shard, and what an intervention decided on them.

    Attributes:
        shard: The shard.
        stored: The documents.
        decided: What was decided.
        quarantined: Which documents that intervention or the published one quarantines: their text is shown to nobody.
    """

    shard: str
    stored: Stored
    decided: Decisions
    quarantined: NDArray[np.bool_]


@dataclass(frozen=True)
class DecidedRun:
    """A finished run.

    Attributes:
        store: The output root that it lies under.
        manifest: Its record.
        source: The run that has its scores: itself, or the one that it was decided from.
        interventions: Its interventions, by name.
    """

    store: Store
    manifest: Manifest
    source: StoredRun
    interventions: Mapping[str, Intervention]

    @classmethod
    def open(cls, store: Store, run_id: str, scores: tuple[Store, str] | None = None) -> DecidedRun:
        """Opens a run.

        Args:
            store: The output root that it lies under.
            run_id: The run.
            scores: Where the run lies that has its scores; None = under the same root.

        Raises:
            UsageError: Its scores are not there.
            TamisError: There is no such run, or it did not finish.
        """
        manifest, _ = manifests.read(store, run_id)
        source = StoredRun(store, manifest) if manifest.spec.scores is None else _source(store, manifest, scores)
        return cls(store, manifest, source, _interventions(manifest, source))

    def intervention(self, name: str | None) -> Intervention:
        """Returns an intervention; None: the published one, else the plan's first.

        Raises:
            UsageError: The run has none of that name.
        """
        chosen = name or self.manifest.spec.plan.publish or next(iter(self.interventions))
        if chosen not in self.interventions:
            raise UsageError(f"`{chosen}` is not an intervention of this run{nearest(chosen, self.interventions)}")
        return self.interventions[chosen]

    def pages(self, intervention: Intervention) -> Iterator[Page]:
        """Yields every document, a row group of a shard at a time.

        Raises:
            ShardError: A score file is damaged.
        """
        published = self.intervention(None)
        for line in self.source.manifest.shards:
            for stored in self.source.scores(self.source.receipt(line)[0]):
                batch = fit(stored.batch, self.manifest.spec)
                decided = intervention.decide(batch)
                other = decided if published is intervention else published.decide(batch)
                quarantined = (decided.action == Action.QUARANTINE) | (other.action == Action.QUARANTINE)
                yield Page(line.shard, Stored(batch, stored.numbers, stored.chars), decided, quarantined)


def _source(store: Store, manifest: Manifest, scores: tuple[Store, str] | None) -> StoredRun:
    wanted = manifest.spec.scores or ""
    if scores is not None and scores[1] != wanted:
        raise UsageError(f"`--scores`: run {manifest.run_id} was decided from run {wanted}, not from {scores[1]}")
    try:
        return StoredRun.open(*(scores or (store, wanted)))
    except TamisError as error:
        said = f"run {manifest.run_id} was decided from run {wanted}; name it with `--scores`"
        raise UsageError(f"{said}: {error}") from None


def _interventions(manifest: Manifest, source: StoredRun) -> dict[str, Intervention]:
    spec = manifest.spec
    if not source.manifest.shards:
        raise UsageError(f"run {manifest.run_id} has no shard")
    # The order of categories, which decides between equals, stands in the score files.
    known = source.categories()
    categories = {name: known[name] for name in spec.plan.refs() if name != EVALUATOR}
    return binding.calibrated(binding.interventions_again(spec.plan, categories, spec.points), spec.rates)
