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


def gaps(measures: Mapping[str, Any], context: Context) -> list[dict[str, str]]:
    """Returns what was not measured, each with its reason.

    Args:
        measures: Results of the measures, by name.
        context: What the measures knew about the run.
    """
    found = [] if context.evaluator else [_gap("Prevalence before and after", "the plan names no evaluator")]
    found += [_gap(what, why) for measure, (what, why) in _QUESTIONS.items() if measure not in measures]
    return [*found, _gap("Harm outside the categories", f"only these are looked for: {_looked_for(context)}")]


def _looked_for(context: Context) -> str:
    names = dict.fromkeys([*context.evaluator, *(name for part in context.classifiers.values() for name in part)])
    return ", ".join(names) or "none"


def _gap(what: str, reason: str) -> dict[str, str]:
    return {"what": what, "reason": reason}
