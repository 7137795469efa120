"""Types of the comparison with the run that was published before."""

from __future__ import annotations

from msgspec import UNSET, UnsetType

from tamis.interventions.schema_parts import Closed, Count, Estimate, Share

__all__ = ["Drift"]


class ThenNow(Closed, frozen=True):
    """Numbers of both sides."""

    then: Count
    now: Count


class DropRates(Closed, frozen=True):
    """Shares of the documents that the published intervention dropped; null where there are no documents."""

    then: Share | None
    now: Share | None
    change: float | None


class DriftScores(Closed, frozen=True):
    """Difference of the scores of a category.

    Attributes:
        psi: Population stability index on 20 fixed bins of logits.
        noise: What it is on average between two samples of one population of this size.
        then: Documents with a score.
        now: … of the later side.
    """

    psi: float
    noise: float
    then: Count
    now: Count


class PrevalenceChange(Closed, frozen=True):
    """Share that the evaluator flags on both sides, and their difference."""

    then: Estimate
    now: Estimate
    change: Estimate


class PrevalenceChanges(Closed, frozen=True):
    """Changes by category: before the intervention, and after it; none with a reason."""

    reason: str | None
    corpus: dict[str, PrevalenceChange]
    published: dict[str, PrevalenceChange]


class DriftPart(Closed, frozen=True):
    """A comparison of parts of both runs; only a reason where there is none.

    Attributes:
        shards: Shards that were compared: the first so many by the hash of their path.
    """

    reason: str | None
    shards: ThenNow | UnsetType = UNSET
    documents: ThenNow | UnsetType = UNSET
    drop_rate: DropRates | UnsetType = UNSET
    scores: dict[str, DriftScores] | UnsetType = UNSET
    prevalence: PrevalenceChanges | UnsetType = UNSET


class Instrument(Closed, frozen=True):
    """A bundle, or tamis itself, that was another in the run before."""

    what: str
    then: str
    now: str


class DriftShards(Closed, frozen=True):
    """Shards of both runs, told apart by the bytes of their inputs."""

    new: Count
    changed: Count
    unchanged: Count
    retired: Count


class Drift(Closed, frozen=True):
    """What changed since the run that was published when this one was launched.

    Attributes:
        previous: That run.
        instruments: What may score differently; none: the same bundles scored both.
        rules_changed: Whether interventions or what is published were others.
        bundle: The same documents, then and now: what the bundles changed.
        web: Documents that the run before did not see beside those that it saw, scored alike: what the web changed.
    """

    previous: str
    shards: DriftShards
    instruments: list[Instrument]
    rules_changed: bool
    documents: ThenNow
    drop_rate: DropRates
    scores: dict[str, DriftScores]
    prevalence: PrevalenceChanges
    bundle: DriftPart
    web: DriftPart
