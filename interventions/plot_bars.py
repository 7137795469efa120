"""Horizontal bars: what was kept and removed of a whole, and removal rates side by side."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from tamis.interventions import plot_svg as svg
from tamis.interventions.plot_layout import Layout, both
from tamis.interventions.report_format import percent

__all__ = ["Part", "rates", "shares"]


@dataclass(frozen=True, slots=True)
class Part:
    """One bar.

    Attributes:
        label: What it counts, as a reader may see it.
        share: Removed share of it, in [0, 1].
        words: The numbers written beside it.
    """

    label: str
    share: float
    words: str


def shares(name: str, title: str, parts: Sequence[Part]) -> Markup:
    """Returns one full bar a part, of which the removed share is set apart at its end by colour and hatching."""

    def draw(layout: Layout) -> Markup:
        axis = svg.Axis(0, 1, layout.start, layout.end)
        ident = f"{name}-{layout.name}"
        body = [_hatching(ident)]
        for index, part in enumerate(parts):
            body += layout.words(part.label, part.words, layout.middle(index))
            body += _whole(axis, part, layout.middle(index) - 8, ident)
        return _figure(ident, title, parts, body, layout, 12)

    return both(draw)


def rates(name: str, title: str, parts: Sequence[Part], overall: float | None = None) -> Markup:
    """Returns one bar a part, as long as its removal rate, with the overall rate as a line to compare it to."""
    top = min(max([part.share for part in parts] + [overall or 0, 1e-6]) * 1.05, 1)

    def draw(layout: Layout) -> Markup:
        axis = svg.Axis(0, top, layout.start, layout.end)
        body: list[Markup] = []
        for index, part in enumerate(parts):
            body += _rate(axis, part, layout.middle(index) - 8)
        body += _overall(axis, overall, 14 + layout.line * len(parts))
        for index, part in enumerate(parts):
            body += layout.words(part.label, part.words, layout.middle(index))
        return _figure(f"{name}-{layout.name}", title, parts, body, layout, 34)

    return both(draw)


def _figure(
    ident: str, title: str, parts: Sequence[Part], body: Sequence[Markup], layout: Layout, below: float
) -> Markup:
    said = "; ".join(f"{part.label}: {part.words}" for part in parts)
    height = layout.line * len(parts) + below
    return svg.figure(ident, layout.width, height, title, said or "Nothing was counted.", body, layout.name)


def _whole(axis: svg.Axis, part: Part, y: float, name: str) -> list[Markup]:
    kept = axis(1 - part.share)
    return [
        svg.rect(axis.start, y, kept - axis.start, 16, "kept"),
        # A removed share below a pixel is still drawn: nothing removed and little removed must differ.
        svg.rect(kept, y, max(axis.end - kept, 1.5 if part.share else 0), 16, "removed"),
        Markup('<rect x="{:.1f}" y="{:.1f}" width="{:.1f}" height="16" fill="url(#{}-h)"/>').format(
            kept, y, axis.end - kept, name
        ),
    ]


def _rate(axis: svg.Axis, part: Part, y: float) -> list[Markup]:
    return [
        svg.line(axis.start, y, axis.start, y + 16, "grid"),
        svg.rect(axis.start, y + 1, axis(part.share) - axis.start, 14, "removed"),
    ]


def _overall(axis: svg.Axis, overall: float | None, bottom: float) -> list[Markup]:
    if overall is None:
        return []
    at = axis(overall)
    anchor = "end" if at > axis.end - 40 else "middle"
    return [
        svg.line(at, 4, at, bottom, "zero"),
        svg.text(at, bottom + 14, f"all: {percent(overall)}", "tick", anchor),
    ]


def _hatching(name: str) -> Markup:
    return Markup(
        '<defs><pattern id="{}-h" width="5" height="5" patternUnits="userSpaceOnUse"'
        ' patternTransform="rotate(45)"><line x1="0" y1="0" x2="0" y2="5" class="hatch"/></pattern></defs>'
    ).format(name)
