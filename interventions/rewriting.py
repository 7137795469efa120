"""New texts for documents that an intervention rewrites: passages taken out, control tokens put in.

Text that stays is copied as it was, character for character: passages partition a document, so whatever is not
redacted is the original text between two offsets.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from tamis.interventions.actions import Options
from tamis.interventions.batch import Batch
from tamis.interventions.verdict import Action, Decisions

__all__ = ["Mark", "redacted_spans", "rewrite"]

#: What is done to a stretch of a document: (start, end, `Action` code).
Mark = tuple[int, int, int]


def marks(batch: Batch, decisions: Decisions, i: int) -> list[Mark]:
    """Returns what is done to the passages of document i, in order."""
    first, last = batch.passages.document[i : i + 2].tolist()
    starts, ends = batch.passages.start[first:last].tolist(), batch.passages.end[first:last].tolist()
    return list(zip(starts, ends, decisions.passages[first:last].tolist(), strict=True))


def redacted_spans(batch: Batch, decisions: Decisions) -> Iterator[tuple[int, list[tuple[int, int]]]]:
    """Yields each document with redacted passages and their character spans, neighbours joined."""
    hits = np.flatnonzero(decisions.passages == Action.REDACT)
    owners = np.unique(np.searchsorted(batch.passages.document, hits, side="right") - 1)
    for i in owners.tolist():
        yield i, [(start, end) for start, end, code in _joined(marks(batch, decisions, i)) if code == Action.REDACT]


def _joined(found: Sequence[Mark]) -> list[Mark]:
    """Joins neighbouring redacted passages; stored ones may have others between them that were not stored."""
    joined: list[Mark] = []
    for start, end, code in found:
        if code == Action.REDACT and joined and joined[-1][1:] == (start, code):
            joined[-1] = (joined[-1][0], end, code)
        else:
            joined.append((start, end, code))
    return joined


def rewrite(text: str, found: Sequence[Mark], replace: str, tokens: Options | None, bad: bool | None) -> str:
    """Returns the new text of a document.

    Args:
        text: Its text.
        found: What is done to its passages.
        replace: What stands in for a redacted stretch.
        tokens: Options of `control_token`, None where the intervention has no such rule.
        bad: Whether a `control_token` rule fired; None: not known, and no token is put in.
    """
    if tokens is None or bad is None:
        return _cut(text, _joined(found), replace)
    if tokens["per"] == "document":
        return str(tokens["bad" if bad else "good"]) + _cut(text, _joined(found), replace)
    prefixes = {code: str(tokens["bad" if code == Action.CONTROL_TOKEN else "good"]) for code in Action}
    return "".join(
        replace if code == Action.REDACT else prefixes[Action(code)] + text[start:end]
        for start, end, code in _joined(found)
    )


def _cut(text: str, found: Sequence[Mark], replace: str) -> str:
    if not found:
        return text
    return "".join(replace if code == Action.REDACT else text[start:end] for start, end, code in found)
