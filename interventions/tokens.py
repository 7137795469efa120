"""The words of a condition, a cursor over them, and errors that say where they stand."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from tamis.classifiers.errors import UsageError
from tamis.interventions.scope import nearest

__all__ = ["Cursor", "Token", "parse_error", "tokens"]

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


class Cursor:
    """The place in a condition that a parser has reached."""

    def __init__(self, when: str) -> None:
        self.when = when
        self._tokens = tokens(when)
        self._at = 0

    def __len__(self) -> int:
        return len(self._tokens)

    @property
    def following(self) -> Token:
        """The next word; the last one is of the kind "end"."""
        return self._tokens[self._at]

    def peek(self) -> Token:
        """Returns the word after the next."""
        return self._tokens[min(self._at + 1, len(self._tokens) - 1)]

    def take(self) -> Token:
        """Returns the next word and moves on."""
        token = self.following
        self._at += 1
        return token

    def accept(self, *texts: str) -> Token | None:
        """Takes the next word if it is one of these, else returns None."""
        return self.take() if self.following.text in texts and self.following.kind in ("name", "symbol") else None

    def expected(self, what: str, known: tuple[str, ...] = ()) -> UsageError:
        """Returns an error at the next word: what was found, what was expected, and the nearest known word."""
        token = self.following
        found = "the end" if token.kind == "end" else f"`{token.text}`"
        hint = nearest(token.text, known) if known and token.kind == "name" else ""
        return parse_error(self.when, token.start, f"found {found}, expected {what}{hint}")

    def operator(self, known: tuple[str, ...], what: str) -> str:
        """Takes an operator.

        Raises:
            UsageError: The next word is none of the known ones.
        """
        if self.following.text not in known or self.following.kind == "string":
            raise self.expected(f"{what} ({' '.join(known)})")
        return self.take().text

    def number(self, what: str, highest: float = float("inf")) -> float:
        """Takes a number from 0 to `highest`.

        Raises:
            UsageError: The next word is none.
        """
        if self.following.kind != "number" or not 0 <= float(self.following.text) <= highest:
            raise self.expected(what)
        return float(self.take().text)

    def string(self) -> str:
        """Takes a string and returns its value; a backslash stands for itself, except before the quote.

        Raises:
            UsageError: The next word is none.
        """
        if self.following.kind != "string":
            raise self.expected('a string in quotes, such as "forum"')
        text = self.take().text
        return text[1:-1].replace(f"\\{text[0]}", text[0])

    def strings(self) -> tuple[str, ...]:
        """Takes a list of strings in brackets.

        Raises:
            UsageError: The next words are none.
        """
        if not self.accept("["):
            raise self.expected('a list such as ["forum", "news"]')
        values = [self.string()]
        while self.accept(","):
            values.append(self.string())
        if not self.accept("]"):
            raise self.expected("`,` or `]`")
        return tuple(values)
