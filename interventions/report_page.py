"""Lays out the page: which section shows which numbers, in reading order."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from markupsafe import Markup

from tamis.interventions import (
    report_answers,
    section_collateral,
    section_compare,
    section_differences,
    section_drift,
    section_excerpts,
    section_frontier,
    section_functional,
    section_labels,
    section_outputs,
    section_prevalence,
    section_quality,
    section_run,
    section_shift,
    section_volume,
)
from tamis.interventions.masking import display
from tamis.interventions.report_headline import grade_kind, headline
from tamis.interventions.report_view import Block, Table
from tamis.interventions.verdict_text import GRADES

__all__ = ["NOTICE", "Page", "Section", "banner", "page"]

Json = Mapping[str, Any]

NOTICE = (
    "This page is about sexual content, hate, harassment, violence and self-harm. It shows numbers and names of "
    "sources and rules, with slurs masked, and no text of any document but single words that many documents use."
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
    plots: Sequence[tuple[str, Markup]]
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
        banners=[banner(item) for item in report.get("banners") or () if item.get("level") == "red"],
        notes=[banner(item) for item in report.get("banners") or () if item.get("level") != "red"],
        verdict_heading=_verdict_heading(report, lead),
        verdict=display(verdict["sentence"], 2000),
        grade=display(verdict["grade"], 40),
        grade_kind=grade_kind(verdict["grade"]),
        grade_means=GRADES.get(verdict["grade"], ""),
        answers=report_answers.answers(report),
        headline=headline(report.get("headline") or ()),
        plots=list(_plots(report, lead)),
        relative=verdict["grade"] == "relative",
        sections=list(_sections(report, lead)),
        notice=section_excerpts.NOTICE if report["measures"].get("excerpts") else NOTICE,
    )


def banner(found: Mapping[str, str]) -> dict[str, str]:
    """Returns what the page shows of a banner of report.json."""
    level = "red" if found.get("level") == "red" else "amber"
    return {
        "level": level,
        "word": "Warning." if level == "red" else "Note.",
        "text": display(found.get("text", ""), 900),
    }


def _plots(report: Json, lead: str) -> Iterator[tuple[str, Markup]]:
    """Yields the plots of the first screen with their captions: what was paid for safety, and who paid."""
    frontier, collateral = (report["measures"].get(name) for name in ("frontier", "collateral"))
    if frontier and lead in frontier["interventions"]:
        plot = section_frontier.overview(frontier, lead, _is_published(report))
        if plot is not None:
            yield "Safety against what is removed: all thresholds moved together, and the other interventions", plot
    if collateral and lead in collateral["interventions"]:
        plot = section_collateral.overview(collateral, lead)
        if plot is not None:
            yield "Removal of documents that name a group, over those that name none", plot


def _is_published(report: Json) -> bool:
    return bool(report["run"].get("status") == "published")


def _verdict_heading(report: Json, lead: str) -> str:
    state = "published" if _is_published(report) else "not published"
    return f"Intervention {display(lead, 60)} · {state}"


def _sections(report: Json, lead: str) -> Iterator[Section]:
    measures = report["measures"]
    others = [name for name in report["interventions"] if name != lead]
    if others:
        differences = section_differences.compared(measures.get("comparison") or {"pairs": ()}, lead)
        blocks = [section_compare.compared(report, lead), *differences]
        yield Section("compare", "Interventions side by side", blocks=blocks)
    yield from _measured(report, lead)
    if others:
        blocks = [section_compare.other(report, name, index) for index, name in enumerate(others)]
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


def _utility(measures: Json, lead: str) -> Iterator[Section]:
    shift, proxy = measures.get("shift"), measures.get("proxy")
    if shift and lead in shift.get("interventions", {}):
        words = ["Any removal moves the words a little. What counts is what lies beyond a random one of the same size."]
        yield Section("shift", "Distribution shift", words, list(section_shift.blocks(shift, lead)))
    if proxy and lead in proxy.get("interventions", {}):
        blocks = list(section_outputs.blocks(proxy, lead, "o"))
        yield Section("outputs", "Model outputs, by a proxy", section_outputs.summary(proxy), blocks)


def _borne(report: Json, lead: str) -> Iterator[Section]:
    collateral, functional, frontier = (report["measures"].get(key) for key in ("collateral", "functional", "frontier"))
    if collateral and lead in collateral["interventions"]:
        blocks = list(section_collateral.blocks(collateral, lead, "c"))
        yield Section("collateral", "Collateral: who bears it", section_collateral.words(collateral, lead), blocks)
    if functional and lead in functional["interventions"]:
        words = section_functional.words(functional)
        yield Section("functional", "Functional tests", words, list(section_functional.blocks(functional, lead)))
    if frontier and lead in frontier["interventions"]:
        blocks = list(section_frontier.blocks(frontier, lead, _is_published(report), "f"))
        yield Section("frontier", "Frontier: other thresholds", blocks=blocks)


def _measured(report: Json, lead: str) -> Iterator[Section]:
    measures = report["measures"]
    volume, prevalence = measures.get("volume"), measures.get("prevalence")
    if prevalence and lead in prevalence.get("interventions", {}):
        relative = prevalence.get("grade") == "relative"
        heading = "Safety: evaluator-relative change (not residual prevalence)" if relative else "Safety: what is left"
        blocks = [*section_prevalence.blocks(prevalence, lead, "p"), *section_prevalence.caution(relative)]
        blocks += section_differences.placebo(measures.get("placebo") or {"interventions": {}}, lead)
        yield Section("safety", heading, [section_prevalence.summary(prevalence)], blocks)
    if measures.get("labels"):
        labels = measures["labels"]
        yield Section("labels", "Human labels", section_labels.words(labels), list(section_labels.blocks(labels)))
    if prevalence and lead in prevalence.get("interventions", {}):
        yield Section("scores", "Score histograms", blocks=list(section_prevalence.histograms(prevalence, lead, "h")))
    if volume and lead in volume.get("interventions", {}):
        found = volume["interventions"][lead]
        yield Section(
            "flow", "Flow: what was removed", blocks=list(section_volume.blocks(found, volume["lengths"], "v"))
        )
    if measures.get("excerpts"):
        excerpts = measures["excerpts"]
        blocks = list(section_excerpts.blocks(excerpts))
        yield Section("excerpts", "Excerpts", section_excerpts.words(excerpts), blocks)
    yield from _borne(report, lead)
    yield from _utility(measures, lead)
    if measures.get("drift"):
        drift = measures["drift"]
        yield Section("drift", "Since the run before", section_drift.words(drift), list(section_drift.blocks(drift)))
    if measures.get("coverage"):
        yield Section("coverage", "Coverage", blocks=list(section_quality.coverage(measures["coverage"])))
    if measures.get("agreement"):
        blocks = list(section_quality.agreement(measures["agreement"], lead, "a"))
        words = ["High agreement is not good news by itself: two models that share data agree on their errors as well."]
        yield Section("agreement", "Agreement of filter and evaluator", words, blocks)
