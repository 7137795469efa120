"""What is said of a document that was found in a run: where it lies, what was decided on it and why."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from tamis.classifiers.base import FloatMatrix
from tamis.classifiers.errors import UsageError
from tamis.interventions.batch import Batch
from tamis.interventions.rules import Intervention
from tamis.interventions.stored import StoredPassages
from tamis.interventions.verdict import Action
from tamis.pipeline import minors
from tamis.pipeline.decided_run import Page
from tamis.pipeline.wording import nearest

__all__ = ["Finding", "Highest", "findings"]

#: Categories whose text is shown on request only, and the score from which on a document is of them.
_CLOSED: Final = ("sexual", "self_harm")
_FLAGGED: Final = 0.3


@dataclass(frozen=True, slots=True)
class Finding:
    """A document that was found.

    Attributes:
        shard: Its shard.
        number: Its record in the shard.
        id: Its id.
        key: Hash of its id.
        source: Its source.
        language: Its language.
        chars: Length of its text in characters.
        action: What was done.
        rule: Label of the rule that decided, None where none did.
        classifier: The classifier whose score decided, or is the highest.
        category: Its category.
        score: The score, None where the document has none.
        threshold: What it was compared with, None where no score decided.
        span: Characters of the passage that scores highest in the category; all where none is stored.
        sexual: Whether it may be sexual content, see `minors`.
        closed: Whether its text is shown on request only.
        quarantined: Whether its text is shown to nobody, as it is in quarantine by a rule.
    """

    shard: str
    number: int
    id: str
    key: int
    source: str
    language: str
    chars: int
    action: str
    rule: str | None
    classifier: str
    category: str
    score: float | None
    threshold: float | None
    span: tuple[int, int]
    sexual: bool
    closed: bool
    quarantined: bool


class Highest:
    """The highest score of each document of a batch, over all categories of all classifiers or over one of them.

    Attributes:
        pairs: (classifier, category) of each column.
        scores: The highest score of each document, float32 [n]; NaN = unscored.
        column: Its column, intp [n].

    Raises:
        UsageError: No classifier has the category.
    """

    def __init__(self, batch: Batch, category: str | None = None) -> None:
        pairs = [(name, one) for name, scores in batch.scores.items() for one in scores.categories]
        self.pairs = [pair for pair in pairs if category is None or pair[1] == category]
        if not self.pairs:
            names = {one for _, one in pairs}
            raise UsageError(f"`--category {category}` is not a category of this run{nearest(str(category), names)}")
        columns = [_column(batch, name, one) for name, one in self.pairs]
        scores: FloatMatrix = np.stack(columns, axis=1)
        self.scores: NDArray[np.float32] = np.fmax.reduce(scores, axis=1)
        self.column = np.where(np.isnan(scores), np.float32(-1), scores).argmax(axis=1)


def _column(batch: Batch, name: str, category: str) -> NDArray[np.float32]:
    scores = batch.scores[name]
    return scores.document[:, scores.categories.index(category)]


def findings(page: Page, rows: Sequence[int], intervention: Intervention, shown: Highest | None) -> list[Finding]:
    """Returns what is said of some documents.

    Args:
        page: Documents and what was decided on them.
        rows: Which.
        intervention: What decided.
        shown: The scores to be shown; None = those that decided.
    """
    sexual, top = minors.sexual(page.stored.batch), shown or Highest(page.stored.batch)
    closed = _closed(page.stored.batch)
    return [_finding(page, i, intervention, top, shown is None, bool(sexual[i]), bool(closed[i])) for i in rows]


def _closed(batch: Batch) -> NDArray[np.bool_]:
    found = np.zeros(len(batch), np.bool_)
    for name, scores in batch.scores.items():
        for category in scores.categories:
            if category.partition("/")[0] in _CLOSED:
                found |= _column(batch, name, category) >= _FLAGGED
    return found


def _finding(
    page: Page, i: int, intervention: Intervention, top: Highest, deciding: bool, sexual: bool, closed: bool
) -> Finding:
    batch, decided = page.stored.batch, page.decided
    rule, condition, chars = int(decided.rule[i]), int(decided.condition[i]), int(page.stored.chars[i])
    (classifier, category), score, threshold = top.pairs[int(top.column[i])], float(top.scores[i]), None
    if condition >= 0 and deciding:
        classifier, category, threshold = intervention.conditions[condition]
        score, category = float(decided.score[i]), category.removeprefix("share.")
    return Finding(
        shard=page.shard,
        number=int(page.stored.numbers[i]),
        id=batch.ids[i],
        key=int(batch.keys[i]),
        source=batch.sources[i],
        language=batch.languages[i],
        chars=chars,
        action=Action(int(decided.action[i])).name.lower(),
        rule=intervention.labels[rule] if rule >= 0 else None,
        classifier=classifier,
        category=category,
        score=None if np.isnan(score) else round(score, 5),
        threshold=threshold,
        span=_span(batch, i, classifier, category) or (0, chars),
        sexual=sexual,
        closed=closed or category.partition("/")[0] in _CLOSED,
        quarantined=bool(page.quarantined[i]),
    )


def _span(batch: Batch, i: int, classifier: str, category: str) -> tuple[int, int] | None:
    """Returns the stored passage that scores highest in a category, or in any; None where none is stored."""
    passages = batch.passages
    assert isinstance(passages, StoredPassages)
    first, last = passages.document[i : i + 2].tolist()
    own = np.arange(first, last)[passages.passage_bytes[first:last] > 0]
    if not own.size:
        return None
    scores = batch.scores[classifier]
    matrix = scores.passage[own]
    values = matrix.max(axis=1) if category == "any" else matrix[:, scores.categories.index(category)]
    best = int(own[int(np.nan_to_num(values, nan=-1.0).argmax())])
    return int(passages.start[best]), int(passages.end[best])
