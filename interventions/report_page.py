"""Lays out the page: which section shows which numbers, in reading order."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tamis.interventions import (
    plot_forest,
    report_answers,
    section_prevalence,
    section_quality,
    section_run,
    section_volume,
)
from tamis.interventions.masking import display
from tamis.interventions.report_format import count, is_measured
from tamis.interventions.report_view import (
    Block,
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

__all__ = ["Page", "Section", "page"]

Json = Mapping[str, Any]

NOTICE = (
    "This page is about sexual content, hate, harassment, violence and self-harm. It shows numbers and names of "
    "sources and rules, with slurs masked, and no text of any document."
)


@dataclass(frozen=True, slots=True)
class Section:
    """A headed section of the page; `anchor` is ours, never from the corpus."""

    anchor: str
    heading: str
    words: Sequence[str] = ()
    blocks: Sequence[Block] = ()
    listing: Sequence[tuple[str, str]] | None = None
    code: Sequence[tuple[str, str]] = ()


@dataclass(frozen=True, slots=True)
class Page:
    """Everything that the template shows."""

    title: str
    name: str
    facts: Sequence[str]
    banners: Sequence[Mapping[str, str]]
    notes: Sequence[Mapping[str, str]]
    verdict_heading: str
    verdict: str
    grade: str
    grade_kind: str
    grade_means: str
    answers: Sequence[report_answers.Answer]
    headline: Table
    relative: bool
    sections: Sequence[Section]
    notice: str = NOTICE
    footer: str = field(default="Made by tamis from report.json, which holds every number of this page.")


def page(report: Json) -> Page:
    """Lays out a report.

    Args:
        report: The content of report.json, see `report`.
    """
    lead = str(report["lead"])
    verdict = report.get("verdict") or {"sentence": "The plan holds no intervention.", "grade": "not measured"}
    name = display(report["run"].get("name") or "unnamed run")
    return Page(
        title=f"{name}: intervention report · tamis",
        name=name,
        facts=section_run.facts(report),
        banners=[_banner(item) for item in report.get("banners") or () if item.get("level") == "red"],
        notes=[_banner(item) for item in report.get("banners") or () if item.get("level") != "red"],
        verdict_heading=_verdict_heading(report, lead),
        verdict=display(verdict["sentence"], 2000),
        grade=display(verdict["grade"], 40),
        grade_kind=_kind(verdict["grade"]),
        grade_means=GRADES.get(verdict["grade"], ""),
        answers=report_answers.answers(report),
        headline=headline(report.get("headline") or ()),
        relative=verdict["grade"] == "relative",
        sections=list(_sections(report, lead)),
    )


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
    note = "Before, after: share of documents that the evaluator flags, with 95 % intervals. Removed: by the filter."
    found = table("Before and after", columns, cells, note=note)
    return Table(found.caption, found.columns, found.rows, found.note, (3, plot_forest.strip_axis(span)))


def _removals(rows: Sequence[Json]) -> Table:
    """The headline where the evaluator is not independent: its numbers stand in their section, under their name."""
    cells = [[name_cell(category_name(row["category"])), *_removed(row), _evidence(row["grade"])] for row in rows]
    note = "The evaluator’s own changes are under “Safety”: they are not changes in prevalence."
    return table(
        "Removed by the filter", ["Category", "Removed documents", "Removed words", "Evidence"], cells, note=note
    )


def _removed(row: Json) -> list[Cell]:
    removed = row.get("removed") or {}
    return [counted(removed.get("documents")), counted(removed.get("words"))]


def _headline_row(row: Json, span: tuple[float, float], samples: Mapping[str, int | None]) -> list[Cell]:
    change = ratio_cell(row["ratio"])
    return [
        name_cell(category_name(row["category"])),
        *(share_cell(row[key], sample=samples[key] is None) for key in ("before", "after")),
        Cell(change.main, change.sub, f"strip {change.kind}", plot_forest.strip(row["ratio"], span)),
        *_removed(row),
        _evidence(row["grade"]),
    ]


def _sample(rows: Sequence[Json], key: str) -> int | None:
    """The n of a column where all rows share it."""
    sizes = {row[key].get("n") for row in rows if is_measured(row[key])}
    found = sizes.pop() if len(sizes) == 1 else None
    return found if isinstance(found, int) else None


def _of(sample: int | None) -> str:
    return "" if sample is None else f" (n {count(sample)})"


def _evidence(grade: str) -> Cell:
    return Cell(display(grade, 40), kind=f"chip {_kind(grade)}")


def _kind(grade: str) -> str:
    """The style sheet's class of a grade; attributes hold nothing that is read from a file."""
    return grade.replace(" ", "-") if grade in GRADES else ""


def _banner(banner: Mapping[str, str]) -> dict[str, str]:
    level = "red" if banner.get("level") == "red" else "amber"
    return {
        "level": level,
        "word": "Warning." if level == "red" else "Note.",
        "text": display(banner.get("text", ""), 900),
    }


def _verdict_heading(report: Json, lead: str) -> str:
    state = "published" if report["run"].get("status") == "published" else "not published"
    return f"Intervention {display(lead, 60)} · {state}"


def _sections(report: Json, lead: str) -> Iterator[Section]:
    measures = report["measures"]
    others = [name for name in report["interventions"] if name != lead]
    if others:
        yield Section("compare", "Interventions side by side", blocks=[_compared(report, lead)])
    yield from _measured(measures, lead)
    if others:
        blocks = [_shadow(report, name, index) for index, name in enumerate(others)]
        yield Section("shadow", "Other interventions", ["Measured on the same documents, not written."], blocks)
    yield Section(
        "provenance",
        "Provenance",
        blocks=[section_run.independence(report)],
        listing=section_run.provenance(report),
        code=section_run.code(report),
    )
    yield Section("limits", "Methods and limits", listing=section_run.limits())
    yield Section("not-measured", "What was not measured", listing=section_run.not_measured(report))


def _measured(measures: Json, lead: str) -> Iterator[Section]:
    volume, prevalence = measures.get("volume"), measures.get("prevalence")
    if prevalence and lead in prevalence.get("interventions", {}):
        relative = prevalence.get("grade") == "relative"
        heading = "Safety: evaluator-relative change (not residual prevalence)" if relative else "Safety: what is left"
        blocks = [*section_prevalence.blocks(prevalence, lead, "p"), *section_prevalence.caution(relative)]
        yield Section("safety", heading, [section_prevalence.summary(prevalence)], blocks)
        yield Section("scores", "Score histograms", blocks=list(section_prevalence.histograms(prevalence, lead, "h")))
    if volume and lead in volume.get("interventions", {}):
        found = volume["interventions"][lead]
        yield Section(
            "flow", "Flow: what was removed", blocks=list(section_volume.blocks(found, volume["lengths"], "v"))
        )
    if measures.get("coverage"):
        yield Section("coverage", "Coverage", blocks=list(section_quality.coverage(measures["coverage"])))
    if measures.get("agreement"):
        blocks = list(section_quality.agreement(measures["agreement"], lead, "a"))
        words = ["High agreement is not good news by itself: two models that share data agree on their errors as well."]
        yield Section("agreement", "Agreement of filter and evaluator", words, blocks)


def _compared(report: Json, lead: str) -> Block:
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
    plot = plot_forest.forest("compare-plot", title, list(_forest_rows(report, names)), "less after", "more after")
    note = "After ÷ before: share of documents flagged in any category. Same documents, same evaluator."
    return Block("", plots=[plot], tables=[table("Interventions of this plan", columns, cells, note=note)])


def _forest_rows(report: Json, names: Sequence[str]) -> Iterator[plot_forest.Row]:
    """Each category with the interventions under it: what is compared stands side by side."""
    ratios = {
        name: {row["category"]: row["ratio"] for row in report["interventions"][name]["headline"]} for name in names
    }
    for category in ratios[names[0]]:
        yield plot_forest.Row(category_name(category), {}, heading=True)
        for index, name in enumerate(names):
            mark = "dot" if index == 0 else "diamond"
            yield plot_forest.Row(display(name), ratios[name].get(category, {}), mark)


def _compared_row(report: Json, name: str, lead: bool) -> list[Cell]:
    found = report["interventions"][name]
    shares = found.get("removed_share") or {}
    overall: Json = next((row for row in found["headline"] if row["category"] == "any"), {})
    return [
        name_cell(display(name), "published" if found["published"] else "lead" if lead else ""),
        share_cell(shares.get("documents")),
        share_cell(shares.get("words")),
        counted((found.get("rewritten") or {}).get("documents")),
        counted((found.get("tagged") or {}).get("documents")),
        ratio_cell(overall.get("ratio")),
        _evidence(found["verdict"]["grade"]),
    ]


def _shadow(report: Json, name: str, index: int) -> Block:
    found = report["interventions"][name]
    volume = (report["measures"].get("volume") or {"interventions": {}})["interventions"].get(name)
    lengths = (report["measures"].get("volume") or {}).get("lengths", ())
    inner = [] if volume is None else list(section_volume.blocks(volume, lengths, f"s{index}"))
    words = [display(found["verdict"]["sentence"], 2000)]
    return Block(display(name), words, tables=[headline(found["headline"])], folded=True, blocks=inner)
