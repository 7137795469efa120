"""Bundles: classifiers on disk, which are verified before anything of them is believed.

A bundle is a folder: `bundle.json`, the files that it lists with size and sha256, `golden.jsonl` among them, and a
model card, `README.md`, which is for people and not part of the identity. Loading fails closed: hashes are checked
before a file is parsed, and then the golden texts must score as recorded. A model that was cut, altered or is run by
a wrong build of a library stops the job before the first shard, as it would otherwise keep everything.
"""

from __future__ import annotations

import difflib
import hashlib
import json
import os
import struct
from collections.abc import Mapping, Sequence
from importlib import resources
from pathlib import Path
from typing import Any, Final

import msgspec

from tamis.classifiers import golden
from tamis.classifiers.base import Classifier, FloatMatrix
from tamis.classifiers.bundle_header import FORMAT, Header, OperatingPoint, check, parse
from tamis.classifiers.calibration_map import CalibrationMap
from tamis.classifiers.errors import BundleError, UsageError
from tamis.classifiers.kinds import KINDS
from tamis.classifiers.passages import Passages

__all__ = ["CARD", "FORMAT", "GOLDEN", "HEADER", "Bundle", "Header", "OperatingPoint", "builtins", "load", "write"]

HEADER: Final = "bundle.json"
GOLDEN: Final = "golden.jsonl"
CARD: Final = "README.md"

#: What reading a file that is not what it should be may raise.
_DAMAGE: Final = (ValueError, TypeError, LookupError, OSError, EOFError, ArithmeticError, MemoryError, struct.error)


class Bundle:
    """A verified classifier: calibrated scores, operating points, and what it was trained on."""

    def __init__(self, folder: Path, header: Header, digest: str, classifier: Classifier) -> None:
        """Joins a header and the classifier that it describes.

        Args:
            folder: Where the bundle lies.
            header: Its bundle.json.
            digest: sha256 of bundle.json.
            classifier: The classifier, which gives raw scores of the header's categories in any order.
        """
        self.folder = folder
        self.header = header
        self.name = header.name
        self.id = f"{header.name}@{digest[:12]}"
        self.kind = header.kind
        self.categories = header.categories
        self.languages = header.languages
        self.normaliser = header.normaliser
        self.training: Mapping[str, Any] = header.training
        self.operating_points = header.operating_points
        self._classifier = classifier
        self._columns = [classifier.categories.index(category) for category in header.categories]
        self._calibration = CalibrationMap.of(header.categories, header.calibration)

    def score(self, passages: Passages) -> FloatMatrix:
        """Scores passages; see `Classifier.score`."""
        return self._calibration.apply(self.raw(passages))

    def raw(self, passages: Passages) -> FloatMatrix:
        """Scores passages without calibration: for fitting one."""
        return self._classifier.score(passages)[:, self._columns]

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


def builtins() -> list[str]:
    """Returns the names of the bundles that ship with tamis."""
    root = _builtin_root()
    return sorted(path.name for path in root.iterdir() if (path / HEADER).is_file()) if root.is_dir() else []


def _builtin_root() -> Path:
    return Path(str(resources.files("tamis.classifiers") / "bundles"))


def load(ref: str | os.PathLike[str], sha256: str | None = None) -> Bundle:
    """Loads and verifies a bundle.

    Args:
        ref: `builtin:NAME` or the path of a folder.
        sha256: What the sha256 of its bundle.json must be, None = any.

    Raises:
        UsageError: There is no such bundle.
        BundleError: It is damaged, altered, of another format, or scores its golden texts otherwise than recorded.
    """
    folder = _locate(os.fspath(ref))
    data = _read(folder, HEADER)
    digest = hashlib.sha256(data).hexdigest()
    if sha256 is not None and digest != sha256.lower():
        raise BundleError(f"{folder}/{HEADER}: expected sha256 {sha256}, found {digest}; change the plan or the bundle")
    header = parse(f"{folder}/{HEADER}", data)
    _check_files(folder, header)
    bundle = Bundle(folder, header, digest, _classifier(folder, header))
    golden.check(f"{folder}/{GOLDEN}", _read(folder, GOLDEN), bundle)
    return bundle


def _locate(ref: str) -> Path:
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


def _read(folder: Path, name: str) -> bytes:
    try:
        return (folder / name).read_bytes()
    except OSError as error:
        raise BundleError(f"{folder}/{name}: cannot be read ({error.strerror}); restore the bundle") from None


def _check_files(folder: Path, header: Header) -> None:
    """Checks every file's size and sha256 before anything parses it, and that there is no other file."""
    if GOLDEN not in header.files:
        raise BundleError(f"{folder}/{HEADER}: lists no {GOLDEN}: a bundle without golden texts cannot be trusted")
    found = {path.name for path in folder.iterdir() if path.name != "__pycache__"}
    if strange := sorted(found - {HEADER, CARD, *header.files}):
        raise BundleError(f"{folder}: holds {', '.join(strange)}, which {HEADER} does not list: remove it")
    for name, facts in header.files.items():
        data = _read(folder, name)
        if len(data) != facts.bytes:
            raise BundleError(f"{folder}/{name}: expected {facts.bytes} bytes, found {len(data)}; restore the bundle")
        digest = hashlib.sha256(data).hexdigest()
        if digest != facts.sha256:
            raise BundleError(
                f"{folder}/{name}: expected sha256 {facts.sha256[:12]}…, found {digest[:12]}…; restore the bundle"
            )


def _classifier(folder: Path, header: Header) -> Classifier:
    """Loads what the header describes; a file with the right digest may still not be what its kind reads."""
    try:
        classifier = KINDS[header.kind](folder, {"normaliser": header.normaliser, **header.parameters})
    except _DAMAGE as error:
        raise BundleError(f"{folder}: no {header.kind} model can be read ({type(error).__name__})") from error
    if sorted(classifier.categories) != sorted(header.categories):
        raise BundleError(
            f"{folder}: the model gives {list(classifier.categories)}, {HEADER} says {list(header.categories)}"
        )
    return classifier


def write(folder: Path, header: Mapping[str, Any], texts: Sequence[str], card: str = "") -> Bundle:
    """Finishes a bundle in a folder that already holds the model's files.

    Args:
        folder: The folder; every plain file in it becomes part of the bundle.
        header: The content of bundle.json but for `format` and `files`.
        texts: Golden texts, whose scores are recorded. They are published: write them yourself.
        card: The model card, Markdown.

    Returns:
        The bundle, loaded back and verified.

    Raises:
        BundleError: The header or a file is not what the kind needs.
    """
    for name in (HEADER, GOLDEN, CARD):
        (folder / name).unlink(missing_ok=True)
    files = {path.name: _facts(path) for path in sorted(folder.iterdir()) if path.is_file()}
    content = {**header, "format": FORMAT, "files": files}
    try:
        draft = msgspec.convert(content, Header, strict=False)
    except msgspec.ValidationError as error:
        raise BundleError(f"{folder}/{HEADER}: {error}; correct the header") from None
    check(f"{folder}/{HEADER}", draft)
    bundle = Bundle(folder, draft, "0" * 64, _classifier(folder, draft))
    (folder / GOLDEN).write_bytes(golden.record(texts, bundle))
    files[GOLDEN] = _facts(folder / GOLDEN)
    canonical = json.dumps(content, sort_keys=True, indent=1, allow_nan=False)
    (folder / HEADER).write_text(f"{canonical}\n", encoding="utf-8")
    if card:
        (folder / CARD).write_text(card, encoding="utf-8")
    return load(folder)


def _facts(path: Path) -> dict[str, Any]:
    data = path.read_bytes()
    return {"bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}
