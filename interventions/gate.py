"""The gate: conditions that a finished run must meet before it is published.

Some look at the run alone, some compare it with the run that is published (see `drift`). Where a comparison cannot be
made, because nothing is published yet or because the evaluator is another, the condition holds and says that it was
not measured: the first run of a plan must be able to pass.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from tamis.interventions.drift_limits import beyond_noise, worst_change, worst_psi
from tamis.interventions.measures.collateral_result import LEVEL
from tamis.interventions.report_format import several

__all__ = ["Check", "Found", "check"]

Limits = Mapping[str, float | None]


@dataclass(frozen=True, slots=True)
class Check:
    """One condition and what was found.

    Attributes:
        name: Key of the plan's `gate` that states the condition.
        limit: The limit as written in the plan.
        value: What the run measured, None where nothing could be measured.
        passed: Whether the run may be published as far as this condition goes.
        unit: "share", "points" (a difference of shares), "documents", "ratio" or "psi".
        of: What the value is of, where the condition looks at several things: the worst of them.
        note: What else must be known: why nothing was measured, or why a value beyond the limit passes.
    """

    name: str
    limit: float
    value: float | None
    passed: bool
    unit: str = "share"
    of: str = ""
    note: str = ""

    def sentence(self) -> str:
        """Says the finding in one line, with both numbers and the key that changes it."""
        if self.value is None and self.note:
            return f"gate.{self.name} {self._number(self.limit)} was not measured: {self.note}"
        found = "nothing to measure" if self.value is None else self._number(self.value)
        found += f" ({self.of})" if self.of else ""
        note = f": {self.note}" if self.note else ""
        return f"{found} {'meets' if self.passed else 'breaks'} gate.{self.name} {self._number(self.limit)}{note}"

    def _number(self, value: float) -> str:
        return _FORMATS[self.unit](value)


_FORMATS: Final[Mapping[str, Callable[[float], str]]] = {
    "share": lambda value: f"{value:.4%}",
    "points": lambda value: f"{100 * value:+.4g} points" if value < 0 else f"{100 * value:.4g} points",
    "documents": lambda value: several(round(value), "document"),
    "ratio": lambda value: f"×{value:.3g}",
    "psi": lambda value: f"{value:.4g}",
}


@dataclass(frozen=True, slots=True)
class Found:
    """What a finished run measured.

    Attributes:
        counts: Records by outcome: seen, kept, dropped, quarantined.
        unscored: Documents left unscored by the classifier that scored fewest; None where that was not measured.
        groups: Rows of `measures.collateral` of the published intervention, by group; None where it has none.
        since: Comparison with the run before, see `drift`; None where there is none.
        fault: Why the run before cannot be read, where there is one; then no condition that compares holds.
    """

    counts: Mapping[str, int]
    unscored: int | None = None
    groups: Mapping[str, Mapping[str, Any]] | None = None
    since: Mapping[str, Any] | None = None
    fault: str = ""


def check(limits: Limits, found: Found) -> list[Check]:
    """Checks a finished run.

    Args:
        limits: The plan's `gate`; None = no condition.
        found: What was measured.

    Returns:
        One `Check` per stated condition, in a fixed order.
    """
    return [_CHECKS[name](name, float(limit), found) for name, limit in _stated(limits)]


def _stated(limits: Limits) -> Iterator[tuple[str, float]]:
    for name in _CHECKS:
        limit = limits.get(name)
        if limit is not None:
            yield name, limit


def _at_most(part: Callable[[Found], int | None]) -> Callable[[str, float, Found], Check]:
    def made(name: str, limit: float, found: Found) -> Check:
        count, seen = part(found), found.counts["seen"]
        if count is None or seen == 0:
            # An empty corpus breaks min_documents; a share of nothing is not a breach of its own.
            return Check(name, limit, None, count is not None)
        return Check(name, limit, count / seen, count / seen <= limit)

    return made


def _documents(name: str, limit: float, found: Found) -> Check:
    seen = found.counts["seen"]
    return Check(name, limit, seen, seen >= limit, "documents")


def _collateral(name: str, limit: float, found: Found) -> Check:
    """The group whose ratio is surely highest: by its lower limit, where it stands up to there being many groups."""
    rows = {group: row for group, row in (found.groups or {}).items() if row["ratio"].get("low") is not None}
    if not rows:
        return Check(name, limit, None, True, "ratio", note="no group has enough documents for a ratio")
    sure = {group: row for group, row in rows.items() if row["p"] is not None and row["p"] < LEVEL}
    group, row = max((sure or rows).items(), key=lambda item: item[1]["ratio"]["low"])
    low = float(row["ratio"]["low"])
    of = f"lower limit of `{group}`, {several(row['documents'], 'document')}"
    return Check(name, limit, low, not (sure and low > limit), "ratio", of)


def _compared(
    name: str, limit: float, found: Found, unit: str, make: Callable[[Mapping[str, Any]], Check | str]
) -> Check:
    if found.since is None:
        return Check(name, limit, None, not found.fault, unit, note=found.fault or "nothing was published before")
    made = make(found.since)
    return Check(name, limit, None, True, unit, note=made) if isinstance(made, str) else made


def _psi(name: str, limit: float, found: Found) -> Check:
    def make(since: Mapping[str, Any]) -> Check | str:
        worst = worst_psi(since["scores"])
        if worst is None:
            return "the runs have no category in common"
        column, row = worst
        over = row["psi"] > limit
        note = f"within three times the noise of {row['noise']:.2g} at this size" if over else ""
        broken = over and beyond_noise(row)
        return Check(name, limit, row["psi"], not broken, "psi", column, "" if broken else note)

    return _compared(name, limit, found, "psi", make)


def _prevalence(name: str, limit: float, found: Found) -> Check:
    def make(since: Mapping[str, Any]) -> Check | str:
        if since["prevalence"].get("reason"):
            return str(since["prevalence"]["reason"])
        worst = worst_change(since["prevalence"]["published"], limit)
        if worst is None:
            return "too few documents were evaluated"
        category, change = worst
        over = abs(change["value"]) > limit
        sure = change["low"] > 0 or change["high"] < 0
        note = "within the interval of what two samples differ by" if over and not sure else ""
        return Check(name, limit, change["value"], not (over and sure), "points", category, note)

    return _compared(name, limit, found, "points", make)


def _drop_rate(name: str, limit: float, found: Found) -> Check:
    def make(since: Mapping[str, Any]) -> Check | str:
        change = since["drop_rate"]["change"]
        if change is None:
            return "one of the runs has no documents"
        return Check(name, limit, change, abs(change) <= limit, "points")

    return _compared(name, limit, found, "points", make)


def _ratio(name: str, limit: float, found: Found) -> Check:
    def make(since: Mapping[str, Any]) -> Check | str:
        then, now = since["documents"]["then"], since["documents"]["now"]
        return Check(name, limit, now / then, now >= limit * then, "ratio") if then else "the run before had none"

    return _compared(name, limit, found, "ratio", make)


#: Condition -> what checks it, in the order of the report.
_CHECKS: Final[Mapping[str, Callable[[str, float, Found], Check]]] = {
    "max_drop_rate": _at_most(lambda found: found.counts["dropped"] + found.counts.get("withheld", 0)),
    "max_quarantine": _at_most(lambda found: found.counts["quarantined"] - found.counts.get("withheld", 0)),
    "max_unscored": _at_most(lambda found: found.unscored),
    "min_documents": _documents,
    "max_collateral": _collateral,
    "max_drift_psi": _psi,
    "max_prevalence_change": _prevalence,
    "max_drop_rate_change": _drop_rate,
    "min_documents_ratio": _ratio,
}
