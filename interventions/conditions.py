"""Conditions: what the `when` of a rule compares, and how that is decided for a batch of documents.

A condition has three truth values, and fires only where it is *true*. What is not known (an unscored document, a
document without a source, an absent field) makes a comparison unknown, and `not` leaves unknown unknown: neither
`hate >= 0.5` nor `not (hate >= 0.5)` fires on an unscored document. Say `unscored` to act on those.

Negation is pushed down to the comparisons while parsing (`not (a >= 1 and b)` is `a < 1 or not b`), after which
"true" needs no third value: a comparison on something unknown is not true, and `and` and `or` do the rest.
"""

from __future__ import annotations

import functools
import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Protocol

import numpy as np
import re2
from numpy.typing import NDArray

from tamis.interventions.columns import Columns

__all__ = [
    "NEGATED",
    "All",
    "Drawn",
    "FieldTest",
    "Leaf",
    "MinorsTest",
    "Node",
    "NumberTest",
    "ScoreTest",
    "Some",
    "TextTest",
    "UnscoredTest",
    "leaves",
    "truth",
]

Mask = NDArray[np.bool_]

#: Each operator and its opposite.
NEGATED: Final[Mapping[str, str]] = {
    ">=": "<", "<": ">=", ">": "<=", "<=": ">", "==": "!=", "!=": "==",
    "in": "not in", "not in": "in", "matches": "not matches", "not matches": "matches",
}  # fmt: skip

_COMPARE: Final[Mapping[str, Callable[[Any, Any], Any]]] = {
    ">=": operator.ge, ">": operator.gt, "<=": operator.le, "<": operator.lt, "==": operator.eq, "!=": operator.ne,
}  # fmt: skip


class Leaf(Protocol):
    """A comparison. Leaves are hashable, so that rules share the work of equal ones."""

    def holds(self, columns: Columns) -> Mask:
        """Says where the comparison is true, bool [n]; unknown is not true."""


@dataclass(frozen=True, slots=True)
class ScoreTest:
    """A score against a threshold; `view` as in `Columns.scores`."""

    view: str
    classifier: str
    category: str
    op: str
    threshold: float

    def holds(self, columns: Columns) -> Mask:
        """See `Leaf`."""
        values = self.values(columns)
        found = np.asarray(_COMPARE[self.op](values, np.float32(self.threshold)))
        return found & ~np.isnan(values) if self.op == "!=" else found

    def values(self, columns: Columns) -> NDArray[np.float32]:
        """Returns the scores that are compared, float32 [n]."""
        return columns.scores(self.view, self.classifier, self.category)

    def margins(self, values: NDArray[np.float32]) -> NDArray[np.float32]:
        """Returns how far beyond the threshold each score is, float32 [n]."""
        distance = values - np.float32(self.threshold)
        return np.asarray(-distance if self.op in ("<", "<=") else distance, dtype=np.float32)

    @property
    def condition(self) -> tuple[str, str, float]:
        """What is compared with what: classifier, category (`share.` before it where it is a share), threshold."""
        prefix = "share." if self.view == "share" else ""
        return self.classifier, prefix + self.category, self.threshold

    @property
    def moves(self) -> bool:
        """Whether another threshold would make it hold for more or fewer scores."""
        return self.op in (">=", ">", "<=", "<")

    @property
    def flags(self) -> bool:
        """Whether a passage can satisfy the comparison by scoring high."""
        return self.op in (">=", ">", "==")


@dataclass(frozen=True, slots=True)
class MinorsTest:
    """How sexual a document is where it speaks of minors, see `Columns.minors`, against a threshold."""

    classifier: str
    op: str
    threshold: float

    def holds(self, columns: Columns) -> Mask:
        """See `Leaf`."""
        values = columns.minors(self.classifier)
        return np.asarray(_COMPARE[self.op](values, np.float32(self.threshold))) & ~np.isnan(values)


@dataclass(frozen=True, slots=True)
class NumberTest:
    """`words`, `bytes` or `random` against a number."""

    name: str
    op: str
    value: float

    def holds(self, columns: Columns) -> Mask:
        """See `Leaf`."""
        return np.asarray(_COMPARE[self.op](columns.number(self.name), self.value))


@dataclass(frozen=True, slots=True)
class TextTest:
    """`source`, `domain` or `language` against a string, a list or a pattern; "" is unknown."""

    name: str
    op: str
    value: str | tuple[str, ...]

    def holds(self, columns: Columns) -> Mask:
        """See `Leaf`."""
        test = functools.lru_cache(maxsize=4096)(_text_test(self.op, self.value))
        found = columns.text(self.name)
        return np.fromiter((text != "" and test(text) for text in found), np.bool_, len(found))


@dataclass(frozen=True, slots=True)
class FieldTest:
    """A field of the record; unknown where it is absent or of another type than the value."""

    name: str
    op: str
    value: float | bool | str | tuple[str, ...]

    def holds(self, columns: Columns) -> Mask:
        """See `Leaf`."""
        found = columns.field(self.name)
        if isinstance(self.value, (str, tuple)):
            test = _text_test(self.op, self.value)
            return np.fromiter((isinstance(one, str) and test(one) for one in found), np.bool_, len(found))
        compare, value, truth_value = _COMPARE[self.op], self.value, isinstance(self.value, bool)
        same_type = (
            isinstance(one, (int, float)) and isinstance(one, bool) == truth_value and one == one for one in found
        )
        pairs = zip(same_type, found, strict=True)
        return np.fromiter((bool(known and compare(one, value)) for known, one in pairs), np.bool_, len(found))


def _text_test(op: str, value: str | tuple[str, ...]) -> Callable[[str], bool]:
    if op.endswith("matches"):
        search, wanted = pattern(str(value)).search, op == "matches"
        return lambda text: (search(_valid(text)) is not None) == wanted
    if op.endswith("in"):
        chosen = frozenset(value)
        return (lambda text: text in chosen) if op == "in" else (lambda text: text not in chosen)
    compare = _COMPARE[op]
    return lambda text: bool(compare(text, value))


def _valid(text: str) -> str:
    """Replaces lone surrogates, which RE2 does not take."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode()


@functools.lru_cache(maxsize=256)
def pattern(source: str) -> Any:
    """Compiles a pattern with RE2, which takes linear time on any text."""
    options = re2.Options()
    options.log_errors = False
    return re2.compile(source, options)


@dataclass(frozen=True, slots=True)
class UnscoredTest:
    """Whether a classifier left the document unscored; None: whether every classifier did."""

    classifier: str | None
    negated: bool

    def holds(self, columns: Columns) -> Mask:
        """See `Leaf`."""
        return columns.unscored(self.classifier) ^ self.negated


@dataclass(frozen=True, slots=True)
class Drawn:
    """The bare `random`: drawn with the rate that `Intervention.calibrated` sets."""

    rate: float | None = None

    def holds(self, columns: Columns) -> Mask:
        """See `Leaf`.

        Raises:
            ValueError: The rate was not set.
        """
        if self.rate is None:
            raise ValueError("the intervention draws at random, and has not been calibrated to the one it matches")
        return columns.number("random") < self.rate


@dataclass(frozen=True, slots=True)
class All:
    """True where every part is."""

    parts: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Some:
    """True where at least one part is."""

    parts: tuple[Node, ...]


Node = All | Some | Leaf


def leaves(node: Node) -> list[Leaf]:
    """Returns the comparisons of a condition, from left to right."""
    if isinstance(node, (All, Some)):
        return [leaf for part in node.parts for leaf in leaves(part)]
    return [node]


def truth(node: Node, found: Mapping[Leaf, Mask]) -> Mask:
    """Says where a condition is true, bool [n], from where each of its leaves is."""
    if not isinstance(node, (All, Some)):
        return found[node]
    reduce = np.logical_and.reduce if isinstance(node, All) else np.logical_or.reduce
    return np.asarray(reduce([truth(part, found) for part in node.parts]), dtype=np.bool_)
