"""The slow way to read a JSON record: member by member, to say what is odd about it.

It gives what the fast way (`jsontype.RecordType`) gives wherever that one gives anything, and it takes what types
cannot express: ids that are numbers, `metadata: null`, a source that is no string.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import msgspec

from tamis.pipeline.document import Reason
from tamis.pipeline.jsonfaults import Fault, kind
from tamis.pipeline.jsontype import OBJECT, Layout, Path, walk

__all__ = ["Values", "read"]

_Members = dict[str, msgspec.Raw]


class Values(NamedTuple):
    """The fields of a document, before it has a place.

    Attributes:
        text: Its text.
        id: Its id, "" where it has none.
        source: Its source, "" where it has none.
        url: Its url, "" where it has none.
        extras: Further fields, by the plan's name.
    """

    text: str
    id: str
    source: str
    url: str
    extras: dict[str, Any]


def read(raw: bytes, layout: Layout) -> Values | Fault:
    """Reads the fields of a well-formed JSON object.

    Returns:
        Its values, or the fault that makes it no document: the text is missing or no string, the id is an array or an
        object, a number that a rule needs is out of range. A source or url that is no scalar counts as absent.
    """
    members = OBJECT.decode(raw)
    text = walk(members, layout.text)
    if fault := _text_fault(text, layout.text) or _id_fault(walk(members, layout.id)):
        return fault
    try:
        extras = {name: _value(members, path) for name, path in layout.extras.items()}
    except msgspec.ValidationError:
        return Reason.NUMBER_RANGE, "a number that a rule needs is out of range"
    ident, source, url = (_scalar(members, path) for path in (layout.id, layout.source, layout.url))
    return Values(msgspec.json.decode(text or b"", type=str), ident, source, url, extras)


def _text_fault(value: msgspec.Raw | None, path: Path) -> Fault | None:
    if value is None:
        return Reason.TEXT_MISSING, f"no member {'.'.join(path)}"
    found = kind(value)
    if found == "null":
        return Reason.TEXT_NULL, "expected a string, found null"
    return None if found == "a string" else (Reason.TEXT_TYPE, f"expected a string, found {found}")


def _id_fault(value: msgspec.Raw | None) -> Fault | None:
    found = "null" if value is None else kind(value)
    if found in ("an array", "an object"):
        return Reason.ID_TYPE, f"expected a string or a number, found {found}"
    return None


def _value(members: _Members, path: Path) -> Any:
    value = walk(members, path)
    return None if value is None else msgspec.json.decode(value)


def _scalar(members: _Members, path: Path | None) -> str:
    """Returns a string as it is, a number or boolean as its JSON text, anything else as ""."""
    value = None if path is None else walk(members, path)
    if value is None or (found := kind(value)) in ("null", "an array", "an object"):
        return ""
    return msgspec.json.decode(value, type=str) if found == "a string" else bytes(value).decode("ascii")
