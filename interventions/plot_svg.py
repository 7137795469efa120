"""The few SVG elements that the report's plots are made of.

A plot is a string of SVG without script, style sheet or reference. Its colours are CSS variables of the page, so
that one plot serves a light page, a dark page and paper; its title and description are its text alternative.
Every string that is written into one is escaped by `Markup.format` and passes through `masking.inert`.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from tamis.interventions.masking import inert

__all__ = ["Axis", "circle", "diamond", "figure", "group", "line", "log_ticks", "path", "rect", "text", "ticks"]


@dataclass(frozen=True, slots=True)
class Axis:
    """A linear or logarithmic axis from data to pixels.

    Attributes:
        low: Smallest value shown; above 0 on a logarithmic axis.
        high: Largest value shown.
        start: Pixel of `low`.
        end: Pixel of `high`; below `start` on an axis that points up.
        log: Whether the axis is logarithmic.
    """

    low: float
    high: float
    start: float
    end: float
    log: bool = False

    def __call__(self, value: float) -> float:
        """Returns the pixel of a value; values beyond the axis land on its end."""
        low, high, here = self._scaled(self.low), self._scaled(self.high), self._scaled(value)
        share = 0.5 if high == low else (here - low) / (high - low)
        return self.start + min(max(share, 0.0), 1.0) * (self.end - self.start)

    def holds(self, value: float) -> bool:
        """Says whether a value lies on the axis."""
        return self.low <= value <= self.high

    def _scaled(self, value: float) -> float:
        return math.log(max(value, self.low)) if self.log else value


def log_ticks(low: float, high: float) -> list[float]:
    """Returns round values between two positive ones: powers of ten, with 2 and 5 between them where few fit."""
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    steps = (1.0,) if len(powers) > 4 else (1.0, 2.0, 5.0)
    ticks = [step * 10.0**power for power in powers for step in steps]
    return [tick for tick in ticks if low * 0.999 <= tick <= high * 1.001]


def ticks(high: float, wanted: int = 5) -> list[float]:
    """Returns round values from 0 to at least `high`, in steps of 1, 2, 2.5 or 5 times a power of ten."""
    rough = high / wanted
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(size * power for size in (1, 2, 2.5, 5, 10) if size * power >= rough * 0.999)
    return [step * k for k in range(math.ceil(high / step - 1e-9) + 1)]


def figure(
    name: str, width: float, height: float, title: str, description: str, body: Iterable[Markup], kind: str = ""
) -> Markup:
    """Returns a whole plot.

    Args:
        name: Word of [a-z0-9-] that is unique on the page; never taken from the corpus.
        width: Width of the drawing, in CSS pixels at its natural size.
        height: Height of the drawing.
        title: What the plot is, for those who do not see it.
        description: What the plot says, likewise.
        body: The elements, in painting order.
        kind: A further class of the style sheet.
    """
    return Markup(
        '<svg class="plot {kind}" role="img" viewBox="0 0 {w} {h}" width="{w}" height="{h}"'
        ' aria-labelledby="{name}-t {name}-d"><title id="{name}-t">{title}</title>'
        '<desc id="{name}-d">{description}</desc>{body}</svg>'
    ).format(
        w=_px(width),
        h=_px(height),
        name=name,
        title=inert(title),
        description=inert(description),
        body=Markup("").join(body),
        kind=kind,
    )


def group(body: Iterable[Markup], kind: str = "") -> Markup:
    """Returns elements as one group with a class."""
    return Markup('<g class="{}">{}</g>').format(kind, Markup("").join(body))


def line(x1: float, y1: float, x2: float, y2: float, kind: str) -> Markup:
    """Returns a straight line with a class of the report's style sheet."""
    return Markup('<line x1="{}" y1="{}" x2="{}" y2="{}" class="{}"/>').format(_px(x1), _px(y1), _px(x2), _px(y2), kind)


def rect(x: float, y: float, width: float, height: float, kind: str, radius: float = 0) -> Markup:
    """Returns a rectangle with a class of the report's style sheet."""
    return Markup('<rect x="{}" y="{}" width="{}" height="{}" rx="{}" class="{}"/>').format(
        _px(x), _px(y), _px(max(width, 0)), _px(max(height, 0)), _px(radius), kind
    )


def circle(x: float, y: float, radius: float, kind: str) -> Markup:
    """Returns a dot with a class of the report's style sheet."""
    return Markup('<circle cx="{}" cy="{}" r="{}" class="{}"/>').format(_px(x), _px(y), _px(radius), kind)


def diamond(x: float, y: float, radius: float, kind: str) -> Markup:
    """Returns a diamond: told from a dot without its colour."""
    corners = ((x, y - radius), (x + radius, y), (x, y + radius), (x - radius, y))
    return path(corners, kind, closed=True)


def path(points: Sequence[tuple[float, float]], kind: str, closed: bool = False) -> Markup:
    """Returns straight segments through points [(x, y)], as pixels."""
    steps = " L".join(f"{_px(x)} {_px(y)}" for x, y in points)
    return Markup('<path d="M{}{}" class="{}"/>').format(steps, "Z" if closed else "", kind)


def text(x: float, y: float, words: object, kind: str = "", anchor: str = "start") -> Markup:
    """Returns words at a point; `anchor` is start, middle or end."""
    return Markup('<text x="{}" y="{}" class="{}" text-anchor="{}">{}</text>').format(
        _px(x), _px(y), kind, anchor, inert(str(words))
    )


def _px(number: float) -> str:
    return f"{number:.1f}".rstrip("0").rstrip(".")
