"""The shards of a corpus, wherever it lies: a folder, a bucket, or named files of a web server."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from pathlib import Path

from tamis.pipeline import globs, locations, paths
from tamis.pipeline.buckets import Source, Stat, open_source
from tamis.pipeline.errors import TamisError, UsageError
from tamis.pipeline.locations import READ_ONLY, Location
from tamis.pipeline.object_store import listed
from tamis.pipeline.paths import Shard
from tamis.pipeline.retries import explain, retried, status_of

__all__ = ["list_shards"]

# Questions to a web server at a time.
_AT_ONCE = 8


def list_shards(root: str, pattern: str | Sequence[str]) -> list[Shard]:
    """Lists the shards under a root that match a pattern, or any of several; see `tamis.pipeline.globs`.

    Names with a leading dot, and the empty objects that stand for folders in a bucket, are no shards.

    Args:
        root: The corpus root.
        pattern: Relative to the root. For a web server, which lists nothing, without wildcards.

    Returns:
        The shards, sorted by path; the version of a remote one is its ETag or generation.

    Raises:
        UsageError: The root is none, nothing matches, a name is unsafe, or two names collide.
        TamisError: The service cannot be reached.
    """
    location = locations.parse(root)
    if location is None:
        return paths.list_shards(Path(locations.local_folder(root) or root), pattern)
    patterns = globs.expand(pattern)
    find = _named if location.scheme in READ_ONLY else _matching
    found = {path: Shard(path, stat.size, stat.version) for path, stat in find(location, patterns)}
    if not found:
        raise UsageError(f"corpus root {root}: nothing matches {', '.join(patterns[:5])}; {_hint(location)}")
    names = sorted(map(paths.safe_relative, found))
    paths.check_collisions(names)
    return [found[name] for name in names]


def _matching(location: Location, patterns: Sequence[str]) -> Iterator[tuple[str, Stat]]:
    matches = globs.any_of(patterns)
    for folder in sorted({globs.folder(each) for each in patterns}):
        for path, stat in _files(location, folder):
            if matches(path):
                yield path, stat


def _files(location: Location, folder: str) -> Iterator[tuple[str, Stat]]:
    skipped = len(location.folder(""))
    for stat in listed(location, folder):
        path = stat.key[skipped:]
        if not path.endswith("/") and not globs.is_hidden(path):
            yield path, stat


def _named(location: Location, patterns: Sequence[str]) -> Iterator[tuple[str, Stat]]:
    """Asks a web server for every named file."""
    source = open_source(location)
    for each in patterns:
        if not globs.is_literal(each):
            raise UsageError(
                f"{location.url()}: a web server lists no files, `corpus.shards` has the wildcard {each!r}: name the "
                "files, such as part-{000..127}.jsonl.gz"
            )
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        yield from zip(patterns, pool.map(lambda path: _stat(source, location, path), patterns), strict=True)


def _stat(source: Source, location: Location, path: str) -> Stat:
    try:
        return retried(lambda: source.stat(location.key(path)))
    except TamisError:
        raise
    except Exception as error:
        if status_of(error) == 404:
            raise UsageError(
                f"{location.url(path)}: no such file, `corpus.shards` names it: correct the pattern"
            ) from error
        raise TamisError(f"{location.url(path)}: {explain(error)}") from error


def _hint(location: Location) -> str:
    some = [path for path, _ in islice(_files(location, ""), 3)] if location.scheme not in READ_ONLY else []
    return f"it holds for example {', '.join(map(ascii, some))}" if some else "it holds no file"
