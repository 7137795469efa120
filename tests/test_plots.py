from __future__ import annotations

import math
import xml.etree.ElementTree as ET
from typing import Any

import pytest

from tamis.interventions import plot_bars, plot_curves, plot_forest, plot_heatmap, plot_histogram
from tamis.interventions import plot_svg as svg

SVG = "{http://www.w3.org/2000/svg}"
RATIO = {"value": 0.4, "low": 0.3, "high": 0.5, "n": 100}
MISSING = {"value": None, "reason": "no evaluator"}


def drawings(markup: str) -> list[ET.Element]:
    """Parses the drawings of a plot; raises where one is not well-formed."""
    return list(ET.fromstring(f'<div xmlns="http://www.w3.org/2000/svg">{markup}</div>'))


def coordinates(drawing: ET.Element) -> list[tuple[float, float]]:
    """End points of all lines and centres of all dots."""
    pairs = [("x1", "y1"), ("x2", "y2"), ("cx", "cy")]
    return [
        (float(node.get(x, "nan")), float(node.get(y, "nan")))
        for node in drawing.iter()
        for x, y in pairs
        if node.get(x)
    ]


PLOTS: dict[str, Any] = {
    "forest": lambda: plot_forest.forest("p", "T", [plot_forest.Row("hate", RATIO)], "less", "more"),
    "forest of nothing": lambda: plot_forest.forest("p", "T", [], "less", "more"),
    "forest, missing": lambda: plot_forest.forest("p", "T", [plot_forest.Row("hate", MISSING)], "less", "more"),
    "forest, zero": lambda: plot_forest.forest(
        "p", "T", [plot_forest.Row("hate", {"value": 0.0, "low": 0.0, "high": 0.1})], "less", "more"
    ),
    "forest, open": lambda: plot_forest.forest(
        "p", "T", [plot_forest.Row("hate", {"value": 1.2, "low": 0.001, "high": None})], "less", "more"
    ),
    "shares": lambda: plot_bars.shares("p", "T", [plot_bars.Part("documents", 0.02, "100 → 98")]),
    "shares, nothing removed": lambda: plot_bars.shares("p", "T", [plot_bars.Part("documents", 0.0, "100 → 100")]),
    "rates": lambda: plot_bars.rates("p", "T", [plot_bars.Part("forum", 0.05, "5 % of 100")], 0.02),
    "rates of nothing": lambda: plot_bars.rates("p", "T", []),
    "histogram": lambda: plot_histogram.histogram(
        "p", "hate", [-12, 0, 12], [1000, 10], [1000, 1], [(0.5, "≥ 0.5"), (0.999, "≥ 0.999")]
    ),
    "histogram, open bins": lambda: plot_histogram.histogram("p", "hate", [-math.inf, 0, math.inf], [0, 0], [0, 0]),
    "frontier": lambda: plot_curves.frontier(
        "p",
        "T",
        [
            plot_curves.Curve(
                "hate", [plot_curves.Point(0.01, 0.9, 0.8, 1.0), plot_curves.Point(0.1, 0.2, 0.1, 0.3, "here")]
            )
        ],
        "removed",
        "left",
    ),
    "frontier of nothing": lambda: plot_curves.frontier("p", "T", [plot_curves.Curve("hate")], "removed", "left"),
    "reliability": lambda: plot_curves.reliability("p", "T", [(0.1, RATIO), (0.9, MISSING)]),
    "heatmap": lambda: plot_heatmap.heatmap("p", "T", [-12, 0, 12], [[0, 0, 1000], [1, 1, 1]], "filter", "evaluator"),
    "heatmap of nothing": lambda: plot_heatmap.heatmap("p", "T", [-12, 0, 12], [], "filter", "evaluator"),
}


@pytest.mark.parametrize("name", PLOTS)
def test_every_plot_is_well_formed_and_has_words(name: str) -> None:
    found = drawings(PLOTS[name]())
    assert found
    for drawing in found:
        title, description = drawing.find(f"{SVG}title"), drawing.find(f"{SVG}desc")
        assert drawing.get("role") == "img"
        assert title is not None
        assert description is not None
        assert title.text
        assert description.text
        assert {title.get("id"), description.get("id")} == set(str(drawing.get("aria-labelledby")).split())
        assert "nan" not in ET.tostring(drawing, encoding="unicode")


@pytest.mark.parametrize("name", PLOTS)
def test_everything_is_drawn_inside_the_plot(name: str) -> None:
    for drawing in drawings(PLOTS[name]()):
        width, height = (float(part) for part in str(drawing.get("viewBox")).split()[2:])
        shown = [(x, y) for x, y in coordinates(drawing) if not (x == 0 and y == 0)]
        assert all(0 <= x <= width and 0 <= y <= height for x, y in shown)


def test_the_forest_says_its_numbers_and_what_is_missing() -> None:
    rows = [plot_forest.Row("hate", RATIO), plot_forest.Row("sexual", MISSING)]
    drawing = drawings(plot_forest.forest("p", "T", rows, "less", "more"))[0]
    assert str(drawing.findtext(f"{SVG}desc")) == "hate: ×0.40  [0.30–0.50]; sexual: not measured"
    assert len(list(drawing.iter(f"{SVG}circle"))) == 1


def test_a_ratio_is_drawn_where_it_belongs() -> None:
    axis = svg.Axis(0.1, 10, 0, 100, log=True)
    assert axis(1) == pytest.approx(50)
    assert axis(0) == 0
    assert axis(1000) == 100
    assert svg.Axis(0, 1, 100, 0)(0.25) == 75


@pytest.mark.parametrize(
    ("low", "high", "ticks"), [(0.4, 2.1, [0.5, 1, 2]), (0.02, 50, [0.1, 1, 10]), (1, 1e5, [1, 10, 100, 1e3, 1e4, 1e5])]
)
def test_log_ticks(low: float, high: float, ticks: list[float]) -> None:
    assert svg.log_ticks(low, high) == pytest.approx(ticks)


def test_labels_are_escaped_and_short() -> None:
    rows = [plot_forest.Row("<script>alert(1)</script>" * 9, RATIO)]
    markup = plot_forest.forest("p", "</title><b>", rows, "less", "more")
    assert "<script" not in markup
    assert "<b>" not in markup
    assert drawings(markup)


def test_little_removed_and_nothing_removed_differ() -> None:
    def removed(share: float) -> float:
        drawing = drawings(plot_bars.shares("p", "T", [plot_bars.Part("documents", share, "")]))[0]
        return max(float(node.get("width", 0)) for node in drawing.iter(f"{SVG}rect") if node.get("class") == "removed")

    assert removed(0.0) == 0
    assert removed(1e-7) > 1
