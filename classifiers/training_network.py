"""Trains the network kind: a linear model, then beside it a network over averages of rows of its own.

The linear model is that of `training_logistic`. The network learns all categories at once, by gradient descent; an
unknown label has no weight, so nothing is learned from it. Rows start by chance. The mean of the words' vectors from
unlabelled text is a dense input; what it is multiplied with is learned, and folds into the rows of the words, of those
that no labelled text holds too. Large steps for these few weights and small ones for the many rows keep the network
from learning labelled texts by heart.

No identity term adds anything to the network's averages (`training_mentions`). Whether a text has one, whichever, is
an input of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import scipy.sparse
from numpy.typing import NDArray

from tamis.classifiers import training_logistic
from tamis.classifiers.fasttext_parameters import FastTextParameters
from tamis.classifiers.fasttext_write import write
from tamis.classifiers.network import columns
from tamis.classifiers.network_kernel import Layers, Table, Texts, descend, forward
from tamis.classifiers.network_parameters import NetworkParameters
from tamis.classifiers.npz import write_arrays
from tamis.classifiers.training_data import Fitting
from tamis.classifiers.training_fasttext import tie
from tamis.classifiers.training_features import RowSpace, row_space, row_weights, vocabulary, word_vectors
from tamis.classifiers.training_logistic import MENTION, mention_marks, mentioning
from tamis.classifiers.training_mentions import Mentions

__all__ = ["fit"]

Rows = NDArray[np.float64]
Floats = NDArray[np.float32]

_MODEL: Final = "model.bin"
_NETWORK: Final = "network.npz"
#: Squares start here: Adagrad's first steps are then no larger than later ones.
_SQUARE: Final = 1e-2
#: What whether a group is mentioned counts beside the words' vectors.
_MENTION: Final = 0.03
#: Logits are scaled so that this share of the training texts has some up to this size: a score is a float32 below 1.
_WITHIN: Final = 0.999
_REACH: Final = 8.0
#: Share of the harmless texts that mention a group, by their likeliest category, that lie below where terms of many
#: parts are made alike: near the thresholds.
_FEW: Final = 0.96


@dataclass(frozen=True, slots=True)
class _Features:
    """What the network sees of n texts.

    Attributes:
        sparse: Weighted rows of words and n-grams, but for identity terms, [n, width].
        dense: Mean vectors, then whether a term is mentioned, float32 [n, dim + 1].
        weight: Weight of each row, [width].
        of_words: Vectors of the vocabulary, [n_words, dim].
        terms: The identity terms.
        mentions: Whether a term is mentioned, [n].
        plain: What each text's mean takes of each row, terms and all, [n, width].
    """

    sparse: scipy.sparse.csr_matrix
    dense: Floats
    weight: Rows
    of_words: Rows
    terms: Mentions
    mentions: NDArray[np.bool_]
    plain: scipy.sparse.csr_matrix


def fit(
    data: Fitting, folder: Path, categories: Sequence[str], parameters: Mapping[str, Any], seed: int,
    progress: Callable[[str], None],
) -> dict[str, Any]:  # fmt: skip
    """Writes `model.bin` and `network.npz` into a folder; see `training.Trainer`.

    Raises:
        UsageError: A parameter is unknown or out of range.
    """
    settings, linear = NetworkParameters.of(parameters, categories)
    words = vocabulary(data.texts, linear, data.vectors if linear.vector_weight else {})
    space = row_space(folder / _MODEL, data.texts, words, linear)
    progress(f"features of {len(data.texts)} texts, {space.width} rows")
    seen = _features(data, space, settings, linear)
    mentions = [category for category in categories if category in linear.mentions]
    straight = _straight(data, space, categories, linear, seed, progress)
    texts = _texts(seen, data)
    table, layers = _descended(texts, settings, seed, progress)
    weights = np.array([settings.linear_weights.get(category, 0.5) for category in categories])
    straight, layers = _added(seen, texts, straight, table, layers, weights, [categories.index(c) for c in mentions])
    rows = np.column_stack([straight, _folded(seen, table, _level(texts, table, layers)), mention_marks(space)])
    names = [*columns(categories, mentions), *(f"unit-{i}" for i in range(settings.units)), MENTION]
    write(folder / _MODEL, words, rows, names, linear.layout, space.kept)
    write_arrays(folder / _NETWORK, {"mention": _MENTION * table.dense[-1], **layers._asdict()})
    return {
        "file": _MODEL, "network": _NETWORK, "hidden": settings.hidden, "categories": list(categories),
        "mentions": mentions,
    }  # fmt: skip


def _straight(
    data: Fitting, space: RowSpace, categories: Sequence[str], linear: FastTextParameters, seed: int,
    progress: Callable[[str], None],
) -> Rows:  # fmt: skip
    """Rows of the linear model, [width, n_columns]."""
    found = training_logistic.columns(
        data.texts, data.labels, data.copies, space, categories, linear, seed, progress, data.vectors
    )
    assert [c.label for c in found] == [*categories, *(mentioning(c) for c in categories if c in linear.mentions)]
    return tie(found, space, linear)


def _features(data: Fitting, space: RowSpace, settings: NetworkParameters, linear: FastTextParameters) -> _Features:
    matrix = space.matrix(data.texts)
    weight = settings.scale * row_weights(matrix, space, linear)
    of_words = word_vectors(space.words, data.vectors, linear)
    terms = Mentions.of(space)
    rest, mentions = terms.apart(matrix)
    means = rest[:, : len(space.words)] @ of_words
    return _Features(
        sparse=scipy.sparse.csr_matrix(rest.multiply(weight[None, :]), dtype=np.float32),
        dense=np.column_stack([means, _MENTION * mentions]).astype(np.float32),
        weight=weight,
        of_words=of_words,
        terms=terms,
        mentions=mentions,
        plain=matrix,
    )


def _texts(seen: _Features, data: Fitting) -> Texts:
    known = ~np.isnan(data.labels)
    return Texts(
        ends=seen.sparse.indptr.astype(np.int64),
        rows=seen.sparse.indices.astype(np.int32),
        values=seen.sparse.data,
        dense=seen.dense,
        labels=np.nan_to_num(data.labels).astype(np.float32),
        weights=np.where(known, data.copies, 0).astype(np.float32),
    )


def _start(texts: Texts, width: int, settings: NetworkParameters, seed: int) -> tuple[Table, Layers]:
    """The first units go straight to the logits and start at 0; the others by chance."""
    rng = np.random.default_rng(seed)

    def drawn(rows: int, wide: int, spread: float) -> Floats:
        return rng.normal(scale=spread, size=(rows, wide)).astype(np.float32)

    units, hidden, n = settings.units, settings.hidden, texts.labels.shape[1]
    table = Table(drawn(width, units, settings.spread), drawn(texts.dense.shape[1], units, settings.spread))
    for part in table:
        part[:, :n] = 0
    layers = Layers(
        linear=np.eye(units, n, dtype=np.float32),
        inner=drawn(units, hidden, 1.0),
        threshold=np.zeros(hidden, np.float32),
        outer=drawn(hidden, n, 0.1),
        bias=np.zeros(n, np.float32),
    )
    return table, layers


def _descended(
    texts: Texts, settings: NetworkParameters, seed: int, progress: Callable[[str], None]
) -> tuple[Table, Layers]:
    table, layers = _start(texts, 1 + int(texts.rows.max(initial=0)), settings, seed)
    squares = Layers(*(np.full_like(part, _SQUARE) for part in layers))
    rates = np.array([settings.rate, settings.vector_rate, settings.layer_rate], np.float32)
    rng = np.random.default_rng(seed)
    for epoch in range(settings.epoch):
        progress(f"training the network, pass {epoch + 1} of {settings.epoch}")
        first, last = (1 - (epoch + k) / settings.epoch for k in (0, 1))
        order = rng.permutation(len(texts.labels))
        descend(order, texts, table, layers, squares, rates, first, last, settings.clip)
    return table, layers


def _averages(texts: Texts, table: Table) -> Floats:
    shape = (len(texts.labels), len(table.rows))
    sparse = scipy.sparse.csr_matrix((texts.values, texts.rows, texts.ends), shape=shape)
    return np.asarray(sparse @ table.rows + texts.dense @ table.dense, np.float32)


def _added(
    seen: _Features, texts: Texts, straight: Rows, table: Table, layers: Layers, weights: Rows, second: Sequence[int],
) -> tuple[Rows, Layers]:  # fmt: skip
    """Scales the linear model and the network so that their logits can be added up."""
    n = texts.labels.shape[1]
    logits = seen.plain @ straight
    for extra, j in enumerate(second):
        logits[seen.mentions, j] = logits[seen.mentions, n + extra]
    linear, deep = logits[:, :n], forward(_averages(texts, table), layers).astype(np.float64)
    of_linear = weights / np.maximum(linear.std(axis=0), 1e-9)
    of_deep = (1 - weights) / np.maximum(deep.std(axis=0), 1e-9)
    reach = _REACH / np.maximum(np.quantile(np.abs(linear * of_linear + deep * of_deep), _WITHIN, axis=0), 1e-9)
    factor = (reach * of_deep).astype(np.float32)
    columns_of = [*range(n), *second]
    return straight * (reach * of_linear)[columns_of], layers._replace(
        linear=layers.linear * factor, outer=layers.outer * factor, bias=layers.bias * factor
    )


def _level(texts: Texts, table: Table, layers: Layers) -> Rows:
    """Mean average of the harmless texts that mention a group and score highest, [n_units]."""
    harmless = (texts.labels == 0).all(axis=1)
    mentioning = np.flatnonzero(harmless & (texts.dense[:, -1] > 0))
    averages = _averages(texts, table)[mentioning]
    if not len(mentioning):
        return np.zeros(table.rows.shape[1])
    best = forward(averages, layers).max(axis=1)
    return np.asarray(averages[best >= np.quantile(best, _FEW)].mean(axis=0), np.float64)


def _folded(seen: _Features, table: Table, level: Rows) -> Rows:
    """What is averaged for each row: its own, for a word that of its vector too, of identity terms none."""
    rows = np.zeros((len(seen.weight), table.rows.shape[1]))
    rows[: len(table.rows)] = table.rows * seen.weight[: len(table.rows), None]
    rows[: len(seen.of_words)] += seen.of_words @ table.dense[:-1].astype(np.float64)
    seen.terms.tie(rows, level)
    return rows
