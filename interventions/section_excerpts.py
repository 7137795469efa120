"""Section "Excerpts": what rules acted on, what they took wrongly and what they left, where the plan asks for text."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from tamis.interventions.masking import display
from tamis.interventions.report_format import count
from tamis.interventions.report_view import Block, Cell, Table, category_name, name_cell, table

__all__ = ["NOTICE", "blocks", "words"]

Json = Mapping[str, Any]

#: What the reader is told at the top of the page.
NOTICE: Final = (
    "This page is about sexual content, hate, harassment, violence and self-harm. It shows numbers, names of sources "
    "and rules, single words that many documents use, and under “Excerpts”, folded, masked passages of a few documents."
)
_KINDS: Final = {
    "clean": "Acted on, and the evaluator finds it clean",
    "left": "Left alone, and the evaluator flags it",
}


def words(result: Json) -> list[str]:
    """Returns how the excerpts were drawn."""
    return [
        f"At most {count(result['each'])} of each rule and category, by the lowest hashes of their ids: nobody picked "
        "them, and they are no sample that a share could be told from. Slurs, addresses, handles and long numbers are "
        "masked. Sexual content with terms of minority age is never shown. They are not printed."
    ]


def blocks(result: Json) -> Iterator[Block]:
    """Yields the excerpts by rule, then those on which filter and evaluator differ.

    Args:
        result: The excerpts' result.
    """
    for label, categories in result["rules"].items():
        parts = [_part(category_name(name), items) for name, items in categories.items()]
        yield Block(f"Rule {display(label)}", folded=True, private=True, blocks=[one for part in parts for one in part])
    for kind, heading in _KINDS.items():
        if result[kind]:
            yield Block(heading, folded=True, private=True, blocks=list(_part("", result[kind])))


def _part(heading: str, items: Sequence[Json]) -> Iterator[Block]:
    """Yields the open ones, and folded once more those of sexual content or self-harm."""
    shown, closed = ([one for one in items if one["closed"] == flag] for flag in (False, True))
    if shown:
        yield Block(heading, tables=[_table(heading or "Excerpts", shown)])
    if closed:
        more = f"{heading}: " if heading else ""
        name = f"{more}{count(len(closed))} of sexual content or self-harm, masked"
        yield Block(name, tables=[_table(name, closed)], folded=True, private=True)


def _table(caption: str, items: Sequence[Json]) -> Table:
    rows = [
        [
            name_cell(category_name(str(one["category"]))),
            Cell("–" if one["score"] is None else f"{one['score']:.2f}"),
            Cell(display(one["text"], 400), kind="text wrap"),
        ]
        for one in items
    ]
    return table(caption, ["Category", "Score", "Excerpt"], rows)
