"""Section "What is left": prevalence before and after, by category and length, and score histograms."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any

from tamis.classifiers.taxonomy import DESCRIPTIONS
from tamis.interventions import plot_forest, plot_histogram
from tamis.interventions.masking import display
from tamis.interventions.report_format import DASH, count, is_measured, percent, ratio, ratio_interval, several
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

__all__ = ["blocks", "caution", "histograms", "summary"]

Json = Mapping[str, Any]

#: Ratio after/before that an evaluator reports where the true one is 0.21, by how much of the filter's errors it
#: shares. It understates the effect while they are independent and overstates it when they are one model.
_SHARED_ERRORS = ((0.0, 0.72), (0.3, 0.60), (0.6, 0.39), (0.8, 0.17), (1.0, 0.00))

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
    yield Block("What is counted", tables=[_definitions(result)], folded=True)
    yield Block("How each interval was made", tables=[_methods(found)], folded=True)
    yield Block("By length", tables=[_by_length(found, result.get("lengths", ()))], folded=True)


def caution(relative: bool) -> Iterator[Block]:
    """Yields how far off an evaluator can be that shares the filter's errors."""
    if relative:
        rows = [[name_cell(f"{shared:.1f}"), Cell(f"×{seen:.2f}"), Cell("×0.21")] for shared, seen in _SHARED_ERRORS]
        columns = ["Correlation of the errors", "The evaluator says", "True ratio"]
        note = "Simulation: filter with recall 0.80 and precision 0.14, evaluator with 1 % false alarms, both AUC 0.96."
        yield Block("How far off can it be?", tables=[table("Ratios by shared errors", columns, rows, note=note)])


def histograms(result: Json, name: str, ident: str) -> Iterator[Block]:
    """Yields score histograms before and after, of the evaluator and of the filter."""
    found = result.get("histograms") or {}
    for who, heading in (("evaluator", "Evaluator’s scores"), ("filter", "Filter’s scores")):
        counts = {category: _counts(part, name) for category, part in (found.get(who) or {}).items()}
        plots = [
            plot_histogram.histogram(
                f"{ident}-{who}{index}", display(category, 40), found["edges"], *pair, _threshold(result, category)
            )
            for index, (category, pair) in enumerate(counts.items())
        ]
        if plots:
            numbers = Block(f"Numbers: {heading}", tables=[_bins(found["edges"], counts)], folded=True, numbers=True)
            words = [_HISTOGRAMS] if who == "evaluator" else []
            yield Block(heading, words, plots, legend="before-after", folded=who == "filter", blocks=[numbers])


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


def _definitions(result: Json) -> Table:
    thresholds = result.get("thresholds") or {}
    rows = [
        [
            name_cell(display(category)),
            Cell(DESCRIPTIONS.get(category, "defined by the evaluator’s bundle, see its card"), kind="text wrap"),
            Cell(f"≥ {thresholds[category]:.3g}" if category in thresholds else DASH),
        ]
        for category in result.get("categories") or ()
        if category != "any"
    ]
    note = "A document’s score is its highest passage’s. “Any category”: flagged in one or more."
    return table("Flagged documents, by category", ["Category", "Meaning", "Flagged at a score of"], rows, note=note)


def _methods(found: Json) -> Table:
    rows = [
        [
            name_cell(category_name(category)),
            *(Cell(_method(part[key]), kind="text wrap") for key in ("before", "after", "ratio")),
        ]
        for category, part in found.items()
    ]
    return table("Methods of the intervals", ["Category", "Before", "After", "After ÷ before"], rows)


def _method(estimate: Json) -> str:
    return display(estimate.get("method") if is_measured(estimate) else estimate.get("reason") or DASH, 200)


def _by_length(found: Json, lengths: Sequence[str]) -> Table:
    rows = []
    for bucket in lengths:
        parts = [part["by_length"].get(bucket) or {} for part in found.values()]
        documents = max(((part.get("before") or {}).get("n") or 0 for part in parts), default=0)
        if documents:
            rows.append([name_cell(display(bucket), f"n {count(documents)}"), *(_change(part) for part in parts)])
    columns = ["Words", *(category_name(category) for category in found)]
    note = "Main line: after ÷ before with its interval. Below: share flagged before → after."
    return table("Flagged documents by length", columns, rows, note=note)


def _change(part: Json) -> Cell:
    change, before, after = (part.get(key) or {} for key in ("ratio", "before", "after"))
    levels = f"{percent(before.get('value'))} → {percent(after.get('value'))}"
    if not is_measured(change):
        return Cell(DASH, levels)
    return Cell(f"{ratio(change['value'])} [{ratio_interval(change)}]", levels)


def _counts(part: Json, name: str) -> tuple[list[int], list[int]]:
    """Documents by bin before and after; "after" is there where redaction moved documents to other bins."""
    before = [int(number) for number in part["before"]]
    after = (part.get("after") or {}).get(name)
    if after is not None:
        return before, [int(number) for number in after]
    removed = part["removed"].get(name) or [0] * len(before)
    return before, [number - int(gone) for number, gone in zip(before, removed, strict=True)]


def _threshold(result: Json, category: str) -> list[tuple[float, str]]:
    value = (result.get("thresholds") or {}).get(category)
    return [] if value is None else [(float(value), f"flagged ≥ {value:.2g}")]


def _bins(edges: Sequence[float], counts: Mapping[str, tuple[list[int], list[int]]]) -> Table:
    """One table for all plots: a row a bin, a column a category, before → after."""
    rows = []
    for k, (left, right) in enumerate(pairwise(edges)):
        cells = [(before[k], after[k]) for before, after in counts.values()]
        if any(old or new for old, new in cells):
            words = [Cell(f"{count(old)} → {count(new)}") for old, new in cells]
            rows.append([name_cell(f"{_score(left)} to {_score(right)}"), *words])
    return table("Documents by score, before → after", ["Score", *map(display, counts)], rows, cap=40)


def _score(logit: float) -> str:
    """A bin's edge as a probability, with as many digits as tell it from its neighbours at 0 and 1."""
    score = 1 / (1 + math.exp(-logit))
    return f"{score:.2g}" if score < 0.5 else f"{1 - float(f'{1 - score:.2g}'):.7g}"


def summary(result: Json) -> str:
    """Says how much was evaluated, and how."""
    share = (result.get("evaluated_share") or {}).get("value")
    part = "" if share is None else f", {percent(share)} of all documents"
    documents = (result.get("evaluated") or {}).get("documents")
    return f"The evaluator scored {several(documents, 'document')}{part}."
