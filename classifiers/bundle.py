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
from collections.abc import Mapping, Sequence
from importlib import resources
from pathlib import Path
from typing import Any, Final

import msgspec
import numpy as np

from tamis.classifiers.base import Classifier, FloatMatrix
from tamis.classifiers.calibration_map import CalibrationMap
from tamis.classifiers.errors import BundleError, UsageError
from tamis.classifiers.kinds import KINDS
from tamis.classifiers.normalise import NORMALISERS
from tamis.classifiers.passages import Passages

__all__ = ["FORMAT", "Bundle", "Header", "OperatingPoint", "builtins", "load", "write"]

FORMAT: Final = 1
HEADER: Final = "bundle.json"
GOLDEN: Final = "golden.jsonl"
CARD: Final = "README.md"
TOLERANCE: Final = 1e-4


class FileFacts(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Size and digest of a file of the bundle."""

    bytes: int
    sha256: str


class Curve(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A piecewise linear map from raw to calibrated logits."""

    method: str
    x: list[float]
    y: list[float]


class OperatingPoint(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A threshold, and the 95 % interval of where it lies; NaN is written as null."""

    threshold: float
    low: float | None = None
    high: float | None = None


class Header(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The content of bundle.json."""

    format: int
    name: str
    version: str
    kind: str
    categories: tuple[str, ...]
    languages: tuple[str, ...]
    normaliser: str
    parameters: dict[str, Any]
    files: dict[str, FileFacts]
    calibration: dict[str, Curve] = {}
    base_rates: dict[str, float] = {}
    operating_points: dict[str, dict[str, OperatingPoint]] = {}
    training: dict[str, Any] = {}
    metrics: dict[str, Any] = {}


class Bundle:
    """A verified classifier: calibrated scores, operating points, and what it was trained on.

    Args:
        folder: Where it lies.
        header: Its bundle.json.
        digest: sha256 of bundle.json.
        classifier: The classifier behind it, which gives raw scores.
    """

    def __init__(self, folder: Path, header: Header, digest: str, classifier: Classifier) -> None:
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
        self._calibration = CalibrationMap.of(header.categories, header.calibration)

    def score(self, passages: Passages) -> FloatMatrix:
        """Scores passages; see `Classifier.score`."""
        return self._calibration.apply(self._classifier.score(passages))

    def raw(self, passages: Passages) -> FloatMatrix:
        """Scores passages without calibration: for fitting one."""
        return self._classifier.score(passages)

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
            f"{self.id} has no operating point {name} for {category}; it has {have}: write a number instead"
        )

    def card(self) -> str:
        """Returns the model card, "" where there is none."""
        path = self.folder / CARD
        return path.read_text(encoding="utf-8") if path.is_file() else ""


def builtins() -> list[str]:
    """Returns the names of the bundles that ship with tamis."""
    return sorted(path.name for path in _builtin_root().iterdir() if (path / HEADER).is_file())


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
    header = _header(folder, data)
    _check_files(folder, header)
    bundle = Bundle(folder, header, digest, _classifier(folder, header))
    _check_golden(bundle)
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


def _header(folder: Path, data: bytes) -> Header:
    where = f"{folder}/{HEADER}"
    try:
        found = msgspec.json.decode(data, type=dict[str, Any]).get("format")
        if found != FORMAT:
            raise BundleError(f"{where}: format {found}, this version of tamis reads {FORMAT}: retrain or upgrade")
        header = msgspec.json.decode(data, type=Header)
    except msgspec.DecodeError as error:
        raise BundleError(f"{where}: not a bundle header ({error}); restore the bundle") from None
    if header.kind not in KINDS:
        raise BundleError(f"{where}: kind {header.kind!r} is unknown; this version has {', '.join(KINDS)}")
    if header.normaliser not in NORMALISERS:
        raise BundleError(f"{where}: normaliser {header.normaliser!r} is unknown; known: {', '.join(NORMALISERS)}")
    if not header.categories or len(set(header.categories)) != len(header.categories):
        raise BundleError(f"{where}: expected one or more different categories, found {list(header.categories)}")
    return header


def _check_files(folder: Path, header: Header) -> None:
    """Checks every file's size and sha256 before anything parses it, and that there is no other file."""
    expected = {HEADER, CARD, *header.files}
    for name in header.files:
        if "/" in name or "\\" in name or name.startswith("."):
            raise BundleError(f"{folder}/{HEADER}: lists {name!r}, which is not a plain file name of its folder")
    if GOLDEN not in header.files:
        raise BundleError(f"{folder}/{HEADER}: lists no {GOLDEN}: a bundle without golden texts cannot be trusted")
    found = {path.name for path in folder.iterdir() if path.name != "__pycache__"}
    if strange := sorted(found - expected):
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
    classifier = KINDS[header.kind](folder, {"normaliser": header.normaliser, **header.parameters})
    if classifier.categories != header.categories:
        raise BundleError(
            f"{folder}: the model gives {list(classifier.categories)}, {HEADER} says {list(header.categories)}"
        )
    return classifier


def _check_golden(bundle: Bundle) -> None:
    """Checks that the golden texts score as recorded."""
    where = f"{bundle.folder}/{GOLDEN}"
    texts, expected = _golden(where, _read(bundle.folder, GOLDEN), bundle.categories)
    found = bundle.score(Passages.of(texts))
    far = np.abs(found - expected)
    wrong = ~((far <= TOLERANCE) | (np.isnan(found) & np.isnan(expected)))
    if wrong.any():
        row, column = (int(index[0]) for index in np.nonzero(wrong))
        raise BundleError(
            f"{where}: line {row + 1} scores {found[row, column]:.4f} for {bundle.categories[column]}, recorded is "
            f"{expected[row, column]:.4f}: this installation does not run the model as it was made"
        )


def _golden(where: str, data: bytes, categories: Sequence[str]) -> tuple[list[str], FloatMatrix]:
    texts, rows = [], []
    try:
        for line in data.splitlines():
            entry = json.loads(line)
            texts.append(str(entry["text"]))
            rows.append([entry["scores"][category] for category in categories])
    except (ValueError, KeyError, TypeError):
        raise BundleError(f"{where}: line {len(texts)}: expected a text and a score a category") from None
    if not texts:
        raise BundleError(f"{where}: holds no text: a bundle without golden texts cannot be trusted")
    return texts, np.array(rows, dtype=np.float64).astype(np.float32)


def write(folder: Path, header: Mapping[str, Any], golden: Sequence[str], card: str = "") -> Bundle:
    """Finishes a bundle in a folder that already holds the model's files.

    Args:
        folder: The folder; every plain file in it becomes part of the bundle.
        header: The content of bundle.json but for `format` and `files`.
        golden: Texts whose scores are recorded. They are published: write them yourself.
        card: The model card, Markdown.

    Returns:
        The bundle, loaded back and verified.
    """
    for name in (HEADER, GOLDEN, CARD):
        (folder / name).unlink(missing_ok=True)
    files = {path.name: _facts(path) for path in sorted(folder.iterdir()) if path.is_file()}
    draft = msgspec.convert({**header, "format": FORMAT, "files": files}, Header, strict=False)
    scores = Bundle(folder, draft, "0" * 64, _classifier(folder, draft)).score(Passages.of(golden))
    lines = (
        json.dumps({"text": text, "scores": _record(draft.categories, row)}, sort_keys=True)
        for text, row in zip(golden, scores, strict=True)
    )
    (folder / GOLDEN).write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    files[GOLDEN] = _facts(folder / GOLDEN)
    content = json.dumps({**header, "format": FORMAT, "files": files}, indent=1, allow_nan=False)
    (folder / HEADER).write_text(f"{content}\n", encoding="utf-8")
    if card:
        (folder / CARD).write_text(card, encoding="utf-8")
    return load(folder)


def _facts(path: Path) -> dict[str, Any]:
    data = path.read_bytes()
    return {"bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}


def _record(categories: Sequence[str], row: FloatMatrix) -> dict[str, float]:
    return {category: round(float(score), 6) for category, score in zip(categories, row, strict=True)}
