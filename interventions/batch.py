"""The columns that interventions decide on and measures add up: a batch of documents in shard order."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from tamis.classifiers.base import BatchScores
    from tamis.classifiers.passages import Passages
    from tamis.interventions.mentions import Mentions

__all__ = ["Batch"]

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Batch:
    """Columns of n documents, in shard order.

    Attributes:
        ids: Document ids.
        keys: 64-bit hash of each id, uint64 [n]: every sampling decision is a function of it and a salt.
        texts: Document texts.
        passages: The passages of all documents, with character offsets into `texts`.
        sources: Source of each document, "" where the corpus names none.
        domains: Registered host of each document's url, "" where there is none.
        languages: ISO 639-1 code of each document, "und" where undetermined.
        bytes: Size of each text in UTF-8, int64 [n].
        words: White-space separated words of each text, int64 [n].
        scores: Scores of each classifier of the plan, by the name that the plan gives it.
        evaluator: Scores of the evaluator; documents outside `evaluated` are NaN there.
        evaluated: Which documents the evaluator was asked about, bool [n].
        fields: Further record fields that rules refer to, by the name used in the plan; None where absent.
        mentions: What the documents are about; None where nobody has looked.
        minors: For each classifier with the category `sexual`, its highest score of a passage of the document that
            speaks of minors, or stands next to one that does; 0 where there is none, float32 [n], NaN = unscored.
        showable: Which documents' text may be shown, masked, where the plan asks for excerpts, bool [n]; None where
            nobody has looked, and so none may.
    """

    ids: Sequence[str]
    keys: NDArray[np.uint64]
    texts: Sequence[str]
    passages: Passages
    sources: Sequence[str]
    domains: Sequence[str]
    languages: Sequence[str]
    bytes: NDArray[np.int64]
    words: NDArray[np.int64]
    scores: Mapping[str, BatchScores]
    evaluator: BatchScores | None
    evaluated: NDArray[np.bool_]
    fields: Mapping[str, Sequence[object]] = field(default_factory=dict)
    mentions: Mentions | None = None
    minors: Mapping[str, NDArray[np.float32]] = field(default_factory=dict)
    showable: NDArray[np.bool_] | None = None
    _made: dict[str, Any] = field(default_factory=dict, init=False, repr=False, compare=False)

    def __len__(self) -> int:
        return len(self.ids)

    def once(self, name: str, make: Callable[[Batch], T]) -> T:
        """Returns a column that several measures need, made by the first of them that asks for it.

        Args:
            name: Its name; different columns have different ones.
            make: make(batch) -> the column.
        """
        if name not in self._made:
            self._made[name] = make(self)
        found: T = self._made[name]
        return found
