"""Bundles: classifiers on disk, which are verified before anything of them is believed.

A bundle is a folder: `bundle.json`, the files that it lists with size and sha256, `golden.jsonl` among them, and a
model card, `README.md`, which is for people and not part of the identity. Loading fails closed: hashes are checked
before a file is parsed, and then the golden texts must score as recorded. A model that was cut, altered or is run by
a wrong build of a library stops the job before the first shard, as it would otherwise keep everything.
"""

from __future__ import annotations

import hashlib
import json
import os
import struct
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import msgspec

from tamis.classifiers import bundle_facts, golden
from tamis.classifiers.base import Classifier, FloatMatrix
from tamis.classifiers.bundle_facts import CARD, HEADER, Facts, builtins, read_file
from tamis.classifiers.bundle_header import FORMAT, Header, OperatingPoint, check
from tamis.classifiers.calibration_map import CalibrationMap
from tamis.classifiers.errors import BundleError
from tamis.classifiers.kinds import KINDS
from tamis.classifiers.passages import Passages

__all__ = ["CARD", "FORMAT", "GOLDEN", "HEADER", "Bundle", "Header", "OperatingPoint", "builtins", "load", "write"]

GOLDEN: Final = "golden.jsonl"

#: What reading a file that is not what it should be may raise.
_DAMAGE: Final = (ValueError, TypeError, LookupError, OSError, EOFError, ArithmeticError, MemoryError, struct.error)


class Bundle(Facts):
    """A verified classifier: calibrated scores, operating points, and what it was trained on."""

    def __init__(self, folder: Path, header: Header, digest: str, classifier: Classifier) -> None:
        """Joins a header and the classifier that it describes.

        Args:
            folder: Where the bundle lies.
            header: Its bundle.json.
            digest: sha256 of bundle.json.
            classifier: The classifier, which gives raw scores of the header's categories in any order.
        """
        super().__init__(folder, header, digest)
        self._classifier = classifier
        self._columns = [classifier.categories.index(category) for category in header.categories]
        self._calibration = CalibrationMap.of(header.categories, header.calibration)

    def score(self, passages: Passages) -> FloatMatrix:
        """Scores passages; see `Classifier.score`."""
        return self._calibration.apply(self.raw(passages))

    def raw(self, passages: Passages) -> FloatMatrix:
        """Scores passages without calibration: for fitting one."""
        return self._classifier.score(passages)[:, self._columns]


def load(ref: str | os.PathLike[str], sha256: str | None = None) -> Bundle:
    """Loads and verifies a bundle.

    Args:
        ref: `builtin:NAME` or the path of a folder.
        sha256: What the sha256 of its bundle.json must be, None = any.

    Raises:
        UsageError: There is no such bundle.
        BundleError: It is damaged, altered, of another format, or scores its golden texts otherwise than recorded.
    """
    facts = bundle_facts.read(ref, sha256)
    folder, header = facts.folder, facts.header
    check(f"{folder}/{HEADER}", header)
    _check_files(folder, header)
    bundle = Bundle(folder, header, facts.digest, _classifier(folder, header))
    golden.check(f"{folder}/{GOLDEN}", read_file(folder, GOLDEN), bundle)
    return bundle


def _check_files(folder: Path, header: Header) -> None:
    """Checks every file's size and sha256 before anything parses it, and that there is no other file."""
    if GOLDEN not in header.files:
        raise BundleError(f"{folder}/{HEADER}: lists no {GOLDEN}: a bundle without golden texts cannot be trusted")
    found = {path.name for path in folder.iterdir() if path.name != "__pycache__"}
    if strange := sorted(found - {HEADER, CARD, *header.files}):
        raise BundleError(f"{folder}: holds {', '.join(strange)}, which {HEADER} does not list: remove it")
    for name, facts in header.files.items():
        data = read_file(folder, name)
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
