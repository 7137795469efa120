"""Prevalence: the share of documents that the evaluator flags, before and after each intervention.

Before and after are the same documents under two policies, never two samples, so the headline is their *ratio*. It
needs no label, and it is only as good as the evaluator: the grade is "estimated" where filter and evaluator are
independent by data and by family, else "relative", and then the numbers are changes by that evaluator and not
residual prevalence.

Result (estimates are described in `measures.estimate`):

    {
      "grade": "estimated" | "relative" | "not measured",
      "reason": str | null,                            why the grade is not "estimated"
      "evaluated": {"documents": int, "words": int},   documents that the evaluator scored
      "evaluated_share": estimate,                     … of all documents seen
      "lengths": ["0", "1-49", …],
      "thresholds": {CATEGORY: number},                the evaluator's operating thresholds
      "categories": [CATEGORY, …],                     the evaluator's categories in order, and "any" last
      "before": {CATEGORY: {"documents": estimate, "words": estimate, "mean_score": estimate}},
      "interventions": {
        NAME: {
          CATEGORY: {
            "before": estimate, "after": estimate, "ratio": estimate,                     share of documents
            "before_words": estimate, "after_words": estimate, "ratio_words": estimate,   share of words
            "mean_before": estimate, "mean_after": estimate,                              mean score
            "flagged": {"before": int, "after": int},  flagged documents, in numbers
            "caught": estimate,                        share of the flagged documents that the intervention acted on
            "by_length": {BUCKET: {"before": estimate, "after": estimate, "ratio": estimate}}
          }
        }
      },
      "histograms": {
        "edges": [number, …],                          33 edges in logits; counts has one number per gap
        "evaluator": {CATEGORY: {"before": [int, …], "removed": {NAME: [int, …]}}},
        "filter": {"CLASSIFIER.CATEGORY": {"before": [int, …], "removed": {NAME: [int, …]}}}
      }
    }

`ratio` is after / before: 0.2 says that a fifth of the prevalence is left, 1 that nothing changed. "any" flags a
document that any category flags.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from tamis.classifiers.base import FloatMatrix
from tamis.interventions.batch import Batch
from tamis.interventions.measures import counters, prevalence_result
from tamis.interventions.measures.base import Context, State
from tamis.interventions.measures.effects import cut, remaining
from tamis.interventions.measures.histogram import BINS, bins
from tamis.interventions.measures.tally import Page, Tally, View
from tamis.interventions.verdict import Decisions

__all__ = ["Prevalence"]

Rows = NDArray[np.intp]


class Prevalence:
    """Counts what the evaluator flags, before, and what each intervention takes out of it.

    What an intervention takes out is small, so it is what is counted: after = before - lost.
    """

    name: ClassVar[str] = "prevalence"

    def __init__(self, context: Context) -> None:
        self._context = context
        self._thresholds = np.array([context.evaluator_thresholds[name] for name in context.evaluator], np.float32)
        size = len(context.evaluator) + 1
        self._seen = np.zeros(4, dtype=np.int64)
        self._before = Tally(size)
        self._lost = {name: Tally(size) for name in context.interventions}
        self._columns = [("evaluator", category) for category in context.evaluator]
        for name, categories in context.classifiers.items():
            self._columns += [("filter", f"{name}.{category}") for category in categories]
        self._bins = np.zeros((len(self._columns), BINS), dtype=np.int64)
        self._bins_lost = {name: np.zeros_like(self._bins) for name in context.interventions}

    def add(self, batch: Batch, decisions: Mapping[str, Decisions]) -> None:
        """Adds a batch and what each intervention decided on it."""
        if not len(batch):
            return
        scores = self._scores(batch)
        page = Page(batch, View(scores[:, : len(self._thresholds)], self._thresholds))
        found = bins(scores)
        asked = page.view.scored[:, -1]
        self._seen += (len(batch), batch.words.sum(), asked.sum(), batch.words[asked].sum())
        self._before.add(page, page.view, np.flatnonzero(asked), batch.words)
        _count(self._bins, found, 1)
        for name, decided in decisions.items():
            self._lose(name, decided, page, found)

    def _scores(self, batch: Batch) -> FloatMatrix:
        """Returns the documents' scores by `_columns`; the evaluator's are NaN where it was not asked."""
        parts = [scores.document for scores in batch.scores.values()]
        if batch.evaluator is not None and len(self._thresholds):
            own = np.where(batch.evaluated[:, None], batch.evaluator.document, np.float32(np.nan))
            parts = [own, *parts]
        elif len(self._thresholds):
            parts = [np.full((len(batch), len(self._thresholds)), np.nan, np.float32), *parts]
        return np.concatenate(parts, axis=1)

    def _lose(self, name: str, decided: Decisions, page: Page, found: Rows) -> None:
        lost, removed = self._lost[name], np.flatnonzero(decided.removed)
        if removed.size:
            lost.add(page, page.view, removed, page.batch.words)
            lost.add_gone(page, removed)
            _count(self._bins_lost[name], found[removed], 1)
        edited = cut(page.batch, decided)
        if edited.rows.size:
            after = self._after(page.batch, decided, edited.rows)
            view = View(after[:, : len(self._thresholds)], self._thresholds)
            lost.add(page, page.view, edited.rows, page.batch.words)
            lost.add(page, view, edited.rows, page.batch.words[edited.rows] - edited.words, sign=-1)
            _count(self._bins_lost[name], found[edited.rows], 1)
            _count(self._bins_lost[name], bins(after), -1)

    def _after(self, batch: Batch, decided: Decisions, rows: Rows) -> FloatMatrix:
        """Returns the scores of redacted documents, by `_columns`."""
        parts = [remaining(batch, decided, rows, scores) for scores in batch.scores.values()]
        if len(self._thresholds):
            own = np.full((len(rows), len(self._thresholds)), np.nan, np.float32)
            if batch.evaluator is not None:
                own = remaining(batch, decided, rows, batch.evaluator)
                own[~batch.evaluated[rows]] = np.nan
            parts = [own, *parts]
        return np.concatenate(parts, axis=1)

    def state(self) -> State:
        """Returns the mergeable state so far."""
        names = [*self._context.evaluator, "any"]
        return counters.strip(
            {
                "seen": self._seen.tolist(),
                "before": self._before.state(names),
                "lost": {name: lost.state(names) for name, lost in self._lost.items()},
                "bins": self._histogram_state(self._bins),
                "bins_lost": {name: self._histogram_state(lost) for name, lost in self._bins_lost.items()},
            }
        )

    def _histogram_state(self, counts: NDArray[np.int64]) -> State:
        found: State = {"evaluator": {}, "filter": {}}
        for (side, column), row in zip(self._columns, counts, strict=True):
            found[side][column] = counters.sparse(row)
        return found

    @staticmethod
    def merge(*states: State) -> State:
        """Merges states; a bin that redaction emptied and filled again goes back to nothing."""
        found = counters.total(states)
        lost = counters.strip(found.pop("bins_lost", {}))
        return found | {"bins_lost": lost} if lost else found

    @staticmethod
    def result(state: State, context: Context) -> dict[str, Any]:
        """Returns the numbers of report.json; the schema stands at the top of the module."""
        return prevalence_result.build(state, context)


def _count(into: NDArray[np.int64], found: Rows, sign: int) -> None:
    """Adds bins of documents, [m, n_columns] with -1 = no score, to a histogram of each column."""
    flat = (found + np.arange(len(into)) * BINS)[found >= 0]
    if flat.size > 1000:
        into += sign * np.bincount(flat, minlength=into.size).reshape(into.shape)
    else:
        np.add.at(into.reshape(-1), flat, sign)
