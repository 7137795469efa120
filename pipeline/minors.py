"""Texts that are shown to nobody and copied nowhere: sexual content that speaks of minors.

A text is withheld where it may be sexual and has a term of `minor_terms.txt`, as it stands or as a classifier reads it
(disguises undone). Both tests err on the side of withholding: the score from which a text may be sexual is low, and a
text that nobody has scored may be anything.
"""

from __future__ import annotations

from functools import cache
from importlib import resources
from typing import Any, Final

import numpy as np
import re2
from numpy.typing import NDArray

from tamis.classifiers.base import BatchScores
from tamis.classifiers.passages import Passages
from tamis.interventions.batch import Batch

__all__ = ["MAY_BE_SEXUAL", "names_a_minor", "sexual"]

#: Score of a sexual category from which on a text may be sexual content.
MAY_BE_SEXUAL: Final = 0.02

_CATEGORY: Final = "sexual"


def sexual(batch: Batch) -> NDArray[np.bool_]:
    """Says which documents may be sexual content, bool [n]: by any classifier or the evaluator, or by none of them.

    Args:
        batch: The documents, with scores.
    """
    parts = [_columns(scores) for scores in (*batch.scores.values(), *([batch.evaluator] if batch.evaluator else []))]
    found = np.concatenate([part for part in parts if part is not None] or [np.full((len(batch), 1), np.nan)], axis=1)
    with np.errstate(invalid="ignore"):
        return np.asarray((found >= MAY_BE_SEXUAL).any(axis=1) | np.isnan(found).all(axis=1))


def _columns(scores: BatchScores) -> NDArray[np.float32] | None:
    chosen = [k for k, one in enumerate(scores.categories) if one.partition("/")[0] == _CATEGORY]
    return scores.document[:, chosen] if chosen else None


def names_a_minor(text: str) -> bool:
    """Tells whether a text has a term that says that a person is a minor."""
    data, _ = Passages.of([text]).buffer("web-1")
    plain = text.encode("utf-8", "replace").decode()
    # The normaliser sets punctuation apart, which some patterns want as it is.
    return any(_pattern().search(one) is not None for one in (plain, data.tobytes().decode("utf-8", "replace")))


@cache
def _pattern() -> Any:
    listed = (resources.files("tamis.classifiers") / "data" / "minor_terms.txt").read_text(encoding="utf-8")
    lines = [line for line in listed.splitlines() if line and not line.startswith("#")]
    return re2.compile("(?i)" + "|".join(f"(?:{_alternative(line)})" for line in lines))


def _alternative(line: str) -> str:
    if line.startswith("re:"):
        return line.removeprefix("re:")
    escaped: str = re2.escape(line)
    return r"\b" + escaped.replace(r"\ ", "[ -]") + r"s?\b"
