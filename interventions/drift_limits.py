"""Which differences between runs count, by the numbers of `drift`: light, for whoever only reads a report."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

__all__ = ["MUCH", "NOISES", "beyond_noise", "worst_change", "worst_psi"]

#: A difference of scores counts from so many times the noise on.
NOISES: Final = 3.0

#: From here on a population stability index is customarily called a large shift.
MUCH: Final = 0.25

Estimate = Mapping[str, Any]


def beyond_noise(row: Mapping[str, Any]) -> bool:
    """Whether a difference of scores is more than samples of this size differ by."""
    return bool(row["psi"] > NOISES * row["noise"])


def worst_psi(scores: Mapping[str, Mapping[str, Any]]) -> tuple[str, Mapping[str, Any]] | None:
    """Returns the category whose scores differ most: of those beyond the noise, else of all."""
    known = {name: row for name, row in scores.items() if row["then"] and row["now"]}
    chosen = {name: row for name, row in known.items() if beyond_noise(row)} or known
    return max(chosen.items(), key=lambda item: item[1]["psi"]) if chosen else None


def worst_change(changes: Mapping[str, Mapping[str, Any]], limit: float) -> tuple[str, Estimate] | None:
    """Returns the category whose prevalence changed most: of those beyond limit and interval, else of all."""
    known = {name: row["change"] for name, row in changes.items() if row["change"]["value"] is not None}
    sure = {name: one for name, one in known.items() if one["low"] > 0 or one["high"] < 0}
    broken = {name: one for name, one in sure.items() if abs(one["value"]) > limit}
    chosen = broken or known
    return max(chosen.items(), key=lambda item: abs(item[1]["value"])) if chosen else None
