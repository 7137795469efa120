"""Forest plots: ratios with their intervals against the line of no change."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from tamis.interventions import plot_svg as svg
from tamis.interventions.plot_layout import COMPACT, Layout, both
from tamis.interventions.report_format import Estimate, absent, is_measured, ratio, ratio_interval

__all__ = ["Row", "compact", "domain", "forest", "strip", "strip_axis"]

_STRIP, _TALL = 210, 54

#: The shorter side of 1 gets at least this share of the longer one, on the logarithmic axis: its words need room.
_ROOM = 0.35


@dataclass(frozen=True, slots=True)
class Row:
    """One line of a forest plot.

    Attributes:
        label: What is compared, as a reader may see it.
        estimate: The ratio.
        mark: "dot" or "diamond": tells two kinds of rows apart without colour.
        heading: Whether the line is only a heading of those below it.
    """

    label: str
    estimate: Estimate
    mark: str = "dot"
    heading: bool = False


def domain(estimates: Sequence[Estimate]) -> tuple[float, float]:
    """Returns a range that holds every finite limit within [1/50, 50], and 1 with room on both sides of it."""
    limits = [1.0]
    for estimate in estimates:
        if is_measured(estimate):
            limits += [float(estimate[end]) for end in ("value", "low", "high") if estimate.get(end)]
    finite = [limit for limit in limits if math.isfinite(limit) and limit > 0]
    low, high = max(min(finite) / 1.25, 0.02), min(max(finite) * 1.25, 50.0)
    return min(low, 0.5, high**-_ROOM), max(high, 1.6, low**-_ROOM)


def forest(name: str, title: str, rows: Sequence[Row], low_means: str, high_means: str) -> Markup:
    """Returns a forest plot of ratios on a logarithmic axis.

    Args:
        name: Unique word for the plot's ids.
        title: What the plot is.
        rows: The lines, from top to bottom.
        low_means: What a ratio below 1 says ("less after"); written under the axis.
        high_means: What a ratio above 1 says.
    """
    return both(lambda layout: _forest(name, title, rows, low_means, high_means, layout))


def compact(name: str, title: str, rows: Sequence[Row], low_means: str, high_means: str) -> Markup:
    """Returns a forest plot in one small layout, which fits beside another plot; see `forest`."""
    return _forest(name, title, rows, low_means, high_means, COMPACT)


def _forest(name: str, title: str, rows: Sequence[Row], low_means: str, high_means: str, layout: Layout) -> Markup:
    low, high = domain([row.estimate for row in rows])
    axis = svg.Axis(low, high, layout.start, layout.end, log=True)
    bottom = 8 + layout.line * len(rows) + (6 if layout.above else 0)
    body = [*_frame(axis, bottom), *_ends(axis, bottom, low_means, high_means)]
    for index, row in enumerate(rows):
        body += _line(axis, layout, row, layout.middle(index))
    return svg.figure(f"{name}-{layout.name}", layout.width, bottom + 42, title, _describe(rows), body, layout.name)


def strip(estimate: Estimate, span: tuple[float, float]) -> Markup:
    """Returns the plot of one ratio for a table row; rows of a table share `span`. The row's cells say it in text.

    The line of no change is a drawing of its own, which the style sheet makes as tall as the row: the lines of all rows
    are one.
    """
    axis = svg.Axis(*span, 8, _STRIP - 8, log=True)
    mark = _mark(axis, estimate, _TALL / 2, "dot") if is_measured(estimate) else []
    return Markup(
        '<svg class="plot level" aria-hidden="true" width="{w}" height="{h}">'
        '<line x1="{one:.1f}" y1="0" x2="{one:.1f}" y2="100%" class="zero"/></svg>'
        '<svg class="plot strip" aria-hidden="true" viewBox="0 0 {w} {h}" width="{w}" height="{h}">{body}</svg>'
    ).format(w=_STRIP, h=_TALL, one=axis(1.0), body=Markup("").join(mark))


def strip_axis(span: tuple[float, float]) -> Markup:
    """Returns the axis that stands above a column of strips."""
    axis = svg.Axis(*span, 8, _STRIP - 8, log=True)
    body = [svg.text(axis(tick), 28, f"×{tick:g}", "tick", "middle") for tick in _spaced(axis)]
    body.append(svg.text(axis(1.0) - 6, 12, "← less", "axis", "end"))
    body.append(svg.text(axis(1.0) + 6, 12, "more →", "axis"))
    return Markup(
        '<svg class="plot strip" aria-hidden="true" viewBox="0 0 {w} 32" width="{w}" height="32">{body}</svg>'
    ).format(w=_STRIP, body=Markup("").join(body))


def _frame(axis: svg.Axis, bottom: float) -> list[Markup]:
    lines: list[Markup] = []
    for tick in _ticks(axis):
        lines.append(svg.line(axis(tick), 8, axis(tick), bottom, "zero" if tick == 1 else "grid"))
        lines.append(svg.text(axis(tick), bottom + 16, f"×{tick:g}", "tick", "middle"))
    return lines


def _ticks(axis: svg.Axis) -> list[float]:
    ticks = svg.log_ticks(axis.low, axis.high)
    return [tick for tick in ticks if abs(axis(tick) - axis(1.0)) > 18 or tick == 1.0]


def _spaced(axis: svg.Axis) -> list[float]:
    """Returns those ticks whose words do not touch: 1, and outward from it."""
    shown = [1.0]
    for tick in sorted(_ticks(axis), key=lambda tick: abs(axis(tick) - axis(1.0))):
        if all(abs(axis(tick) - axis(other)) > 34 for other in shown):
            shown.append(tick)
    return shown


def _ends(axis: svg.Axis, bottom: float, low_means: str, high_means: str) -> list[Markup]:
    return [
        svg.text(axis(1) - 8, bottom + 36, f"← {low_means}", "axis", "end"),
        svg.text(axis(1) + 8, bottom + 36, f"{high_means} →", "axis"),
    ]


def _line(axis: svg.Axis, layout: Layout, row: Row, y: float) -> list[Markup]:
    words = layout.words(row.label, _numbers(row.estimate), y, row.heading)
    return words if row.heading else [*words, *_mark(axis, row.estimate, y, row.mark)]


def _mark(axis: svg.Axis, estimate: Estimate, y: float, mark: str) -> list[Markup]:
    if not is_measured(estimate):
        return [svg.text(axis(1.0), y + 4, absent(estimate), "tick", "middle")]
    value = float(estimate["value"])
    shape = svg.diamond if mark == "diamond" else svg.circle
    return [*_whiskers(axis, estimate, y), shape(axis(value), y, 5 if mark == "diamond" else 4.5, "after")]


def _whiskers(axis: svg.Axis, estimate: Estimate, y: float) -> list[Markup]:
    low, high = estimate.get("low"), estimate.get("high")
    if low is None and high is None:
        return []
    left, right = float(low or 0), math.inf if high is None else float(high)
    parts = [svg.line(axis(left), y, axis(right), y, "whisker")]
    if axis(right) - axis(left) < 14 and axis.holds(left) and axis.holds(right):
        return parts  # its end bars would hide behind the mark
    # An interval that runs on beyond the axis ends in an arrow, one that ends within it in a bar.
    parts.append(_end(axis, left, y, -1))
    parts.append(_end(axis, right, y, 1))
    return parts


def _end(axis: svg.Axis, value: float, y: float, side: int) -> Markup:
    x = axis(value)
    if axis.holds(value):
        return svg.line(x, y - 4, x, y + 4, "whisker")
    return svg.path([(x, y - 4), (x + 5 * side, y), (x, y + 4)], "whisker")


def _numbers(estimate: Estimate) -> str:
    if not is_measured(estimate):
        return ""
    interval = ratio_interval(estimate)
    return f"{ratio(estimate['value'])}  [{interval}]" if interval else ratio(estimate["value"])


def _describe(rows: Sequence[Row]) -> str:
    said = [f"{row.label}: {_numbers(row.estimate) or absent(row.estimate)}" for row in rows if not row.heading]
    return "; ".join(said) or "No ratio was measured."
