"""What the page is made of: tables, plots and notes, free of any measure's own shape.

Strings in these classes are shown as they are: whoever makes them has passed what the corpus controls through
`masking`. The template escapes them all.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from markupsafe import Markup

from tamis.interventions.masking import display
from tamis.interventions.report_format import (
    DASH,
    Estimate,
    absent,
    count,
    is_measured,
    percent,
    percent_interval,
    ratio,
    ratio_interval,
    several,
)

__all__ = [
    "Block",
    "Cell",
    "Table",
    "category_name",
    "counted",
    "missing",
    "name_cell",
    "number_cell",
    "rate",
    "ratio_cell",
    "share_cell",
    "table",
]


@dataclass(frozen=True, slots=True)
class Cell:
    """One cell: a main line, a quieter line under it, a plot beside them, and a kind that the style sheet knows."""

    main: str
    sub: str = ""
    kind: str = "number"
    plot: Markup | None = None


@dataclass(frozen=True, slots=True)
class Table:
    """A table with its caption.

    Attributes:
        caption: What the rows are.
        columns: Headings, left to right.
        rows: Cells, one a column; the first is the row's heading.
        note: A line under the table, such as how many rows were left out.
        axis: A plot above the column of this index, None where there is none.
    """

    caption: str
    columns: Sequence[str]
    rows: Sequence[Sequence[Cell]]
    note: str = ""
    axis: tuple[int, Markup] | None = None

    @property
    def kinds(self) -> list[str]:
        """How each column is set: as its cells in the first row are."""
        first = self.rows[0] if self.rows else [Cell("", kind="name")] * len(self.columns)
        return ["text" if cell.kind.startswith(("text", "name")) else "number" for cell in first]


@dataclass(frozen=True, slots=True)
class Block:
    """A headed part of a section: words, then plots, then tables, then smaller blocks.

    Attributes:
        heading: Its heading, "" for none.
        words: Paragraphs.
        plots: Drawings.
        tables: Tables.
        folded: Whether the reader has to open it.
        numbers: Whether it only repeats a plot in numbers: paper leaves it out.
        legend: "before-after", "kept-removed" or "".
        blocks: Blocks inside it.
        private: Whether it shows text of documents: paper leaves it out.
    """

    heading: str
    words: Sequence[str] = ()
    plots: Sequence[Markup] = ()
    tables: Sequence[Table] = ()
    folded: bool = False
    numbers: bool = False
    legend: str = ""
    blocks: Sequence[Any] = field(default_factory=tuple)
    private: bool = False

    @property
    def quiet(self) -> bool:
        """Whether the heading says what the only table's caption says, so that only screen readers need the latter."""
        return bool(self.heading) and len(self.tables) == 1


def table(caption: str, columns: Sequence[str], rows: Iterable[Sequence[Cell]], cap: int = 25, note: str = "") -> Table:
    """Returns a table of at most `cap` rows, which says how many it leaves out."""
    everything = list(rows)
    left = len(everything) - cap
    more = f"{several(left, 'more row')} in report.json." if left > 0 else ""
    return Table(caption, columns, everything[:cap], " ".join(part for part in (note, more) if part))


def name_cell(words: str, sub: str = "") -> Cell:
    """Returns the heading of a row."""
    return Cell(words, sub, "name")


def category_name(name: str) -> str:
    """Returns a category as a reader may see it; "any" is the document that any category flags."""
    return "any category" if name == "any" else display(name)


def counted(number: object, sub: str = "") -> Cell:
    """Returns a cell with a whole number."""
    return Cell(count(number), sub)


def rate(part: object, whole: object) -> Cell:
    """Returns a cell with a share and the counts that it is made of."""
    if not isinstance(part, int | float) or not isinstance(whole, int | float) or not whole:
        return Cell(DASH)
    return Cell(percent(part / whole), f"{count(part)} of {count(whole)}")


def share_cell(estimate: Estimate | None, sample: bool = True) -> Cell:
    """Returns a cell with an estimated share, its interval and its n; without n where the column's heading has it."""
    if estimate is None or not is_measured(estimate):
        return missing(estimate)
    size = f"n\u202f{count(estimate['n'])}" if sample and estimate.get("n") is not None else ""
    return Cell(percent(estimate["value"]), _joined(percent_interval(estimate), size))


def ratio_cell(estimate: Estimate | None) -> Cell:
    """Returns a cell with an estimated ratio and its interval."""
    if estimate is None or not is_measured(estimate):
        return missing(estimate)
    return Cell(ratio(estimate["value"]), ratio_interval(estimate))


def number_cell(estimate: Estimate | None, show: Callable[[float], str]) -> Cell:
    """Returns a cell with an estimated number that is no share and no ratio, as `show` writes it, and its interval."""
    if estimate is None or not is_measured(estimate):
        return missing(estimate)
    value, low, high = (show(float(estimate[key])) for key in ("value", "low", "high"))
    return Cell(value, f"{low} to {high}")


def missing(estimate: Estimate | None) -> Cell:
    """Returns the cell of what was not measured or cannot be told, with the reason: never a 0."""
    reason = (estimate or {}).get("reason")
    return Cell(absent(estimate or {}), display(reason, 200) if reason else "", "missing")


def _joined(interval: str, sample: str) -> str:
    return " · ".join(part for part in (interval, sample) if part)
