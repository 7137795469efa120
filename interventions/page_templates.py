"""The templates of the pages, with everything escaped that a page does not make itself."""

from __future__ import annotations

from functools import cache
from importlib import resources

from jinja2 import Environment, FunctionLoader, StrictUndefined, Template
from markupsafe import Markup

from tamis.interventions import masking

__all__ = ["read", "template"]


def template(name: str) -> Template:
    """Returns a template of the folder `templates`."""
    return _environment().get_template(name)


def read(name: str) -> str:
    """Returns a file of the folder `templates` as it is."""
    return (resources.files("tamis.interventions") / "templates" / name).read_text(encoding="utf-8")


@cache
def _environment() -> Environment:
    # The templates end in .j2, which `select_autoescape` would not take for HTML: everything is escaped.
    return Environment(
        loader=FunctionLoader(read),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_finalize,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def _finalize(value: object) -> object:
    return masking.inert(value) if isinstance(value, str) and not isinstance(value, Markup) else value
