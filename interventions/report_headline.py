"""The before/after table of the first screen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from tamis.interventions import plot_forest
from tamis.interventions.masking import display
from tamis.interventions.report_format import count, is_measured
from tamis.interventions.report_view import (
    Cell,
    Table,
    category_name,
    counted,
    name_cell,
    ratio_cell,
    share_cell,
    table,
)
from tamis.interventions.verdict_text import GRADES

__all__ = ["evidence", "grade_kind", "headline", "strip_cell"]

Json = Mapping[str, Any]


def headline(rows: Sequence[Json]) -> Table:
    """Returns the before/after table, one row a category, with every ratio drawn on one axis."""
    if any(row["grade"] == "relative" for row in rows):
        return _removals(rows)
    span = plot_forest.domain([row["ratio"] for row in rows])
    samples = {key: _sample(rows, key) for key in ("before", "after")}
    columns = [
        "Category",
        f"Before{_of(samples['before'])}",
        f"After{_of(samples['after'])}",
        "After ÷ before",
        "Removed documents",
        "Removed words",
        "Evidence",
    ]
    cells = [_headline_row(row, span, samples) for row in rows]
    labelled = all(row["before"].get("grade") == "certified" for row in rows)
    who = "that people find harmful" if labelled else "that the evaluator flags"
    note = f"Before, after: share of documents {who}, with 95 % intervals. Removed: by the filter."
    return replace(table("Before and after", columns, cells, note=note), axis=(3, plot_forest.strip_axis(span)))


def _removals(rows: Sequence[Json]) -> Table:
    """The headline where the evaluator is not independent: its numbers stand in their section, under their name."""
    cells = [[name_cell(category_name(row["category"])), *_removed(row), evidence(row["grade"])] for row in rows]
    note = "The evaluator’s own changes are under “Safety”: they are not changes in prevalence."
    return table(
        "Removed by the filter", ["Category", "Removed documents", "Removed words", "Evidence"], cells, note=note
    )


def _removed(row: Json) -> list[Cell]:
    removed, rewritten = row.get("removed") or {}, (row.get("rewritten") or {}).get("documents")
    others = f"{count(rewritten)} rewritten" if rewritten else ""
    return [counted(removed.get("documents"), others), counted(removed.get("words"))]


def _headline_row(row: Json, span: tuple[float, float], samples: Mapping[str, int | None]) -> list[Cell]:
    return [
        name_cell(category_name(row["category"])),
        *(share_cell(row[key], sample=samples[key] is None) for key in ("before", "after")),
        strip_cell(row["ratio"], span),
        *_removed(row),
        evidence(row["grade"]),
    ]


def strip_cell(ratio: Json | None, span: tuple[float, float]) -> Cell:
    """Returns the cell of a ratio that is drawn beside its number, on an axis that all rows of a table share.

    Args:
        ratio: The ratio.
        span: What `plot_forest.domain` found for all rows.
    """
    found = ratio_cell(ratio)
    return replace(found, kind=f"strip {found.kind}", plot=plot_forest.strip(ratio or {}, span))


def _sample(rows: Sequence[Json], key: str) -> int | None:
    """The n of a column where all rows share it."""
    sizes = {row[key].get("n") for row in rows if is_measured(row[key])}
    found = sizes.pop() if len(sizes) == 1 else None
    return found if isinstance(found, int) else None


def _of(sample: int | None) -> str:
    return "" if sample is None else f" (n {count(sample)})"


def evidence(grade: str) -> Cell:
    """Returns the cell of a grade."""
    return Cell(display(grade, 40), kind=f"chip {grade_kind(grade)}")


def grade_kind(grade: str) -> str:
    """Returns the style sheet's class of a grade; attributes hold nothing that is read from a file."""
    return grade.replace(" ", "-") if grade in GRADES else ""
