"""From the plan's fields to a decoder that reads these fields of a JSON record and skips the rest.

A path's dots reach into nested objects: `metadata.url` is the member `url` of the object `metadata`. A key that holds
a dot itself cannot be named. Where a record has a key twice, the last one counts, as in Python and JavaScript.
"""

from __future__ import annotations

import codecs
import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from tamis.pipeline.document import NOTHING
from tamis.pipeline.errors import UsageError
from tamis.pipeline.plan import Fields

__all__ = ["OBJECT", "Layout", "Odd", "Path", "RecordType", "rewrite", "walk"]

Path = tuple[str, ...]
_Tree = dict[str, Any]
_OBJECT_START = ord("{")
#: Decodes one level of an object; the values stay JSON.
OBJECT = msgspec.json.Decoder(dict[str, msgspec.Raw])


@dataclass(frozen=True, slots=True)
class Layout:
    """Where the fields of a document stand in a record.

    Attributes:
        text: Path of the text.
        id: Path of the id.
        source: Path of the source, None where the plan names none.
        url: Path of the url, None where the plan names none.
        extras: Paths of further fields, by the plan's name.
    """

    text: Path
    id: Path
    source: Path | None
    url: Path | None
    extras: dict[str, Path]

    @classmethod
    def of(cls, fields: Fields) -> Layout:
        """Reads the paths of a plan.

        Raises:
            UsageError: A path is empty or has an empty part, or one path goes through the value of another.
        """
        source = None if fields.source is None else _path("source", fields.source)
        url = None if fields.url is None else _path("url", fields.url)
        extras = {name: _path(name, path) for name, path in fields.extra.items()}
        layout = cls(_path("text", fields.text), _path("id", fields.id), source, url, extras)
        layout.tree()
        return layout

    def paths(self) -> list[Path]:
        """Returns the paths that are named: text, id, source, url, extras."""
        named = (self.text, self.id, self.source, self.url, *self.extras.values())
        return [path for path in named if path is not None]

    def tree(self) -> _Tree:
        """Returns the paths as nested dicts with None at the leaves."""
        root: _Tree = {}
        for path in self.paths():
            node = root
            for part in path[:-1]:
                node = _inner(node.setdefault(part, {}), path)
            if node.setdefault(path[-1], None) is not None:
                _inner(None, path)
        return root


def _path(name: str, dotted: str) -> Path:
    parts = tuple(dotted.split("."))
    if not all(parts):
        raise UsageError(f"fields.{name}: found {dotted!r}, expected names joined by dots, such as metadata.url")
    return parts


def _inner(node: _Tree | None, path: Path) -> _Tree:
    if node is None:
        raise UsageError(
            f"fields: {'.'.join(path)} goes through the value of another field, or the other way round: "
            "a field is either a value or an object of values; name one of them"
        )
    return node


class Odd(Exception):  # noqa: N818 - a signal to the caller, not an error
    """A value that the fast way does not take."""


class RecordType:
    """A decoder for one layout: the fast way to read a record."""

    def __init__(self, layout: Layout) -> None:
        self._decode: Callable[[bytes], Any] = msgspec.json.Decoder(_struct(layout.tree(), layout.text)).decode
        self._values: Callable[[Any], tuple[Any, ...]] = operator.attrgetter(*map(_attribute, layout.paths()))
        self._source = None if layout.source is None else 2
        self._url = None if layout.url is None else 2 + (layout.source is not None)
        self._first = 2 + (layout.source is not None) + (layout.url is not None)
        self._names = tuple(layout.extras)

    def read(self, raw: bytes) -> tuple[str, str, str, str, Mapping[str, Any]]:
        """Reads text, id ("" where it has none), source, url and extras of a record.

        Raises:
            Odd: A value is of a type that is taken the slow way, or `null` stands where an object is expected.
            msgspec.MsgspecError: Not JSON, or a text that is missing or no string.
            UnicodeDecodeError: One of the strings is not UTF-8.
            RecursionError: Deeper than the stack.
        """
        try:
            values = self._values(self._decode(raw))
        except AttributeError:
            raise Odd from None
        ident = values[1]
        if ident.__class__ is not str:
            ident = _identity(ident)
        source = "" if self._source is None else _optional(values[self._source])
        url = "" if self._url is None else _optional(values[self._url])
        # One shared empty mapping: a dict a record would wake the garbage collector.
        extras = dict(zip(self._names, values[self._first :], strict=True)) if self._names else NOTHING
        return values[0], ident, source, url, extras


def _identity(value: Any) -> str:
    """Takes integers and nothing: -0 and floats have more than one JSON text."""
    if value is None:
        return ""
    if value.__class__ is int and value:
        return str(value)
    raise Odd


def _optional(value: Any) -> str:
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    raise Odd


def _attribute(path: Path) -> str:
    return ".".join(map(_name, path))


def _name(part: str) -> str:
    """Returns an identifier for any key."""
    return "f" + part.encode("utf-8", "surrogatepass").hex()


def _struct(tree: _Tree, text: Path) -> type[msgspec.Struct]:
    """Builds the type of an object; all its members are optional but the one that leads to the text."""
    fields: list[Any] = []
    for part, node in tree.items():
        required = text[:1] == (part,)
        if node is not None:
            inner = _struct(node, text[1:] if required else ())
            fields.append((_name(part), inner) if required else (_name(part), inner | None, inner()))
        else:
            fields.append((_name(part), str) if required else (_name(part), Any, None))
    names = {_name(part): part for part in tree}
    return msgspec.defstruct("Row", fields, rename=names, kw_only=True, frozen=True, gc=False)


def walk(record: Mapping[str, msgspec.Raw], path: Path) -> msgspec.Raw | None:
    """Returns the JSON value at a path of a decoded record, None where it or an object on the way is missing."""
    value = record.get(path[0])
    for part in path[1:]:
        if value is None or memoryview(value)[0] != _OBJECT_START:
            return None
        value = OBJECT.decode(value).get(part)
    return value


def rewrite(raw: bytes, path: Path, text: str) -> bytes:
    """Replaces the text of a record and keeps the exact value of every other member, and their order.

    Args:
        raw: A readable record, with or without its line end.
        path: Path of the text.
        text: The new text.

    Returns:
        The record as compact JSON, with the line end that it had.
    """
    body = raw.rstrip(b"\r\n")
    return msgspec.json.encode(_replaced(body.removeprefix(codecs.BOM_UTF8), path, text)) + raw[len(body) :]


def _replaced(raw: bytes | msgspec.Raw, path: Path, text: str) -> dict[str, Any]:
    members: dict[str, Any] = OBJECT.decode(raw)
    members[path[0]] = _replaced(members[path[0]], path[1:], text) if path[1:] else text
    return members
