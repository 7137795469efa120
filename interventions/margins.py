"""How far every threshold of an intervention could move before what it does to a document changes.

The *margin* of a comparison `score >= t` is logit(score) - logit(t), in logits; `and` takes the smallest margin of its
parts, `or` the largest, and an intervention has the largest margin of its rules. What it acts on is what has a margin
of at least 0; with every threshold loosened or tightened by d logits it would be what has a margin of at least d. So
one number a document gives every setting of that one screw, without another pass.

Comparisons of other things than scores do not move: where they hold the margin is infinite, else minus infinity, and
a score that is unknown never comes to satisfy a comparison.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from tamis.interventions.columns import Columns
from tamis.interventions.conditions import All, Leaf, Mask, Node, ScoreTest, Some, leaves
from tamis.interventions.rule import Rule

__all__ = ["margins", "moving_rules"]

Margins = NDArray[np.float64]

#: Logits of scores of 0 and 1.
_LARGEST: Final = 30.0


def moving_rules(rules: Sequence[Rule]) -> tuple[Rule, ...]:
    """Returns the rules whose margins are an intervention's: those that drop or quarantine, else those that act.

    Where none drops, one that quarantines is one among others that act.

    Empty where none of them compares a score, so that there is nothing to move.
    """
    drops = any(rule.action == "drop" for rule in rules)
    chosen = tuple(rule for rule in rules if rule.action in ("drop", "quarantine") or not drops)
    moves = any(isinstance(leaf, ScoreTest) and leaf.moves for rule in chosen for leaf in leaves(rule.condition))
    return chosen if moves else ()


def margins(rules: Sequence[Rule], columns: Columns, found: Mapping[Leaf, Mask]) -> Margins:
    """Returns the margin of each document, float64 [n].

    Args:
        rules: Some rules, at least one.
        columns: The documents.
        found: Where each leaf of the rules holds.
    """
    made: dict[Leaf, Margins] = {}
    return np.asarray(np.maximum.reduce([_margin(rule.condition, columns, found, made) for rule in rules]))


def _margin(node: Node, columns: Columns, found: Mapping[Leaf, Mask], made: dict[Leaf, Margins]) -> Margins:
    if isinstance(node, All | Some):
        reduce = np.minimum.reduce if isinstance(node, All) else np.maximum.reduce
        return np.asarray(reduce([_margin(part, columns, found, made) for part in node.parts]))
    if node not in made:
        if isinstance(node, ScoreTest) and node.moves:
            made[node] = _distance(node, columns)
        else:
            made[node] = np.where(found[node], np.inf, -np.inf)
    return made[node]


def _distance(test: ScoreTest, columns: Columns) -> Margins:
    """Returns how far scores are beyond a threshold, in logits; minus infinity where they are unknown."""
    scores = test.values(columns).astype(np.float64)
    distance = _logit(scores) - _logit(np.float64(np.float32(test.threshold)))
    if test.op in ("<", "<="):
        distance = -distance
    if test.op in (">", "<"):
        # At the threshold itself the comparison does not hold.
        distance = np.where(distance == 0, np.nextafter(0.0, -1.0), distance)
    return np.where(np.isnan(scores), -np.inf, distance)


def _logit(scores: NDArray[np.float64] | np.float64) -> Margins:
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(np.clip(np.log(scores) - np.log1p(-scores), -_LARGEST, _LARGEST))
