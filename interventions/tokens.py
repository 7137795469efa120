"""The words of a condition, and errors that say where they stand."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from tamis.classifiers.errors import UsageError

__all__ = ["Token", "parse_error", "tokens"]

_TOKEN: Final = re.compile(
    r"""(?P<space>\s+)
      | (?P<number>-?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)
      | (?P<name>[A-Za-z_][\w/-]*(?:\.\w[\w/-]*)*)
      | (?P<string>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')
      | (?P<symbol>>=|<=|==|!=|[<>()\[\],])""",
    re.VERBOSE | re.DOTALL | re.ASCII,
)
_HINTS: Final = {"=": "==", "&": "and", "|": "or", "!": "not", "≥": ">=", "≤": "<="}


@dataclass(frozen=True, slots=True)
class Token:
    """A word: its kind (number, name, string, symbol or end), its text and where it starts."""

    kind: str
    text: str
    start: int


def tokens(when: str) -> list[Token]:
    """Cuts a condition into words; the last one is of the kind "end".

    Raises:
        UsageError: Some characters are no word of the language.
    """
    found, at = [], 0
    while at < len(when):
        match = _TOKEN.match(when, at)
        if match is None:
            raise _unreadable(when, at)
        if match.lastgroup != "space":
            found.append(Token(str(match.lastgroup), match.group(), at))
        at = match.end()
    return [*found, Token("end", "", len(when))]


def _unreadable(when: str, at: int) -> UsageError:
    character = when[at]
    if character in "\"'":
        return parse_error(when, at, f"a string that starts with {character} does not end")
    hint = f"; did you mean `{_HINTS[character]}`?" if character in _HINTS else ""
    return parse_error(when, at, f"found {character!r}, which no condition contains{hint}")


def parse_error(when: str, at: int, message: str) -> UsageError:
    """Returns an error that stands at character `at` (from 0) of a condition."""
    return UsageError(f"when: {when!r}: column {at + 1}: {message}")
