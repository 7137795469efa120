"""Horizontal bars: what was kept and removed of a whole, and removal rates side by side."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from tamis.interventions import plot_svg as svg
from tamis.interventions.report_format import percent

__all__ = ["Part", "rates", "shares"]

_LABEL, _BAR, _VALUE, _LINE = 190, 380, 190, 28


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
    axis = svg.Axis(0, 1, _LABEL, _LABEL + _BAR)
    body = [_hatching(name)]
    for index, part in enumerate(parts):
        body += _whole(axis, part, 6 + _LINE * index, name)
    return _figure(name, title, parts, body, 8 + _LINE * len(parts))


def rates(name: str, title: str, parts: Sequence[Part], overall: float | None = None) -> Markup:
    """Returns one bar a part, as long as its removal rate, with the overall rate as a line to compare it to."""
    top = max([part.share for part in parts] + [overall or 0, 1e-6]) * 1.05
    axis = svg.Axis(0, min(top, 1), _LABEL, _LABEL + _BAR)
    bottom = 8 + _LINE * len(parts)
    body: list[Markup] = []
    for index, part in enumerate(parts):
        body += _rate(axis, part, 6 + _LINE * index)
    if overall is not None:
        body.append(svg.line(axis(overall), 2, axis(overall), bottom, "zero"))
        body.append(svg.text(axis(overall), bottom + 14, f"all: {percent(overall)}", "tick", "middle"))
    return _figure(name, title, parts, body, bottom + 20)


def _figure(name: str, title: str, parts: Sequence[Part], body: Sequence[Markup], height: float) -> Markup:
    said = "; ".join(f"{part.label}: {part.words}" for part in parts)
    return svg.figure(name, _LABEL + _BAR + _VALUE, height, title, said or "Nothing was counted.", body)


def _whole(axis: svg.Axis, part: Part, y: float, name: str) -> list[Markup]:
    kept = axis(1 - part.share)
    return [
        svg.text(0, y + 14, _short(part.label), "label"),
        svg.rect(axis.start, y, kept - axis.start, 18, "kept", 2),
        # A removed share below a pixel is still drawn: nothing removed and little removed must differ.
        svg.rect(kept, y, max(axis.end - kept, 1.5 if part.share else 0), 18, "removed"),
        Markup('<rect x="{:.1f}" y="{}" width="{:.1f}" height="18" fill="url(#{}-h)"/>').format(
            kept, y, axis.end - kept, name
        ),
        svg.text(axis.end + 14, y + 14, part.words, "value"),
    ]


def _rate(axis: svg.Axis, part: Part, y: float) -> list[Markup]:
    return [
        svg.text(0, y + 14, _short(part.label), "label"),
        svg.line(axis.start, y, axis.start, y + 18, "grid"),
        svg.rect(axis.start, y + 2, axis(part.share) - axis.start, 14, "removed", 2),
        svg.text(axis.end + 14, y + 14, part.words, "value"),
    ]


def _hatching(name: str) -> Markup:
    return Markup(
        '<defs><pattern id="{}-h" width="5" height="5" patternUnits="userSpaceOnUse"'
        ' patternTransform="rotate(45)"><line x1="0" y1="0" x2="0" y2="5" class="hatch"/></pattern></defs>'
    ).format(name)


def _short(label: str, cap: int = 30) -> str:
    return label if len(label) <= cap else f"{label[: cap - 1]}…"
