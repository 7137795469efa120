"""Heat maps of two scores on logit axes: where filter and evaluator see the same documents."""

from __future__ import annotations

import math
from collections.abc import Sequence

from markupsafe import Markup

from tamis.interventions import plot_svg as svg
from tamis.interventions.report_format import several

__all__ = ["heatmap"]

_LEFT, _TOP, _SIDE = 56, 22, 230
_TICKS = ((0.01, "0.01"), (0.5, "0.5"), (0.99, "0.99"))


def heatmap(name: str, title: str, edges: Sequence[float], cells: Sequence[Sequence[int]], x: str, y: str) -> Markup:
    """Returns a heat map whose cells darken with the logarithm of their count.

    Args:
        name: Unique word for the plot's ids.
        title: What is counted.
        edges: Bin edges in logits, of both axes.
        cells: [i, j, count]: bin i along x, bin j along y.
        x: What the horizontal axis is.
        y: What the vertical axis is.
    """
    across = svg.Axis(edges[0], edges[-1], _LEFT, _LEFT + _SIDE)
    up = svg.Axis(edges[0], edges[-1], _TOP + _SIDE, _TOP)
    top = math.log1p(max([int(cell[2]) for cell in cells] or [1]))
    body = [*_cells(across, up, edges, cells, top), *_frame(across, up, x, y)]
    said = f"{several(sum(int(cell[2]) for cell in cells), 'document')} in {several(len(cells), 'cell')}."
    return svg.figure(name, _LEFT + _SIDE + 14, _TOP + _SIDE + 40, title, said, body)


def _cells(
    across: svg.Axis, up: svg.Axis, edges: Sequence[float], cells: Sequence[Sequence[int]], top: float
) -> list[Markup]:
    """One path for all cells of a shade: a thousand rectangles of their own would outweigh the rest of the page."""
    squares: dict[int, list[str]] = {}
    for i, j, number in cells:
        shade = min(9, 1 + int(9 * math.log1p(number) / top)) if top else 1
        x, y = across(edges[i]), up(edges[j + 1])
        width, height = across(edges[i + 1]) - x, up(edges[j]) - y
        squares.setdefault(shade, []).append(f"M{x:.1f} {y:.1f}h{width:.1f}v{height:.1f}h{-width:.1f}z")
    return [
        Markup('<path d="{}" class="heat h{}"/>').format("".join(paths), shade)
        for shade, paths in sorted(squares.items())
    ]


def _frame(across: svg.Axis, up: svg.Axis, x: str, y: str) -> list[Markup]:
    right, bottom = across.end, up.start
    body = [svg.rect(across.start, up.end, right - across.start, bottom - up.end, "frame")]
    body.append(svg.line(across.start, bottom, right, up.end, "grid"))
    for probability, words in _TICKS:
        at = math.log(probability / (1 - probability))
        if across.holds(at):
            body.append(svg.text(across(at), bottom + 15, words, "tick", "middle"))
            body.append(svg.text(across.start - 6, up(at) + 4, words, "tick", "end"))
    body.append(svg.text((across.start + right) / 2, bottom + 33, x, "axis", "middle"))
    return [*body, svg.text(0, 12, y, "axis")]
