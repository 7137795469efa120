"""The verdict in words: what one intervention did, by how much, and what kind of evidence says so.

Grades, from the strongest evidence to none:
    certified       human labels on what was kept and removed, with a valid interval
    estimated       an evaluator that is independent of the filter
    relative        an evaluator that shares data or family with the filter: its change is not a change in prevalence
    not resolvable  measured, but the data cannot tell a large fall from a rise
    not measured    nobody looked
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from tamis.interventions.report_format import THIN, Estimate, is_measured, percent

__all__ = ["GRADES", "effect", "grade", "overall_grade", "sentence", "verdict"]

GRADES: Final = {
    "certified": "human labels on what was kept and removed, with a valid interval",
    "estimated": "measured by an evaluator that is independent of the filter",
    "relative": "a change by an evaluator that is not independent of the filter, not a change in prevalence",
    "not resolvable": "measured, but too few cases to tell a fall from a rise",
    "not measured": "no evaluator looked",
}

#: An interval that holds 1 and is wider than this says nothing; a narrower one says "no detectable change".
NARROW: Final = (0.8, 1.25)


def grade(row: Mapping[str, Any], independent: bool) -> str:
    """Returns the grade of one headline row; a row may bring its own `grade`, as labels do."""
    change = row.get("ratio") or {}
    if not is_measured(row.get("before")):
        return "not measured"
    if not is_measured(change) or _says_nothing(change):
        return "not resolvable"
    if not independent:
        return "relative"
    return str(row.get("grade") or "estimated")


def overall_grade(rows: Sequence[Mapping[str, Any]]) -> str:
    """Returns the weakest grade that any row which could be resolved carries, else the best of the rest."""
    found = {str(row["grade"]) for row in rows}
    for candidate in ("relative", "estimated", "certified", "not resolvable"):
        if candidate in found:
            return candidate
    return "not measured"


def effect(change: Estimate | None) -> str:
    """Returns what a ratio says: "fell", "rose", "no change" or "unknown"."""
    if change is None or not is_measured(change) or _says_nothing(change):
        return "unknown"
    low, high = change.get("low"), change.get("high")
    if low is None or high is None:
        return "unknown"
    return "fell" if high < 1 else "rose" if low > 1 else "no change"


def verdict(
    name: str, rows: Sequence[Mapping[str, Any]], amounts: Mapping[str, Any], published: bool
) -> dict[str, str]:
    """Returns the verdict of one intervention as report.json has it: `sentence` and `grade`.

    Args:
        name: The intervention, as a reader may see it.
        rows: Its headline rows.
        amounts: Its `seen`, `removed_share`, `rewritten` and `tagged`; without them, or None, where nobody counted.
        published: Whether it was written, or only measured.
    """
    seen = (amounts.get("seen") or {}).get("documents", 0)
    outcomes = {key: amounts[key]["documents"] / seen for key in ("rewritten", "tagged") if seen and amounts.get(key)}
    shares = {unit: part.get("value") for unit, part in (amounts.get("removed_share") or {}).items()}
    told = sentence(name, rows, {**shares, "outcomes": outcomes}, published)
    return {"sentence": told, "grade": overall_grade(rows)}


def sentence(name: str, rows: Sequence[Mapping[str, Any]], removed: Mapping[str, Any], published: bool) -> str:
    """Returns the verdict of one intervention.

    Args:
        name: The intervention, as a reader may see it.
        rows: Its headline rows, each with `category`, `grade` and `ratio`.
        removed: Shares removed: `documents` and `words`, in [0, 1] or None, and under `outcomes` the shares of
            documents that were rewritten or tagged.
        published: Whether it was written, or only measured.
    """
    return " ".join(part for part in (_removal(name, removed, published), *_changes(rows, published)) if part)


def _removal(name: str, removed: Mapping[str, Any], published: bool) -> str:
    documents, words = removed.get("documents"), removed.get("words")
    if documents is None:
        return f"How much {name} removed was not measured."
    verb = "removed" if published else "would remove"
    if documents == 0:
        return f"{name} {verb} no document{_others(removed)}."
    return f"{name} {verb} {percent(documents)} of documents and {percent(words)} of words{_others(removed)}."


def _others(removed: Mapping[str, Any]) -> str:
    outcomes = removed.get("outcomes") or {}
    parts = [f"{percent(share)} {outcome}" for outcome, share in outcomes.items() if share]
    return f"; {' and '.join(parts)}" if parts else ""


def _changes(rows: Sequence[Mapping[str, Any]], published: bool) -> list[str]:
    if any(row["grade"] == "relative" for row in rows):
        # A number in this sentence would be read as a change in prevalence, whatever stands beside it.
        return ["What it did to prevalence cannot be said: the evaluator is not independent of the filter."]
    told = [row for row in rows if row["grade"] in {"certified", "estimated"}]
    moved = [row for row in told if effect(row["ratio"]) in {"fell", "rose"}]
    still = [_spoken(row) for row in told if effect(row["ratio"]) == "no change"]
    unknown = [_spoken(row) for row in rows if row["grade"] == "not resolvable"]
    return [_moved(moved, published), _still(still), _unknown(unknown), _unmeasured(rows)]


def _moved(rows: Sequence[Mapping[str, Any]], published: bool) -> str:
    """Says what moved: all categories together first, then each by how much it moved."""
    if not rows:
        return ""
    overall = [row for row in rows if row["category"] == "any"]
    single = sorted((row for row in rows if row not in overall), key=lambda row: -abs(row["ratio"]["value"] - 1))
    head, rest = ([_moves(row, published) for row in part] for part in (overall, single))
    said = ": ".join(part for part in (*head, _list(rest)) if part)
    return f"{_measured_by(rows)}, {said} (95{THIN}% intervals)."


def _moves(row: Mapping[str, Any], published: bool) -> str:
    verb = effect(row["ratio"])
    shadow = {"fell": "would fall", "rose": "would rise"}
    return f"{_spoken(row)} {verb if published else shadow[verb]} by {_amount(row['ratio'])}"


def _measured_by(rows: Sequence[Mapping[str, Any]]) -> str:
    grades = {row["grade"] for row in rows}
    if grades == {"certified"}:
        return "By human labels"
    return "By an independent evaluator"


def _amount(change: Estimate) -> str:
    ends = sorted(abs(100 * (float(change[end]) - 1)) for end in ("low", "high"))
    value = abs(100 * (float(change["value"]) - 1))
    return f"{value:.0f}{THIN}% [{ends[0]:.0f}–{ends[1]:.0f}]"


def _still(names: Sequence[str]) -> str:
    return f"No detectable change in {_list(names)}." if names else ""


def _unknown(names: Sequence[str]) -> str:
    return f"Too few cases to say anything about {_list(names)}." if names else ""


def _unmeasured(rows: Sequence[Mapping[str, Any]]) -> str:
    names = [_spoken(row) for row in rows if row["grade"] == "not measured"]
    if rows and len(names) == len(rows):
        return "Its effect on prevalence was not measured."
    return f"Not measured: {_list(names)}." if names else ""


def _spoken(row: Mapping[str, Any]) -> str:
    return "documents flagged in any category" if row["category"] == "any" else str(row["category"]).replace("_", "-")


def _says_nothing(change: Estimate) -> bool:
    low, high = change.get("low"), change.get("high")
    if low is None or high is None:
        return True
    return bool(low < NARROW[0] and high > NARROW[1])


def _list(parts: Sequence[str]) -> str:
    if len(parts) < 2:
        return "".join(parts)
    return f"{', '.join(parts[:-1])} and {parts[-1]}"
