"""The grammar of `when`, and its parser: recursive descent, an error says where it stands.

    condition  = all { "or" all }
    all        = one { "and" one }
    one        = "not" one | "(" condition ")" | test
    test       = "unscored" | CLASSIFIER ".unscored" | "random"
               | SCORE comparison (NUMBER | POINT "(" NUMBER ")")
               | [ CLASSIFIER "." ] "sexual/minors" comparison NUMBER
               | ("words" | "bytes" | "random") comparison NUMBER
               | ("source" | "domain" | "language") text
               | "field." NAME (text | comparison (NUMBER | "true" | "false"))
    text       = ("==" | "!=") STRING | ["not"] "in" "[" STRING { "," STRING } "]" | ["not"] "matches" STRING
    comparison = ">=" | ">" | "<=" | "<" | "==" | "!="
    SCORE      = [ "passage." | "share." ] [ CLASSIFIER "." ] (CATEGORY | "any")
    POINT      = "precision" | "recall" | "fpr"

A score of a document is compared as it is, `passage.` takes the highest of its passages, `share.` the share of its
characters in passages that score 0.5 or more. `any >= 0.5` stands for `hate >= 0.5 or sexual >= 0.5 or …` over all
categories, and `any < 0.5` for the same with `and`. `sexual/minors` is the score of `sexual` where the text speaks of
minors, and 0 elsewhere, unless a classifier has a category of that name; nothing was trained for it. In a string a
backslash stands for itself, except before the quote that ends it. `matches` searches with RE2. Which comparisons an
unscored document satisfies: see `conditions`.
"""

from __future__ import annotations

from typing import Final

import re2

from tamis.classifiers.errors import UsageError
from tamis.interventions.conditions import (
    NEGATED,
    All,
    Drawn,
    FieldTest,
    Leaf,
    MinorsTest,
    Node,
    NumberTest,
    ScoreTest,
    Some,
    TextTest,
    UnscoredTest,
    pattern,
)
from tamis.interventions.scope import NUMBERS, TEXTS, VIEWS, Scope, nearest
from tamis.interventions.tokens import Cursor, Token, parse_error

__all__ = ["parse"]

POINTS: Final = ("precision", "recall", "fpr")
COMPARISONS: Final = (">=", ">", "<=", "<", "==", "!=")
MAX_LENGTH: Final = 10_000
MAX_DEPTH: Final = 50


def parse(when: str, scope: Scope, *, negate: bool = False) -> Node:
    """Parses a condition.

    Args:
        when: The condition as the plan has it.
        scope: What its names mean.
        negate: Parse `not (when)` instead.

    Returns:
        The condition, without negation except in its leaves.

    Raises:
        UsageError: The condition is not in the grammar, or a name in it is unknown; the message says where, what
            was found, what was expected, and the nearest name.
    """
    if len(when) > MAX_LENGTH:
        raise UsageError(
            f"a condition of {len(when)} characters is too long; split it into rules (at most {MAX_LENGTH})"
        )
    return _Parser(when, scope).whole(negate)


class _Parser(Cursor):
    """One condition being parsed. `negate` says that an odd number of `not` stands around what is parsed."""

    def __init__(self, when: str, scope: Scope) -> None:
        super().__init__(when)
        self._scope = scope
        self._depth = 0

    def whole(self, negate: bool) -> Node:
        node = self._condition(negate)
        if self.following.kind != "end":
            raise self.expected("`and`, `or` or the end of the condition")
        return node

    def _condition(self, negate: bool) -> Node:
        parts = [self._all(negate)]
        while self.accept("or"):
            parts.append(self._all(negate))
        return _join(parts, every=negate)

    def _all(self, negate: bool) -> Node:
        parts = [self._one(negate)]
        while self.accept("and"):
            parts.append(self._one(negate))
        return _join(parts, every=not negate)

    def _one(self, negate: bool) -> Node:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise parse_error(self.when, self.following.start, f"nested more than {MAX_DEPTH} deep; split the rule")
        node = self._nested(negate)
        self._depth -= 1
        return node

    def _nested(self, negate: bool) -> Node:
        if self.accept("not"):
            return self._one(not negate)
        if self.accept("("):
            node = self._condition(negate)
            if not self.accept(")"):
                raise self.expected("`)`")
            return node
        return self._test(negate)

    def _test(self, negate: bool) -> Node:
        if self.following.kind != "name" or self.following.text in ("and", "or", "in", "matches"):
            raise self.expected("a category, a field of documents, `unscored`, `not` or `(`")
        token = self.take()
        head, _, rest = token.text.partition(".")
        if token.text == "unscored" or (rest == "unscored" and head in self._scope.classifiers):
            return UnscoredTest(head if rest else None, negate)
        if token.text == "random" and self.following.text not in COMPARISONS:
            return self._drawn(token, negate)
        if token.text in NUMBERS:
            return self._number_test(token.text, negate)
        if token.text in TEXTS:
            return TextTest(token.text, *self._text(negate, token))
        if head == "field":
            return self._field_test(token, rest, negate)
        return self._score_test(token, negate)

    def _drawn(self, token: Token, negate: bool) -> Leaf:
        if len(self) > 2 or negate:
            raise parse_error(self.when, token.start, "`random` stands alone; write `random < 0.1` inside a condition")
        return Drawn()

    def _comparison(self, negate: bool, of: str) -> str:
        op = self.operator(COMPARISONS, f"a comparison of `{of}`")
        return NEGATED[op] if negate else op

    def _number_test(self, name: str, negate: bool) -> Leaf:
        op = self._comparison(negate, name)
        if name == "random":
            return NumberTest(name, op, self.number("a number from 0 to 1", 1.0))
        return NumberTest(name, op, self.number(f"a number of {name}"))

    def _text(self, negate: bool, name: Token) -> tuple[str, str | tuple[str, ...]]:
        """Parses what may follow a text, and returns operator and value."""
        if self.accept("not"):
            negate = not negate
            op = self.operator(("in", "matches"), "what `not` negates")
        else:
            op = self.operator(("==", "!=", "in", "matches"), f"a comparison of `{name.text}`")
        value = self.strings() if op == "in" else self._pattern() if op == "matches" else self.string()
        return (NEGATED[op] if negate else op), value

    def _pattern(self) -> str:
        token = self.following
        value = self.string()
        try:
            pattern(value)
        except re2.error as error:
            reason = error.args[0].decode("utf-8", "replace") if error.args else "see the syntax of RE2"
            raise parse_error(self.when, token.start, f"not a pattern of RE2: {reason}") from None
        return value

    def _field_test(self, token: Token, name: str, negate: bool) -> Leaf:
        known = self._scope.fields
        if not name or (known is not None and name not in known):
            hint = nearest(name, known or ()) or "; name it under `corpus.fields.extra`"
            raise parse_error(self.when, token.start, f"`{token.text}` is not a field that the plan reads{hint}")
        if self.following.text not in COMPARISONS or self.peek().kind == "string":
            return FieldTest(name, *self._text(negate, token))
        op = self._comparison(negate, token.text)
        if op in ("==", "!=") and (boolean := self.accept("true", "false")):
            return FieldTest(name, op, boolean.text == "true")
        if self.following.kind != "number":
            raise self.expected("a number, a string in quotes, `true` or `false`")
        return FieldTest(name, op, float(self.take().text))

    def _score_test(self, token: Token, negate: bool) -> Node:
        view, dot, path = token.text.partition(".")
        view, path = (view, path) if dot and view in VIEWS else ("document", token.text)
        if view == "document" and (owner := self._of_minors(token)):
            op = self._comparison(negate, token.text)
            return MinorsTest(owner, op, self.number("a number from 0 to 1: nothing was calibrated for it", 1.0))
        pairs = self._resolve(token, view, path)
        op = self._comparison(negate, token.text)
        kind, number = self._threshold(view, token.text)
        tests: list[Node] = []
        for name, category in pairs:
            threshold = self._look_up(token, name, category, kind, number)
            tests.append(ScoreTest(view, name, category, op, threshold))
        return _join(tests, every=op in ("<", "<=", "!="))

    def _of_minors(self, token: Token) -> str | None:
        """Returns whose `sexual` score `sexual/minors` asks for, None where it is another name or a category."""
        try:
            return self._scope.of_minors(token.text)
        except UsageError as error:
            raise parse_error(self.when, token.start, str(error)) from None

    def _resolve(self, token: Token, view: str, path: str) -> list[tuple[str, str]]:
        try:
            pairs = self._scope.categories(path)
        except UsageError as error:
            raise parse_error(self.when, token.start, str(error)) from None
        if view == "share" and path.rpartition(".")[2] == "any":
            return list(dict.fromkeys((name, "any") for name, _ in pairs))
        return pairs

    def _threshold(self, view: str, name: str) -> tuple[str | None, float]:
        """Parses a number or an operating point: (None, number) or (kind, level)."""
        if view != "share" and (point := self.accept(*POINTS)):
            if not self.accept("("):
                raise self.expected(f"`(` after `{point.text}`, as in `{point.text}(0.95)`")
            level = self.number("a number from 0 to 1", 1.0)
            if not self.accept(")"):
                raise self.expected("`)`")
            return point.text, level
        what = "a number from 0 to 1" if view == "share" else "a number from 0 to 1 or precision(…), recall(…), fpr(…)"
        if self.following.kind != "number":
            raise self.expected(f"{what}, since `{name}` is a score", () if view == "share" else POINTS)
        return None, self.number(what, 1.0)

    def _look_up(self, token: Token, name: str, category: str, kind: str | None, number: float) -> float:
        if kind is None:
            return number
        try:
            return self._scope.threshold(name, category, kind, number)
        except UsageError as error:
            raise parse_error(self.when, token.start, str(error)) from None


def _join(parts: list[Node], *, every: bool) -> Node:
    if len(parts) == 1:
        return parts[0]
    return All(tuple(parts)) if every else Some(tuple(parts))
