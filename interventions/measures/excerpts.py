"""Excerpts, where the plan asks for them: a few passages by rule and category, drawn by hash and masked.

Nobody picks them: of each group the documents of the lowest priorities, a hash of their ids, so that the same corpus
gives the same ones and a retried shard changes nothing. Three kinds of groups are of the intervention that the report
is about: what each rule acted on, by the category that decided; what it acted on although the evaluator finds it
clean; what it left although the evaluator flags it.

A text is taken only where `Batch.showable` says so; where nobody has looked, none is. What is taken is the passage that
scores highest, at most `CAP` characters, on one line, with slurs, addresses, handles and long numbers masked: neither
receipts nor report ever hold more of it.

    state   {"k": int, "groups": {GROUP: [[priority, [key, category, score, closed, text]], …]}}
    result  {"each": k, "intervention": NAME, "rules": {RULE: {CATEGORY: [ITEM, …]}}, "clean": [ITEM, …],
             "left": [ITEM, …]}

    ITEM = {"document": hash of its id, "category", "score", "closed": bool, "text"}

"closed" texts (of sexual content or self-harm) are shown on a second request. Without excerpts state and result are
empty.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Final

import numpy as np
from numpy.typing import NDArray

from tamis.classifiers.base import BatchScores
from tamis.interventions import masking, sampling
from tamis.interventions.batch import Batch
from tamis.interventions.measures.base import Context, State
from tamis.interventions.measures.judged import judge
from tamis.interventions.sampling import Entry
from tamis.interventions.verdict import Action, Decisions

__all__ = ["CAP", "Excerpts"]

#: Characters of an excerpt.
CAP: Final = 300

#: Categories whose text is shown on a second request, and the score from which on a document is of them.
_CLOSED: Final = ("sexual", "self_harm")
_FLAGGED: Final = 0.3
_SALT: Final = "excerpts"
_CLEAN, _LEFT = "clean", "left"


class Excerpts:
    """Accumulates excerpts of the intervention that the report is about."""

    name: ClassVar[str] = "excerpts"

    def __init__(self, context: Context) -> None:
        self._context = context
        self._lead = context.lead
        self._groups: dict[str, list[Entry]] = {}

    def add(self, batch: Batch, decisions: Mapping[str, Decisions]) -> None:
        """Adds a batch."""
        k = self._context.excerpts
        if not k or batch.showable is None or self._lead not in decisions:
            return
        numbers = sampling.priorities(batch.keys, _SALT)
        for group, rows, source in _groups(batch, decisions[self._lead], self._context, self._lead):
            rows = rows[batch.showable[rows]]
            items = _Items(batch, rows, source)
            self._groups[group] = sampling.bottom(k, numbers[rows], items, self._groups.get(group, ()))

    def state(self) -> State:
        """Returns the excerpts so far."""
        groups = {group: entries for group, entries in sorted(self._groups.items()) if entries}
        return {"k": self._context.excerpts, "groups": groups} if groups else {}

    @staticmethod
    def merge(*states: State) -> State:
        """Merges states: of each group those of the lowest priorities."""
        k = max((state["k"] for state in states if state), default=0)
        groups: dict[str, list[Entry]] = {}
        for state in states:
            for group, entries in state.get("groups", {}).items():
                groups[group] = sampling.merge_bottom(k, groups.get(group, ()), entries)
        return {"k": k, "groups": dict(sorted(groups.items()))} if groups else {}

    @staticmethod
    def result(state: State, context: Context) -> dict[str, Any]:
        """Returns the excerpts by rule and category; see the top of the module."""
        name, groups = context.lead, state.get("groups", {})
        if not groups:
            return {}
        rules: dict[str, dict[str, list[Any]]] = {}
        for group, entries in groups.items():
            if group not in (_CLEAN, _LEFT):
                index, _, category = group.partition("/")
                label = context.interventions[name][int(index)]
                rules.setdefault(label, {})[category] = [_told(entry) for entry in entries]
        both = {kind: [_told(entry) for entry in groups.get(kind, ())] for kind in (_CLEAN, _LEFT)}
        return {"each": context.excerpts, "intervention": name, "rules": rules, **both}


def _told(entry: Entry) -> dict[str, Any]:
    key, category, score, closed, text = entry[1]
    return {"document": f"{key:016x}", "category": category, "score": score, "closed": bool(closed), "text": text}


@dataclass(frozen=True, slots=True)
class _Column:
    """Whose scores choose the passage: a classifier's or the evaluator's, of a category or of any."""

    scores: BatchScores | None
    category: str

    def of(self, passages: slice) -> NDArray[np.float32]:
        """Returns the score of each passage of a document."""
        if self.scores is None:
            return np.zeros(passages.stop - passages.start, np.float32)
        matrix = self.scores.passage[passages]
        if self.category in self.scores.categories:
            return np.asarray(matrix[:, self.scores.categories.index(self.category)])
        return np.asarray(np.fmax.reduce(matrix, axis=1))


class _Items(Sequence[Any]):
    """Excerpts of some documents of a batch, made when they are asked for: few of them get in."""

    def __init__(self, batch: Batch, rows: NDArray[np.intp], column: _Column) -> None:
        self._batch, self._rows, self._column = batch, rows, column

    def __len__(self) -> int:
        return len(self._rows)

    def __getitem__(self, at: Any) -> Any:
        i, batch = int(self._rows[at]), self._batch
        first, last = batch.passages.document[i : i + 2].tolist()
        scores = np.nan_to_num(self._column.of(slice(first, last)), nan=-1.0)
        best = first + int(scores.argmax()) if scores.size else None
        text = "" if best is None else batch.passages[best]
        score = None if best is None or self._column.scores is None else round(float(scores.max()), 4)
        closed = self._column.category in _CLOSED or _of_closed(batch, i)
        return [int(batch.keys[i]), self._column.category, score, int(closed), masking.excerpt(text, CAP)]


def _of_closed(batch: Batch, i: int) -> bool:
    """Says whether a document is of a closed category, by any classifier or the evaluator."""
    for scores in (*batch.scores.values(), *([batch.evaluator] if batch.evaluator is not None else [])):
        for k, category in enumerate(scores.categories):
            if category.partition("/")[0] in _CLOSED and scores.document[i, k] >= _FLAGGED:
                return True
    return False


def _groups(
    batch: Batch, decided: Decisions, context: Context, name: str
) -> Iterator[tuple[str, NDArray[np.intp], _Column]]:
    """Yields each group: its documents, and whose scores choose the passage."""
    acted = (decided.action != Action.KEEP) & (decided.action != Action.QUARANTINE)
    conditions = context.conditions[name]
    pairs = {(int(decided.rule[i]), int(decided.condition[i])) for i in np.flatnonzero(acted)}
    for rule, condition in sorted(pairs):
        rows = np.flatnonzero(acted & (decided.rule == rule) & (decided.condition == condition))
        column = _column(batch, conditions[condition] if condition >= 0 else None)
        yield f"{rule}/{column.category}", rows, column
    judged, evaluator = judge(batch, context.evaluator_thresholds), _Column(batch.evaluator, "any")
    yield _CLEAN, np.flatnonzero(acted & judged.clean), evaluator
    yield _LEFT, np.flatnonzero((decided.action == Action.KEEP) & judged.any), evaluator


def _column(batch: Batch, condition: tuple[str, str, float] | None) -> _Column:
    if condition is None:
        return _Column(None, "no score")
    classifier, category, _ = condition
    return _Column(batch.scores.get(classifier), category.removeprefix("share."))
