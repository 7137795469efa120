"""The published JSON schema of report.json (draft 2020-12), made of the types in `schema_root` and their docstrings.

Versioning. `schema` is raised when a field is removed or renamed, or means something else: a program that reads
version 1 can read every report of version 1. Fields may be added within a version; as every object is closed, a report
is validated with the schema of the version that wrote it (`run.version`), which its `tamis report --schema` prints.
`data/report.schema.json` in the package is written by `scripts/make_docs`.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from typing import Any, Final

import msgspec

from tamis.interventions import report
from tamis.interventions.schema_root import Report

__all__ = ["build", "text"]

_URI: Final = "https://json-schema.org/draft/2020-12/schema"
_ATTRIBUTE = re.compile(r"^    (\w+): (.*(?:\n        .*)*)", re.MULTILINE)

Json = dict[str, Any]


def text() -> str:
    """Returns the schema as the package holds it: indented JSON with sorted keys."""
    return msgspec.json.format(msgspec.json.encode(build(), order="sorted"), indent=1).decode() + "\n"


def build() -> Json:
    """Returns the schema."""
    (root,), parts = msgspec.json.schema_components([Report], ref_template="#/$defs/{name}")
    kinds = {kind.__name__: kind for kind in _kinds(Report)}
    described = {name: _described(part, inspect.getdoc(kinds[name]) or "") for name, part in sorted(parts.items())}
    # What msgspec cannot say: a missing value has its reason.
    described["Estimate"] |= {
        "if": {"properties": {"value": {"type": "null"}}},
        "then": {"required": [*described["Estimate"]["required"], "reason"]},
    }
    return {
        "$schema": _URI,
        "$id": f"urn:tamis:report:{report.SCHEMA}",
        "title": f"tamis report.json, schema {report.SCHEMA}",
        **root,
        "$defs": described,
    }


def _described(part: Json, words: str) -> Json:
    """Returns an object's schema with the descriptions of its docstring."""
    properties = {name: dict(one) for name, one in part["properties"].items()}
    head, _, rest = words.partition("\nAttributes:\n")
    for name, meaning in _ATTRIBUTE.findall(rest):
        properties[name]["description"] = " ".join(meaning.split())
    return {**part, "description": " ".join(head.split()), "properties": properties}


def _kinds(kind: type) -> Iterator[type]:
    """Yields a type and the object types within it."""
    seen: set[type] = set()
    waiting: list[Any] = [kind]
    while waiting:
        one = waiting.pop()
        if isinstance(one, type) and issubclass(one, msgspec.Struct):
            if one not in seen:
                seen.add(one)
                yield one
                waiting += [found.type for found in msgspec.structs.fields(one)]
        else:
            waiting += getattr(one, "__args__", ())
