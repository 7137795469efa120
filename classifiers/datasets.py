"""Labelled texts: one text and one column per category, where an empty cell means *unknown*.

Unknown is neither positive nor negative: a corpus annotated for hate says nothing about self-harm, and
reading its silence as "no" teaches a model that angry posts are safe. Unknown cells are NaN here, and
every consumer masks them.
"""

from __future__ import annotations

import csv
import gzip
import io
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from tamis.classifiers.base import FloatMatrix
from tamis.classifiers.errors import UsageError

__all__ = ["LabelledSet", "concatenate", "read", "resolve"]

_TRUE: Final = frozenset({"1", "1.0", "true"})
_FALSE: Final = frozenset({"0", "0.0", "false"})
_LONGEST_FIELD: Final = 1 << 24


@dataclass(frozen=True, slots=True)
class LabelledSet:
    """n labelled texts.

    Attributes:
        categories: Names of the label columns.
        texts: The texts, n of them.
        labels: 1 positive, 0 negative, NaN unknown; float32 [n, n_categories].
        sources: Name of the source of each text.
        groups: Rows that share a non-empty group never straddle two splits ("" = none declared).
        identities: Identity term that each text mentions, "" where none is declared.
    """

    categories: tuple[str, ...]
    texts: list[str]
    labels: FloatMatrix
    sources: list[str]
    groups: list[str] = field(default_factory=list)
    identities: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        for name in ("groups", "identities"):
            if not getattr(self, name):
                object.__setattr__(self, name, [""] * len(self.texts))

    def __len__(self) -> int:
        return len(self.texts)

    def known(self, category: str) -> NDArray[np.bool_]:
        """Which rows have a label of `category`, bool [n]."""
        return ~np.isnan(self.labels[:, self.categories.index(category)])

    def take(self, rows: Iterable[int] | NDArray[np.int64] | NDArray[np.bool_]) -> LabelledSet:
        """The given rows, by index or by mask, in the given order."""
        index = np.asarray(rows if isinstance(rows, np.ndarray) else list(rows))
        index = np.flatnonzero(index) if index.dtype == bool else index.astype(np.int64)
        return LabelledSet(
            self.categories,
            [self.texts[i] for i in index],
            self.labels[index],
            [self.sources[i] for i in index],
            [self.groups[i] for i in index],
            [self.identities[i] for i in index],
        )


def concatenate(sets: Sequence[LabelledSet]) -> LabelledSet:
    """Joins sets that have the same categories, in order.

    Raises:
        UsageError: `sets` is empty.
    """
    if not sets:
        raise UsageError("no labelled data: expected at least one source; name one under `sources`")
    return LabelledSet(
        sets[0].categories,
        [text for part in sets for text in part.texts],
        np.concatenate([part.labels for part in sets]),
        [name for part in sets for name in part.sources],
        [name for part in sets for name in part.groups],
        [name for part in sets for name in part.identities],
    )


def read(path: str | Path, categories: Sequence[str], source: str = "") -> LabelledSet:
    """Reads a labelled file: `.jsonl` or `.csv`, plain or `.gz`, UTF-8.

    Columns: `text`, any of the categories (1/0/true/false; empty, null or absent = unknown), and optionally
    `source`, `group` (rows that must stay in one split) and `identity` (the identity term mentioned).

    Args:
        path: The file.
        categories: Categories to read; the file may have none or further ones.
        source: Name of the source for rows that do not name their own; the file's stem by default.

    Returns:
        The rows with a non-blank text, in file order.

    Raises:
        UsageError: The file is missing, not UTF-8, malformed, has a label other than 0, 1 or empty, or no row.
    """
    path = Path(path)
    rows = list(_rows(path))
    if not rows:
        raise UsageError(f"{path}: found no rows, expected at least one labelled text; check the file")
    kept = [(number, row) for number, row in rows if str(row.get("text") or "").strip()]
    labels = np.full((len(kept), len(categories)), np.nan, np.float32)
    for i, (number, row) in enumerate(kept):
        for j, category in enumerate(categories):
            labels[i, j] = _label(row.get(category), f"{path}:{number}: {category}")
    stem = source or path.name.split(".")[0]
    return LabelledSet(
        tuple(categories),
        [str(row["text"]) for _, row in kept],
        labels,
        [str(row.get("source") or stem) for _, row in kept],
        [str(row.get("group") or "") for _, row in kept],
        [str(row.get("identity") or "") for _, row in kept],
    )


def resolve(data: LabelledSet, contradictions: str = "error") -> LabelledSet:
    """Merges rows with the same text (case and white space apart): their known labels are joined.

    Args:
        data: The rows.
        contradictions: What to do where the same text is positive here and negative there: "error", or
            "unknown" (the cell becomes unknown: no side is taken).

    Returns:
        One row per distinct text, in order of first appearance.

    Raises:
        UsageError: A text has contradictory labels and `contradictions` is "error".
    """
    first: dict[str, int] = {}
    owner = np.empty(len(data), np.int64)
    for i, text in enumerate(data.texts):
        owner[i] = first.setdefault(" ".join(text.lower().split()), i)
    kept = np.unique(owner)
    slot = np.searchsorted(kept, owner)
    positive, negative = (_seen(data.labels == value, slot, len(kept)) for value in (1.0, 0.0))
    clash = positive & negative
    if contradictions == "error" and clash.any():
        raise UsageError(_clash(data, clash, kept, slot))
    merged = data.take(kept)
    labels = np.full(merged.labels.shape, np.nan, np.float32)
    labels[positive & ~clash] = 1.0
    labels[negative & ~clash] = 0.0
    return LabelledSet(merged.categories, merged.texts, labels, merged.sources, merged.groups, merged.identities)


def _seen(cells: NDArray[np.bool_], slot: NDArray[np.int64], rows: int) -> NDArray[np.bool_]:
    seen = np.zeros((rows, cells.shape[1]), bool)
    np.logical_or.at(seen, slot, cells)
    return seen


def _clash(data: LabelledSet, clash: NDArray[np.bool_], kept: NDArray[np.int64], slot: NDArray[np.int64]) -> str:
    row, column = (int(value[0]) for value in np.nonzero(clash))
    members = np.flatnonzero(slot == row)
    names = sorted({data.sources[i] for i in members})
    return (
        f"contradictory labels: {int(clash.any(axis=1).sum())} text(s) are both positive and negative; the first "
        f"is row {int(kept[row]) + 1} ({', '.join(names)}), category {data.categories[column]}. "
        "Correct the labels, or set `contradictions: unknown` to leave such cells out"
    )


def _label(value: object, where: str) -> float:
    if value is None or value == "":
        return float("nan")
    text = str(value).strip().lower()
    if text in _TRUE:
        return 1.0
    if text in _FALSE:
        return 0.0
    if text in {"", "nan", "null"}:
        return float("nan")
    raise UsageError(f"{where}: found a label that is none of 1, 0 or empty (unknown); correct the cell")


def _rows(path: Path) -> Iterator[tuple[int, Mapping[str, object]]]:
    name = path.name.removesuffix(".gz")
    if name.endswith(".jsonl"):
        return _jsonl(path)
    if name.endswith(".csv"):
        return _csv(path)
    raise UsageError(f"{path}: found neither .jsonl nor .csv (plain or .gz); convert the file, or rename it")


def _text(path: Path) -> str:
    try:
        raw = path.read_bytes()
        return (gzip.decompress(raw) if path.suffix == ".gz" else raw).decode("utf-8")
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise UsageError(
            f"{path}:{line}: byte {error.start} is not UTF-8; convert the file, for instance with iconv"
        ) from error
    except (OSError, EOFError) as error:
        raise UsageError(f"{path}: cannot be read ({type(error).__name__}); check the path and the file") from error


def _jsonl(path: Path) -> Iterator[tuple[int, Mapping[str, object]]]:
    for number, line in enumerate(_text(path).split("\n"), 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except ValueError as error:
            raise UsageError(f"{path}:{number}: not a JSON value; one object per line is expected") from error
        if not isinstance(row, dict) or not isinstance(row.get("text"), str):
            raise UsageError(f"{path}:{number}: expected an object with a string `text`")
        yield number, row


def _csv(path: Path) -> Iterator[tuple[int, Mapping[str, object]]]:
    csv.field_size_limit(_LONGEST_FIELD)
    reader = csv.DictReader(io.StringIO(_text(path), newline=""))
    if "text" not in (reader.fieldnames or ()):
        raise UsageError(f"{path}: found columns {reader.fieldnames}, expected one named `text`")
    try:
        for row in reader:
            yield reader.line_num, row
    except csv.Error as error:
        raise UsageError(f"{path}:{reader.line_num}: malformed CSV ({error})") from error
