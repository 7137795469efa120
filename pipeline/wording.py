"""What messages share: the wording of near misses, and where people read."""

from __future__ import annotations

import difflib
import sys
from collections.abc import Mapping
from typing import Any

__all__ = ["nearest", "say"]


def nearest(word: str, known: Mapping[str, Any] | set[str] | tuple[str, ...]) -> str:
    """Returns "; did you mean `x`?" for a near miss, else "; known: a, b"."""
    close = difflib.get_close_matches(word, list(known), n=1)
    return f"; did you mean `{close[0]}`?" if close else f"; known: {', '.join(sorted(known))}"


def say(text: str) -> None:
    """Tells people something, on stderr; stdout is for programs."""
    print(text, file=sys.stderr, flush=True)
