"""Section "Frontier": what other thresholds would have removed, and what they would have left."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from markupsafe import Markup

from tamis.interventions import plot_curves
from tamis.interventions.masking import display
from tamis.interventions.report_format import DASH, THIN, is_measured, percent, ratio, ratio_interval
from tamis.interventions.report_view import Block, Cell, Table, name_cell, ratio_cell, share_cell, table

__all__ = ["blocks", "overview"]

Json = Mapping[str, Any]

#: Points beyond so many times the words that the intervention removes, and beyond this share, are left out of plots.
_TIMES, _LEAST = 4.0, 0.02
_X, _Y = "share of words removed", "flagged documents left, of before"


def overview(result: Json, name: str, published: bool) -> Markup | None:
    """Returns the small plot of the first screen; None where there is no curve or no independent evaluator."""
    if result["grade"] != "estimated" or not _curve(result, name):
        return None
    title = f"What is left against what is removed, with all thresholds of {display(name, 40)} moved together"
    return plot_curves.frontier("first-frontier", title, _curves(result, name, published, []), _X, _Y)


def blocks(result: Json, name: str, published: bool, ident: str) -> Iterator[Block]:
    """Yields the parts of the section for one intervention.

    Args:
        result: The frontier measure's result.
        name: The intervention.
        published: Whether it was written.
        ident: Unique word for plot ids.
    """
    found = result["interventions"][name]
    if found["curve"] is None:
        yield Block("", words=[f"There is no curve: {display(found['reason'] or '', 200)}."])
        return
    plots = []
    if result["grade"] != "not measured":
        curves = _curves(result, name, published, list(result["categories"].items()))
        plots.append(plot_curves.frontier(f"{ident}-curves", "What is left against what is removed", curves, _X, _Y))
    yield Block("", words=list(_said(result, name)), plots=plots)
    yield Block(
        "All thresholds moved together", tables=[_points(found["curve"], "Thresholds moved by, in logits")], folded=True
    )
    inner = [
        Block(display(key), tables=[_points(curve, "Threshold")], folded=True)
        for key, curve in result["categories"].items()
        if curve
    ]
    yield Block(
        "One category alone",
        ["As if the only rule dropped what scores at least so much in it."],
        blocks=inner,
        folded=True,
    )


def _curve(result: Json, name: str) -> Json | None:
    found: Json | None = (result["interventions"].get(name) or {}).get("curve")
    return found


def _said(result: Json, name: str) -> Iterator[str]:
    found = result["interventions"][name]
    verb = "removes" if found["outcome"] == "removed" else "would remove, if it dropped what it acts on,"
    here = found["here"]
    yield (
        f"As it stands it {verb} {percent(here['words'])} of words. Each point of a curve is another setting, on the "
        "same documents; a setting that is chosen here was chosen on the documents that it is judged on, and will do "
        "a little worse on others."
    )
    if not found["exact"]:
        yield "Some of what it removes follows no threshold (thinning, redaction); the curve is of its dropping rules."
    cheaper = found["cheaper"]
    if cheaper is None:
        yield "No other setting of a single screw is shown to be as safe for fewer clean words."
        return
    change = cheaper["residual_ratio"]
    yield (
        f"Cheaper, and shown to be about as safe: {display(cheaper['curve'], 60)} at {cheaper['at']:g} costs "
        f"{percent(cheaper['clean_words'])} of clean words instead of {percent(here['clean_words'])}, and leaves "
        f"{ratio(change['value'])} [{ratio_interval(change)}] of what this one leaves."
    )


def _curves(result: Json, name: str, published: bool, categories: Sequence[tuple[str, Json | None]]) -> list[Any]:
    """The intervention's curve with its band, single categories, and where the other interventions stand."""
    found = result["interventions"][name]
    limit = max(_LEAST, _TIMES * found["here"]["words"])
    mark = "published" if published else "as it stands"
    curves = [plot_curves.Curve(display(name, 40), _plotted(found["curve"], limit, found["here"]["at"], mark))]
    for key, curve in categories:
        if curve:
            points = [plot_curves.Point(p.x, p.y) for p in _plotted(curve, limit, None, "")]
            curves.append(plot_curves.Curve(display(key, 40), points))
    if not categories:
        curves += list(_others(result, name, limit))
    return curves


def _others(result: Json, name: str, limit: float) -> Iterator[plot_curves.Curve]:
    for other, part in result["interventions"].items():
        here = part["here"]
        if other != name and here and is_measured(here["residual_any"]) and here["words"] <= limit:
            point = plot_curves.Point(here["words"], here["residual_any"]["value"], marked=True)
            yield plot_curves.Curve(display(other, 40), [point])


def _plotted(curve: Json, limit: float, here: float | None, mark: str) -> list[plot_curves.Point]:
    return [
        plot_curves.Point(
            point["words"],
            left["value"],
            left["low"],
            left["high"],
            mark if point["at"] == here else "",
        )
        for point in reversed(curve["points"])
        for left in [point["residual_any"]]
        if is_measured(left) and point["words"] <= limit
    ]


def _points(curve: Json, first: str) -> Table:
    columns = [
        first,
        "Documents",
        "Words",
        "Left, any",
        f"Left, {display(curve['category'], 30)}",
        "Clean documents",
        "Flagged for 1,000 clean",
    ]
    if curve["category"] == "any":
        columns.pop(4)
    rows = [_row(point, curve) for point in curve["points"]]
    note = (
        "Left: after ÷ before, documents. Clean documents: share of those that the evaluator finds clean. Flagged for "
        "1,000 clean: what the step to the next threshold buys. ★: no other setting is both safer and cheaper."
    )
    return table(f"{first}, and what would be removed", columns, rows, note=note)


def _row(point: Json, curve: Json) -> list[Cell]:
    at = f"{point['at']:+.2f}" if curve["unit"] == "logits" else f"≥{THIN}{point['at']:.3f}"
    own = [] if curve["category"] == "any" else [ratio_cell(point["residual"])]
    worth = DASH if point["worth"] is None else f"{point['worth']:,.0f}"
    return [
        name_cell(f"{at} ★" if point["best"] else at),
        Cell(percent(point["documents"])),
        Cell(percent(point["words"])),
        ratio_cell(point["residual_any"]),
        *own,
        share_cell(point["clean"], sample=False),
        Cell(worth),
    ]
