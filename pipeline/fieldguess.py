"""Which field of a record is the text, the id, the source, the url: told by names, and by what the values are like."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tamis.pipeline.errors import UsageError
from tamis.pipeline.plan import Fields

__all__ = ["Seen", "fields_of", "look"]

# Names of fields, the likeliest first.
# fmt: off
TEXTS = (
    "text", "content", "body", "raw_content", "document", "passage", "article", "story", "markdown", "plain_text",
    "page_content", "contents", "completion", "response", "message", "abstract", "comment", "post", "txt",
)
IDS = (
    "id", "_id", "doc_id", "docid", "document_id", "uuid", "guid", "uid", "identifier", "warc_record_id",
    "record_id", "sha256", "sha1", "hash",
)
SOURCES = (
    "source", "subset", "dataset", "data_source", "corpus", "subreddit", "collection", "category", "forum",
    "origin",
)
URLS = (
    "url", "uri", "link", "source_url", "page_url", "href", "warc_target_uri", "permalink",
)
# fmt: on

_DEPTH = 4
#: Words that a text has on average, where nothing but its length speaks for it.
_WORDS = 5
#: A source names many records; an id one.
_MOST_SOURCES = 0.5


@dataclass(slots=True)
class Seen:
    """What was seen of one field.

    Attributes:
        types: How often each type.
        distinct: Its values that are strings or numbers, as text.
        characters: Of its strings, in all.
        words: Of its strings, in all.
        urls: How many strings start like a url.
    """

    types: dict[str, int] = field(default_factory=dict)
    distinct: set[str] = field(default_factory=set)
    characters: int = 0
    words: int = 0
    urls: int = 0

    def add(self, value: Any) -> None:
        """Looks at a value."""
        name = _type(value)
        self.types[name] = self.types.get(name, 0) + 1
        if name in ("string", "number"):
            self.distinct.add(str(value))
        if isinstance(value, str):
            self.characters += len(value)
            self.words += len(value.split())
            self.urls += value.startswith(("http://", "https://"))

    def count(self, *types: str) -> int:
        """Counts the values of some types."""
        return sum(self.types.get(name, 0) for name in types)

    def said(self) -> str:
        """Names the types, the most frequent first."""
        return " or ".join(sorted(self.types, key=lambda name: -self.types[name]))


def _type(value: Any) -> str:
    kinds = {str: "string", bool: "boolean", type(None): "null", dict: "object", list: "array"}
    return kinds.get(type(value), "number")


def look(rows: Sequence[Mapping[str, Any]]) -> dict[str, Seen]:
    """Looks at every field that a plan can name, nested ones by dots, in the order of appearance."""
    seen: dict[str, Seen] = {}
    for row in rows:
        for path, value in _walk(row, "", 1):
            seen.setdefault(path, Seen()).add(value)
    return seen


def _walk(row: Mapping[str, Any], prefix: str, depth: int) -> Iterator[tuple[str, Any]]:
    for name, value in row.items():
        if not name or "." in name:
            continue
        yield prefix + name, value
        if isinstance(value, dict) and depth < _DEPTH:
            yield from _walk(value, f"{prefix}{name}.", depth + 1)


def fields_of(seen: Mapping[str, Seen], rows: int) -> Fields:
    """Chooses the fields.

    Args:
        seen: What was seen of each field.
        rows: Records that were looked at.

    Raises:
        UsageError: No field looks like a text; what was seen is named, values are not.
    """
    text = _text(seen)
    if text is None:
        shown = ", ".join(f"{path} ({one.said()})" for path, one in list(seen.items())[:30])
        raise UsageError(
            f"no field of {rows:,} records looks like a text, found {shown or 'no field'}: write a plan yourself, and "
            "name the field in `corpus.fields.text`"
        )
    rest = {path: one for path, one in seen.items() if path != text}
    url = _named(rest, URLS, lambda one: one.urls > one.count("string") / 2)
    ident = _named(rest, IDS, lambda one: _tells_apart(one, rows))
    source = _named(rest, SOURCES, lambda one: _groups(one, rows))
    return Fields(id=ident or "id", text=text, source=source, url=url)


def _text(seen: Mapping[str, Seen]) -> str | None:
    strings = {path: one for path, one in seen.items() if one.count("string") > sum(one.types.values()) / 2}
    if named := _named(strings, TEXTS, lambda one: one.words > one.count("string")):
        return named
    likely = {path: one for path, one in strings.items() if one.words >= _WORDS * one.count("string")}
    return max(likely, key=lambda path: likely[path].characters, default=None)


def _named(seen: Mapping[str, Seen], names: Sequence[str], fits: Any) -> str | None:
    """Returns the field with the first of the names whose values fit; the least nested of several."""
    for name in names:
        found = [path for path, one in seen.items() if path.rpartition(".")[2].lower() == name and fits(one)]
        if found:
            return min(found, key=lambda path: path.count("."))
    return None


def _tells_apart(one: Seen, rows: int) -> bool:
    values = one.count("string", "number")
    return values >= 0.99 * rows and len(one.distinct) >= 0.99 * values


def _groups(one: Seen, rows: int) -> bool:
    strings = one.count("string")
    return strings >= 0.9 * rows and one.words <= 4 * strings and len(one.distinct) <= max(2, _MOST_SOURCES * strings)
