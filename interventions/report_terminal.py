"""The before/after table for the terminal: compact, 80 columns, plain where nobody sees colours.

Everything that the corpus controls passes through `masking.terminal` and enters as `rich.text.Text`, which knows no
mark-up: neither an escape sequence nor a `[red]` in a category's name reaches the terminal.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import IO, Any

from rich import box
from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from tamis.interventions import section_drift
from tamis.interventions.masking import terminal
from tamis.interventions.report_format import DASH, THIN, count, digits, is_measured, percent, ratio, ratio_interval
from tamis.interventions.report_order import ordered
from tamis.interventions.report_parts import any_row, result_of
from tamis.interventions.verdict_text import GRADES

__all__ = ["banners", "change", "plain", "render", "share", "show", "table", "text_of", "write"]

Json = Mapping[str, Any]

#: What a terminal without Unicode shows instead.
_ASCII = str.maketrans(
    {"×": "x", "÷": "/", "–": "-", "…": "...", "\u202f": " ", "•": "*", "⟨": "<", "⟩": ">", "∞": "inf"}
)
#: Marks of the grades that must not be read as an effect.
_MARKS = {"relative": " *", "not resolvable": " ?"}
_STYLES = {"certified": "green", "estimated": "blue", "relative": "red", "not resolvable": "dim", "not measured": "dim"}


def show(report: Json, file: IO[str]) -> None:
    """Writes the table to a stream: in colour on a terminal, else as plain lines."""
    write(render(report), file)


def write(shown: RenderableType, file: IO[str]) -> None:
    """Writes to a stream: in colour on a terminal, else as plain lines."""
    if file.isatty():
        Console(file=file, highlight=False).print(shown)
    else:
        text = text_of(shown)
        encoding = getattr(file, "encoding", None) or "utf-8"
        file.write(text if encoding.lower().startswith("utf") else _ascii(text))


def plain(report: Json, width: int = 80) -> str:
    """Returns the same table as text without colour, at most `width` columns wide."""
    return text_of(render(report), width)


def text_of(shown: RenderableType, width: int = 80) -> str:
    """Returns what is shown as text without colour, at most `width` columns wide."""
    console = Console(width=width, color_system=None, force_terminal=False, highlight=False, emoji=False, markup=False)
    with console.capture() as capture:
        console.print(shown)
    return "".join(f"{line.rstrip()}\n" for line in capture.get().splitlines())


def render(report: Json) -> RenderableType:
    """Returns banners, the lead intervention's table and one line for each other intervention."""
    report = ordered(report)
    lead = str(report["lead"])
    parts: list[RenderableType] = [*banners(report)]
    if lead in report["interventions"]:
        parts += [_title(report, lead), _table(report["interventions"][lead]), *_borne(report, lead)]
    parts += [_line(name, found) for name, found in report["interventions"].items() if name != lead]
    return Group(*parts, *_since(report), *_footnote(report))


def banners(report: Json) -> Iterator[Text]:
    """Yields the warnings of a report, or of a comparison."""
    for banner in report.get("banners") or ():
        red = banner["level"] == "red"
        yield Text.assemble(
            ("warning: " if red else "note: ", "bold red" if red else "yellow"),
            terminal(banner["text"], 700).replace(THIN, ""),
        )


def _title(report: Json, lead: str) -> Text:
    found = report["interventions"][lead]
    shares = found.get("removed_share") or {}
    documents, words = (_percent((shares.get(unit) or {}).get("value")) for unit in ("documents", "words"))
    state = "published" if report["run"].get("status") == "published" else "not published"
    tail = f" ({state}): removed {documents} of documents, {words} of words"
    relative = "\nevaluator-relative change (not residual prevalence):" if _relative(found) else ""
    return Text.assemble("\n", (terminal(lead, 40), "bold"), tail, relative, "\n")


def _relative(found: Json) -> bool:
    return any(row["grade"] == "relative" for row in found["headline"])


def _table(found: Json) -> Table:
    return table("category", 16, [_cells(row) for row in found["headline"]])


def table(first: str, width: int, rows: Iterable[Sequence[Text]]) -> Table:
    """Returns a before/after table.

    Args:
        first: Heading of the first column.
        width: Characters of it at most.
        rows: Its cells: a name, before, after, after ÷ before, removed documents, removed words.
    """
    made = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 1))
    made.add_column(first, no_wrap=True, max_width=width, overflow="ellipsis")
    for heading in ("before", "after"):
        made.add_column(heading, justify="right", no_wrap=True)
    made.add_column("after ÷ before", no_wrap=True)
    for heading in ("removed\ndocuments", "removed\nwords"):
        made.add_column(heading, justify="right", no_wrap=True)
    for row in rows:
        made.add_row(*row)
    return made


def _cells(row: Json) -> list[Text]:
    removed = row.get("removed") or {}
    style = _STYLES.get(str(row["grade"]), "")
    return [
        Text(terminal(row["category"], 16), style="bold" if row["category"] == "any" else ""),
        *(Text(share(row[key])) for key in ("before", "after")),
        Text(change(row), style=style),
        *(Text(_short(removed.get(unit))) for unit in ("documents", "words")),
    ]


def share(estimate: Json) -> str:
    """Returns an estimated share in a few characters."""
    return _percent(estimate.get("value")) if is_measured(estimate) else DASH


def _percent(share: object) -> str:
    """`2.14%`: rich would break a line at the space between number and sign."""
    return percent(share).replace(THIN, "")


def change(row: Json) -> str:
    """Returns after ÷ before of a headline row, with its interval and the mark of its grade."""
    if not is_measured(row["ratio"]):
        return terminal(row["grade"] or "not measured", 14)
    mark = _MARKS.get(str(row["grade"]), "")
    return f"{ratio(row['ratio']['value'])} [{ratio_interval(row['ratio'])}]{mark}"


def _short(number: object) -> str:
    """Whole numbers up to a million; larger ones in millions or billions, for which a column has room."""
    if not isinstance(number, int) or number < 1_000_000:
        return count(number)
    return f"{digits(number / 1e9)} G" if number >= 1_000_000_000 else f"{digits(number / 1e6)} M"


def _line(name: str, found: Json) -> Text:
    removed = _percent(((found.get("removed_share") or {}).get("documents") or {}).get("value"))
    row = any_row(found["headline"]) or {"ratio": {}, "grade": None}
    effect = f"any {change(row)}" if is_measured(row["ratio"]) else change(row)
    return Text(f"{terminal(name, 24)} (shadow): removes {removed} of documents, {effect}")


def _borne(report: Json, lead: str) -> Iterator[Text]:
    """Clean documents that the lead hits, where the evaluator is independent of the filter."""
    found = result_of(report, "collateral", lead)
    benign = found.get("benign") or {}
    share, random = benign.get("of_clean") or {}, benign.get("random") or {}
    if is_measured(share) and share["grade"] == "estimated":
        beside = f", {_percent(random['value'])} at random" if is_measured(random) else ""
        yield Text(
            f"of the documents that the evaluator finds clean {_percent(share['value'])} are {found['outcome']}{beside}"
        )


def _since(report: Json) -> Iterator[Text]:
    """What changed since the run that was published before."""
    found = report["measures"].get("drift")
    if found:
        yield Text(terminal(section_drift.line(found), 300))


def _footnote(report: Json) -> Iterator[Text]:
    """How much was evaluated, and what the marks mean."""
    documents = ((report["measures"].get("prevalence") or {}).get("evaluated") or {}).get("documents")
    rows = [row for found in report["interventions"].values() for row in found["headline"]]
    grades = {str(row["grade"]) for row in rows if is_measured(row["ratio"])}
    if documents:
        yield Text(f"share of {count(documents)} evaluated documents that are flagged; 95 % intervals", style="dim")
    for grade, mark in _MARKS.items():
        if grade in grades:
            yield Text(f"{mark.strip()} {grade}: {GRADES[grade]}", style="dim")


def _ascii(text: str) -> str:
    return text.translate(_ASCII).encode("ascii", "replace").decode()
