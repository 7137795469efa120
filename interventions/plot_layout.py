"""Two layouts of plots with one line a row: beside each other on a wide page, above each other on a phone.

A page without script cannot redraw a plot for its width, so it holds both and its style sheet shows one.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from markupsafe import Markup

from tamis.interventions import plot_svg as svg

__all__ = ["COMPACT", "SLIM", "WIDE", "Layout", "both", "short"]


@dataclass(frozen=True, slots=True)
class Layout:
    """Where the parts of a row stand, in pixels.

    Attributes:
        name: Suffix of ids and name of the style sheet's class.
        width: Width of the whole plot.
        start: Left end of the plotted range.
        end: Right end of the plotted range.
        line: Height of a row.
        above: Whether label and numbers stand above the plotted line instead of left and right of it.
    """

    name: str
    width: float
    start: float
    end: float
    line: float
    above: bool

    def words(self, label: str, numbers: str, middle: float, heading: bool = False) -> list[Markup]:
        """Returns a row's label and numbers; `middle` is the height of its plotted line."""
        kind = "label heading" if heading else "label"
        y = middle - 13 if self.above and not heading else middle + 4
        right = svg.text(self.width, y, numbers, "value", "end")
        if not self.above:
            right = svg.text(self.end + 16, y, numbers, "value")
        return [svg.text(0, y, short(label), kind), *([right] if numbers else [])]

    def middle(self, index: int, top: float = 8) -> float:
        """Returns the height of the plotted line of a row."""
        return top + self.line * index + (self.line - 11 if self.above else self.line / 2)


WIDE: Final = Layout("wide", 920, 175, 735, 26, False)
SLIM: Final = Layout("slim", 350, 6, 344, 40, True)
#: One that fits beside another plot, on any page.
COMPACT: Final = Layout("compact", 360, 6, 354, 34, True)


def both(draw: Callable[[Layout], Markup]) -> Markup:
    """Returns a plot in both layouts."""
    return Markup("").join(draw(layout) for layout in (WIDE, SLIM))


def short(label: str, cap: int = 26) -> str:
    """Returns a label that fits its column."""
    return label if len(label) <= cap else f"{label[: cap - 1]}…"
