"""The shape of every number in report.json, and what a reader may conclude from it.

An *estimate* is a flat object:

    {"value": 0.0123, "low": 0.0101, "high": 0.0149, "n": 20000,
     "method": "Wilson 95 %", "unit": "share", "grade": "estimated"}

    value, low, high   numbers, or null where nothing can be said: then `reason` is there and says why.
                       A value that was not measured is null, never 0.
    n                  sample size: the documents behind the value.
    method             how the interval was made, in words for the reader.
    unit               "share" (0 to 1), "ratio" (1 = no change), "score" (0 to 1), "kappa", "correlation".
    grade              what the evidence allows, one of `Grade`.
    reason             only where value is null, or where the interval is missing.

*Amounts* are exact counts, not estimates: {"documents": 3, "words": 120, "bytes": 700}.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

__all__ = ["AMOUNTS", "Estimate", "Grade", "amounts", "census", "estimate", "missing"]

Estimate = dict[str, Any]

AMOUNTS: Final = ("documents", "words", "bytes")


class Grade:
    """Grades, from the strongest evidence to none."""

    CENSUS: Final = "census"  #: counted over the whole corpus: no sampling error, no classifier in between
    CERTIFIED: Final = "certified"  #: human labels and an interval that is valid for them
    ESTIMATED: Final = "estimated"  #: an evaluator that is independent of the filter
    RELATIVE: Final = "relative"  #: an evaluator that is not independent: a change by that evaluator, no more
    NOT_RESOLVABLE: Final = "not resolvable"  #: too few documents to say anything
    NOT_MEASURED: Final = "not measured"  #: nobody looked


def estimate(
    value: float, low: float, high: float, *, n: int, method: str, unit: str = "share", grade: str = Grade.ESTIMATED
) -> Estimate:
    """Returns an estimate with its interval."""
    return {"value": value, "low": low, "high": high, "n": n, "method": method, "unit": unit, "grade": grade}


def census(value: float, *, n: int, unit: str = "share") -> Estimate:
    """Returns a number that was counted, whose interval is the number itself."""
    return estimate(value, value, value, n=n, method="counted, all documents", unit=unit, grade=Grade.CENSUS)


def missing(reason: str, *, n: int = 0, unit: str = "share", grade: str = Grade.NOT_RESOLVABLE) -> Estimate:
    """Returns the absence of a number, with its reason."""
    return {
        "value": None, "low": None, "high": None, "n": n, "method": "none", "unit": unit, "grade": grade,
        "reason": reason,
    }  # fmt: skip


def amounts(counts: Sequence[int]) -> dict[str, int]:
    """Names the three counts of `AMOUNTS`."""
    return {name: int(count) for name, count in zip(AMOUNTS, counts, strict=True)}
