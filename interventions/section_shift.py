"""Section "Shift": how far the mix of words moved, and how much of the vocabulary is gone."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from tamis.interventions.report_format import count, several
from tamis.interventions.report_view import Block, Cell, name_cell, number_cell, share_cell, table

__all__ = ["blocks"]

Json = Mapping[str, Any]


def blocks(result: Json, name: str) -> Iterator[Block]:
    """Yields the numbers of one intervention beside those of a random removal of as many words.

    Args:
        result: The shift measure's result.
        name: The intervention.
    """
    found = result["interventions"][name]
    columns = ["", "This intervention", "As much removed at random", "Beyond random"]
    rows = [
        [
            name_cell("Jensen–Shannon divergence, thousandths of a bit"),
            *(number_cell(found[key], _thousandths) for key in ("divergence", "placebo", "excess")),
        ],
        [
            name_cell("Different words lost"),
            share_cell(found["vocabulary_lost"]),
            share_cell(found["vocabulary_lost_placebo"]),
            Cell(""),
        ],
    ]
    note = (
        f"On {several(result['documents'], 'document')}, {several(result['words'], 'word')}. Words lost: of those that "
        f"stood at least twice in them, of a sample of {count(result['types'])} different ones."
    )
    yield Block("", tables=[table("Shift of the words", columns, rows, note=note)])


def _thousandths(value: float) -> str:
    return f"{1000 * value:.3f}"
