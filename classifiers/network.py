"""The network kind: a linear model, and beside it a small neural network, over the averages of one fastText model.

A sum over words cannot tell a violation from the same words about a game, a book or a patient: that takes features of
the whole passage. So most columns of the fastText model here are no scores: their average a is the input of a network
with one hidden layer of rectified units, a deep averaging network (Iyyer et al. 2015, "Deep Unordered Composition
Rivals Syntactic Methods for Text Classification", ACL, equations 2 to 4), with direct connections beside that layer.
It knows texts like those that it was trained on better than a linear model does; of others the linear model knows
more. Their logits are added (Cheng et al. 2016, "Wide & Deep Learning for Recommender Systems", section 3):

    logits = columns of the categories + bias + linear · a + outer · max(0, threshold + inner · a).

A passage that mentions a group of people, whichever, is scored otherwise: some categories have a second column for
these, as in `fasttext_classifier`, and `mention` is added to a. Whether it does is told by the last column, which is
then above 0.

A token costs one short row, as ever; the network runs once for each passage.

Parameters of the bundle: `file`, the fastText model, whose labels are the categories, `CATEGORY@mention` for each of
`mentions`, the units of a, and the mark of mentions; `network`, the .npz file of the arrays named above; `hidden`, the
number of rectified units; `categories`; `mentions`, those that have a second column.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from tamis.classifiers.base import FloatMatrix
from tamis.classifiers.errors import BundleError
from tamis.classifiers.fasttext_classifier import mentioning
from tamis.classifiers.fasttext_model import FastTextModel
from tamis.classifiers.network_kernel import Layers, blocked, forward
from tamis.classifiers.npz import read_arrays

if TYPE_CHECKING:
    from tamis.classifiers.passages import Passages

__all__ = ["MOST", "NetworkClassifier", "columns", "load", "mentioning_columns"]

#: Most hidden units.
MOST: Final = 1024


class _Parameters(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    file: str
    network: str
    hidden: int
    categories: tuple[str, ...]
    mentions: tuple[str, ...] = ()
    normaliser: str = "none"


class NetworkClassifier:
    """Categories scored by a linear model and a network."""

    def __init__(
        self, model: FastTextModel, mention: NDArray[np.float32], layers: Layers, parameters: _Parameters
    ) -> None:
        """Joins a model and a network.

        Args:
            model: The columns.
            mention: What is added to an average where a group of people is mentioned, float32 [n_units].
            layers: The network, as float32 arrays.
            parameters: Which columns are which.
        """
        self.categories: tuple[str, ...] = parameters.categories
        self._mentioning = mentioning_columns(parameters.categories, parameters.mentions)
        self._first_unit = len(parameters.categories) + len(parameters.mentions)
        self._model = model
        self._mention = mention
        self._blocks = blocked(layers)
        self._normaliser = parameters.normaliser

    def score(self, passages: Passages) -> FloatMatrix:
        """Scores passages.

        Args:
            passages: The passages of a batch of documents.

        Returns:
            Probabilities, not calibrated, float32 [n_passages, n_categories]; NaN for a passage of which the model
            knows nothing.
        """
        found = self._model.logits(*passages.buffer(self._normaliser))
        mentions = found[:, -1:] > 0
        averages = found[:, self._first_unit : -1] + np.where(mentions, self._mention, np.float32(0))
        linear = np.where(mentions, found[:, self._mentioning], found[:, : len(self.categories)])
        logits = linear.astype(np.float64) + forward(averages, self._blocks)
        return (1 / (1 + np.exp(-logits))).astype(np.float32)


def load(folder: Path, parameters: Mapping[str, Any]) -> NetworkClassifier:
    """Loads a classifier of the network kind.

    Args:
        folder: The bundle's folder.
        parameters: Those named in the module's text, and its `normaliser`.

    Returns:
        The classifier; its scores are not calibrated.

    Raises:
        BundleError: A parameter is missing or wrong, or a file is damaged or does not fit the other.
    """
    try:
        made = msgspec.convert(dict(parameters), _Parameters)
    except msgspec.ValidationError as error:
        raise BundleError(f"parameters of the network kind: {error}; restore the bundle, or train it again") from error
    _check(made)
    model = FastTextModel.from_file(folder / made.file)
    first = [f"__label__{name}" for name in columns(made.categories, made.mentions)]
    n_units = len(model.labels) - len(first) - 1
    if n_units < 1 or list(model.labels[: len(first)]) != first:
        raise BundleError(
            f"{folder / made.file}: labels {', '.join(model.labels[:20])}; expected {', '.join(first)}, then the "
            "network's units and the mark of mentions; restore the bundle"
        )
    arrays = _arrays(folder / made.network, n_units, made.hidden, len(made.categories))
    layers = Layers(*(arrays[name] for name in Layers._fields))
    return NetworkClassifier(model, arrays["mention"], layers, made)


def columns(categories: Sequence[str], mentions: Sequence[str]) -> list[str]:
    """Names of the columns of the linear model, in their order."""
    return [*categories, *map(mentioning, mentions)]


def mentioning_columns(categories: Sequence[str], mentions: Sequence[str]) -> list[int]:
    """Numbers of the columns that score the categories of a text that mentions a group, in the order of `columns`."""
    names = columns(categories, mentions)
    return [names.index(mentioning(c) if c in mentions else c) for c in categories]


def _check(parameters: _Parameters) -> None:
    for name in (parameters.file, parameters.network):
        if Path(name).name != name or name in {"", ".."}:
            raise BundleError(f"parameter `file` or `network` is {name!r}; expected the name of a file in the bundle")
    if not parameters.categories or not 1 <= parameters.hidden <= MOST:
        raise BundleError(
            f"parameters: {parameters.hidden} hidden units, {len(parameters.categories)} categories; expected 1 to "
            f"{MOST} units and at least one category"
        )
    if unknown := [category for category in parameters.mentions if category not in parameters.categories]:
        raise BundleError(f"parameter `mentions` names {unknown[0]!r}; known: {', '.join(parameters.categories)}")


def _arrays(path: Path, units: int, hidden: int, categories: int) -> dict[str, NDArray[np.float32]]:
    shapes = {
        "mention": (units,), "linear": (units, categories), "inner": (units, hidden), "threshold": (hidden,),
        "outer": (hidden, categories), "bias": (categories,),
    }  # fmt: skip
    arrays = read_arrays(path, {name: (np.dtype(np.float32), shape) for name, shape in shapes.items()})
    if strange := [name for name, values in arrays.items() if not np.isfinite(values).all()]:
        raise BundleError(f"{path}: `{strange[0]}` is not finite; train the model again")
    return arrays
