"""Parts of report.json that are read in many places, and are not always there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

__all__ = ["any_row", "result_of"]

Json = Mapping[str, Any]


def result_of(report: Json, measure: str, name: str) -> Json:
    """Returns what a measure found of one intervention; empty where it was not measured."""
    found: Json = ((report["measures"].get(measure) or {}).get("interventions") or {}).get(name) or {}
    return found


def any_row(headline: Sequence[Json] | None) -> Json:
    """Returns the headline's row of documents that any category flags; empty where there is none."""
    return next((row for row in headline or () if row["category"] == "any"), {})
