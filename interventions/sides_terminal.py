"""A comparison for the terminal: each side on a line, then what differs, in words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import IO, Any

from rich.console import Group, RenderableType
from rich.text import Text

from tamis.interventions import report_terminal
from tamis.interventions.masking import terminal
from tamis.interventions.report_format import THIN
from tamis.interventions.report_order import ordered
from tamis.interventions.report_parts import any_row
from tamis.interventions.sides_page import sentences

__all__ = ["plain", "render", "show"]

Json = Mapping[str, Any]


def show(content: Json, file: IO[str]) -> None:
    """Writes the table to a stream: in colour on a terminal, else as plain lines."""
    report_terminal.write(render(content), file)


def plain(content: Json, width: int = 80) -> str:
    """Returns the same table as text without colour, at most `width` columns wide."""
    return report_terminal.text_of(render(content), width)


def render(content: Json) -> RenderableType:
    """Returns warnings, a line for each side, and the first one's differences from the others."""
    content = ordered(content)
    table = report_terminal.table("", 26, [_cells(side) for side in content["sides"]])
    return Group(*report_terminal.banners(content), Text(""), table, *_differences(content), *_apart(content))


def _cells(side: Json) -> list[Text]:
    row = any_row(side["headline"]) or {"ratio": {}, "grade": None}
    shares = side.get("removed_share") or {}
    return [
        Text(terminal(side["name"], 26)),
        *(Text(report_terminal.share(row.get(key) or {})) for key in ("before", "after")),
        Text(report_terminal.change(row)),
        *(Text(report_terminal.share(shares.get(unit) or {})) for unit in ("documents", "words")),
    ]


def _differences(content: Json) -> Iterator[Text]:
    yield Text("")
    for sentence in sentences(content):
        yield Text(f"- {terminal(sentence, 400).replace(THIN, '')}")


def _apart(content: Json) -> Iterator[Text]:
    """What does not agree between the runs, and what follows."""
    for check in content["checks"]:
        if not check["same"]:
            yield Text(f"{check['what']} differ: {terminal(check['means'], 200)}", style="dim")
