"""Binds a plan's rules and measures to the classifiers that it names; nothing of it needs a model.

A loaded classifier will do as well as what a bundle says of itself (`classifiers.bundle_facts`), so that decisions can
be made again from stored scores where no classifier is loaded.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, MutableMapping, Sequence
from typing import Any

from tamis.classifiers.errors import UsageError
from tamis.interventions.batch import Batch
from tamis.interventions.measures.base import Context
from tamis.interventions.rules import Intervention, parse_interventions
from tamis.interventions.scope import MINORS, SEXUAL, Lookup
from tamis.interventions.verdict import Action
from tamis.pipeline import storable
from tamis.pipeline.described import Described, Models
from tamis.pipeline.independence import certificate
from tamis.pipeline.plan import Plan
from tamis.pipeline.runspec import RunSpec
from tamis.pipeline.scale import PASSAGE_FLOOR

__all__ = [
    "calibrated",
    "context_of",
    "evaluator_thresholds",
    "floors_of",
    "interventions_again",
    "interventions_of",
    "rates_of",
]

SALT = "tamis"
#: Score from which on sexual content about minors is quarantined, where the plan has no rule of its own for it.
MINORS_FROM = 0.5


def interventions_of(
    plan: Plan, models: Models, points: MutableMapping[str, float] | None = None
) -> dict[str, Intervention]:
    """Parses a plan's rules against the categories and operating points of its classifiers.

    Args:
        plan: The plan.
        models: Its classifiers.
        points: Takes the operating points that were looked up, for `interventions_again`.

    Raises:
        UsageError: A rule does not parse, or names an operating point that there is not.
    """

    def lookup(classifier: str, category: str, kind: str, value: float) -> float:
        found = models.classifiers[classifier].threshold(category, kind, value)
        if points is not None:
            points[_point(classifier, category, kind, value)] = found
        return found

    return _parsed(plan, {name: one.categories for name, one in models.classifiers.items()}, lookup)


def interventions_again(
    plan: Plan, categories: Mapping[str, tuple[str, ...]], points: Mapping[str, float]
) -> dict[str, Intervention]:
    """Parses the rules of a finished run, whose classifiers may be gone, by the operating points that it recorded.

    Raises:
        UsageError: The run recorded too few.
    """

    def lookup(classifier: str, category: str, kind: str, value: float) -> float:
        name = _point(classifier, category, kind, value)
        if name not in points:
            raise UsageError(f"the run did not record where {name} lies")
        return points[name]

    return _parsed(plan, categories, lookup)


def _parsed(plan: Plan, categories: Mapping[str, tuple[str, ...]], lookup: Lookup) -> dict[str, Intervention]:
    rules = {name: [*given, *_added(plan, given, categories)] for name, given in plan.interventions.items()}
    return parse_interventions(rules, categories, lookup, fields=tuple(plan.corpus.fields.extra))


def _added(
    plan: Plan, given: Sequence[Mapping[str, Any]], categories: Mapping[str, tuple[str, ...]]
) -> list[dict[str, str]]:
    """Returns the rule that every intervention has unless the plan says otherwise, or has one of its own."""
    own = any(rule.get("do") == "quarantine" and MINORS in str(rule.get("when")) for rule in given)
    able = [name for name, found in categories.items() if SEXUAL in found or MINORS in found]
    if own or not able or not plan.quarantine_minors:
        return []
    when = " or ".join(f"{name}.{MINORS} >= {MINORS_FROM}" for name in able)
    return [{"when": when, "do": "quarantine", "name": MINORS}]


def _point(classifier: str, category: str, kind: str, value: float) -> str:
    return f"{classifier}.{category} {kind}({value:g})"


def calibrated(interventions: Mapping[str, Intervention], rates: Mapping[str, float]) -> dict[str, Intervention]:
    """Returns the interventions with the rates of their random controls set, where there are rates."""
    return {name: item.calibrated(rates) if item.matches and rates else item for name, item in interventions.items()}


def floors_of(
    interventions: Mapping[str, Intervention], categories: Mapping[str, tuple[str, ...]]
) -> dict[str, dict[str, float]]:
    """Returns the scores from which on passages are stored: `PASSAGE_FLOOR`, or where a rule that acts on them begins.

    Args:
        interventions: The plan's interventions, by name.
        categories: Categories of each classifier.
    """
    floors = {name: dict.fromkeys(found, PASSAGE_FLOOR) for name, found in categories.items()}
    for intervention in interventions.values():
        for test in storable.acting(intervention):
            into = floors[test.classifier]
            into[test.category] = min(into[test.category], test.threshold)
    return floors


def rates_of(interventions: Mapping[str, Intervention], parts: Iterable[tuple[float, Batch]]) -> dict[str, float]:
    """Returns the share of words that each intervention removes which a random control matches.

    Args:
        interventions: The plan's interventions, by name.
        parts: Documents, and how many times these documents what they stand for is.
    """
    matched = sorted({name for item in interventions.values() for name in item.matches})
    removed, words = dict.fromkeys(matched, 0.0), 0.0
    for scale, batch in parts if matched else ():
        words += scale * int(batch.words.sum())
        for name in matched:
            decided = interventions[name].decide(batch)
            # What is quarantined is so by the control too.
            gone = decided.removed & (decided.action != Action.QUARANTINE)
            removed[name] += scale * int(batch.words[gone].sum())
    return {name: round(value / words, 6) if words else 0.0 for name, value in removed.items()}


def context_of(spec: RunSpec, models: Models, interventions: Mapping[str, Intervention]) -> Context:
    """Returns what the measures must know about a run."""
    evaluator = models.evaluator
    independence = certificate(models.classifiers, evaluator)
    notes: dict[str, Any] = {"independence": independence.record(), "sample_level": spec.sample_level}
    if spec.scores is not None:
        notes |= {"scores": spec.scores, "command": f"tamis apply plan.yaml --scores runs/{spec.scores}"}
    return Context(
        interventions={name: item.labels for name, item in interventions.items()},
        published=spec.plan.publish,
        actions={name: item.actions for name, item in interventions.items()},
        classifiers={name: one.categories for name, one in models.classifiers.items()},
        conditions={name: tuple(item.conditions) for name, item in interventions.items()},
        evaluator=() if evaluator is None else evaluator.categories,
        evaluator_thresholds={} if evaluator is None else evaluator_thresholds(evaluator),
        salt=SALT,
        independent=independence.independent,
        notes=notes,
        excerpts=spec.plan.report.excerpts,
    )


def evaluator_thresholds(one: Described) -> dict[str, float]:
    """Returns the evaluator's default operating point of each category."""
    return {category: one.threshold(category, "default", None) for category in one.categories}
