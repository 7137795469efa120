"""Sections that set interventions side by side, and that give the others in full."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from tamis.interventions import plot_forest, section_volume
from tamis.interventions.masking import display
from tamis.interventions.report_headline import evidence, headline
from tamis.interventions.report_parts import any_row
from tamis.interventions.report_view import (
    Block,
    Cell,
    category_name,
    counted,
    name_cell,
    ratio_cell,
    share_cell,
    table,
)

__all__ = ["compared", "forest_rows", "other"]

Json = Mapping[str, Any]


def compared(report: Json, lead: str) -> Block:
    """Returns the lead and the other interventions: the same documents, the same evaluator, one axis."""
    names = [lead, *(name for name in report["interventions"] if name != lead)]
    columns = [
        "Intervention",
        "Documents removed",
        "Words removed",
        "Rewritten",
        "Tagged",
        "Flagged after ÷ before",
        "Evidence",
    ]
    cells = [_compared_row(report, name, name == lead) for name in names]
    title = "Prevalence after divided by before, by category and intervention"
    drawn = list(forest_rows([(display(name), report["interventions"][name]["headline"]) for name in names]))
    plot = plot_forest.forest("compare-plot", title, drawn, "less after", "more after")
    note = "After ÷ before: share of documents flagged in any category. Same documents, same evaluator."
    return Block("", plots=[plot], tables=[table("Interventions of this plan", columns, cells, note=note)])


def forest_rows(compared: Sequence[tuple[str, Sequence[Json]]]) -> Iterator[plot_forest.Row]:
    """Yields each category with what is compared under it, so that it stands side by side.

    Args:
        compared: What a reader sees of each name, and its headline.
    """
    ratios = [(label, {row["category"]: row["ratio"] for row in rows}) for label, rows in compared]
    for category in dict.fromkeys(name for _, found in ratios for name in found):
        yield plot_forest.Row(category_name(category), {}, heading=True)
        for index, (label, found) in enumerate(ratios):
            yield plot_forest.Row(label, found.get(category, {}), "dot" if index == 0 else "diamond")


def _state(report: Json, lead: bool) -> str:
    if not lead:
        return ""
    return "published" if report["run"].get("status") == "published" else "first of the plan"


def _compared_row(report: Json, name: str, lead: bool) -> list[Cell]:
    found = report["interventions"][name]
    shares = found.get("removed_share") or {}
    overall = any_row(found["headline"])
    return [
        name_cell(display(name), _state(report, lead)),
        share_cell(shares.get("documents")),
        share_cell(shares.get("words")),
        counted((found.get("rewritten") or {}).get("documents")),
        counted((found.get("tagged") or {}).get("documents")),
        ratio_cell(overall.get("ratio")),
        evidence(found["verdict"]["grade"]),
    ]


def other(report: Json, name: str, index: int) -> Block:
    """Returns the folded account of an intervention that is not the lead."""
    found = report["interventions"][name]
    volume = (report["measures"].get("volume") or {"interventions": {}})["interventions"].get(name)
    lengths = (report["measures"].get("volume") or {}).get("lengths", ())
    inner = [] if volume is None else list(section_volume.blocks(volume, lengths, f"s{index}"))
    words = [display(found["verdict"]["sentence"], 2000)]
    return Block(display(name), words, tables=[headline(found["headline"])], folded=True, blocks=inner)
