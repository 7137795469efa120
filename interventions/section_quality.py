"""Sections "Coverage" and "Agreement": what the instruments saw, and how alike they see it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from tamis.interventions import plot_heatmap
from tamis.interventions.masking import display
from tamis.interventions.report_format import DASH, is_measured
from tamis.interventions.report_view import Block, Cell, Table, counted, missing, name_cell, rate, share_cell, table

__all__ = ["agreement", "coverage"]

Json = Mapping[str, Any]

_REASONS = ("empty", "language", "failed")


def coverage(result: Json) -> Iterator[Block]:
    """Yields who scored how much, and the languages of the corpus."""
    scored = dict(result.get("classifiers") or {})
    rows = [_scored(f"filter: {display(name)}", part) for name, part in scored.items()]
    if result.get("evaluator"):
        rows.append(_scored("evaluator", result["evaluator"]))
    columns = ["", "Asked", "Scored", "Unscored", "Unscored, of words", "Empty", "Language", "Failed"]
    note = "Unscored documents are kept by every rule that compares a score."
    yield Block("", tables=[table("Documents scored", columns, rows, note=note)])
    yield Block("By language", tables=[_languages(result, list(scored))])


def _scored(name: str, part: Json) -> list[Cell]:
    reasons = part.get("reasons") or {}
    return [
        name_cell(name),
        counted(part["asked"]),
        counted(part["scored"]),
        rate(part["unscored"], part["asked"]),
        share_cell(part["share_unscored_words"]),
        *(counted((reasons.get(reason) or {}).get("documents")) for reason in _REASONS),
    ]


def _languages(result: Json, classifiers: list[str]) -> Table:
    columns = ["Language", "Documents", "Share", *(f"Unscored by {display(name, 30)}" for name in classifiers)]
    found = sorted((result.get("languages") or {}).items(), key=lambda item: (-item[1]["documents"], item[0]))
    rows = [
        [
            name_cell("undetermined" if code == "und" else display(code)),
            counted(part["documents"]),
            share_cell(part["share"]),
            *(rate(part["unscored"].get(name, 0), part["documents"]) for name in classifiers),
        ]
        for code, part in found
    ]
    return table("Documents by language", columns, rows)


def agreement(result: Json, name: str, ident: str) -> Iterator[Block]:
    """Yields how filter and evaluator agree at their thresholds, and where they do not.

    Args:
        result: The agreement measure's result.
        name: The intervention whose thresholds are shown.
        ident: Unique word for plot ids.
    """
    pairs = result.get("pairs") or {}
    yield Block("", tables=[_thresholds(pairs, name), _correlations(pairs)])
    plots = [
        plot_heatmap.heatmap(
            f"{ident}-heat{index}", f"{display(pair, 40)}: documents by both scores", result["edges"],
            part["heatmap"], f"filter: {display(pair, 40)}", "evaluator",
        )
        for index, (pair, part) in enumerate(pairs.items())
        if part["heatmap"]
    ]  # fmt: skip
    if plots:
        words = ["Each cell counts documents, darker for more (logarithmic). Off the diagonal the two disagree."]
        yield Block("Both scores together", words=words, plots=plots, folded=True)


def _thresholds(pairs: Json, name: str) -> Table:
    columns = ["Category", "Filter ≥", "Evaluator ≥", "Both", "Filter only", "Evaluator only", "Neither", "Cohen’s κ"]
    rows = [
        [
            name_cell(display(pair)),
            Cell(f"{at['filter_threshold']:.3g}"),
            Cell(f"{at['evaluator_threshold']:.3g}"),
            *(counted(at[key]) for key in ("both", "filter_only", "evaluator_only", "neither")),
            _number(at["kappa"]),
        ]
        for pair, part in pairs.items()
        for at in part["at"]
        if at["intervention"] == name
    ]
    note = "“Evaluator only” is what the filter may have missed, “filter only” what it may have removed without cause."
    return table("Documents at the thresholds of the rules", columns, rows, note=note)


def _correlations(pairs: Json) -> Table:
    rows = [
        [name_cell(display(pair)), counted(part["n"]), _number(part["correlation"])] for pair, part in pairs.items()
    ]
    return table("Correlation of the two scores, as logits", ["Category", "Documents", "Correlation"], rows)


def _number(estimate: Json) -> Cell:
    if not is_measured(estimate):
        return missing(estimate)
    low, high = estimate.get("low"), estimate.get("high")
    interval = "" if low is None or high is None else f"{_two(low)} to {_two(high)}"
    return Cell(_two(estimate["value"]), interval)


def _two(value: object) -> str:
    return f"{value:.2f}" if isinstance(value, int | float) else DASH
