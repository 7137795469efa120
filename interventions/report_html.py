"""Renders report.json as one page: no script, no request, nothing of the corpus outside element content."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tamis.interventions.page_templates import template
from tamis.interventions.report_order import ordered
from tamis.interventions.report_page import page
from tamis.interventions.sides_page import page as sides_page

__all__ = ["render", "render_sides"]


def render(report: Mapping[str, Any]) -> str:
    """Returns the whole page.

    Args:
        report: The content of report.json, see `report`.
    """
    return template("report.html.j2").render(page=page(ordered(report)))


def render_sides(content: Mapping[str, Any]) -> str:
    """Returns the page of a comparison.

    Args:
        content: What `sides.build` returned.
    """
    return template("compare.html.j2").render(page=sides_page(ordered(content)))
