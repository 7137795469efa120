"""Whether stored scores are enough for a rule: what acts on passages, or compares them, must stay above the floors."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np

from tamis.classifiers.errors import UsageError
from tamis.interventions.columns import FLAGGED
from tamis.interventions.conditions import ScoreTest, leaves
from tamis.interventions.rule import Rule
from tamis.interventions.rules import Intervention

__all__ = ["acting", "check"]

Floors = Mapping[str, Mapping[str, float]]


def acting(intervention: Intervention) -> Iterator[ScoreTest]:
    """Yields the comparisons whose threshold decides which passages an intervention takes out or marks."""
    for rule in intervention.rules:
        yield from (test for test in _acting(rule) if test.view != "share")


def check(interventions: Mapping[str, Intervention], aggregates: Mapping[str, str], floors: Floors) -> None:
    """Checks that every rule decides on stored scores as it would on fresh ones.

    Args:
        interventions: The plan's interventions, by name.
        aggregates: How passages make a document, by classifier.
        floors: For each classifier, the score of each category from which on passages were stored.

    Raises:
        UsageError: A rule needs passages that were not stored; the message says which, and what to change.
    """
    for name, intervention in interventions.items():
        for number, rule in enumerate(intervention.rules, 1):
            for fault in _faults(rule, aggregates, floors):
                raise UsageError(f"interventions: {name}: rule {number} (`{rule.label}`): {fault}")


def _acting(rule: Rule) -> Iterator[ScoreTest]:
    if rule.kind.on_passages or rule.options.get("per") == "passage":
        yield from (leaf for leaf in leaves(rule.condition) if isinstance(leaf, ScoreTest) and leaf.flags)


def _faults(rule: Rule, aggregates: Mapping[str, str], floors: Floors) -> Iterator[str]:
    for test in (leaf for leaf in leaves(rule.condition) if isinstance(leaf, ScoreTest)):
        aggregate = aggregates[test.classifier]
        if test.view == "passage" and aggregate != "max" and not (test.flags and _stored(test, floors)):
            floor = floors[test.classifier][test.category]
            yield (
                f"`aggregate: {aggregate}`: the highest passage of a document is stored from {floor:g} on; "
                f"{_raise(floor)}"
            )
    for test in _acting(rule):
        if not _acts_on_stored(test, floors):
            floor = _lowest(test, floors)
            yield (
                f"`{test.op} {test.threshold:g}` acts on passages that score under {floor:g}, which were not stored; "
                f"{_raise(floor)}"
            )


def _raise(floor: float) -> str:
    return f"raise the threshold to {floor:g} or more, or run the plan with `tamis run`, which scores anew"


def _lowest(test: ScoreTest, floors: Floors) -> float:
    """Returns the floor of a comparison; that of a share of any category is the highest of all."""
    own = floors[test.classifier]
    return max(own.values()) if test.category == "any" else own[test.category]


def _stored(test: ScoreTest, floors: Floors) -> bool:
    return bool(np.float32(test.threshold) >= np.float32(_lowest(test, floors)))


def _acts_on_stored(test: ScoreTest, floors: Floors) -> bool:
    """A share above 0 has a passage of `FLAGGED` or more in it, and those are what is acted on."""
    if test.view == "share":
        return _lowest(test, floors) <= FLAGGED and (test.threshold > 0 or test.op == ">")
    return _stored(test, floors)
