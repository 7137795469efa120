"""The numbers of `measures.prevalence` from its state."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from tamis.interventions.measures.base import Context, State
from tamis.interventions.measures.clusters import GROUPS, MINIMUM, Before, Lost, level, mean, ratio
from tamis.interventions.measures.counters import dense
from tamis.interventions.measures.estimate import Grade, census, missing
from tamis.interventions.measures.histogram import BINS, COARSE_EDGES, coarsen
from tamis.interventions.measures.lengths import BUCKETS
from tamis.interventions.measures.tally import SCALE

__all__ = ["Part", "build", "grade_of", "parts"]


def grade_of(context: Context) -> tuple[str, str | None]:
    """Returns the grade that a run's evaluator allows, and why it is not a better one."""
    if not context.evaluator:
        return Grade.NOT_MEASURED, "the plan names no evaluator"
    if not context.independent:
        return Grade.RELATIVE, "the evaluator is not independent of the filter: it shares the filter's errors"
    return Grade.ESTIMATED, None


def build(state: State, context: Context) -> dict[str, Any]:
    """Returns the result of `Prevalence`; the schema stands at the top of `measures.prevalence`."""
    grade, reason = grade_of(context)
    seen, _, asked, asked_words = state.get("seen", (0, 0, 0, 0))
    names = [*context.evaluator, "any"] if context.evaluator else []
    before = parts(state.get("before", {}), names)
    return {
        "grade": grade,
        "reason": reason,
        "evaluated": {"documents": asked, "words": asked_words},
        "evaluated_share": census(asked / seen, n=seen) if seen else missing("no documents"),
        "lengths": list(BUCKETS),
        "thresholds": {name: float(context.evaluator_thresholds[name]) for name in context.evaluator},
        "categories": names,
        "before": {
            name: {
                "documents": level(part.documents(), grade),
                "words": level(part.words(), grade),
                "mean_score": part.mean(grade),
            }
            for name, part in before.items()
        },
        "interventions": {
            name: _intervention(before, parts(state.get("lost", {}).get(name, {}), names), grade)
            for name in context.interventions
        },
        "histograms": _histograms(state, context),
    }


class Part:
    """The sums of one category, and what can be read off them."""

    def __init__(self, state: State) -> None:
        groups, sums = state.get("groups", {}), state.get("sums", {})
        self.n, self.total_words, self.flagged, self.flagged_words = (
            np.array(groups.get(key, [0] * GROUPS), dtype=np.int64)
            for key in ("n", "words", "flagged", "flagged_words")
        )
        self.lengths = {
            key: np.array(state.get("lengths", {}).get(key, [0] * len(BUCKETS)), dtype=np.int64)
            for key in ("n", "flagged", "gone")
        }
        self.sums = {key: int(sums.get(key, 0)) for key in ("scores", "squares", "words_squares", "gone")}

    def without(self, lost: Part) -> Part:
        """Returns the sums after an intervention."""
        found = Part({})
        found.n, found.total_words = self.n - lost.n, self.total_words - lost.total_words
        found.flagged, found.flagged_words = self.flagged - lost.flagged, self.flagged_words - lost.flagged_words
        found.lengths = {key: counts - lost.lengths[key] for key, counts in self.lengths.items()}
        found.sums = {key: count - lost.sums[key] for key, count in self.sums.items()}
        return found

    def shared_with(self, every: Part) -> Part:
        """Returns the sums with `SHARED` ones as the differences from another's that they were stored as."""
        self.n, self.total_words = every.n - self.n, every.total_words - self.total_words
        self.lengths["n"] = every.lengths["n"] - self.lengths["n"]
        self.sums["words_squares"] = every.sums["words_squares"] - self.sums["words_squares"]
        return self

    def documents(self) -> Before:
        """Returns counts of documents."""
        n, flagged = int(self.n.sum()), int(self.flagged.sum())
        return Before(self.n, self.flagged, n, flagged, n)

    def words(self) -> Before:
        """Returns counts of words."""
        n, flagged = int(self.n.sum()), int(self.flagged.sum())
        return Before(self.total_words, self.flagged_words, n, flagged, self.sums["words_squares"])

    def length(self, k: int) -> Before:
        """Returns counts of the documents of a length bucket, without groups."""
        n, flagged = self.lengths["n"][k : k + 1], self.lengths["flagged"][k : k + 1]
        return Before(n, flagged, int(n[0]), int(flagged[0]), int(n[0]))

    def mean(self, grade: str) -> dict[str, Any]:
        """Returns the mean score."""
        return mean(self.documents(), self.sums["scores"] / SCALE, self.sums["squares"] / SCALE**2, grade)


def parts(state: State, names: Sequence[str]) -> dict[str, Part]:
    """Returns the sums of each category, undoing the differences of `Tally.state`."""
    found = {name: Part(state.get(name, {})) for name in names}
    return {name: part if name == "any" else part.shared_with(found["any"]) for name, part in found.items()}


def _intervention(before: Mapping[str, Part], lost: Mapping[str, Part], grade: str) -> dict[str, Any]:
    return {name: _category(part, lost[name], grade) for name, part in before.items()}


def _category(before: Part, lost: Part, grade: str) -> dict[str, Any]:
    after = before.without(lost)
    flagged = before.documents().flagged_documents
    gone = lost.sums["gone"]
    words_gone = round(gone * float(lost.flagged_words.sum()) / max(1, int(lost.flagged.sum())))
    acted = Before(before.flagged, lost.flagged, flagged, int(lost.flagged.sum()), flagged)
    return {
        "before": level(before.documents(), grade),
        "after": level(after.documents(), grade),
        "ratio": ratio(before.documents(), Lost(lost.n, lost.flagged, gone), grade),
        "before_words": level(before.words(), grade),
        "after_words": level(after.words(), grade),
        "ratio_words": ratio(before.words(), Lost(lost.total_words, lost.flagged_words, words_gone), grade),
        "mean_before": before.mean(grade),
        "mean_after": after.mean(grade),
        "flagged": {"before": flagged, "after": after.documents().flagged_documents},
        "caught": level(acted, grade, smallest=MINIMUM),
        "by_length": {label: _length(before, after, lost, k, grade) for k, label in enumerate(BUCKETS)},
    }


def _length(before: Part, after: Part, lost: Part, k: int, grade: str) -> dict[str, Any]:
    taken = Lost(lost.lengths["n"][k : k + 1], lost.lengths["flagged"][k : k + 1], int(lost.lengths["gone"][k]))
    return {
        "before": level(before.length(k), grade),
        "after": level(after.length(k), grade),
        "ratio": ratio(before.length(k), taken, grade),
    }


def _histograms(state: State, context: Context) -> dict[str, Any]:
    columns = {
        "evaluator": list(context.evaluator),
        "filter": [f"{name}.{category}" for name, found in context.classifiers.items() for category in found],
    }
    return {
        "edges": list(COARSE_EDGES),
        **{side: {one: _histogram(state, side, one, context) for one in names} for side, names in columns.items()},
    }


def _histogram(state: State, side: str, column: str, context: Context) -> dict[str, Any]:
    before = dense(state.get("bins", {}).get(side, {}).get(column, {}), BINS)
    found: dict[str, Any] = {"before": coarsen(before), "removed": {}, "after": {}}
    for name in context.interventions:
        lost = dense(state.get("bins_lost", {}).get(name, {}).get(side, {}).get(column, {}), BINS)
        found["removed"][name] = [max(0, count) for count in coarsen(lost)]
        found["after"][name] = coarsen(before - lost)
    return found
