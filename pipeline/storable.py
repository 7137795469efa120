"""Whether stored scores are enough for a rule: what acts on passages, or compares them, must stay above the floor."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

import numpy as np

from tamis.classifiers.errors import UsageError
from tamis.interventions.columns import FLAGGED
from tamis.interventions.conditions import ScoreTest, leaves
from tamis.interventions.rule import Rule
from tamis.interventions.rules import Intervention
from tamis.pipeline.attributes import SPAN_FLOOR

__all__ = ["check"]

_FLOOR: Final = np.float32(SPAN_FLOOR)
_NEXT: Final = f"raise it to {SPAN_FLOOR:g} or more, or run the plan with `tamis run`, which scores anew"


def check(interventions: Mapping[str, Intervention], aggregates: Mapping[str, str]) -> None:
    """Checks that every rule decides on stored scores as it would on fresh ones.

    Args:
        interventions: The plan's interventions, by name.
        aggregates: How passages make a document, by classifier.

    Raises:
        UsageError: A rule needs passages that were not stored; the message says which, and what to change.
    """
    for name, intervention in interventions.items():
        for number, rule in enumerate(intervention.rules, 1):
            for fault in _faults(rule, aggregates):
                raise UsageError(f"interventions: {name}: rule {number} (`{rule.label}`): {fault}")


def _faults(rule: Rule, aggregates: Mapping[str, str]) -> Iterator[str]:
    tests = [leaf for leaf in leaves(rule.condition) if isinstance(leaf, ScoreTest)]
    for test in tests:
        if test.view == "passage" and aggregates[test.classifier] != "max" and not (test.flags and _stored(test)):
            yield (
                f"the highest passage of a document is stored from {SPAN_FLOOR:g} on where documents are not scored by "
                f"their highest passage (`aggregate: {aggregates[test.classifier]}`); {_NEXT}"
            )
    if rule.kind.on_passages or rule.options.get("per") == "passage":
        for test in tests:
            if test.flags and not _acts_on_stored(test):
                yield (
                    f"`{test.op} {test.threshold:g}` acts on passages that score under {SPAN_FLOOR:g}, and those are "
                    f"not stored; {_NEXT}"
                )


def _stored(test: ScoreTest) -> bool:
    return bool(np.float32(test.threshold) >= _FLOOR)


def _acts_on_stored(test: ScoreTest) -> bool:
    """A share above 0 has a passage of `FLAGGED` or more in it, and those are what is acted on."""
    if test.view == "share":
        return FLAGGED >= SPAN_FLOOR and (test.threshold > 0 or test.op == ">")
    return _stored(test)
