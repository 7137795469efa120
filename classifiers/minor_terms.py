"""The terms that say that a person is a minor: one pattern made of `data/minor_terms.txt`."""

from __future__ import annotations

from functools import cache
from importlib import resources
from typing import Any

import re2

__all__ = ["pattern"]


@cache
def pattern() -> Any:
    """Returns the RE2 pattern of all terms, without regard to case, of bytes: what is searched is UTF-8."""
    listed = (resources.files("tamis.classifiers") / "data" / "minor_terms.txt").read_text(encoding="utf-8")
    lines = [line for line in listed.splitlines() if line and not line.startswith("#")]
    return re2.compile(("(?i)" + "|".join(f"(?:{_alternative(line)})" for line in lines)).encode())


def _alternative(line: str) -> str:
    if line.startswith("re:"):
        return line.removeprefix("re:")
    escaped: str = re2.escape(line)
    return r"\b" + escaped.replace(r"\ ", "[ -]") + r"s?\b"
