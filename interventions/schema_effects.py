"""Types of the measures of an effect: prevalence, placebo, comparison, frontier, shift of the words."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta

from tamis.interventions.schema_parts import Closed, Count, Estimate, EvaluatorGrade, Flagged, Outcome, Share

__all__ = ["Comparison", "Frontier", "Placebo", "Prevalence", "Shift"]


class Before(Closed, frozen=True):
    """A category before any intervention."""

    documents: Estimate
    words: Estimate
    mean_score: Estimate


class ByLength(Closed, frozen=True):
    """A category among documents of one length."""

    before: Estimate
    after: Estimate
    ratio: Estimate


class Change(Closed, frozen=True):
    """A category before and after: in documents, in words, and as the mean score."""

    before: Estimate
    after: Estimate
    ratio: Estimate
    before_words: Estimate
    after_words: Estimate
    ratio_words: Estimate
    mean_before: Estimate
    mean_after: Estimate
    flagged: Flagged
    caught: Estimate
    by_length: dict[str, ByLength]


class Evaluated(Closed, frozen=True):
    """What the evaluator scored."""

    documents: Count
    words: Count


class Histogram(Closed, frozen=True):
    """Documents by score, before, and after and removed by intervention."""

    before: list[Count]
    after: dict[str, list[Count]]
    removed: dict[str, list[Count]]


class Histograms(Closed, frozen=True):
    """Score histograms; `edges` of the bins in logits."""

    edges: list[float]
    evaluator: dict[str, Histogram]
    filter: dict[str, Histogram]


class Prevalence(Closed, frozen=True):
    """What the evaluator flags before and after, by category and "any"."""

    grade: EvaluatorGrade
    reason: str | None
    evaluated: Evaluated
    evaluated_share: Estimate
    lengths: list[str]
    thresholds: dict[str, Share]
    categories: list[str]
    before: dict[str, Before]
    interventions: dict[str, dict[str, Change]]
    histograms: Histograms


class PlaceboCategory(Closed, frozen=True):
    """An effect beside that of a random removal.

    Attributes:
        effect: after ÷ before.
        placebo: after ÷ before of a random removal of the same share of each source and length.
        beyond: The first over the second.
        outside: Whether the effect lies outside the range of random removals.
    """

    effect: Estimate
    placebo: Estimate
    beyond: Estimate
    outside: bool | None


class PlaceboOf(Closed, frozen=True):
    """The placebo of an intervention; without categories and with a reason where there is none."""

    reason: str | None
    removed_words: Share | None
    categories: dict[str, PlaceboCategory]


class Placebo(Closed, frozen=True):
    """Effects beyond a random removal of the same size."""

    grade: EvaluatorGrade
    reason: str | None
    strata: Count
    interventions: dict[str, PlaceboOf]


class Difference(Closed, frozen=True):
    """One difference between two interventions; `ratio` is that of the first over the second."""

    ratio: Estimate
    p: Share | None
    verdict: Literal["less", "more", "the same", "no detectable difference", "not resolvable"]
    sentence: str


class Pair(Closed, frozen=True):
    """Two interventions."""

    first: str
    second: str
    residual: dict[str, Difference]
    clean: Difference
    words: Difference


class Comparison(Closed, frozen=True):
    """Paired differences between a run's interventions, whose intervals hold together."""

    grade: EvaluatorGrade
    reason: str | None
    arms: list[str]
    comparisons: Count
    stretch: Annotated[float, Meta(ge=1)]
    pairs: list[Pair]


class Point(Closed, frozen=True):
    """One threshold of a curve.

    Attributes:
        at: The threshold, in the curve's unit.
        documents: Share of documents that it removes.
        words: … of words.
        clean_words: … of the words of clean documents.
        clean: … of the clean documents.
        residual: Flagged share that is left over that before, of the curve's category.
        residual_any: … of any category.
        worth: Flagged documents removed for a thousand clean ones.
        best: Whether no other point leaves less for less.
    """

    at: float
    documents: float
    words: float
    clean_words: float | None
    clean: Estimate
    residual: Estimate
    residual_any: Estimate
    worth: float | None
    best: bool


class Dense(Closed, frozen=True):
    """The counts behind a curve, threshold by threshold."""

    at: list[float]
    documents: list[Count]
    words: list[Count]
    evaluated: list[Count]
    flagged: list[Count]
    flagged_any: list[Count]
    clean_words: list[Count]


class Curve(Closed, frozen=True):
    """Other thresholds; `unit` is "logits" where all of an intervention's move together."""

    category: str
    unit: Literal["score", "logits"]
    points: list[Point]
    dense: Dense


class Cheaper(Closed, frozen=True):
    """A point that leaves no more, and costs less."""

    curve: str
    at: float
    clean_words: float
    residual_ratio: Estimate


class FrontierOf(Closed, frozen=True):
    """An intervention among its other thresholds; without a curve and with a reason where it has none."""

    outcome: Outcome
    reason: str | None
    exact: bool
    curve: Curve | None
    here: Point | None
    cheaper: Cheaper | None


class FrontierSeen(Closed, frozen=True):
    """What the curves were made of."""

    documents: Count
    words: Count
    evaluated: Count


class Frontier(Closed, frozen=True):
    """Safety against what it costs, at other thresholds; a category is null where no document has a score for it."""

    grade: EvaluatorGrade
    reason: str | None
    seen: FrontierSeen
    categories: dict[str, Curve | None]
    interventions: dict[str, FrontierOf]


class ShiftOf(Closed, frozen=True):
    """How far an intervention moved the words, beside a random removal of as many."""

    removed_words: float | None
    divergence: Estimate
    placebo: Estimate
    excess: Estimate
    vocabulary_lost: Estimate
    vocabulary_lost_placebo: Estimate


class Shift(Closed, frozen=True):
    """Shift of the words."""

    documents: Count
    words: Count
    types: Count
    buckets: Count
    note: str | None
    interventions: dict[str, ShiftOf]
