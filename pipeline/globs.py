"""Patterns of shard names: braces, and the wildcards of a folder's glob for names that come from a listing.

**/*.jsonl.zst            as in a folder: `**` is any number of folders, `*` and `?` stay inside one segment
{en,de}/*.jsonl           either
part-{000..127}.jsonl.gz  a range, with the leading zeros of its ends
"""

from __future__ import annotations

import fnmatch
import itertools
import re
from collections.abc import Callable, Iterator, Sequence

from tamis.pipeline.errors import UsageError

__all__ = ["any_of", "expand", "folder", "is_hidden", "is_literal", "matcher"]

_MAX_NAMES = 1_000_000
_BRACES = re.compile(r"\{(?P<first>\d+)\.\.(?P<last>\d+)\}|\{(?P<words>[^{}]*,[^{}]*)\}")
_WILD = re.compile(r"[*?\[]")


def expand(pattern: str | Sequence[str]) -> list[str]:
    """Writes out the braces of a pattern, or of several, in order; one without braces is returned as it is.

    Raises:
        UsageError: It climbs or is absolute, or gives more than a million names.
    """
    if not isinstance(pattern, str):
        return [one for each in pattern for one in expand(each)]
    if pattern.startswith("/") or ".." in pattern.split("/"):
        raise UsageError(
            f"pattern {pattern!r}: expected one relative to the corpus root: take away the leading / or the .."
        )
    pieces: list[list[str]] = []
    position, total = 0, 1
    for match in _BRACES.finditer(pattern):
        choices = _choices(match, pattern)
        total *= len(choices)
        pieces += [[pattern[position : match.start()]], choices]
        position = match.end()
    if total > _MAX_NAMES:
        raise UsageError(f"pattern {pattern!r}: its braces give {total:,} names, at most {_MAX_NAMES:,}: use a *")
    return ["".join(parts) for parts in itertools.product(*pieces, [pattern[position:]])]


def _choices(match: re.Match[str], pattern: str) -> list[str]:
    if match["words"] is not None:
        return match["words"].split(",")
    first, last = int(match["first"]), int(match["last"])
    if not first <= last < first + _MAX_NAMES:
        raise UsageError(f"pattern {pattern!r}: the range {match[0]} is empty or has over {_MAX_NAMES:,} names")
    width = max(len(match["first"]), len(match["last"])) if match["first"].startswith("0") else 0
    return [f"{number:0{width}d}" for number in range(first, last + 1)]


def is_literal(pattern: str) -> bool:
    """Tells whether a pattern, its braces written out, names one file."""
    return _WILD.search(pattern) is None


def is_hidden(path: str) -> bool:
    """Tells whether a file, or a folder that it lies in, has a leading dot: no pattern finds such."""
    return any(part.startswith(".") for part in path.split("/"))


def folder(pattern: str) -> str:
    """Returns the folder that everything matched lies under: the narrowest listing that finds it."""
    wild = _WILD.search(pattern)
    literal = pattern[: wild.start()] if wild else pattern
    return literal.rpartition("/")[0]


def matcher(pattern: str) -> Callable[[str], bool]:
    """Returns a test of paths under a root; it agrees with `pathlib.Path.glob` on files."""
    segments = [None if part == "**" else re.compile(fnmatch.translate(part)) for part in pattern.split("/") if part]

    def matches(path: str) -> bool:
        return _matches(path.split("/"), segments)

    return matches


def any_of(patterns: Sequence[str]) -> Callable[[str], bool]:
    """Returns a test of paths that any of several patterns, their braces written out, matches."""
    literal = {each for each in patterns if is_literal(each)}
    wild = [matcher(each) for each in patterns if each not in literal]
    return lambda path: path in literal or any(matches(path) for matches in wild)


def _matches(parts: list[str], segments: list[re.Pattern[str] | None]) -> bool:
    if not segments:
        return not parts
    if segments[0] is None:
        return any(_matches(rest, segments[1:]) for rest in _tails(parts)) or len(segments) == 1
    return bool(parts) and segments[0].match(parts[0]) is not None and _matches(parts[1:], segments[1:])


def _tails(parts: list[str]) -> Iterator[list[str]]:
    return (parts[start:] for start in range(len(parts)))
