"""Functional tests: small, named sets of sentences with a known verdict, in the shape of HateCheck (Röttger 2021).

A file is a CSV. Of each of these, the first column that is there is read: `functionality`; `text`, `test_case` or
`case`; `expected` ("flag"/"pass"), `label_gold` or `label` ("hateful"/"non-hateful", 1/0); `category`;
`identity`, `target_ident` or `group`; `templ_id` or `templ`.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from tamis.classifiers.errors import UsageError

__all__ = ["Case", "by_functionality", "read_cases"]

_COLUMNS: Final[Mapping[str, tuple[str, ...]]] = {
    "functionality": ("functionality",),
    "text": ("text", "test_case", "case"),
    "expected": ("expected", "label_gold", "label"),
}
_FLAG: Final = frozenset({"flag", "hateful", "toxic", "1", "true", "unsafe"})
_PASS: Final = frozenset({"pass", "non-hateful", "nontoxic", "0", "false", "safe"})


@dataclass(frozen=True, slots=True)
class Case:
    """A sentence, what is tested by it, and whether it should be flagged.

    Attributes:
        functionality: Name of what is tested.
        text: The sentence.
        flag: Whether it violates the policy.
        category: The category that is meant, "" = any.
        identity: Identity term or group, "" = none.
        template: Template that the sentence was made from, "" = none.
    """

    functionality: str
    text: str
    flag: bool
    category: str
    identity: str
    template: str


def read_cases(path: str | Path) -> list[Case]:
    """Reads a suite.

    Raises:
        UsageError: It is missing, not UTF-8, lacks a column, has an unknown verdict, or is empty.
    """
    path = Path(path)
    try:
        with path.open(encoding="utf-8", newline="") as handle:
            rows = list(csv.DictReader(handle))
    except UnicodeDecodeError as error:
        raise UsageError(f"{path}: byte {error.start} is not UTF-8; convert the file") from error
    except OSError as error:
        raise UsageError(f"{path}: cannot be read ({type(error).__name__}); check the path") from error
    if not rows:
        raise UsageError(f"{path}: found no cases, expected at least one row below the column names")
    names = {wanted: _column(wanted, rows[0], path) for wanted in _COLUMNS}
    return [_case(row, names, f"{path}:{number}") for number, row in enumerate(rows, 2)]


def by_functionality(
    cases: Sequence[Case], scores: NDArray[Any], categories: Sequence[str], thresholds: Mapping[str, float]
) -> dict[str, dict[str, float | int | str]]:
    """Share of right verdicts per functionality.

    Args:
        cases: n cases.
        scores: Their calibrated scores, [n, n_categories]; NaN counts as not flagged.
        categories: Names of the columns.
        thresholds: Threshold of each category.

    Returns:
        Per functionality `cases`, `expected` ("flag", "pass" or "mixed"), `flagged` and `right` (shares).
    """
    flagged = verdicts(cases, scores, categories, thresholds)
    out: dict[str, dict[str, float | int | str]] = {}
    for name in sorted({case.functionality for case in cases}):
        rows = [i for i, case in enumerate(cases) if case.functionality == name]
        wanted = np.array([cases[i].flag for i in rows])
        out[name] = {
            "cases": len(rows),
            "expected": "flag" if wanted.all() else "pass" if not wanted.any() else "mixed",
            "flagged": round(float(flagged[rows].mean()), 4),
            "right": round(float((flagged[rows] == wanted).mean()), 4),
        }
    return out


def verdicts(
    cases: Sequence[Case], scores: NDArray[Any], categories: Sequence[str], thresholds: Mapping[str, float]
) -> NDArray[np.bool_]:
    """Whether each case is flagged, bool [n]: by its own category, or by any where it names none of the bundle's."""
    limit = np.array([thresholds[name] for name in categories])
    above = np.nan_to_num(np.asarray(scores, np.float64), nan=-1.0) >= limit
    place = {name: j for j, name in enumerate(categories)}
    return np.array(
        [above[i, place[c.category]] if c.category in place else above[i].any() for i, c in enumerate(cases)]
    )


def _column(wanted: str, row: Mapping[str, str], path: Path) -> str:
    for name in _COLUMNS[wanted]:
        if name in row:
            return name
    raise UsageError(f"{path}: found columns {list(row)}, expected one of {', '.join(_COLUMNS[wanted])}")


def _case(row: Mapping[str, str], names: Mapping[str, str], where: str) -> Case:
    verdict = (row[names["expected"]] or "").strip().lower()
    if verdict not in _FLAG | _PASS:
        raise UsageError(f"{where}: verdict {verdict!r} is neither of flag, pass (hateful, non-hateful; 1, 0)")
    return Case(
        row[names["functionality"]], row[names["text"]], verdict in _FLAG, row.get("category") or "",
        row.get("identity") or row.get("target_ident") or row.get("group") or "",
        row.get("templ_id") or row.get("templ") or "",
    )  # fmt: skip
