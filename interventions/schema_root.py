"""The type of report.json as a whole."""

from __future__ import annotations

from typing import Literal

from msgspec import UNSET, UnsetType

from tamis.interventions.schema_asked import Check, Excerpts, Functional, Labels, Proxy
from tamis.interventions.schema_counts import Agreement, Collateral, Coverage, Volume
from tamis.interventions.schema_drift import Drift
from tamis.interventions.schema_effects import Comparison, Frontier, Placebo, Prevalence, Shift
from tamis.interventions.schema_parts import Amounts, Closed, Count, Row, Shares, Verdict

__all__ = ["Report"]


class Counts(Closed, frozen=True):
    """Records by outcome; seen = kept + dropped + quarantined."""

    seen: Count
    kept: Count
    dropped: Count
    quarantined: Count
    tagged: Count
    rewritten: Count
    synthetic_ids: Count
    withheld: Count


class GateCheck(Closed, frozen=True):
    """What a condition of the gate found."""

    name: str
    limit: float
    value: float | None
    passed: bool
    sentence: str


class Run(Closed, frozen=True):
    """The run.

    Attributes:
        id: Its identity; alike for the same plan, bundles, version and inputs.
        name: The plan's name.
        version: Version of tamis.
        fingerprint: Identity of the policy.
        status: "published"; "refused" by the gate; "measured" where the plan publishes nothing.
        published: The intervention that the plan publishes.
        counts: Records by outcome.
        shards: Number of shards.
        gate: What each condition of the gate found.
    """

    id: str
    name: str
    version: str
    fingerprint: str
    status: Literal["published", "refused", "measured"]
    published: str | None
    counts: Counts
    shards: Count
    gate: list[GateCheck]


class Independence(Closed, frozen=True):
    """The certificate of the evaluator's independence of the filter."""

    independent: bool
    checks: list[Check]


class Provenance(Closed, frozen=True):
    """What made the numbers.

    Attributes:
        plan: The plan as YAML, with every default spelled out.
        bundles: Bundle id of each classifier, by the plan's name.
        evaluator: Bundle id of the evaluator.
        packages: Versions of the packages that can change a result.
        salt: Salt of the permanent random numbers.
        sample_level: The evaluator scored one document in 2**sample_level; null = none.
        command: The command that makes the run again.
        independence: Whether the evaluator is independent of the filter.
        scores: The run whose stored scores were decided on; absent where the documents were scored.
    """

    plan: str
    bundles: dict[str, str]
    evaluator: str | None
    packages: dict[str, str]
    salt: str
    sample_level: int | None
    command: str
    independence: Independence
    scores: str | UnsetType = UNSET


class Banner(Closed, frozen=True):
    """A warning that stands above the numbers."""

    level: Literal["red", "amber"]
    code: str
    text: str


class Intervention(Closed, frozen=True):
    """An intervention; `published` says whether it was written."""

    published: bool
    seen: Amounts
    removed: Amounts
    rewritten: Amounts
    tagged: Amounts
    removed_share: Shares
    verdict: Verdict
    headline: list[Row]


class Measures(Closed, frozen=True):
    """Results of the measures. What is not always there depends on the plan: see `not_measured`.

    Attributes:
        comparison: Where the plan has several interventions.
        drift: Where a run had been published before.
        excerpts: With `report: {excerpts: N}`.
        functional: Where classifiers were loaded: not of `tamis apply`.
        labels: After `tamis audit import`.
        proxy: With `evaluate: {proxy_lm: true}`.
    """

    volume: Volume
    coverage: Coverage
    prevalence: Prevalence
    agreement: Agreement
    collateral: Collateral
    placebo: Placebo
    frontier: Frontier
    shift: Shift
    comparison: Comparison | UnsetType = UNSET
    drift: Drift | UnsetType = UNSET
    excerpts: Excerpts | UnsetType = UNSET
    functional: Functional | UnsetType = UNSET
    labels: Labels | UnsetType = UNSET
    proxy: Proxy | UnsetType = UNSET


class Gap(Closed, frozen=True):
    """What was not measured, and why."""

    what: str
    reason: str


class Report(Closed, frozen=True):
    """An intervention report.

    Attributes:
        schema: Version of this format.
        order: Every name of the run in reading order.
        lead: The intervention that verdict and headline are about: the published one, else the plan's first.
    """

    schema: Literal[1]
    order: list[str]
    run: Run
    provenance: Provenance
    banners: list[Banner]
    lead: str
    verdict: Verdict
    headline: list[Row]
    interventions: dict[str, Intervention]
    measures: Measures
    not_measured: list[Gap]
