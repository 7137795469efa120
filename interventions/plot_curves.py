"""Curves: the threshold frontier with its bands, and reliability of scores against labels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from markupsafe import Markup

from tamis.interventions import plot_svg as svg
from tamis.interventions.plot_layout import short
from tamis.interventions.report_format import THIN, Estimate, percent

__all__ = ["Curve", "Point", "frontier", "reliability"]

_WIDTH, _HEIGHT, _LEFT, _BOTTOM, _TOP, _RIGHT = 560, 330, 60, 46, 28, 130


@dataclass(frozen=True, slots=True)
class Point:
    """A point of a curve: `x` and `y` in [0, 1], the limits of `y` where known, and words where it has some.

    A point with words is marked; `marked` marks one without, which its curve's label is enough for.
    """

    x: float
    y: float
    low: float | None = None
    high: float | None = None
    words: str = ""
    marked: bool = False


@dataclass(frozen=True, slots=True)
class Curve:
    """A named series; its place in the list gives colour, dashes and mark, so that no reader depends on colour."""

    label: str
    points: Sequence[Point] = field(default_factory=tuple)


def frontier(name: str, title: str, curves: Sequence[Curve], x_means: str, y_means: str) -> Markup:
    """Returns curves of y over x, both shares, with bands and marked points.

    Args:
        name: Unique word for the plot's ids.
        title: What the plot is.
        curves: At most eight series; further ones repeat the dashes.
        x_means: What x is, such as "words removed".
        y_means: What y is, such as "residual / before".
    """
    points = [point for curve in curves for point in curve.points]
    across = svg.ticks(max([p.x for p in points] + [1e-4]))
    up = svg.ticks(max([p.high or p.y for p in points] + [1e-4]))
    x = svg.Axis(0, across[-1], _LEFT, _WIDTH - _RIGHT)
    y = svg.Axis(0, up[-1], _HEIGHT - _BOTTOM, _TOP)
    body = _frame(x, y, across, up, x_means, y_means)
    for index, curve in enumerate(curves):
        body += _curve(x, y, curve, index % 8)
    body += [*_marks(x, y, curves), *_names(x, y, curves)]
    return svg.figure(name, _WIDTH, _HEIGHT, title, _describe(curves), body, "shrink")


def reliability(name: str, title: str, bins: Sequence[tuple[float, Estimate]]) -> Markup:
    """Returns observed shares with intervals over mean scores [(score, observed)], against the diagonal."""
    x = svg.Axis(0, 1, _LEFT, _LEFT + 260)
    y = svg.Axis(0, 1, _HEIGHT - _BOTTOM, _TOP)
    quarters = [0, 0.25, 0.5, 0.75, 1]
    body = [*_frame(x, y, quarters, quarters, "mean score", "observed share"), svg.line(x(0), y(0), x(1), y(1), "zero")]
    for score, observed in bins:
        if observed.get("value") is not None:
            body += _observed(x(score), y, observed)
    said = "; ".join(f"score {score:.2f}: observed {percent(o.get('value'))}" for score, o in bins)
    return svg.figure(name, _WIDTH, _HEIGHT, title, said or "No labels.", body)


def _observed(x: float, y: svg.Axis, observed: Estimate) -> list[Markup]:
    value = float(observed["value"])
    low, high = observed.get("low"), observed.get("high")
    bar = [] if low is None or high is None else [svg.line(x, y(float(low)), x, y(float(high)), "whisker")]
    return [*bar, svg.circle(x, y(value), 4.5, "after")]


def _curve(x: svg.Axis, y: svg.Axis, curve: Curve, index: int) -> list[Markup]:
    if not curve.points:
        return []
    line = svg.path([(x(p.x), y(p.y)) for p in curve.points], f"curve c{index}")
    return [*_band(x, y, curve.points, index), line]


def _names(x: svg.Axis, y: svg.Axis, curves: Sequence[Curve]) -> list[Markup]:
    """Names at the curves' ends, moved apart where they would lie on each other."""
    ends = [(y(curve.points[-1].y), index, curve) for index, curve in enumerate(curves) if curve.points]
    body: list[Markup] = []
    free = y.start + 4
    for at, index, curve in sorted(ends, key=lambda end: -end[0]):
        free = min(at + 4, free)
        body.append(svg.text(x(curve.points[-1].x) + 8, free, short(curve.label, 18), f"label t{index % 8}"))
        free -= 15
    return body


def _marks(x: svg.Axis, y: svg.Axis, curves: Sequence[Curve]) -> list[Markup]:
    """Marked points; words that several curves share are written once, below the lowest where there is room."""
    marked = [(p, index % 8) for index, curve in enumerate(curves) for p in curve.points if p.words or p.marked]
    body = [svg.diamond(x(p.x), y(p.y), 6, f"mark m{index}") for p, index in marked]
    for words in filter(None, dict.fromkeys(p.words for p, _ in marked)):
        lowest = min((p for p, _ in marked if p.words == words), key=lambda p: p.y)
        below = y(lowest.y) + 22
        height = below if below < y.start - 4 else y(lowest.y) - 12
        body.append(svg.text(x(lowest.x) - 4, height, short(words, 34), "tick"))
    return body


def _band(x: svg.Axis, y: svg.Axis, points: Sequence[Point], index: int) -> list[Markup]:
    known = [(x(p.x), y(p.low), y(p.high)) for p in points if p.low is not None and p.high is not None]
    if len(known) < 2:
        return []
    outline = [(at, top) for at, _, top in known] + [(at, bottom) for at, bottom, _ in reversed(known)]
    return [svg.path(outline, f"band b{index}", closed=True)]


def _frame(
    x: svg.Axis, y: svg.Axis, across: Sequence[float], up: Sequence[float], x_means: str, y_means: str
) -> list[Markup]:
    body: list[Markup] = []
    for tick in up:
        body.append(svg.line(x.start, y(tick), x.end, y(tick), "grid"))
        body.append(svg.text(x.start - 6, y(tick) + 4, _share(tick), "tick", "end"))
    body += [svg.text(x(tick), y.start + 16, _share(tick), "tick", "middle") for tick in across]
    body.append(svg.text((x.start + x.end) / 2, y.start + 38, x_means, "axis", "middle"))
    return [*body, svg.text(2, 11, y_means, "axis")]


def _share(tick: float) -> str:
    return f"{100 * tick:.4g}{THIN}%"


def _describe(curves: Sequence[Curve]) -> str:
    marked = [
        f"{c.label}{f' at {p.words}' if p.words else ''}: x {percent(p.x)}, y {percent(p.y)}"
        for c in curves
        for p in c.points
        if p.words or p.marked
    ]
    return "; ".join(marked) or "No point is marked."
