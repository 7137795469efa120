"""The combination kind: members of other kinds in one folder, their logits added up with weights.

The logit of a category is

    intercept + sum over members of weight · (the member's logit - centre),

where a member that knows nothing of a passage, or that has no such category, adds nothing: it is taken to stand at
its centre. Weights are not negative, so that no member's score can lower the whole's. They are fitted on texts that no
member was trained on (`tamis.classifiers.training_combination`).

Parameters of the bundle:

- `members`: a list of `{"kind": KIND, "parameters": {…}}`, each as for a bundle of its own kind. All files lie in the
  one folder, under names of their own, and all members read what the bundle's normaliser leaves: it is done once.
- `stack`: for each category `{"intercept": number, "weights": [number, …], "centres": [number, …]}`, a weight and a
  centre for each member; the weight is 0 where the member lacks the category.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from tamis.classifiers import fasttext_classifier, lexicon, linear_model, network
from tamis.classifiers.base import Classifier, FloatMatrix
from tamis.classifiers.calibration_map import logit
from tamis.classifiers.errors import BundleError
from tamis.classifiers.passages import Passages

__all__ = ["MEMBERS", "Combination", "Stack", "load", "logits"]

Floats = NDArray[np.float64]

#: Kinds that may be members; a combination may not.
MEMBERS: Final[Mapping[str, Callable[[Path, Mapping[str, Any]], Classifier]]] = {
    "fasttext": fasttext_classifier.load,
    "linear": linear_model.load,
    "lexicon": lexicon.load,
    "network": network.load,
}

#: Most members of a combination.
MOST: Final = 16


class Stack(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How the members' logits of one category add up; see the module's text."""

    intercept: float
    weights: tuple[float, ...]
    centres: tuple[float, ...]


class _Member(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    kind: str
    parameters: dict[str, Any]


class _Parameters(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    members: list[_Member]
    stack: dict[str, Stack]
    normaliser: str = "none"


class Combination:
    """Categories scored by several classifiers."""

    def __init__(self, members: Sequence[Classifier], stack: Mapping[str, Stack]) -> None:
        """Joins classifiers.

        Args:
            members: The classifiers, one or more.
            stack: What each adds to each category.

        Raises:
            BundleError: A weight is negative or not finite, is missing, or is for a category that the member lacks.
        """
        self.categories: tuple[str, ...] = tuple(stack)
        for category, entry in stack.items():
            _check(category, entry, members)
        self._members = tuple(members)
        self._intercept = np.array([entry.intercept for entry in stack.values()])
        self._weights = np.array([entry.weights for entry in stack.values()]).T
        self._centres = np.array([entry.centres for entry in stack.values()]).T

    def score(self, passages: Passages) -> FloatMatrix:
        """Scores passages.

        Args:
            passages: The passages of a batch of documents.

        Returns:
            Probabilities, not calibrated, float32 [n_passages, n_categories]; NaN where no member with a weight knows
            anything of the passage.
        """
        total = np.tile(self._intercept, (len(passages), 1))
        known = np.zeros(total.shape, bool)
        for member, weights, centres in zip(self._members, self._weights, self._centres, strict=True):
            found = logits(member, passages, self.categories)
            seen = ~np.isnan(found) & (weights > 0)
            total += np.where(seen, (found - centres) * weights, 0.0)
            known |= seen
        total[~known] = np.nan
        return np.asarray(1 / (1 + np.exp(-total)), np.float32)


def load(folder: Path, parameters: Mapping[str, Any]) -> Combination:
    """Loads a classifier of the combination kind.

    Args:
        folder: The bundle's folder, which holds every member's file.
        parameters: `members`, `stack`, and the bundle's `normaliser`.

    Returns:
        The classifier; its scores are not calibrated.

    Raises:
        BundleError: A parameter is unknown or wrong, a member's kind is none, or a member cannot be loaded.
    """
    try:
        made = msgspec.convert(dict(parameters), _Parameters)
    except msgspec.ValidationError as error:
        raise BundleError(f"parameters of a combination: {error}; correct `members` and `stack`") from None
    if not 1 <= len(made.members) <= MOST or not made.stack:
        raise BundleError(
            f"a combination of {len(made.members)} members and {len(made.stack)} categories; expected 1 to {MOST} "
            "members and one category or more"
        )
    return Combination([_member(folder, member, made.normaliser) for member in made.members], made.stack)


def _member(folder: Path, member: _Member, normaliser: str) -> Classifier:
    if member.kind not in MEMBERS:
        raise BundleError(f"a member of kind {member.kind!r}; expected one of {', '.join(MEMBERS)}")
    return MEMBERS[member.kind](folder, {**member.parameters, "normaliser": normaliser})


def _check(category: str, entry: Stack, members: Sequence[Classifier]) -> None:
    numbers = (entry.intercept, *entry.weights, *entry.centres)
    if not len(entry.weights) == len(entry.centres) == len(members):
        raise BundleError(f"stack of {category}: expected a weight and a centre for each of {len(members)} members")
    if not all(map(math.isfinite, numbers)) or min(entry.weights) < 0 or max(entry.weights) == 0:
        raise BundleError(f"stack of {category}: expected finite numbers, weights of 0 or more, one above 0")
    if any(w > 0 and category not in m.categories for w, m in zip(entry.weights, members, strict=True)):
        raise BundleError(f"stack of {category}: a member without the category has a weight; set it to 0")


def logits(member: Classifier, passages: Passages, categories: Sequence[str]) -> Floats:
    """Returns a classifier's logits, float64 [n_passages, n_categories]; NaN where it has none."""
    scores = member.score(passages)
    out = np.full((len(passages), len(categories)), np.nan)
    for j, category in enumerate(categories):
        if category in member.categories:
            out[:, j] = logit(scores[:, member.categories.index(category)])
    return out
