"""Hyper-parameters of the network kind: a closed list, checked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tamis.classifiers.errors import UsageError
from tamis.classifiers.fasttext_parameters import FastTextParameters
from tamis.classifiers.hyper_parameters import read_parameters
from tamis.classifiers.network import MOST

__all__ = ["NetworkParameters"]


@dataclass(frozen=True, slots=True)
class NetworkParameters:
    """Hyper-parameters.

    Attributes:
        units: Columns of the average, at least as many as categories. Up to 32 columns in all, with those of the
            linear model and the mark of mentions, cost hardly more than 8 in scoring.
        hidden: Rectified units.
        epoch: Passes over the texts.
        rate: Size of the steps for the rows of words and n-grams, falling to 0.
        vector_rate: For what the words' vectors are multiplied with.
        layer_rate: For the network, relative to the numbers' own past steps (Adagrad).
        clip: Largest derivative of a text's weighted loss by a logit: rare labels that are repeated often do not tear
            at the rows.
        spread: Standard deviation of the rows at the start.
        scale: What the network's features are multiplied by.
        linear_weights: Part of the linear model in the sum, from 0 to 1, by category, 1/2 where none is given; both
            have the same spread of logits before.
        linear: Hyper-parameters of the linear model, `FastTextParameters` by name. The features are the same for both.
    """

    units: int = 15
    hidden: int = 32
    epoch: int = 6
    rate: float = 0.1
    vector_rate: float = 20.0
    layer_rate: float = 0.01
    clip: float = 5.0
    spread: float = 0.1
    scale: float = 25.0
    linear_weights: dict[str, float] = field(default_factory=dict)
    linear: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, values: Mapping[str, Any], categories: Sequence[str]) -> tuple[NetworkParameters, FastTextParameters]:
        """Takes parameters from a configuration: (of the network, of the linear model).

        Raises:
            UsageError: A name is unknown or a value is out of range.
        """
        made = read_parameters(values, cls, "network")
        if not len(categories) <= made.units <= 255 or not 1 <= made.hidden <= MOST:
            raise UsageError(
                f"parameters: {made.units} units and {made.hidden} hidden ones; expected {len(categories)} (the "
                f"categories) to 255, and 1 to {MOST}"
            )
        if min(made.epoch, made.rate, made.vector_rate, made.layer_rate, made.clip, made.spread, made.scale) <= 0:
            raise UsageError("parameters: epoch, rates, clip, spread and scale must be positive")
        for name, weight in made.linear_weights.items():
            if name not in categories or not 0 <= weight <= 1:
                raise UsageError(
                    f"parameters: linear_weights has {name}: {weight}; expected one of {', '.join(categories)} and "
                    "0 to 1"
                )
        linear = FastTextParameters.of({"solver": "logistic", "identity_weight": 0.0, **made.linear})
        if linear.solver != "logistic" or linear.identity_weight < 0:
            raise UsageError("parameters: the linear model of a network has solver logistic and identity_weight >= 0")
        linear.check(categories)
        return made, linear
