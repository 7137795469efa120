"""What a report does not say, and why: a reader must not take silence for "none"."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from tamis.interventions.measures.base import Context

__all__ = ["LABELS", "gaps"]

#: What is missing until there are labels.
LABELS: Final = "Residual prevalence and recall by human labels"

#: Questions that a reader brings, by the measure that answers each, with what is missing without it.
_QUESTIONS: Final = {
    "collateral": (
        "Removal by identity group, dialect and topic",
        "this run has no collateral measure; removal rates by source, language and length are given, and they do not "
        "show whether text about a group was removed without cause",
    ),
    "shift": (
        "Vocabulary and topics lost",
        "this run has no distribution-shift measure, and so no placebo to compare with",
    ),
    "proxy": (
        "Effect on a model trained on the data: perplexity, toxic continuations",
        "this run trained no proxy model (`evaluate: {proxy_lm: true}` in `tamis run` does); a change in the data is "
        "not yet one in a model",
    ),
    "functional": (
        "Functional tests of the policy",
        "this run decided from stored scores, and loaded no classifier that could score the sentences",
    ),
    "frontier": ("Other thresholds than the published ones", "this run has no threshold sweep"),
    "labels": (
        LABELS,
        "no labels were given; an evaluator's ratio can be larger or smaller than the true one",
    ),
    "drift": ("Change against the previous run", "this run was not compared with another"),
}  # fmt: skip

#: … where a run decided from stored scores, without texts and without a classifier.
_OF_SCORES: Final = {
    "proxy": (
        _QUESTIONS["proxy"][0],
        "this run decided from stored scores, and a proxy model learns from texts: `evaluate: {proxy_lm: true}` in "
        "`tamis run` trains one; a change in the data is not yet one in a model",
    ),
}


def gaps(measures: Mapping[str, Any], context: Context) -> list[dict[str, str]]:
    """Returns what was not measured, each with its reason.

    Args:
        measures: Results of the measures, by name.
        context: What the measures knew about the run.
    """
    found = [] if context.evaluator else [_gap("Prevalence before and after", "the plan names no evaluator")]
    questions = {**_QUESTIONS, **_OF_SCORES} if "scores" in context.notes else _QUESTIONS
    found += [_gap(what, why) for measure, (what, why) in questions.items() if measure not in measures]
    found += _unseen(measures, context)
    return [*found, _gap("Harm outside the categories", f"only these are looked for: {_looked_for(context)}")]


def _unseen(measures: Mapping[str, Any], context: Context) -> list[dict[str, str]]:
    """Returns what was asked for, or is asked for in every run, and needs texts that were not at hand."""
    found = []
    if "scores" in context.notes and "shift" in measures:
        what, _ = _QUESTIONS["shift"]
        found.append(_gap(what, "this run decided from stored scores, which hold no words"))
    if context.excerpts and "excerpts" not in measures:
        found.append(_gap("Excerpts", "the plan asks for them, and no text that may be shown was at hand"))
    return found


def _looked_for(context: Context) -> str:
    names = dict.fromkeys([*context.evaluator, *(name for part in context.classifiers.values() for name in part)])
    return ", ".join(names) or "none"


def _gap(what: str, reason: str) -> dict[str, str]:
    return {"what": what, "reason": reason}
