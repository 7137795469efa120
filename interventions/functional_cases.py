"""The sentences of the functional tests: which template each is from, and the plain texts that they are embedded in."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Final

from tamis.classifiers.functional import Case, read_cases

__all__ = ["SETTINGS", "Suite", "carriers", "suite"]

#: How a sentence is shown to the policy: by itself, and as a paragraph of a longer text.
SETTINGS: Final = ("alone", "embedded")

_PART: Final = "===="
_PLACE: Final = "%"


@dataclass(frozen=True, slots=True)
class Suite:
    """The sentences of a suite.

    Attributes:
        cases: Them.
        templates: Template of each, a number: sentences of one template differ in the identity that they name only.
        sha256: Digest of the file and of the carriers.
    """

    cases: Sequence[Case]
    templates: Sequence[int]
    sha256: str

    def texts(self) -> list[str]:
        """Returns every sentence by itself, then embedded, then the carriers without one."""
        plain = carriers()
        embedded = [
            plain[template % len(plain)].replace(_PLACE, case.text)
            for case, template in zip(self.cases, self.templates, strict=True)
        ]
        empty = [carrier.replace(f"{_PLACE}\n\n", "") for carrier in plain]
        return [*(case.text for case in self.cases), *embedded, *empty]


@cache
def carriers() -> tuple[str, ...]:
    """Returns the texts that sentences are embedded in, with a mark where they go."""
    parts = tuple(part.strip() for part in _carriers().split(_PART))
    if any(part.count(_PLACE) != 1 for part in parts):
        raise ValueError("each carrier has one place for a sentence")
    return parts


def _carriers() -> str:
    return (resources.files("tamis.interventions") / "data" / "carriers_en.txt").read_text(encoding="utf-8")


@cache
def suite() -> Suite:
    """Returns the suite that ships with tamis."""
    path = Path(str(resources.files("tamis.classifiers") / "data" / "functional_en.csv"))
    cases = read_cases(path)
    digest = hashlib.sha256(path.read_bytes() + _carriers().encode()).hexdigest()
    return Suite(cases, _templates(cases), digest)


def _templates(cases: Sequence[Case]) -> list[int]:
    """Numbers the templates: the k-th sentence of a functionality about an identity is from its k-th template."""
    numbers: dict[tuple[str, int], int] = {}
    counts: dict[tuple[str, str], int] = {}
    found: list[int] = []
    for case in cases:
        if not case.identity:
            found.append(_next(numbers, ("", len(found))))
            continue
        place = counts[case.functionality, case.identity] = counts.get((case.functionality, case.identity), -1) + 1
        found.append(_next(numbers, (case.functionality, place)))
    return found


def _next(numbers: dict[tuple[str, int], int], key: tuple[str, int]) -> int:
    return numbers.setdefault(key, len(numbers))
