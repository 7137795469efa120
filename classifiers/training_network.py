"""Trains the network kind: a linear model, then beside it one network or several over averages of rows of their own.

The linear model is that of `training_logistic`. A network learns all categories at once, by gradient descent; an
unknown label has no weight, so nothing is learned from it. Rows start by chance. The mean of the words' vectors from
unlabelled text is a dense input; what it is multiplied with is learned, and folds into the rows of the words, of those
that no labelled text holds too. Large steps for these few weights and small ones for the many rows keep a network from
learning labelled texts by heart.

Labels of one source agree with each other more than with those of another. A network that sees a single source, the
best, adds what one that sees all of them has averaged away.

No identity term adds anything to a network's averages (`training_mentions`). Whether a text has one, whichever, is an
input of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import scipy.linalg
from numpy.typing import NDArray

from tamis.classifiers import training_logistic, training_network_part
from tamis.classifiers.fasttext_classifier import MENTION
from tamis.classifiers.fasttext_parameters import FastTextParameters
from tamis.classifiers.fasttext_write import write
from tamis.classifiers.network import columns, mentioning_columns
from tamis.classifiers.network_kernel import Layers
from tamis.classifiers.network_parameters import NetworkParameters, by_category
from tamis.classifiers.npz import write_arrays
from tamis.classifiers.training_data import Fitting
from tamis.classifiers.training_fasttext import tie
from tamis.classifiers.training_features import RowSpace, row_space, vocabulary
from tamis.classifiers.training_logistic import mention_marks
from tamis.classifiers.training_network_part import Features, Network

__all__ = ["fit"]

Rows = NDArray[np.float64]

_MODEL: Final = "model.bin"
_NETWORK: Final = "network.npz"
#: Logits are scaled so that this share of the training texts has some up to this size: a score is a float32 below 1.
_WITHIN: Final = 0.999
_REACH: Final = 8.0


@dataclass(frozen=True, slots=True)
class _Sum:
    """What is added up.

    Attributes:
        straight: Rows of the linear model's columns, [width, n_columns].
        networks: The networks.
        factors: What the logits of the linear model, then of each network, are multiplied by, [n_categories] each.
    """

    straight: Rows
    networks: Sequence[Network]
    factors: Sequence[Rows]


def fit(
    data: Fitting, folder: Path, categories: Sequence[str], parameters: Mapping[str, Any], seed: int,
    progress: Callable[[str], None],
) -> dict[str, Any]:  # fmt: skip
    """Writes `model.bin` and `network.npz` into a folder; see `training.Trainer`.

    Raises:
        UsageError: A parameter is unknown or out of range, or names a source that is not there.
    """
    settings, parts, linear = NetworkParameters.of(parameters, categories)
    words = vocabulary(data.texts, linear, data.vectors if linear.vector_weight else {})
    space = row_space(folder / _MODEL, data.texts, words, linear)
    progress(f"features of {len(data.texts)} texts, {space.width} rows")
    seen = training_network_part.features(data, space, linear)
    mentions = [category for category in categories if category in linear.mentions]
    straight = _straight(seen, data, space, categories, linear, seed, progress)
    networks = []
    for number, part in enumerate(parts, 1):
        progress(f"training network {number} of {len(parts)}")
        networks.append(training_network_part.fit(seen, data, part, seed + number, progress))
    weights = [by_category(settings.linear_weight, settings.linear_weights, categories)]
    weights += [by_category(part.weight, part.weights, categories) for part in parts]
    logits = [_logits(seen, straight, categories, mentions), *(network.logits for network in networks)]
    _write(folder, space, linear, categories, mentions, _Sum(straight, networks, _factors(logits, weights)))
    return {
        "file": _MODEL, "network": _NETWORK, "hidden": sum(part.hidden for part in parts),
        "categories": list(categories), "mentions": mentions,
    }  # fmt: skip


def _straight(
    seen: Features, data: Fitting, space: RowSpace, categories: Sequence[str], linear: FastTextParameters, seed: int,
    progress: Callable[[str], None],
) -> Rows:  # fmt: skip
    """Rows of the linear model, [width, n_columns]."""
    found = training_logistic.columns(
        seen.plain, data.labels, data.copies, space, categories, linear, seed, progress, data.vectors
    )
    return tie(found, space, linear)


def _logits(seen: Features, straight: Rows, categories: Sequence[str], mentions: Sequence[str]) -> Rows:
    """Those of the linear model, [n, n_categories]."""
    found = np.asarray(seen.plain @ straight)
    mentioning = found[:, mentioning_columns(categories, mentions)]
    return np.where(seen.mentions[:, None], mentioning, found[:, : len(categories)])


def _factors(logits: Sequence[Rows], weights: Sequence[Rows]) -> list[Rows]:
    """Brings logits to one spread, weighs them, and scales their sum; calibration undoes the scale."""
    spread = [found.std(axis=0) for found in logits]
    factors = [np.where(s > 0, w / np.where(s > 0, s, 1), 0.0) for s, w in zip(spread, weights, strict=True)]
    total = np.sum([found * factor for found, factor in zip(logits, factors, strict=True)], axis=0)
    reach = _REACH / np.maximum(np.quantile(np.abs(total), _WITHIN, axis=0), 1e-9)
    return [factor * reach for factor in factors]


def _write(
    folder: Path, space: RowSpace, linear: FastTextParameters, categories: Sequence[str], mentions: Sequence[str],
    made: _Sum,
) -> None:  # fmt: skip
    straight = made.straight * made.factors[0][[categories.index(category) for category in (*categories, *mentions)]]
    rows = np.column_stack([straight, *(network.rows for network in made.networks), mention_marks(space)])
    units = [f"unit-{i}" for i in range(rows.shape[1] - straight.shape[1] - 1)]
    write(
        folder / _MODEL, space.words, rows, [*columns(categories, mentions), *units, MENTION], linear.layout, space.kept
    )
    mention = np.concatenate([network.mention for network in made.networks])
    layers = _beside([network.layers for network in made.networks], made.factors[1:])
    write_arrays(folder / _NETWORK, {"mention": mention, **layers._asdict()})


def _beside(layers: Sequence[Layers], factors: Sequence[Rows]) -> Layers:
    """One network that is the sum of several, each multiplied."""
    pairs = list(zip(layers, factors, strict=True))
    return Layers(
        linear=np.concatenate([one.linear * factor for one, factor in pairs]).astype(np.float32),
        inner=scipy.linalg.block_diag(*(one.inner for one in layers)).astype(np.float32),
        threshold=np.concatenate([one.threshold for one in layers]),
        outer=np.concatenate([one.outer * factor for one, factor in pairs]).astype(np.float32),
        bias=np.sum([one.bias * factor for one, factor in pairs], axis=0).astype(np.float32),
    )
