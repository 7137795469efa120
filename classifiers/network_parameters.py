"""Hyper-parameters of the network kind: a closed list, checked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tamis.classifiers.errors import UsageError
from tamis.classifiers.fasttext_parameters import FastTextParameters
from tamis.classifiers.hyper_parameters import check_categories, read_parameters
from tamis.classifiers.network import MOST

__all__ = ["NetworkParameters", "Part", "by_category"]


@dataclass(frozen=True, slots=True)
class Part:
    """A network of its own; several are added up.

    Attributes:
        units: Columns of its average, at least as many as categories.
        hidden: Rectified units.
        sources: Names of the sources that it is fitted to; all where none is given.
        weight: What its logits count in the sum, beside others of the same spread.
        weights: The same for some categories.
        epoch: Passes over the texts.
        rate: Size of the steps for the rows of words and n-grams, falling to 0.
        vector_rate: For what the words' vectors are multiplied with.
        layer_rate: For the network, relative to the numbers' own past steps (Adagrad).
        clip: Largest derivative of a text's weighted loss by a logit: rare labels that are repeated often do not tear
            at the rows.
        spread: Standard deviation of the rows at the start.
        scale: What its features are multiplied by.
    """

    units: int = 15
    hidden: int = 32
    sources: tuple[str, ...] = ()
    weight: float = 1.0
    weights: dict[str, float] = field(default_factory=dict)
    epoch: int = 6
    rate: float = 0.1
    vector_rate: float = 20.0
    layer_rate: float = 0.01
    clip: float = 5.0
    spread: float = 0.1
    scale: float = 25.0

    def check(self, categories: Sequence[str]) -> None:
        """Refuses values out of range.

        Raises:
            UsageError: One is.
        """
        if not len(categories) <= self.units <= 255 or not 1 <= self.hidden <= MOST:
            raise UsageError(
                f"parameters: {self.units} units and {self.hidden} hidden ones; expected {len(categories)} (the "
                f"categories) to 255, and 1 to {MOST}"
            )
        if min(self.epoch, self.rate, self.vector_rate, self.layer_rate, self.clip, self.spread, self.scale) <= 0:
            raise UsageError("parameters: epoch, rates, clip, spread and scale must be positive")
        by_category(self.weight, self.weights, categories)


@dataclass(frozen=True, slots=True)
class NetworkParameters:
    """Hyper-parameters.

    Attributes:
        networks: The networks, `Part` by name. Up to 32 columns in all, the units of all networks, those of the linear
            model and the mark of mentions, cost hardly more than 8 in scoring.
        linear: Hyper-parameters of the linear model, `FastTextParameters` by name. The features are the same for all.
        linear_weight: What its logits count in the sum.
        linear_weights: The same for some categories.
    """

    networks: tuple[dict[str, Any], ...] = ({},)
    linear: dict[str, Any] = field(default_factory=dict)
    linear_weight: float = 1.0
    linear_weights: dict[str, float] = field(default_factory=dict)

    @classmethod
    def of(
        cls, values: Mapping[str, Any], categories: Sequence[str]
    ) -> tuple[NetworkParameters, list[Part], FastTextParameters]:
        """Takes parameters from a configuration: (all of them, of each network, of the linear model).

        Raises:
            UsageError: A name is unknown or a value is out of range.
        """
        made = read_parameters(values, cls, "network")
        by_category(made.linear_weight, made.linear_weights, categories)
        parts = [read_parameters(part, Part, "network") for part in made.networks]
        if not parts:
            raise UsageError("parameters: networks is empty; expected at least one, or the kind fasttext")
        for part in parts:
            part.check(categories)
        linear = FastTextParameters.of({"solver": "logistic", "identity_weight": 0.0, **made.linear})
        if linear.solver != "logistic" or linear.identity_weight < 0:
            raise UsageError("parameters: the linear model of a network has solver logistic and identity_weight >= 0")
        linear.check(categories)
        return made, parts, linear


def by_category(weight: float, weights: Mapping[str, float], categories: Sequence[str]) -> NDArray[np.float64]:
    """The weight of each category, [n_categories].

    Raises:
        UsageError: One is negative, or of a category that is not trained.
    """
    check_categories("weights", weights, categories)
    for name, value in weights.items():
        if value < 0:
            raise UsageError(f"parameters: the weight of {name} is {value}; expected 0 or more")
    if weight < 0:
        raise UsageError(f"parameters: a weight is {weight}; expected 0 or more")
    return np.array([weights.get(category, weight) for category in categories])
