"""Names of shards: relative, safe on every file system, under their root, and never two for one output.

A shard is named by its path under the corpus root, with forward slashes. The same name leads to its documents,
attributes, quarantine and receipt, so a name that climbs out of a folder, or two names that fall together on some
file system, are refused before anything is written.
"""

from __future__ import annotations

import itertools
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from tamis.pipeline import globs
from tamis.pipeline.atomic import SUFFIX
from tamis.pipeline.errors import UsageError

__all__ = ["Shard", "check_collisions", "list_shards", "safe_relative", "under"]

# Longest file name of common file systems is 255 bytes; a temporary adds a dot and the suffix, a receipt ".json".
_MAX_NAME = 255 - len(SUFFIX) - len(".json") - 1
_MAX_PATH = 4000
# Control, format (zero-width, right-to-left) and line separator characters: a name must look like what it is.
_INVISIBLE = frozenset(("Cc", "Cf", "Zl", "Zp"))


@dataclass(frozen=True, slots=True, order=True)
class Shard:
    """One input file.

    Attributes:
        path: Path under the corpus root, with forward slashes.
        size: Bytes as stored.
        version: What changes when the file is written again: the modification time in nanoseconds; on an object store
            the ETag or the generation.
        sha256: What the SHA-256 of its stored bytes must be; "" = not told.
    """

    path: str
    size: int
    version: str
    sha256: str = ""


def safe_relative(path: str) -> str:
    """Returns the path if it is a safe name of a shard.

    Raises:
        UsageError: It is empty or absolute, climbs ("..") or idles ("."), is hidden, holds a backslash, an invisible
            character or bytes that are not UTF-8, or is too long.
    """
    parts = path.split("/")
    reason = _path_fault(path) or next((fault for fault in map(_part_fault, parts) if fault), None)
    if reason:
        shown = ascii(path)[:200]
        raise UsageError(
            f"shard path {shown}: {reason}; expected a relative path such as en/part-01.jsonl.gz: rename the file"
        )
    return path


def _path_fault(path: str) -> str | None:
    try:
        size = len(path.encode("utf-8"))
    except UnicodeEncodeError:
        return "the name is not valid UTF-8"
    return f"{size} bytes, at most {_MAX_PATH}" if size > _MAX_PATH else None


def _part_fault(part: str) -> str | None:
    if part in ("", ".", ".."):
        return f"it has the segment {part!r}"
    if part.startswith("."):
        return "a hidden file or folder"
    if "\\" in part or any(unicodedata.category(char) in _INVISIBLE for char in part):
        return "it holds a backslash, a control or an invisible character"
    size = len(part.encode("utf-8"))
    return f"a segment of {size} bytes, at most {_MAX_NAME}" if size > _MAX_NAME else None


def under(root: Path, path: str) -> Path:
    """Returns `root / path`, proven to lie under `root` with every symbolic link followed.

    Raises:
        UsageError: The path is unsafe, or a link leads out of the root.
    """
    joined = root / safe_relative(path)
    if not joined.resolve().is_relative_to(root.resolve()):
        raise UsageError(
            f"{path}: a symbolic link leads out of {root}; expected a file under it: copy or hard-link the file"
        )
    return joined


def check_collisions(paths: Iterable[str]) -> None:
    """Checks that no two paths name one file, also where case or Unicode composition is ignored.

    Raises:
        UsageError: Two do, or one is a folder of the other; both are named.
    """
    seen: dict[str, str] = {}
    for path in paths:
        if (other := seen.setdefault(_folded(path), path)) is not path:
            raise UsageError(f"{path} and {other} are the same file on some file systems: rename one of them")
    for key, path in seen.items():
        for parent in _parents(key):
            if parent in seen:
                raise UsageError(f"{seen[parent]} would be both a file and the folder of {path}: rename one of them")


def _folded(path: str) -> str:
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", path).casefold())


def _parents(path: str) -> Iterator[str]:
    while "/" in path:
        path = path.rsplit("/", 1)[0]
        yield path


def list_shards(root: Path, pattern: str | Sequence[str]) -> list[Shard]:
    """Lists the files under a local folder that match a glob pattern, or any of several.

    Hidden files and folders (a leading dot) are no shards. Folders that are symbolic links are not entered.

    Args:
        root: The corpus root.
        pattern: Such as "**/*.jsonl.zst" or "{en,de}/*.jsonl", relative to the root; see `tamis.pipeline.globs`.

    Returns:
        The shards, sorted by path.

    Raises:
        UsageError: The root is no folder, nothing matches, a name is unsafe, or two names collide.
    """
    if not root.is_dir():
        raise UsageError(f"corpus root {root}: found no folder there, expected one: check `corpus.root` in the plan")
    patterns = globs.expand(pattern)
    names = sorted({name for each in patterns for name in _matches(root, each)})
    if not names:
        raise UsageError(f"corpus root {root}: nothing matches {', '.join(patterns[:5])}; {_hint(root)}")
    check_collisions(names)
    return [_shard(root, name) for name in names]


def _matches(root: Path, pattern: str) -> Iterator[str]:
    for path in root.glob(pattern):
        name = path.relative_to(root).as_posix()
        if not globs.is_hidden(name) and path.is_file():
            yield name


def _shard(root: Path, name: str) -> Shard:
    stat = under(root, name).stat()
    return Shard(name, stat.st_size, str(stat.st_mtime_ns))


def _hint(root: Path) -> str:
    files = (path for path in root.rglob("*") if path.is_file() and not path.name.startswith("."))
    some = [path.relative_to(root).as_posix() for path in itertools.islice(files, 3)]
    return f"it holds for example {', '.join(map(ascii, some))}" if some else "it holds no file"
