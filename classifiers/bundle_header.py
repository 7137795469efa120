"""The content of bundle.json: a closed schema, and the checks that need no other file."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any, Final

import msgspec

from tamis.classifiers.errors import BundleError

__all__ = ["FORMAT", "Curve", "FileFacts", "Header", "OperatingPoint", "check", "decode", "parse"]

FORMAT: Final = 1

_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
_CATEGORY: Final = re.compile(r"[a-z][a-z0-9_]*(/[a-z][a-z0-9_]*)?")


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
    """The content of bundle.json.

    Attributes:
        format: Version of this schema.
        name: Name of the bundle.
        version: Its version.
        kind: A key of `KINDS`.
        categories: Names of the score columns.
        languages: ISO codes that it may be asked about; () for all.
        normaliser: A key of `NORMALISERS`.
        parameters: What the kind needs.
        files: Size and sha256 of every file but bundle.json and README.md.
        calibration: Map from raw to calibrated logits, by category; scores of the others are calibrated.
        base_rates: Share of positives that the calibration assumes, by category.
        operating_points: Thresholds by category and name, such as "precision(0.95)" or "default".
        training: Sources with licence, sha256, rows and label sources; seed; command; family.
        metrics: What it reached on held-out data.
    """

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


def parse(where: str, data: bytes) -> Header:
    """Parses and checks a bundle.json.

    Args:
        where: What errors call it.
        data: Its content.

    Returns:
        The header.

    Raises:
        BundleError: It is damaged, of another format, or names what this version does not have.
    """
    header = decode(where, data)
    check(where, header)
    return header


def decode(where: str, data: bytes) -> Header:
    """Parses a bundle.json without asking whether this version has what it names; see `parse`."""
    try:
        found = msgspec.json.decode(data, type=dict[str, Any]).get("format")
        if found != FORMAT:
            raise BundleError(f"{where}: format {found}, this version of tamis reads {FORMAT}: retrain or upgrade")
        return msgspec.json.decode(data, type=Header)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise BundleError(f"{where}: not a bundle header ({error}); restore the bundle") from None


def check(where: str, header: Header) -> None:
    """Checks what the types do not; see `parse`."""
    # Kinds and normalisers are machine code: whoever only reads headers does not wait for them.
    from tamis.classifiers.kinds import KINDS
    from tamis.classifiers.normalise import NORMALISERS

    if not _NAME.fullmatch(header.name):
        raise BundleError(f"{where}: name {header.name!r}; expected letters, digits and `._-`, at most 100")
    _known(where, "kind", header.kind, KINDS)
    _known(where, "normaliser", header.normaliser, NORMALISERS)
    categories = header.categories
    if not categories or len(set(categories)) != len(categories) or not all(map(_CATEGORY.fullmatch, categories)):
        raise BundleError(
            f"{where}: categories {list(categories)}; expected different names like hate or hate/threatening"
        )
    for field in ("calibration", "base_rates", "operating_points"):
        for category in getattr(header, field):
            _known(where, f"{field}: category", category, categories)
    for name in header.files:
        if "/" in name or "\\" in name or name.startswith("."):
            raise BundleError(f"{where}: lists {name!r}, which is not a plain file name of its folder")


def _known(where: str, what: str, value: str, known: Iterable[str]) -> None:
    if value not in known:
        raise BundleError(f"{where}: {what} {value!r} is unknown; known: {', '.join(known)}")
