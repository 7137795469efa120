"""Types of what is asked for: functional tests, human labels, the proxy model."""

from __future__ import annotations

from typing import Literal

from tamis.interventions.schema_parts import Closed, Count, Estimate, EvaluatorGrade, Outcome, Share

__all__ = ["Excerpts", "Functional", "Labels", "Proxy"]


class Functionality(Closed, frozen=True):
    """Sentences of one kind, and how many of them were treated right."""

    cases: Count
    expected: Literal["flag", "pass"]
    right: Estimate


class Identity(Closed, frozen=True):
    """Sentences that name one identity; blocked and missed for the identity alone."""

    cases: Count
    right: Estimate
    blocked: Count
    missed: Count
    flips: Estimate


class Setting(Closed, frozen=True):
    """The sentences by themselves, or embedded in a plain text."""

    unscored: Count
    flips: Estimate
    functionalities: dict[str, Functionality]
    identities: dict[str, Identity]


class Settings(Closed, frozen=True):
    """Both settings."""

    alone: Setting
    embedded: Setting


class FunctionalOf(Closed, frozen=True):
    """The tests of one intervention."""

    looks_for: list[str]
    on_carriers: Count
    settings: Settings


class Suite(Closed, frozen=True):
    """What was asked."""

    cases: Count
    templates: Count
    identities: Count
    carriers: Count
    sha256: str


class Functional(Closed, frozen=True):
    """Sentences with a known verdict, through the whole plan."""

    suite: Suite
    interventions: dict[str, FunctionalOf]


class Kappa(Closed, frozen=True):
    """Cohen's kappa of two annotators."""

    annotators: tuple[str, str]
    estimate: Estimate


class AnnotatorAgreement(Closed, frozen=True):
    """How far annotators agree on the items that several labelled."""

    items: Count
    equal: Share | None
    alpha: Estimate
    kappa: list[Kappa]


class LabelsOf(Closed, frozen=True):
    """What labels say of a category; `floor` is the residual below which they certify nothing."""

    before: Estimate
    residual: Estimate
    precision: Estimate
    recall: Estimate
    ratio: Estimate
    floor: float | None
    positive: float
    labels: Count
    agreement: AnnotatorAgreement


class ErrorsOf(Closed, frozen=True):
    """Correlation of filter and evaluator among documents that people label harmless, and harmful."""

    clean: Estimate
    harmful: Estimate


class Errors(Closed, frozen=True):
    """Whether filter and evaluator err together; `passed` is null where too few documents are labelled."""

    passed: bool | None
    categories: dict[str, ErrorsOf]


class Stratum(Closed, frozen=True):
    """A stratum of the sample, by score and by what was decided."""

    side: Literal["hit", "spared"]
    low: float
    high: float
    documents: Count
    planned: Count
    labelled: Count


class Labels(Closed, frozen=True):
    """Human labels of one intervention."""

    run_id: str
    intervention: str
    outcome: Outcome
    annotators: list[str]
    asked: Count
    labelled: Count
    skipped: Count
    withheld: Count
    documents: Count
    unscored: Count
    strata: list[Stratum]
    categories: dict[str, LabelsOf]
    errors: Errors


class Excerpt(Closed, frozen=True):
    """A masked passage; `document` is the hash of its document's id, `closed` ones are shown on a second request."""

    document: str
    category: str
    score: Share | None
    closed: bool
    text: str


class Excerpts(Closed, frozen=True):
    """Masked passages of what rules acted on, of what of it the evaluator finds clean, and of what was left flagged."""

    each: Count
    intervention: str
    rules: dict[str, dict[str, list[Excerpt]]]
    clean: list[Excerpt]
    left: list[Excerpt]


class OutputChange(Closed, frozen=True):
    """A number before and after, and the difference."""

    before: Estimate
    after: Estimate
    difference: Estimate


class Bucket(Closed, frozen=True):
    """Continuations of the prompts of one bucket; `placebo` is the ratio of a random removal of as many tokens."""

    before: Estimate
    after: Estimate
    ratio: Estimate
    placebo: Estimate
    floor: float
    probability_of_any: OutputChange
    expected_maximum: OutputChange


class TermGroup(Closed, frozen=True):
    """Terms of one group."""

    before: Estimate
    after: Estimate
    ratio: Estimate


class Perplexity(Closed, frozen=True):
    """How well held-out text is predicted, in bits per byte."""

    before: Estimate
    after: Estimate
    difference: Estimate
    placebo: Estimate
    differential: Estimate | None
    equivalent: bool


class Word(Closed, frozen=True):
    """A word that many documents use, and how its share changed."""

    word: str
    ratio: float
    share: float


class Terms(Closed, frozen=True):
    """The words whose share changed most."""

    divergence: float
    placebo_divergence: float
    rarer: list[Word]
    more_frequent: list[Word]


class Dose(Closed, frozen=True):
    """Toxic terms in a million training tokens."""

    before: float
    after: float


class ProxyOf(Closed, frozen=True):
    """The proxy model before and after an intervention; with a reason where there are no numbers."""

    reason: str | None
    unchanged: bool
    dose: Dose | None
    buckets: dict[str, Bucket] | None
    groups: dict[str, TermGroup] | None
    perplexity: dict[str, Perplexity] | None
    terms: Terms | None


class Model(Closed, frozen=True):
    """The model and what it learned from."""

    kind: str
    tokens: Count
    documents: Count
    vocabulary: Count
    ngrams: Count
    continuation_tokens: Count
    k: Count
    groups: Count
    units: str


class Check(Closed, frozen=True):
    """One check of independence."""

    check: str
    passed: bool
    finding: str


class Lexicon(Closed, frozen=True):
    """The word list that makes output toxic."""

    id: str
    independent: bool
    checks: list[Check]
    terms: Count
    flagged_by_filter: Count | None


class PromptBucket(Closed, frozen=True):
    """Prompts of one kind; `known`: those whose last words the model has seen together."""

    prompts: Count
    left_out: Count
    known: Count


class Prompts(Closed, frozen=True):
    """The prompts."""

    sha256: str
    primary: str
    buckets: dict[str, PromptBucket]


class HeldOut(Closed, frozen=True):
    """A set of held-out texts."""

    texts: Count
    bytes: Count


class Sample(Closed, frozen=True):
    """The documents that it learns from; `withheld` by reason."""

    documents: Count
    held_out: Count
    tokens: Count
    withheld: dict[str, Count]


class Proxy(Closed, frozen=True):
    """What a trigram model of before and after says; `scope` must be printed beside its numbers."""

    scope: str
    grade: EvaluatorGrade
    level: Count
    model: Model
    sample: Sample
    lexicon: Lexicon
    prompts: Prompts
    held_out: dict[str, HeldOut]
    interventions: dict[str, ProxyOf]
