"""Score histograms before and after, on a logit axis and a logarithmic count: the rare tail is what matters."""

from __future__ import annotations

import math
from collections.abc import Sequence

from markupsafe import Markup

from tamis.interventions import plot_svg as svg
from tamis.interventions.report_format import count, several

__all__ = ["histogram"]

_WIDTH, _HEIGHT, _LEFT, _BOTTOM, _TOP, _RIGHT = 450, 225, 60, 40, 42, 12
_TICKS = (0.001, 0.01, 0.1, 0.5, 0.9, 0.99, 0.999)


def histogram(
    name: str,
    label: str,
    edges: Sequence[float],
    before: Sequence[int],
    after: Sequence[int],
    thresholds: Sequence[tuple[float, str]] = (),
) -> Markup:
    """Returns two step curves over the same bins.

    Args:
        name: Unique word for the plot's ids.
        label: Whose scores are counted.
        edges: Bin edges in logits, rising, one more than there are bins; infinite outer ones are drawn at the end.
        before: Documents in each bin before.
        after: Documents in each bin after.
        thresholds: (probability, words) of each line to draw, such as a rule's threshold.
    """
    x = svg.Axis(max(edges[0], -12.0), min(edges[-1], 12.0), _LEFT, _WIDTH - _RIGHT)
    top = max([*before, *after, 1])
    y = svg.Axis(0.8, top * 1.6, _HEIGHT - _BOTTOM, _TOP, log=True)
    body = [*_grid(x, y), *_lines(x, thresholds), *_curves(x, y, edges, before, after)]
    body.append(
        svg.text((x.start + x.end) / 2, _HEIGHT - 4, "score (logit scale); documents (log scale)", "axis", "middle")
    )
    body.append(svg.text(_LEFT, 14, label, "label heading"))
    body.append(svg.text(_LEFT - 6, y.start + 4, "0", "tick", "end"))
    title = f"{label}: documents by score, before and after"
    return svg.figure(name, _WIDTH, _HEIGHT, title, _describe(before, after), body, "shrink")


def _curves(
    x: svg.Axis, y: svg.Axis, edges: Sequence[float], before: Sequence[int], after: Sequence[int]
) -> list[Markup]:
    area = _steps(x, y, edges, before)
    floor = [(area[-1][0], y.start), (area[0][0], y.start)]
    return [
        svg.path([*area, *floor], "before-area", closed=True),
        svg.path(area, "before-line"),
        svg.path(_steps(x, y, edges, after), "after-line"),
    ]


def _steps(x: svg.Axis, y: svg.Axis, edges: Sequence[float], counts: Sequence[int]) -> list[tuple[float, float]]:
    points: list[tuple[float, float]] = []
    for left, right, number in zip(edges, edges[1:], counts, strict=False):
        points += [(x(left), y(number)), (x(right), y(number))]
    return points or [(x.start, y.start), (x.end, y.start)]


def _grid(x: svg.Axis, y: svg.Axis) -> list[Markup]:
    parts: list[Markup] = []
    for tick in svg.log_ticks(10, y.high):
        if math.log10(tick).is_integer():
            parts.append(svg.line(x.start, y(tick), x.end, y(tick), "grid"))
            parts.append(svg.text(x.start - 6, y(tick) + 4, count(tick), "tick", "end"))
    for tick in (tick for tick in _TICKS if x.holds(_logit(tick))):
        parts.append(svg.line(x(_logit(tick)), y.start, x(_logit(tick)), y.start + 4, "grid"))
        parts.append(svg.text(x(_logit(tick)), y.start + 17, f"{tick:g}", "tick", "middle"))
    return parts


def _lines(x: svg.Axis, thresholds: Sequence[tuple[float, str]]) -> list[Markup]:
    parts: list[Markup] = []
    for probability, words in thresholds:
        at = x(_logit(probability))
        parts.append(svg.line(at, _TOP, at, _HEIGHT - _BOTTOM, "threshold"))
        parts.append(svg.text(at, _TOP - 6, words, "tick", "end" if at > _WIDTH - 90 else "middle"))
    return parts


def _logit(probability: float) -> float:
    clipped = min(max(probability, 1e-6), 1 - 1e-6)
    return math.log(clipped / (1 - clipped))


def _describe(before: Sequence[int], after: Sequence[int]) -> str:
    return f"{several(sum(before), 'document')} before, {count(sum(after))} after; the table below gives each bin."
