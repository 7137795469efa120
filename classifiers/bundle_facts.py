"""What a bundle says of itself: its header, which can be read where nothing is scored.

Reading a header loads no model and compiles nothing, so it is also no proof that the bundle's files are what it lists;
`bundle.load` proves that.
"""

from __future__ import annotations

import difflib
import hashlib
import os
from collections.abc import Mapping
from importlib import resources
from pathlib import Path
from typing import Any, Final

from tamis.classifiers.bundle_header import Header, decode
from tamis.classifiers.errors import BundleError, UsageError

__all__ = ["CARD", "HEADER", "Facts", "builtins", "locate", "read", "read_file"]

HEADER: Final = "bundle.json"
CARD: Final = "README.md"


class Facts:
    """A bundle's header: name, identity, categories, operating points, and what it was trained on."""

    def __init__(self, folder: Path, header: Header, digest: str) -> None:
        """Takes a header apart.

        Args:
            folder: Where the bundle lies.
            header: Its bundle.json.
            digest: sha256 of bundle.json.
        """
        self.folder = folder
        self.header = header
        self.digest = digest
        self.name = header.name
        self.id = f"{header.name}@{digest[:12]}"
        self.kind = header.kind
        self.categories = header.categories
        self.languages = header.languages
        self.normaliser = header.normaliser
        self.training: Mapping[str, Any] = header.training
        self.operating_points = header.operating_points

    def threshold(self, category: str, point: str, value: float | None = None) -> float:
        """Returns the threshold of an operating point.

        Args:
            category: The category.
            point: "precision", "recall", "fpr", or "default", which has no value.
            value: Such as 0.95 for `precision(0.95)`.

        Raises:
            UsageError: The bundle has no such operating point; the message lists those that it has.
        """
        name = point if value is None else f"{point}({value:g})"
        known = self.operating_points.get(category, {})
        if name in known:
            return known[name].threshold
        have = ", ".join(sorted(known)) or "none"
        raise UsageError(
            f"{self.id} has no operating point {name} for {category}; it has {have}: choose one or write a number"
        )

    def card(self) -> str:
        """Returns the model card, "" where there is none."""
        path = self.folder / CARD
        return path.read_text(encoding="utf-8") if path.is_file() else ""


def read(ref: str | os.PathLike[str], sha256: str | None = None) -> Facts:
    """Reads a bundle's header and nothing else.

    Args:
        ref: `builtin:NAME` or the path of a folder.
        sha256: What the sha256 of its bundle.json must be, None = any.

    Raises:
        UsageError: There is no such bundle.
        BundleError: Its header is damaged, altered, or of another format.
    """
    folder = locate(os.fspath(ref))
    data = read_file(folder, HEADER)
    digest = hashlib.sha256(data).hexdigest()
    if sha256 is not None and digest != sha256.lower():
        raise BundleError(f"{folder}/{HEADER}: expected sha256 {sha256}, found {digest}; change the plan or the bundle")
    return Facts(folder, decode(f"{folder}/{HEADER}", data), digest)


def builtins() -> list[str]:
    """Returns the names of the bundles that ship with tamis."""
    root = _builtin_root()
    return sorted(path.name for path in root.iterdir() if (path / HEADER).is_file()) if root.is_dir() else []


def _builtin_root() -> Path:
    return Path(str(resources.files("tamis.classifiers") / "bundles"))


def locate(ref: str) -> Path:
    """Returns the folder of a bundle; UsageError where there is none."""
    scheme, separator, name = ref.partition(":")
    if separator and scheme == "builtin":
        known = builtins()
        if name not in known:
            close = difflib.get_close_matches(name, known, n=1)
            hint = f"did you mean `builtin:{close[0]}`?" if close else f"there are {', '.join(known) or 'none'}"
            raise UsageError(f"`{ref}`: no such bundle; {hint}")
        return _builtin_root() / name
    folder = Path(ref)
    if not (folder / HEADER).is_file():
        raise UsageError(f"{ref}: no bundle there: expected builtin:NAME or a folder with {HEADER}")
    return folder


def read_file(folder: Path, name: str) -> bytes:
    """Returns the bytes of a file of a bundle; BundleError where it cannot be read."""
    try:
        return (folder / name).read_bytes()
    except OSError as error:
        raise BundleError(f"{folder}/{name}: cannot be read ({error.strerror}); restore the bundle") from None
