"""The fastText kind: which labels of a model score which categories.

A category can have a second label, for passages that mention a group of people: a word that is harmless of things can
be hateful of people. Which passages those are is told by a label of the model too, whose logit is above 0 where one of
its identity terms is found. Every term opens the same gate, so that the second label cannot tell groups apart.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import msgspec
import numpy as np

from tamis.classifiers.base import FloatMatrix
from tamis.classifiers.errors import BundleError
from tamis.classifiers.fasttext_model import FastTextModel

if TYPE_CHECKING:
    from tamis.classifiers.passages import Passages

__all__ = ["MENTION", "FastTextClassifier", "Mention", "load", "mentioning"]

#: Name of the column that tells which texts mention an identity term, in models that are trained here.
MENTION: Final = "mention"
#: The score of a logit of 0, and what the library adds to it.
_HALF: Final = 0.501


def mentioning(category: str) -> str:
    """Name of the column of a category that scores texts that mention an identity term."""
    return f"{category}@{MENTION}"


class Mention(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How passages that mention a group of people are scored.

    Attributes:
        mark: Label whose score is above a half where a passage mentions one.
        labels: For each category that scores these otherwise, the label that it takes instead.
    """

    mark: str
    labels: dict[str, str]


class FastTextClassifier:
    """Categories scored by the labels of a fastText model."""

    def __init__(
        self, model: FastTextModel, labels: Mapping[str, str], normaliser: str, mention: Mention | None = None
    ) -> None:
        """Chooses the labels to score.

        Args:
            model: The model.
            labels: Label of each category.
            normaliser: What the model reads, a key of `NORMALISERS`.
            mention: The labels of passages that mention a group of people; None = those of all.

        Raises:
            BundleError: The model lacks a label, or `mention` names a category that is not scored.
        """
        further = mention.labels if mention else {}
        wanted = [*labels.values(), *further.values(), *([mention.mark] if mention else [])]
        if missing := [label for label in wanted if label not in model.labels]:
            raise BundleError(
                f"the fastText model has no label {_some(missing)}; it has {_some(model.labels)}; "
                "correct `labels` in the bundle's parameters"
            )
        if unknown := [category for category in further if category not in labels]:
            raise BundleError(f"parameter `mention` names {_some(unknown)}; the bundle scores {_some(list(labels))}")
        self.categories: tuple[str, ...] = tuple(labels)
        self._columns = [model.labels.index(label) for label in labels.values()]
        self._mentioning = [model.labels.index(further.get(c, label)) for c, label in labels.items()]
        self._mark = model.labels.index(mention.mark) if mention else None
        self._model = model
        self._normaliser = normaliser

    def score(self, passages: Passages) -> FloatMatrix:
        """Scores passages.

        Args:
            passages: The passages of a batch of documents.

        Returns:
            The label's score for each category, in [0, 1], not calibrated, float32 [n_passages, n_categories];
            NaN for a passage of which the model knows nothing.
        """
        found = self._model.label_scores(*passages.buffer(self._normaliser))
        if self._mark is None:
            return found[:, self._columns]
        mentions = found[:, self._mark] > _HALF
        return np.where(mentions[:, None], found[:, self._mentioning], found[:, self._columns])


def load(folder: Path, parameters: Mapping[str, Any]) -> FastTextClassifier:
    """Loads a classifier of the fastText kind.

    Args:
        folder: The bundle's folder.
        parameters: `file`, the name of the model in the folder; `labels`, a mapping of each category to the
            model's label for it; `normaliser`, what the model reads ("none" where it is not given); `mention`, the
            fields of `Mention`, where there are any.

    Returns:
        The classifier; its scores are not calibrated.

    Raises:
        BundleError: A parameter is missing or wrong, the model is damaged, or it lacks a label.
    """
    name, labels = parameters.get("file"), parameters.get("labels")
    if not isinstance(name, str) or Path(name).name != name or name == "..":
        raise BundleError(f"parameter `file` is {name!r}; expected the name of a .bin or .ftz file in the bundle")
    if not isinstance(labels, Mapping) or not labels or not all(isinstance(x, str) for x in labels.values()):
        raise BundleError("parameter `labels` is missing or wrong; expected a label of the model for each category")
    try:
        mention = msgspec.convert(parameters.get("mention"), Mention | None)
    except msgspec.ValidationError as error:
        raise BundleError(f"parameter `mention` is wrong: {error}; expected `mark` and `labels`") from error
    model = FastTextModel.from_file(folder / name)
    return FastTextClassifier(model, labels, parameters.get("normaliser", "none"), mention)


def _some(names: Sequence[str]) -> str:
    """Lists names, the first twenty of them."""
    return ", ".join(map(repr, names[:20])) + (f" and {len(names) - 20} more" if len(names) > 20 else "")
