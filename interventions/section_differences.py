"""Sections on what is beyond what: interventions against each other, and against a random removal."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from tamis.interventions import plot_forest
from tamis.interventions.masking import display
from tamis.interventions.report_format import THIN, percent
from tamis.interventions.report_view import Block, Cell, category_name, name_cell, ratio_cell, table

__all__ = ["compared", "pairs_of", "placebo"]

Json = Mapping[str, Any]


def compared(result: Json, lead: str) -> Iterator[Block]:
    """Yields the paired differences of a run's interventions, those with the lead first.

    Args:
        result: The comparison.
        lead: The intervention that the report is about.
    """
    pairs = result["pairs"]
    if not pairs:
        return
    words = [
        f"Differences are paired, on the same documents. The {result['comparisons']} intervals hold together with "
        f"95{THIN}% (max-T), and are {result['stretch']:.2f} times as wide as one alone would be; p-values are Holm’s."
    ]
    own = [pair for pair in pairs if lead in (pair["first"], pair["second"])]
    yield Block("Paired differences", [*words, *_sentences(own)], blocks=pairs_of(result, "pair"))


def pairs_of(result: Json, ident: str) -> list[Block]:
    """Returns each pair of a comparison in full.

    Args:
        result: The comparison.
        ident: Unique word for plot ids.
    """
    return [_pair(pair, f"{ident}-{index}") for index, pair in enumerate(result["pairs"])]


def _sentences(pairs: list[Json]) -> list[str]:
    rows = [pair["residual"].get("any") for pair in pairs]
    return [display(row["sentence"], 400) for row in rows if row]


def _pair(pair: Json, ident: str) -> Block:
    names = f"{display(pair['first'], 40)} against {display(pair['second'], 40)}"
    rows = {category_name(key): row for key, row in pair["residual"].items()}
    lines = [plot_forest.Row(name, row["ratio"]) for name, row in rows.items()]
    everything = {**rows, "clean documents removed": pair["clean"], "words removed": pair["words"]}
    cells = [
        [name_cell(name), ratio_cell(row["ratio"]), Cell(display(row["verdict"], 60), kind="text"), Cell(_p(row["p"]))]
        for name, row in everything.items()
    ]
    plot = plot_forest.forest(ident, f"{names}: flagged documents left", lines, "less left", "more left")
    note = "Ratio: of the first over the second. Left: share of documents that are flagged."
    return Block(
        names, plots=[plot], tables=[table(names, ["", "Ratio", "Verdict", "p"], cells, note=note)], folded=True
    )


def placebo(result: Json, name: str) -> Iterator[Block]:
    """Yields an intervention's effect beside that of a random removal.

    Args:
        result: The placebo measure's result, with `beyond`.
        name: The intervention.
    """
    found = result["interventions"].get(name)
    if not found or not found["categories"]:
        return
    cells = [
        [
            name_cell(category_name(category)),
            ratio_cell(row.get("effect")),
            ratio_cell(row["placebo"]),
            ratio_cell(row.get("beyond")),
        ]
        for category, row in found["categories"].items()
    ]
    columns = ["Category", "Effect, and the range of random removals", "Random removals", "Effect over random"]
    words = [
        f"A removal at random of {percent(found['removed_words'])} of words, the same share of each source and length, "
        "leaves this. Where it differs from 1 the choice of sources and lengths is the reason; the last column is what "
        "the choice of documents adds."
    ]
    yield Block("Against a random removal of the same size", words, tables=[table("After ÷ before", columns, cells)])


def _p(value: float | None) -> str:
    if value is None:
        return "–"
    return f"<{THIN}0.001" if value < 0.001 else f"{value:.3f}"
