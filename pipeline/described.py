"""What is known of a plan's classifiers without their models: a loaded one, or what its bundle says of itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

__all__ = ["Described", "Models"]


class Described(Protocol):
    """What is known of a classifier without its model."""

    @property
    def id(self) -> str:
        """Name and digest."""

    @property
    def kind(self) -> str:
        """Kind of classifier."""

    @property
    def categories(self) -> tuple[str, ...]:
        """Names of the score columns."""

    @property
    def training(self) -> Mapping[str, Any]:
        """What it was trained on."""

    def threshold(self, category: str, point: str, value: float | None = None) -> float:
        """Returns the threshold of an operating point."""


@dataclass(frozen=True)
class Models:
    """The classifiers of a plan.

    Attributes:
        classifiers: Each classifier, by the plan's name.
        evaluator: The evaluator, None where the plan has none.
    """

    classifiers: Mapping[str, Described]
    evaluator: Described | None

    def ids(self) -> dict[str, str]:
        """Returns the id of each classifier, by the plan's name."""
        return {name: one.id for name, one in self.classifiers.items()}

    def evaluator_id(self) -> str | None:
        """Returns the evaluator's id, None where the plan has none."""
        return None if self.evaluator is None else self.evaluator.id
