"""Section "Collateral": whose documents are removed more often than others, and what clean documents are."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from markupsafe import Markup

from tamis.interventions import plot_forest
from tamis.interventions.masking import display
from tamis.interventions.report_format import THIN, count, is_measured, ratio_interval, several
from tamis.interventions.report_view import (
    Block,
    Cell,
    Table,
    counted,
    missing,
    name_cell,
    rate,
    ratio_cell,
    share_cell,
    table,
)

__all__ = ["blocks", "overview", "rows_of", "words"]

Json = Mapping[str, Any]

#: Groups that the plot of the first screen shows.
_FIRST: Final = 8
_LOW, _HIGH = "less often", "more often"


def words(result: Json, name: str) -> list[str]:
    """Returns what the ratios compare, and what they cannot say."""
    if not result["documents"]:
        return ["No document in English was looked at."]
    done = "removes" if result["interventions"][name]["outcome"] == "removed" else "acts on"
    return [
        f"How often the intervention {done} documents that name a group, over how often it {done} those that name "
        f"none ({count(result['reference'])} of {count(result['documents'])}), within source and length. A document "
        "that names a group is not by it. Where a group is talked about with hate, a filter of hate removes more of "
        "its documents, and rightly so: the ratio among documents that the evaluator finds clean tells the two apart, "
        "as far as the evaluator can."
    ]


def rows_of(found: Json) -> list[tuple[str, Json]]:
    """Returns groups and dialects with a ratio, the largest first."""
    return _ranked({**found["groups"], **found["dialects"]})


def _ranked(rows: Mapping[str, Json]) -> list[tuple[str, Json]]:
    measured = [(name, row) for name, row in rows.items() if is_measured(row["ratio"])]
    return sorted(measured, key=lambda item: (-item[1]["ratio"]["value"], item[0]))


def overview(result: Json, name: str) -> Markup | None:
    """Returns the small plot of the first screen; None where no group has a ratio."""
    rows = rows_of(result["interventions"][name])[:_FIRST]
    if not rows:
        return None
    title = "How often documents that name a group are removed, over those that name none"
    drawn = [plot_forest.Row(_group(group), row["ratio"]) for group, row in rows]
    return plot_forest.compact("first-collateral", title, drawn, _LOW, _HIGH)


def blocks(result: Json, name: str, ident: str) -> Iterator[Block]:
    """Yields the parts of the section for one intervention.

    Args:
        result: The collateral measure's result.
        name: The intervention.
        ident: Unique word for plot ids.
    """
    found = result["interventions"][name]
    done = found["outcome"]
    yield _benign(found["benign"], done)
    groups = {**found["groups"], **found["dialects"]}
    yield _ratios(
        "By identity group and dialect", groups, f"{ident}-groups", _said(groups, found["flagged"], done), done
    )
    yield _ratios("By topic", found["topics"], f"{ident}-topics", ["Compared with documents of other topics."], done)


def _benign(benign: Json, done: str) -> Block:
    removed = benign["removed"]
    rows = [
        [
            name_cell(f"Of the documents {done}, clean"),
            share_cell(benign["of_removed"]),
            Cell(count(removed["documents"]), several(removed["words"], "word")),
        ],
        [name_cell(f"Of the clean documents, {done}"), share_cell(benign["of_clean"]), Cell("")],
        [name_cell("… at random, as many from each source and length"), share_cell(benign["random"]), Cell("")],
    ]
    note = (
        "Clean: scored by the evaluator and flagged in no category. It errs in both directions; labels say it better."
    )
    caption = f"Clean documents {done}"
    return Block("Clean documents", tables=[table(caption, ["", "Share", "Number"], rows, note=note)])


def _ratios(heading: str, rows: Mapping[str, Json], ident: str, said: list[str], done: str) -> Block:
    order = [name for name, _ in _ranked(rows)]
    others = [name for name in rows if name not in order and rows[name]["documents"]]
    others.sort(key=lambda name: (-rows[name]["documents"], name))
    few = f"{count(len(others))} with too few documents to see a rate doubled"
    inner = [Block(few, tables=[_table(few, others, rows, done)], folded=True)] if others else []
    if not order:
        return Block(heading, words=["No ratio could be resolved."], blocks=inner)
    plots = [plot_forest.forest(ident, heading, list(_lines(order, rows)), _LOW, _HIGH)]
    return Block(heading, words=said, plots=plots, tables=[_table(heading, order, rows, done)], blocks=inner)


def _lines(order: Sequence[str], rows: Mapping[str, Json]) -> Iterator[plot_forest.Row]:
    """A dot for all documents, and under it a diamond for the clean ones."""
    for name in order:
        yield plot_forest.Row(_group(name), rows[name]["ratio"])
        if is_measured(rows[name]["clean"]):
            yield plot_forest.Row("… of clean documents", rows[name]["clean"], "diamond")


def _said(rows: Mapping[str, Json], flagged: Sequence[str], done: str) -> list[str]:
    if not flagged:
        return [f"Beyond doubt, the documents of no group are {done} more than 1.25 times as often."]
    return [sentence(name, rows[name], done) for name in flagged]


def sentence(name: str, row: Json, done: str) -> str:
    """Says the finding about a group that is flagged, as a banner or a paragraph does."""
    what = f"Documents that name {_group(name)}" if "English" not in name else f"Documents in {_group(name)}"
    said = f"{what} are {done} {row['ratio']['value']:.2f} times as often (95{THIN}% {ratio_interval(row['ratio'])})"
    if not is_measured(row["clean"]):
        return f"{said}; among clean documents: {display(row['clean'].get('reason') or 'not measured', 200)}."
    clean = f"{row['clean']['value']:.2f} times ({ratio_interval(row['clean'])})"
    return f"{said}; among documents that the evaluator finds clean {clean}."


def _group(name: str) -> str:
    return display(name, 60)


def _table(heading: str, order: Sequence[str], rows: Mapping[str, Json], done: str) -> Table:
    columns = [
        "",
        "Documents",
        done.capitalize(),
        "Ratio",
        "Among clean",
        "Raw ratio",
        "By source and length alone",
        "p",
    ]
    cells = [
        [
            name_cell(_group(name)),
            counted(rows[name]["documents"]),
            rate(rows[name]["hit"], rows[name]["documents"]),
            _ratio(rows[name]["ratio"]),
            _ratio(rows[name]["clean"]),
            _ratio(rows[name]["raw"]),
            Cell(f"×{rows[name]['random']['value']:.2f}") if is_measured(rows[name]["random"]) else Cell("–"),
            Cell("–" if rows[name]["p"] is None else _p(rows[name]["p"])),
        ]
        for name in order
    ]
    note = (
        "Ratio: standardised over source and length (Mantel–Haenszel), with the clustering of domains. p: of a ratio "
        "of at most 1, adjusted for the number of rows (Holm)."
    )
    return table(heading, columns, cells, note=note, cap=60)


def _ratio(estimate: Json) -> Cell:
    return ratio_cell(estimate) if is_measured(estimate) else replace(missing(estimate), sub="")


def _p(value: float) -> str:
    return f"<{THIN}0.001" if value < 0.001 else f"{value:.3f}"
