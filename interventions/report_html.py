"""Renders report.json as one page: no script, no request, nothing of the corpus outside element content."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib import resources
from typing import Any

from jinja2 import Environment, FunctionLoader, StrictUndefined
from markupsafe import Markup

from tamis.interventions import masking
from tamis.interventions.report_order import ordered
from tamis.interventions.report_page import page
from tamis.interventions.sides_page import page as sides_page

__all__ = ["render", "render_sides"]


def render(report: Mapping[str, Any]) -> str:
    """Returns the whole page.

    Args:
        report: The content of report.json, see `report`.
    """
    return _environment().get_template("report.html.j2").render(page=page(ordered(report)))


def render_sides(content: Mapping[str, Any]) -> str:
    """Returns the page of a comparison.

    Args:
        content: What `sides.build` returned.
    """
    return _environment().get_template("compare.html.j2").render(page=sides_page(ordered(content)))


@cache
def _environment() -> Environment:
    # The templates end in .j2, which `select_autoescape` would not take for HTML: everything is escaped.
    return Environment(
        loader=FunctionLoader(_read),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_finalize,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def _finalize(value: object) -> object:
    return masking.inert(value) if isinstance(value, str) and not isinstance(value, Markup) else value


def _read(name: str) -> str:
    return (resources.files("tamis.interventions") / "templates" / name).read_text(encoding="utf-8")
