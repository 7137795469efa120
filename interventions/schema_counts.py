"""Types of the measures that count: volume, coverage, agreement, collateral damage."""

from __future__ import annotations

from typing import Literal

from tamis.interventions.schema_parts import Amounts, Closed, Count, Estimate, EvaluatorGrade, Outcome, Share, Shares

__all__ = ["Agreement", "Collateral", "Coverage", "Volume"]


class Slice(Closed, frozen=True):
    """A source, language or length: what there was, and what was done."""

    seen: Amounts
    removed: Amounts
    rewritten: Amounts
    tagged: Amounts
    removed_share: Shares


class By(Closed, frozen=True):
    """Slices by name."""

    source: dict[str, Slice]
    language: dict[str, Slice]
    length: dict[str, Slice]


class RuleCounts(Closed, frozen=True):
    """What a rule did.

    Attributes:
        action: What it does.
        decided: Documents that it decided.
        fired: Documents that it would have decided, had no rule before it.
    """

    action: str
    decided: Amounts
    fired: Amounts


class CategoryCounts(Closed, frozen=True):
    """What was done for a category.

    Attributes:
        decided: By a condition on it.
        fired: Where a condition on it held, whatever decided.
        alone: Where conditions on no other category held.
    """

    decided: Amounts
    fired: Amounts
    alone: Amounts


class ByOutcome(Closed, frozen=True):
    """Categories by what was done."""

    removed: dict[str, CategoryCounts]
    rewritten: dict[str, CategoryCounts]
    tagged: dict[str, CategoryCounts]


class Pattern(Amounts, frozen=True):
    """Documents for which conditions on exactly these categories held."""

    categories: list[str]


class Together(Closed, frozen=True):
    """Which categories fell together, by what was done."""

    removed: list[Pattern]
    rewritten: list[Pattern]
    tagged: list[Pattern]


class Domain(Closed, frozen=True):
    """A domain that much was removed of."""

    domain: str
    seen: Amounts
    removed: Amounts


class Domains(Closed, frozen=True):
    """The domains that most was removed of.

    Attributes:
        exact: Whether every domain was counted; else those that fell out are missing.
        distinct: Number of different domains.
        top: The first ones.
        top10_share: Share of the removed documents that come from the first ten.
    """

    exact: bool
    distinct: Count
    top: list[Domain]
    top10_share: Estimate


class VolumeOf(Closed, frozen=True):
    """What an intervention did, counted.

    Attributes:
        cut: What redaction took out of documents that stay.
        actions: By action.
        rules: By rule.
    """

    seen: Amounts
    kept: Amounts
    removed: Amounts
    rewritten: Amounts
    tagged: Amounts
    cut: Amounts
    removed_share: Shares
    actions: dict[str, Amounts]
    rules: dict[str, RuleCounts]
    categories: ByOutcome
    together: Together
    by: By
    domains: Domains


class Volume(Closed, frozen=True):
    """Volumes, counted over all documents."""

    grade: Literal["census"]
    seen: Amounts
    lengths: list[str]
    interventions: dict[str, VolumeOf]


class Counted(Closed, frozen=True):
    """Documents and their words."""

    documents: Count
    words: Count


class Reasons(Closed, frozen=True):
    """Why documents have no score; `missing`: of scores that another tool made."""

    empty: Counted
    failed: Counted
    language: Counted
    missing: Counted


class Scored(Closed, frozen=True):
    """How many of the documents that a classifier was asked about have a score."""

    asked: Count
    scored: Count
    unscored: Count
    share_unscored: Estimate
    share_unscored_words: Estimate
    reasons: Reasons


class Language(Closed, frozen=True):
    """A language of the corpus; `unscored` by classifier."""

    documents: Count
    words: Count
    share: Estimate
    unscored: dict[str, Count]


class Coverage(Closed, frozen=True):
    """Who scored what; `evaluator` is null where the plan names none."""

    documents: Count
    words: Count
    classifiers: dict[str, Scored]
    evaluator: Scored | None
    languages: dict[str, Language]


class At(Closed, frozen=True):
    """Filter and evaluator at the thresholds of an intervention: a table of two by two."""

    intervention: str
    filter_threshold: float
    evaluator_threshold: float
    both: Count
    filter_only: Count
    evaluator_only: Count
    neither: Count
    kappa: Estimate


class AgreementOf(Closed, frozen=True):
    """Agreement on a category; `heatmap` holds [filter bin, evaluator bin, documents]."""

    n: Count
    correlation: Estimate
    heatmap: list[tuple[int, int, int]]
    at: list[At]


class Agreement(Closed, frozen=True):
    """Agreement of filter and evaluator, by `classifier.category`; `edges` of the heatmap's bins in logits."""

    grade: EvaluatorGrade
    reason: str | None
    edges: list[float]
    pairs: dict[str, AgreementOf]


class Group(Closed, frozen=True):
    """Removal of the documents that are about something, over those that are about nothing of the kind.

    Attributes:
        documents: Documents about it.
        hit: … that were removed, or acted on where the intervention removes nothing.
        rate: Their share.
        reference_rate: That of the reference.
        raw: The ratio of the two.
        ratio: … standardised over source and length (Mantel–Haenszel).
        clean: … of the documents that the evaluator finds clean.
        katz: The raw ratio with Katz's interval, which knows of no domains.
        random: The ratio that source and length alone make.
        p: Of a ratio of at most 1, adjusted for the number of rows (Holm).
    """

    documents: Count
    hit: Count
    rate: Estimate
    reference_rate: Estimate
    raw: Estimate
    ratio: Estimate
    clean: Estimate
    katz: Estimate
    random: Estimate
    p: Share | None


class Benign(Closed, frozen=True):
    """Documents that the evaluator finds clean, and that were removed all the same."""

    of_clean: Estimate
    of_removed: Estimate
    random: Estimate
    removed: Counted


class CollateralOf(Closed, frozen=True):
    """Who bears an intervention; `flagged` names the groups that are hit beyond doubt."""

    outcome: Outcome
    benign: Benign
    groups: dict[str, Group]
    dialects: dict[str, Group]
    topics: dict[str, Group]
    flagged: list[str]


class Collateral(Closed, frozen=True):
    """Collateral damage; `axes` has the axis of each group."""

    grade: EvaluatorGrade
    reason: str | None
    note: str | None
    documents: Count
    reference: Count
    axes: dict[str, str]
    interventions: dict[str, CollateralOf]
