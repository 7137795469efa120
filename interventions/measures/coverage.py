"""Coverage: which documents got no score, from whom, and why. An unscored document is not a clean one.

Result (estimates are described in `measures.estimate`):

    {
      "documents": int, "words": int,                  seen
      "classifiers": {NAME: SCORED},                   one per classifier of the plan
      "evaluator": SCORED | null,                      over the documents that it was asked about; null: no evaluator
      "languages": {CODE: {"documents": int, "words": int, "share": estimate,
                           "unscored": {NAME: int}}}   documents that classifier NAME left unscored
    }

    SCORED = {
      "asked": int, "scored": int, "unscored": int,    documents
      "share_unscored": estimate,                      of documents
      "share_unscored_words": estimate,                of words
      "reasons": {"empty" | "language" | "failed": {"documents": int, "words": int}}     all three, always
    }
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Final

import numpy as np
from numpy.typing import NDArray

from tamis.classifiers.base import BatchScores, Unscored
from tamis.interventions.batch import Batch
from tamis.interventions.measures import counters
from tamis.interventions.measures.base import Context, State
from tamis.interventions.measures.estimate import census
from tamis.interventions.measures.estimate import missing as no_estimate
from tamis.interventions.verdict import Decisions

__all__ = ["Coverage"]

_REASONS: Final = tuple(reason for reason in Unscored if reason is not Unscored.SCORED)
_CODES: Final = len(Unscored)
_LONGEST: Final = 8


class Coverage:
    """Counts documents and words by why they have no score."""

    name: ClassVar[str] = "coverage"

    def __init__(self, context: Context) -> None:
        self._context = context
        self._seen = np.zeros(2, dtype=np.int64)
        self._reasons = {name: np.zeros(2 * _CODES, dtype=np.int64) for name in context.classifiers}
        self._asked = np.zeros(2 * _CODES, dtype=np.int64)
        self._languages: dict[str, NDArray[np.int64]] = {}

    def add(self, batch: Batch, decisions: Mapping[str, Decisions]) -> None:  # noqa: ARG002
        """Adds a batch; what was decided plays no part."""
        if not len(batch):
            return
        self._seen += (len(batch), batch.words.sum())
        for name, counts in self._reasons.items():
            counts += _by_reason(batch.scores[name], batch.words)
        if batch.evaluator is not None:
            asked = batch.evaluated
            self._asked += _by_reason(batch.evaluator, batch.words, asked)
        self._add_languages(batch)

    def _add_languages(self, batch: Batch) -> None:
        """Adds documents, words and documents unscored by each classifier, by language."""
        index: dict[str, int] = {}
        codes = np.array([index.setdefault(language, len(index)) for language in batch.languages], dtype=np.intp)
        unscored = [batch.scores[name].unscored != 0 for name in self._reasons]
        columns = [np.ones(len(batch), np.int64), batch.words, *unscored]
        counts = np.stack([np.bincount(codes, column, len(index)) for column in columns], axis=1).astype(np.int64)
        for language, row in zip(index, counts, strict=True):
            name = _clean(language)
            self._languages[name] = row + self._languages[name] if name in self._languages else row

    def state(self) -> State:
        """Returns the mergeable state so far."""
        return counters.strip(
            {
                "seen": self._seen.tolist(),
                "classifiers": {name: counts.tolist() for name, counts in self._reasons.items()},
                "evaluator": self._asked.tolist(),
                "languages": {language: counts.tolist() for language, counts in self._languages.items()},
            }
        )

    @staticmethod
    def merge(*states: State) -> State:
        """Merges states."""
        return counters.total(states)

    @staticmethod
    def result(state: State, context: Context) -> dict[str, Any]:
        """Returns the numbers of report.json; the schema stands at the top of the module."""
        documents, words = state.get("seen", (0, 0))
        found = state.get("classifiers", {})
        return {
            "documents": documents,
            "words": words,
            "classifiers": {name: _scored(found.get(name)) for name in context.classifiers},
            "evaluator": _scored(state.get("evaluator")) if context.evaluator else None,
            "languages": {
                language: _language(counts, documents, context)
                for language, counts in sorted(
                    state.get("languages", {}).items(), key=lambda item: (-item[1][0], item[0])
                )
            },
        }


def _by_reason(
    scores: BatchScores, words: NDArray[np.int64], asked: NDArray[np.bool_] | None = None
) -> NDArray[np.int64]:
    """Returns documents and words by `Unscored` code, int64 [2 * n_codes]."""
    codes = scores.unscored if asked is None else scores.unscored[asked]
    weights = words if asked is None else words[asked]
    counts = np.concatenate([np.bincount(codes, minlength=_CODES), np.bincount(codes, weights, _CODES)])
    return counts.astype(np.int64)


def _clean(language: str) -> str:
    """Keeps what can be a language code, so that a hostile field cannot fill the state."""
    return language if len(language) <= _LONGEST and language.isascii() and language.isprintable() else "other"


def _scored(counts: list[int] | None) -> dict[str, Any]:
    counts = counts or [0] * (2 * _CODES)
    documents, words = counts[:_CODES], counts[_CODES:]
    asked, unscored = sum(documents), sum(documents[1:])
    return {
        "asked": asked,
        "scored": asked - unscored,
        "unscored": unscored,
        "share_unscored": _share(unscored, asked, asked),
        "share_unscored_words": _share(sum(words[1:]), sum(words), asked),
        "reasons": {
            reason.name.lower(): {"documents": documents[reason], "words": words[reason]} for reason in _REASONS
        },
    }


def _share(part: int, whole: int, documents: int) -> dict[str, Any]:
    return census(part / whole, n=documents) if whole else no_estimate("no documents", grade="not measured")


def _language(counts: list[int], documents: int, context: Context) -> dict[str, Any]:
    return {
        "documents": counts[0],
        "words": counts[1],
        "share": _share(counts[0], documents, documents),
        "unscored": dict(zip(context.classifiers, counts[2:], strict=True)),
    }
