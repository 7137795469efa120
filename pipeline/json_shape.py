"""The types of JSON values, found by looking at all of them, so that a column can hold every one without a change.

A field becomes a column where one type holds each of its values exactly: booleans, integers of 64 bits, doubles,
strings, lists and objects of these. Whole numbers beside fractions are doubles up to 2**53. Where no type does (a
string here and a number there, an integer of 80 bits, a number with more digits than a double has, an object without
members or with more than `MEMBERS` of them, a field that is missing here and null there, nesting below `DEPTH`), the
column holds each value as JSON text. Nothing is cast.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from typing import Any, Literal

import msgspec

__all__ = ["Column", "Shape", "TooWide", "loads"]

#: Most members of an object that is a struct; what has more is a map in disguise.
MEMBERS = 256
#: Most members of a record.
WIDTH = 4096
#: Deepest nesting of structs and lists.
DEPTH = 16

_EXACT = 1 << 53
_DIGITS = 4000

Kind = Literal["null", "bool", "int64", "uint64", "double", "string", "list", "struct", "json"]


class TooWide(Exception):  # noqa: N818 - the caller knows the shard
    """More members than a record can have as columns."""


@dataclass(frozen=True, slots=True)
class Column:
    """The type that holds every value of a field.

    Attributes:
        kind: What it is; "json" holds JSON text.
        absent: Whether null stands for a member that is missing; it stands for null otherwise.
        item: Of a list, the type of its items.
        members: Of a struct, the types of its members.
    """

    kind: Kind
    absent: bool = False
    item: Column | None = None
    members: dict[str, Column] = field(default_factory=dict)

    def leaves(self) -> int:
        """Counts columns, this one included."""
        inner = [*self.members.values(), *([self.item] if self.item else [])]
        return 1 + sum(each.leaves() for each in inner)


def _float(text: str) -> Any:
    """Reads a fraction; one that no double is exactly the shortest form of stays text."""
    value = float(text)
    if repr(value) == text:
        return value
    try:
        same = Decimal(text) == Decimal(repr(value))
    except InvalidOperation:
        same = False
    return value if same else msgspec.Raw(text.encode("ascii"))


def _int(text: str) -> Any:
    return int(text) if len(text) < _DIGITS else msgspec.Raw(text.encode("ascii"))


#: Reads JSON text; a number that Python would round, or not read, is `msgspec.Raw`.
loads = json.JSONDecoder(parse_float=_float, parse_int=_int).decode


class Shape:
    """What has been seen of the values at one place.

    Attributes:
        seen: Values, nulls included.
        members: Of the objects among them, what has been seen of each member, in the order of appearance.
    """

    __slots__ = ("_depth", "_high", "_item", "_kinds", "_low", "members", "seen")

    def __init__(self, depth: int = 0) -> None:
        self.seen = 0
        self.members: dict[str, Shape] = {}
        self._depth = depth
        self._kinds: dict[type, int] = {}
        self._low = self._high = 0
        self._item: Shape | None = None

    def add(self, value: Any) -> None:
        """Looks at one value, as `loads` gives it."""
        self.seen += 1
        kind = value.__class__
        self._kinds[kind] = self._kinds.get(kind, 0) + 1
        if kind is int:
            self._low, self._high = min(self._low, value), max(self._high, value)
        elif kind is dict:
            self._add_object(value)
        elif kind is list and self._depth < DEPTH:
            self._add_list(value)

    def _add_object(self, value: dict[str, Any]) -> None:
        limit = MEMBERS if self._depth else WIDTH
        if self._depth >= DEPTH or len(self.members) > limit:
            return
        for name, member in value.items():
            found = self.members.get(name)
            if found is None:
                found = self.members[name] = Shape(self._depth + 1)
            found.add(member)
        if not self._depth and len(self.members) > limit:
            raise TooWide

    def _add_list(self, value: list[Any]) -> None:
        if self._item is None:
            self._item = Shape(self._depth + 1)
        for item in value:
            self._item.add(item)

    def column(self, of: int | None = None) -> Column:
        """Returns the type that holds every value.

        Args:
            of: How many there could have been; fewer were seen where a member is missing. None = as many as were seen.
        """
        nulls = self._kinds.get(type(None), 0)
        absent = of is not None and self.seen < of
        kind = self._kind()
        if kind == "json" or (absent and nulls):
            return Column("json", absent=True)
        column = Column(kind, absent, self._item_column(kind), self._member_columns(kind))
        # Members of members multiply: what is as wide as a record can be is text.
        return column if not self._depth or column.leaves() <= MEMBERS else Column("json", absent=True)

    def _kind(self) -> Kind:
        kinds = {kind for kind in self._kinds if kind is not type(None)}
        if kinds == {int, float}:
            return "double" if self._low >= -_EXACT and self._high <= _EXACT else "json"
        if len(kinds) > 1 or (kinds & {list, dict} and self._depth >= DEPTH):
            return "json"
        plain: dict[type, Kind] = {bool: "bool", float: "double", str: "string", list: "list"}
        kind = next(iter(kinds), None)
        if kind is None:
            return "null"
        if kind is int:
            return self._integer()
        if kind is dict:
            return "struct" if 0 < len(self.members) <= (MEMBERS if self._depth else WIDTH) else "json"
        return plain.get(kind, "json")

    def _integer(self) -> Kind:
        if self._low >= -(1 << 63) and self._high < 1 << 63:
            return "int64"
        return "uint64" if self._low >= 0 and self._high < 1 << 64 else "json"

    def _item_column(self, kind: Kind) -> Column | None:
        if kind != "list":
            return None
        assert self._item is not None
        return self._item.column()

    def _member_columns(self, kind: Kind) -> dict[str, Column]:
        if kind != "struct":
            return {}
        return dict(self._members())

    def _members(self) -> Iterator[tuple[str, Column]]:
        objects = self._kinds[dict]
        for name, member in self.members.items():
            yield name, member.column(objects)
