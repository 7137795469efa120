"""Section "What is left": prevalence before and after, by category and length, and score histograms."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from tamis.interventions import plot_forest, plot_histogram
from tamis.interventions.masking import display
from tamis.interventions.report_format import DASH, count, percent
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

__all__ = ["blocks", "histograms"]

Json = Mapping[str, Any]

_HISTOGRAMS = "The same documents before and after. Both axes are stretched where a policy acts: the rare upper tail."


def blocks(result: Json, name: str, ident: str) -> Iterator[Block]:
    """Yields the parts of the section for one intervention.

    Args:
        result: The prevalence measure's result.
        name: The intervention.
        ident: Unique word for plot ids.
    """
    found = result["interventions"].get(name, {})
    rows = [plot_forest.Row(category_name(category), part["ratio"]) for category, part in found.items()]
    words = [
        plot_forest.Row(category_name(category), part["ratio_words"], "diamond") for category, part in found.items()
    ]
    title = "Prevalence after divided by before, with 95 % intervals"
    yield Block(
        "",
        plots=[
            plot_forest.forest(f"{ident}-ratio", f"{title}, by documents", rows, "less after", "more after"),
        ],
        tables=[_by_documents(found)],
    )
    yield Block(
        "By words, and by mean score",
        plots=[plot_forest.forest(f"{ident}-words", f"{title}, by words", words, "less after", "more after")],
        tables=[_by_words(found), _by_score(found)],
        folded=True,
    )
    yield Block("By length", tables=list(_by_length(found, result.get("lengths", ()))), folded=True)


def histograms(result: Json, name: str, ident: str) -> Iterator[Block]:
    """Yields score histograms before and after, of the evaluator and of the filter."""
    found = result.get("histograms") or {}
    for who, heading, folded in (("evaluator", "Evaluator’s scores", False), ("filter", "Filter’s scores", True)):
        plots, tables = [], []
        for index, (category, part) in enumerate((found.get(who) or {}).items()):
            counts = _counts(part, name)
            lines = _threshold(result, category) if who == "evaluator" else ()
            label = display(category, 40)
            plots.append(plot_histogram.histogram(f"{ident}-{who}{index}", label, found["edges"], *counts, lines))
            tables.append(_bins(category, found["edges"], *counts))
        if plots:
            numbers = Block("Numbers of these plots", tables=tables, folded=True)
            titles = [_HISTOGRAMS] if who == "evaluator" else []
            yield Block(heading, words=titles, plots=plots, legend="before-after", folded=folded, blocks=[numbers])


def _by_documents(found: Json) -> Table:
    columns = [
        "Category",
        "Flagged before",
        "Flagged after",
        "Before",
        "After",
        "After ÷ before",
        "Acted on, of those flagged",
    ]
    rows = [
        [
            name_cell(category_name(category)),
            *_flagged(part),
            share_cell(part["before"]),
            share_cell(part["after"]),
            ratio_cell(part["ratio"]),
            share_cell(part["caught"]),
        ]
        for category, part in found.items()
    ]
    return table("Share of documents that the evaluator flags", columns, rows)


def _flagged(part: Json) -> list[Cell]:
    flagged = part.get("flagged") or {}
    return [counted(flagged.get("before")), counted(flagged.get("after"))]


def _by_words(found: Json) -> Table:
    rows = [
        [
            name_cell(category_name(category)),
            share_cell(part["before_words"]),
            share_cell(part["after_words"]),
            ratio_cell(part["ratio_words"]),
        ]
        for category, part in found.items()
    ]
    return table("Share of words in flagged documents", ["Category", "Before", "After", "After ÷ before"], rows)


def _by_score(found: Json) -> Table:
    rows = [
        [name_cell(category_name(category)), share_cell(part["mean_before"]), share_cell(part["mean_after"])]
        for category, part in found.items()
    ]
    note = "A mean score follows the classifier’s calibration; compare its change, not its level."
    return table("Mean score of the evaluator", ["Category", "Before", "After"], rows, note=note)


def _by_length(found: Json, lengths: Sequence[str]) -> Iterator[Table]:
    for category, part in found.items():
        buckets = part.get("by_length") or {}
        rows = [
            [
                name_cell(display(bucket)),
                share_cell(buckets[bucket]["before"]),
                share_cell(buckets[bucket]["after"]),
                ratio_cell(buckets[bucket]["ratio"]),
            ]
            for bucket in [*lengths, *(b for b in buckets if b not in lengths)]
            if bucket in buckets and buckets[bucket]["before"].get("n")
        ]
        if rows:
            yield table(category_name(category), ["Words", "Before", "After", "After ÷ before"], rows)


def _counts(part: Json, name: str) -> tuple[list[int], list[int]]:
    before = [int(number) for number in part["before"]]
    removed = part["removed"].get(name) or [0] * len(before)
    return before, [number - int(gone) for number, gone in zip(before, removed, strict=True)]


def _threshold(result: Json, category: str) -> list[tuple[float, str]]:
    value = (result.get("thresholds") or {}).get(category)
    return [] if value is None else [(float(value), f"flagged ≥ {value:.2g}")]


def _bins(category: str, edges: Sequence[float], before: Sequence[int], after: Sequence[int]) -> Table:
    rows = [
        [name_cell(f"{left:g} to {right:g}"), counted(old), counted(new)]
        for left, right, old, new in zip(edges, edges[1:], before, after, strict=False)
        if old
    ]
    return table(display(category), ["Score, logits", "Before", "After"], rows, cap=40)


def summary(result: Json) -> str:
    """Says how much was evaluated, and how."""
    share = (result.get("evaluated_share") or {}).get("value")
    part = "" if share is None else f", {percent(share)} of all documents"
    documents = (result.get("evaluated") or {}).get("documents")
    return f"The evaluator scored {count(documents) if documents is not None else DASH} documents{part}."
