"""What an intervention decided on each document of a batch, and why."""

from __future__ import annotations

import enum
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["Action", "Decisions"]


class Action(enum.IntEnum):
    """Actions in rising strength: where several rules fire, the strongest decides."""

    KEEP = 0
    TAG = 1
    CONTROL_TOKEN = 2
    DOWNSAMPLE = 3
    REDACT = 4
    DROP = 5
    QUARANTINE = 6


@dataclass(frozen=True, slots=True)
class Decisions:
    """Verdicts of one intervention on a batch of n documents.

    Attributes:
        action: `Action` code of each document, uint8 [n].
        rule: Index of the rule that decided, int16 [n]; -1 where none fired.
        condition: Index into `Intervention.conditions` of the comparison that decided, int16 [n]; -1 where
            none did. It names the classifier, the category and the threshold.
        score: The score that was compared, float32 [n]; NaN where no score decided.
        fired: Every rule that fired, bool [n, n_rules].
        removed: Documents that do not reach the output, bool [n].
        rewritten: Documents that reach the output with another text, bool [n]; see `Intervention.rewrites`.
        met: Comparisons that held, of the rules that fired with the deciding action, bool [n, n_conditions].
        passages: What happens to each passage, uint8 [n_passages]: `Action.REDACT` (it is taken out),
            `Action.CONTROL_TOKEN` (it is marked), else `Action.KEEP`.
        margin: How far beyond its thresholds the intervention is, in logits, float64 [n], see `margins`; None where
            it compares no score.
    """

    action: NDArray[np.uint8]
    rule: NDArray[np.int16]
    condition: NDArray[np.int16]
    score: NDArray[np.float32]
    fired: NDArray[np.bool_]
    removed: NDArray[np.bool_]
    rewritten: NDArray[np.bool_]
    met: NDArray[np.bool_]
    passages: NDArray[np.uint8]
    margin: NDArray[np.float64] | None = None
