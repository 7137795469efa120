"""Texts that are shown to nobody and copied nowhere: sexual content that speaks of minors.

A text is withheld where it may be sexual and has a term of `minor_terms.txt`, as it stands or as a classifier reads it
(disguises undone). Both tests err on the side of withholding: the score from which a text may be sexual is low, and a
text that nobody has scored may be anything.

What rules ask for as `sexual/minors` is closer: how sexual a passage is that has such a term, or stands next to one
that has. There is no training data for it, and there must be none.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from tamis.classifiers.base import BatchScores
from tamis.classifiers.minor_terms import pattern
from tamis.classifiers.passages import Passages
from tamis.interventions.batch import Batch
from tamis.interventions.scope import SEXUAL

__all__ = ["MAY_BE_SEXUAL", "names_a_minor", "scores", "sexual", "showable"]

#: Score of a sexual category from which on a text may be sexual content.
MAY_BE_SEXUAL: Final = 0.02

_UNDONE: Final = "web-1"


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
    chosen = [k for k, one in enumerate(scores.categories) if one.partition("/")[0] == SEXUAL]
    return scores.document[:, chosen] if chosen else None


def scores(cut: Passages, by_classifier: Mapping[str, BatchScores]) -> dict[str, NDArray[np.float32]]:
    """Returns `Batch.minors`, for each classifier that has the category.

    Args:
        cut: The passages of n documents.
        by_classifier: Their scores; those under `MAY_BE_SEXUAL` count as 0 here.
    """
    columns = {
        name: one.passage[:, one.categories.index(SEXUAL)]
        for name, one in by_classifier.items() if SEXUAL in one.categories
    }  # fmt: skip
    with np.errstate(invalid="ignore"):
        chosen = {name: column >= MAY_BE_SEXUAL for name, column in columns.items()}
    near = _near(cut, np.logical_or.reduce([*chosen.values()])) if chosen else np.zeros(0, np.bool_)
    found: dict[str, NDArray[np.float32]] = {}
    for name, column in columns.items():
        one, rows = by_classifier[name], np.flatnonzero(chosen[name] & near)
        values = np.zeros(len(one.document), np.float32)
        np.maximum.at(values, cut.owner()[rows], column[rows])
        values[np.isnan(one.document[:, one.categories.index(SEXUAL)])] = np.nan
        found[name] = values
    return found


def _near(cut: Passages, chosen: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Says which of some passages have a term, or stand beside one of their document that has, bool [n_passages]."""
    owner = cut.owner()
    same = owner[1:] == owner[:-1]
    asked = chosen.copy()
    asked[1:] |= chosen[:-1] & same
    asked[:-1] |= chosen[1:] & same
    near = _named(cut, asked)
    named = near.copy()
    near[1:] |= named[:-1] & same
    near[:-1] |= named[1:] & same
    return near & chosen


def showable(batch: Batch) -> NDArray[np.bool_]:
    """Says which documents' text may be shown, masked, bool [n]: not of those that may be sexual and name a minor."""
    hidden = np.zeros(len(batch), np.bool_)
    rows = np.flatnonzero(sexual(batch))
    hidden[rows] = _named_texts([batch.texts[i] for i in rows.tolist()])
    for scores in batch.minors.values():
        hidden |= ~(scores <= 0)
    return ~hidden


def names_a_minor(text: str) -> bool:
    """Tells whether a text has a term that says that a person is a minor."""
    return bool(_named_texts([text])[0])


def _named_texts(texts: Sequence[str]) -> NDArray[np.bool_]:
    return _named(Passages.of(texts), np.ones(len(texts), np.bool_))


def _named(cut: Passages, asked: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Says which of some passages have such a term, as they stand or with disguises undone, bool [n_passages]."""
    found = np.zeros(len(cut), np.bool_)
    # The normaliser sets punctuation apart, which some patterns want as it is.
    rows = np.flatnonzero(asked)
    found[rows] = _with_term(cut.data, cut.bounds, rows)
    rows = rows[~found[rows]]
    if 2 * rows.size >= len(cut) or cut.has(_UNDONE):
        found[rows] = _with_term(*cut.buffer(_UNDONE), rows)
    else:
        chosen = np.zeros(len(cut), np.bool_)
        chosen[rows] = True
        found[rows] = _with_term(*cut.normalised(_UNDONE, chosen), np.arange(rows.size))
    return found


def _with_term(data: NDArray[np.uint8], bounds: NDArray[np.int64], rows: NDArray[np.intp]) -> NDArray[np.bool_]:
    """Says which stretches of a buffer have a term, bool [m]: they are searched in one go, as a search has a price."""
    held, starts, ends = data.data, bounds[rows].tolist(), bounds[rows + 1].tolist()
    pieces = [held[start:end] for start, end in zip(starts, ends, strict=True)]
    # No pattern matches this byte: a term ends where its passage does.
    joined = b"\0".join(pieces)
    last = np.cumsum([len(piece) + 1 for piece in pieces])
    hits = np.searchsorted(last, [match.start() for match in pattern().finditer(joined)], side="right")
    found = np.zeros(rows.size, np.bool_)
    found[hits] = True
    return found
