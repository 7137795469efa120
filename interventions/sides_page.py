"""Lays out the page of a comparison: what differs, each side on one axis, and whether they may be compared."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from tamis.interventions import plot_forest, section_compare, section_differences
from tamis.interventions.masking import display
from tamis.interventions.report_format import THIN, count, digits, is_measured
from tamis.interventions.report_headline import evidence, headline, strip_cell
from tamis.interventions.report_page import NOTICE, Section, banner
from tamis.interventions.report_parts import any_row
from tamis.interventions.report_view import (
    Block,
    Cell,
    Table,
    missing,
    name_cell,
    number_cell,
    ratio_cell,
    share_cell,
    table,
)
from tamis.interventions.sides_more import MORE

__all__ = ["Page", "page", "sentences"]

Json = Mapping[str, Any]

_BASES: Final = {
    "paired": "What differs, on the same documents",
    "unpaired": "What differs, unpaired",
    "": "What differs",
}


@dataclass(frozen=True, slots=True)
class Page:
    """Everything that the template shows."""

    title: str
    name: str
    facts: Sequence[str]
    banners: Sequence[Mapping[str, str]]
    basis: str
    sentences: Sequence[str]
    table: Table
    sections: Sequence[Section]
    notice: str = NOTICE
    footer: str = "Made by tamis from the JSON of the comparison, which holds every number of this page."


def page(content: Json) -> Page:
    """Lays out a comparison.

    Args:
        content: What `sides.build` returned.
    """
    sides = content["sides"]
    name = " against ".join(display(side["name"], 60) for side in sides[:4]) + (" …" if len(sides) > 4 else "")
    bases = {pair["basis"] for pair in content["pairs"]} - {"none"}
    return Page(
        title=f"{name}: comparison · tamis",
        name=name,
        facts=[_fact(side) for side in sides],
        banners=[banner(item) for item in content["banners"]],
        basis=_BASES[bases.pop() if len(bases) == 1 else ""],
        sentences=[display(one, 400) for one in sentences(content)],
        table=_overview(sides),
        sections=list(_sections(content)),
    )


def sentences(content: Json) -> list[str]:
    """Returns the first side's differences from each of the others in words: safety, clean documents, words."""
    first = content["sides"][0]["name"]
    pairs = [pair for kind in ("paired", "unpaired") for pair in (content[kind] or {"pairs": ()})["pairs"]]
    return [
        row["sentence"]
        for pair in pairs
        if pair["first"] == first
        for row in (pair["residual"].get("any"), pair["clean"], pair["words"])
        if row is not None
    ]


def _fact(side: Json) -> str:
    run = side["run"]
    return (
        f"{display(side['label'], 8)}: run {display(run['id'], 40)} of “{display(run['name'], 40)}”, "
        f"{count((run.get('counts') or {}).get('seen'))} documents, {display(run['status'], 20)}"
    )


def _overview(sides: Sequence[Json]) -> Table:
    """One row a side, with every ratio drawn on one axis."""
    span = plot_forest.domain([any_row(side["headline"]).get("ratio") or {} for side in sides])
    columns = [
        "Run and intervention",
        "Flagged before",
        "Flagged after",
        "After ÷ before",
        "Documents removed",
        "Words removed",
        "Clean documents removed",
        "Evidence",
    ]
    rows = [_overview_row(side, span) for side in sides]
    note = "Flagged: in any category, by each run’s evaluator, with 95 % intervals. Clean: what it does not flag."
    found = table("Side by side", columns, rows, cap=60, note=note)
    return replace(found, axis=(3, plot_forest.strip_axis(span)))


def _overview_row(side: Json, span: tuple[float, float]) -> list[Cell]:
    row, shares = any_row(side["headline"]), side.get("removed_share") or {}
    state = "published" if side["published"] else "not published"
    return [
        name_cell(display(side["name"], 80), f"{display(side['run']['name'], 40)} · {state}"),
        *(share_cell(row.get(key), sample=False) for key in ("before", "after")),
        strip_cell(row.get("ratio"), span),
        *(share_cell(shares.get(unit)) for unit in ("documents", "words")),
        share_cell(side["more"]["clean_removed"]),
        evidence(side["verdict"]["grade"]),
    ]


def _sections(content: Json) -> Iterator[Section]:
    sides = content["sides"]
    for kind, heading in (("paired", "Paired differences"), ("unpaired", "Unpaired differences")):
        if content[kind]:
            yield Section(
                kind, heading, [_method(kind, content[kind])], section_differences.pairs_of(content[kind], kind)
            )
    yield Section("categories", "By category", blocks=[_categories(sides)])
    yield Section("more", "What each run says of itself", [_ALONE], [Block("", tables=[_more(sides)])])
    yield Section("comparable", "Can they be compared?", blocks=[Block("", tables=[_checks(content)])])
    yield Section("runs", "Each side in full", blocks=[_full(side) for side in sides])


_ALONE: Final = (
    "Each number with its own run’s interval. Two intervals that overlap prove no equality, and two that do not are no "
    "test for many numbers at once: differences with intervals that hold together are above."
)


def _method(kind: str, found: Json) -> str:
    how = {
        "paired": "Both saw the same documents, so differences are paired: residual is the flagged share that is left.",
        "unpaired": "Not the same documents, or not the same sample: effects are compared as if they were independent.",
    }
    return (
        f"{how[kind]} The {count(found['comparisons'])} intervals hold together with 95{THIN}%, and are "
        f"{found['stretch']:.2f} times as wide as one alone would be; p-values are Holm’s."
    )


def _categories(sides: Sequence[Json]) -> Block:
    rows = list(section_compare.forest_rows([(display(side["name"], 40), side["headline"]) for side in sides]))
    title = "Prevalence after divided by before, by category and side"
    return Block("", plots=[plot_forest.forest("sides", title, rows, "less after", "more after")])


def _more(sides: Sequence[Json]) -> Table:
    rows = [
        [name_cell(words), *(_number(side["more"].get(key), unit, _group(key, side)) for side in sides)]
        for key, (words, unit) in MORE.items()
        if any(side["more"].get(key) for side in sides)
    ]
    return table("Measured by each run", ["", *(display(side["name"], 40) for side in sides)], rows)


def _group(key: str, side: Json) -> str:
    name = side["more"].get("worst_group_name")
    return display(name, 40) if key == "worst_group" and name else ""


def _number(estimate: Json | None, unit: str, beside: str) -> Cell:
    if estimate is None or not is_measured(estimate):
        return missing(estimate)
    if unit == "bits":
        return number_cell(estimate, digits)
    cell = share_cell(estimate, sample=False) if unit == "share" else ratio_cell(estimate)
    return replace(cell, sub=" · ".join(part for part in (beside, cell.sub) if part))


def _checks(content: Json) -> Table:
    labels = [side["label"] for side in content["sides"]]
    rows = [
        [
            name_cell(check["what"]),
            Cell("the same" if check["same"] else "differs", kind="text"),
            *(Cell(display(check["found"][label], 160), kind="text wrap") for label in labels),
            Cell("" if check["same"] else display(check["means"], 200), kind="text wrap"),
        ]
        for check in content["checks"]
    ]
    return table("What must agree", ["", "", *labels, "So"], rows)


def _full(side: Json) -> Block:
    words = [display(side["verdict"]["sentence"], 2000)]
    return Block(display(side["name"], 80), words, tables=[headline(side["headline"])], folded=True)
