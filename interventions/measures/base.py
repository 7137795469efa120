"""What a measure is: an accumulator whose states merge in any order to the same result.

A measure is created once per shard, adds batches, and leaves a *state*: plain JSON (dicts with string keys,
lists, strings, integers; floats only where a merge in any order gives the same bits). The state travels in the
shard's receipt. States of any split of the corpus merge to the state of the whole, bit for bit.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Protocol

from tamis.interventions.batch import Batch
from tamis.interventions.verdict import Decisions

__all__ = ["Context", "Measure", "State"]

State = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Context:
    """What a measure must know about the run; the same for every shard.

    Attributes:
        interventions: Rule labels of each intervention, by name, in the plan's order.
        published: Name of the published intervention, None where all are shadow.
        classifiers: Categories of each classifier, by the plan's name.
        conditions: For each intervention, (classifier, category, threshold) of each of its conditions.
        evaluator: Categories of the evaluator, () where the plan has none.
        evaluator_thresholds: Operating threshold of each of the evaluator's categories.
        salt: Salt of the permanent random numbers.
        independent: Whether filter and evaluator are independent by data and by family.
        notes: Facts that the report repeats (independence certificate, sampling rate).
        excerpts: Excerpts shown of each rule and category; 0 = none, see `measures.excerpts`.
        actions: Action of each rule ("drop", "tag", …) by intervention, as `interventions` has the labels.
    """

    interventions: Mapping[str, tuple[str, ...]]
    published: str | None
    classifiers: Mapping[str, tuple[str, ...]]
    conditions: Mapping[str, tuple[tuple[str, str, float], ...]]
    evaluator: tuple[str, ...] = ()
    evaluator_thresholds: Mapping[str, float] = field(default_factory=dict)
    salt: str = "tamis"
    independent: bool = True
    notes: Mapping[str, Any] = field(default_factory=dict)
    actions: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    excerpts: int = 0

    @property
    def lead(self) -> str:
        """The intervention that the report is about: the published one, else the plan's first; "" without any."""
        return self.published or next(iter(self.interventions), "")


class Measure(Protocol):
    """One accumulator. Adding a measure is one module and one line in `measures.table.MEASURES`."""

    name: ClassVar[str]

    def __init__(self, context: Context) -> None: ...

    def add(self, batch: Batch, decisions: Mapping[str, Decisions]) -> None:
        """Adds a batch and what each intervention decided on it."""

    def state(self) -> State:
        """Returns the mergeable state so far."""

    @staticmethod
    def merge(*states: State) -> State:
        """Merges any number of states: associative, commutative, with `{}` as the neutral element.

        One call for many states is much faster than a chain of calls, each of which copies what it merged before.
        """

    @staticmethod
    def result(state: State, context: Context) -> dict[str, Any]:
        """Turns a merged state into the numbers of `report.json`, each estimate with interval, n and method."""
