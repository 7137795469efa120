"""The gate: conditions that a finished run must meet before it is published."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

__all__ = ["Check", "check"]


@dataclass(frozen=True, slots=True)
class Check:
    """One condition and what was found.

    Attributes:
        name: Key of the plan's `gate` that states the condition.
        limit: The limit as written in the plan.
        value: What the run measured, None where nothing could be measured.
        passed: Whether the run may be published as far as this condition goes.
        unit: "share" or "documents".
    """

    name: str
    limit: float
    value: float | None
    passed: bool
    unit: str = "share"

    def sentence(self) -> str:
        """Says the finding in one line, with both numbers and the key that changes it."""
        found = "nothing to measure" if self.value is None else self._number(self.value)
        word = "meets" if self.passed else "breaks"
        return f"{found} {word} gate.{self.name} {self._number(self.limit)}"

    def _number(self, value: float) -> str:
        return f"{value:.4%}" if self.unit == "share" else f"{value:,.0f} documents"


def check(limits: Mapping[str, float | None], counts: Mapping[str, int], unscored: int | None) -> list[Check]:
    """Checks a finished run.

    Args:
        limits: The plan's `gate`; None = no condition.
        counts: Records by outcome: seen, kept, dropped, quarantined.
        unscored: Documents left unscored by the classifier that scored fewest; None where that was not measured.

    Returns:
        One `Check` per stated condition, in a fixed order.
    """
    seen = counts["seen"]
    shares = {
        "max_drop_rate": counts["dropped"],
        "max_quarantine": counts["quarantined"],
        "max_unscored": unscored,
    }
    found = [_at_most(name, limits.get(name), part, seen) for name, part in shares.items()]
    minimum = limits.get("min_documents")
    if minimum is not None:
        found.append(Check("min_documents", minimum, seen, seen >= minimum, "documents"))
    return [item for item in found if item is not None]


def _at_most(name: str, limit: float | None, part: int | None, whole: int) -> Check | None:
    if limit is None:
        return None
    if part is None or whole == 0:
        # An empty corpus breaks min_documents; a share of nothing is not a breach of its own.
        return Check(name, limit, None, part is not None)
    return Check(name, limit, part / whole, part / whole <= limit)
