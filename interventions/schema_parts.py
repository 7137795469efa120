"""Types of what recurs in report.json: estimates, amounts, headline rows.

The JSON schema is made of these classes and of their docstrings, see `report_schema`. Every object is closed: a field
that is not named here is an error. A field that is optional has the default `UNSET`; all others are always there.
"""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

__all__ = [
    "Amounts",
    "Closed",
    "Count",
    "Estimate",
    "EvaluatorGrade",
    "EvidenceGrade",
    "Flagged",
    "Outcome",
    "Row",
    "Share",
    "Shares",
    "Verdict",
]

Count = Annotated[int, Meta(ge=0)]
Share = Annotated[float, Meta(ge=0, le=1)]
EvidenceGrade = Literal["census", "certified", "estimated", "relative", "not resolvable", "not measured"]
#: Grades of what rests on the evaluator.
EvaluatorGrade = Literal["estimated", "relative", "not measured"]
#: Grades of what is said of prevalence.
VerdictGrade = Literal["certified", "estimated", "relative", "not resolvable", "not measured"]
#: What an intervention's hits are: documents that it removed, or where it removes none that it acted on.
Outcome = Literal["removed", "acted on"]
Unit = Literal[
    "share",
    "ratio",
    "score",
    "kappa",
    "alpha",
    "correlation",
    "bits",
    "bits per byte",
    "share difference",
    "score difference",
]


class Closed(Struct, frozen=True, forbid_unknown_fields=True):
    """An object that has these fields and no others."""


class Estimate(Closed, frozen=True):
    """A number with its interval. What was not measured, or cannot be told, has the value null and a reason: never 0.

    Attributes:
        value: The estimate; null where nothing can be said.
        low: Lower end of the 95 % interval; the value itself where everything was counted.
        high: Upper end of the 95 % interval; null where there is none.
        n: Sample size: documents, items or words behind the value.
        method: How the interval was made, in words.
        unit: What the number is: a share in [0, 1], a ratio (1 = no change), …
        grade: What the evidence allows to conclude.
        reason: Why there is no value, or no interval.
    """

    value: float | None
    low: float | None
    high: float | None
    n: Count
    method: str
    unit: Unit
    grade: EvidenceGrade
    reason: str | UnsetType = UNSET


class Amounts(Closed, frozen=True):
    """Exact counts in the three units."""

    documents: Count
    words: Count
    bytes: Count


class Shares(Closed, frozen=True):
    """A share in the three units."""

    documents: Estimate
    words: Estimate
    bytes: Estimate


class Flagged(Closed, frozen=True):
    """Evaluated documents that the evaluator flags, before and after."""

    before: Count
    after: Count


class Verdict(Closed, frozen=True):
    """The verdict on an intervention.

    Attributes:
        sentence: In words.
        grade: The evidence that it rests on.
    """

    sentence: str
    grade: VerdictGrade


class Row(Closed, frozen=True):
    """A row of the before/after table.

    Attributes:
        category: The category; "any" is the document that any category flags.
        grade: What the evidence allows to conclude.
        before: Flagged share of the documents before.
        after: Flagged share of those that are left, as they are left.
        ratio: after ÷ before, paired on the same documents.
        caught: Share of the flagged documents that were removed, or are flagged no longer.
        flagged: Counts behind them; null where no evaluator looked.
        removed: What the filter removed for this category; null where no rule looks at it.
        rewritten: What it rewrote for this category; null where no rule looks at it.
    """

    category: str
    grade: VerdictGrade
    before: Estimate
    after: Estimate
    ratio: Estimate
    caught: Estimate
    flagged: Flagged | None
    removed: Amounts | None
    rewritten: Amounts | None
