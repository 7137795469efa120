"""Fits a network over averages of rows, and folds what it has learned into the rows of a fastText model."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
import scipy.sparse
from numpy.typing import NDArray

from tamis.classifiers.errors import UsageError
from tamis.classifiers.fasttext_parameters import FastTextParameters
from tamis.classifiers.network_descent import Table, Texts, descend
from tamis.classifiers.network_kernel import Layers, blocked, forward
from tamis.classifiers.network_parameters import Part
from tamis.classifiers.training_data import Fitting
from tamis.classifiers.training_features import RowSpace, row_weights, word_vectors
from tamis.classifiers.training_mentions import Mentions

__all__ = ["Features", "Network", "features", "fit"]

Rows = NDArray[np.float64]
Floats = NDArray[np.float32]

#: Squares start here: Adagrad's first steps are then no larger than later ones.
_SQUARE: Final = 1e-2
#: What whether a group is mentioned counts beside the words' vectors.
_MENTION: Final = 0.03
#: Share of the harmless texts that mention a group, by their likeliest category, that lie below where terms of many
#: parts are made alike: near the thresholds.
_FEW: Final = 0.9


@dataclass(frozen=True, slots=True)
class Features:
    """What networks see of n texts.

    Attributes:
        plain: What each text's mean takes of each row, identity terms and all, [n, width].
        rest: The same without identity terms, weighted by inverse document frequency, [n, width].
        dense: Mean vectors, then whether a term is mentioned, float32 [n, dim + 1].
        weight: Weight of each row, [width].
        of_words: Vectors of the vocabulary, [n_words, dim].
        terms: The identity terms.
        mentions: Whether a term is mentioned, [n].
    """

    plain: scipy.sparse.csr_matrix
    rest: scipy.sparse.csr_matrix
    dense: Floats
    weight: Rows
    of_words: Rows
    terms: Mentions
    mentions: NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Network:
    """A fitted network.

    Attributes:
        rows: What is averaged, [width, n_units].
        mention: What is added to the average where a group is mentioned, float32 [n_units].
        layers: What makes logits of it.
        logits: Those of the training texts, 0 for a category that it has seen no label of, [n, n_categories].
    """

    rows: Rows
    mention: Floats
    layers: Layers
    logits: Rows


def features(data: Fitting, space: RowSpace, parameters: FastTextParameters) -> Features:
    """What networks see of training texts."""
    plain = space.matrix(data.texts)
    weight = row_weights(plain, space, parameters)
    of_words = word_vectors(space.words, data.vectors, parameters)
    terms = Mentions.of(space)
    rest, mentions = terms.apart(plain)
    means = rest[:, : len(space.words)] @ of_words
    return Features(
        plain=plain,
        rest=scipy.sparse.csr_matrix(rest.multiply(weight[None, :]), dtype=np.float32),
        dense=np.column_stack([means, _MENTION * mentions]).astype(np.float32),
        weight=weight,
        of_words=of_words,
        terms=terms,
        mentions=mentions,
    )


def fit(seen: Features, data: Fitting, part: Part, seed: int, progress: Callable[[str], None]) -> Network:
    """Fits a network.

    Raises:
        UsageError: The part names a source that is not there.
    """
    chosen = _chosen(data, part)
    texts = _texts(seen, data, part)
    table, layers = _start(texts, len(seen.weight), part, seed)
    _descend(chosen, texts, table, layers, part, seed, progress)
    averages = _averages(texts, table)
    logits = forward(averages, blocked(layers))
    rows = table.rows * (part.scale * seen.weight)[:, None]
    rows[: len(seen.of_words)] += seen.of_words @ table.dense[:-1].astype(np.float64)
    seen.terms.tie(rows, _level(averages, logits, (data.labels == 1).any(axis=1), seen.mentions))
    known = (texts.weights[chosen] > 0).any(axis=0)
    return Network(rows, _MENTION * table.dense[-1], layers, np.where(known, logits.astype(np.float64), 0))


def _chosen(data: Fitting, part: Part) -> NDArray[np.int64]:
    """Numbers of the texts that a part is fitted to."""
    if unknown := sorted(set(part.sources) - set(data.sources)):
        raise UsageError(
            f"parameters: networks: source {unknown[0]!r} has no row to train on; known: "
            f"{', '.join(sorted(set(data.sources)))}"
        )
    everything = np.arange(len(data.texts))
    return everything[np.isin(data.sources, part.sources)] if part.sources else everything


def _texts(seen: Features, data: Fitting, part: Part) -> Texts:
    return Texts(
        ends=seen.rest.indptr.astype(np.int64),
        rows=seen.rest.indices.astype(np.int32),
        values=seen.rest.data * np.float32(part.scale),
        dense=seen.dense,
        labels=np.nan_to_num(data.labels).astype(np.float32),
        weights=np.where(np.isnan(data.labels), 0, data.copies).astype(np.float32),
    )


def _start(texts: Texts, width: int, part: Part, seed: int) -> tuple[Table, Layers]:
    """The first units go straight to the logits and start at 0; the others by chance."""
    rng = np.random.default_rng(seed)

    def drawn(rows: int, wide: int, spread: float) -> Floats:
        return rng.normal(scale=spread, size=(rows, wide)).astype(np.float32)

    units, hidden, n = part.units, part.hidden, texts.labels.shape[1]
    table = Table(drawn(width, units, part.spread), drawn(texts.dense.shape[1], units, part.spread))
    for rows in table:
        rows[:, :n] = 0
    layers = Layers(
        linear=np.eye(units, n, dtype=np.float32),
        inner=drawn(units, hidden, 1.0),
        threshold=np.zeros(hidden, np.float32),
        outer=drawn(hidden, n, 0.1),
        bias=np.zeros(n, np.float32),
    )
    return table, layers


def _descend(
    chosen: NDArray[np.int64], texts: Texts, table: Table, layers: Layers, part: Part, seed: int,
    progress: Callable[[str], None],
) -> None:  # fmt: skip
    squares = Layers(*(np.full_like(values, _SQUARE) for values in layers))
    rates = np.array([part.rate, part.vector_rate, part.layer_rate], np.float32)
    rng = np.random.default_rng(seed)
    for epoch in range(part.epoch):
        progress(f"pass {epoch + 1} of {part.epoch}")
        first, last = (1 - (epoch + k) / part.epoch for k in (0, 1))
        descend(rng.permutation(chosen), texts, table, layers, squares, rates, first, last, part.clip)


def _averages(texts: Texts, table: Table) -> Floats:
    shape = (len(texts.labels), len(table.rows))
    sparse = scipy.sparse.csr_matrix((texts.values, texts.rows, texts.ends), shape=shape)
    return np.asarray(sparse @ table.rows + texts.dense @ table.dense, np.float32)


def _level(averages: Floats, logits: Floats, violating: NDArray[np.bool_], mentions: NDArray[np.bool_]) -> Rows:
    """Mean average of the harmless texts that mention a group and score highest, [n_units]."""
    rows = np.flatnonzero(~violating & mentions)
    if not len(rows):
        return np.zeros(averages.shape[1])
    best = logits[rows].max(axis=1)
    return np.asarray(averages[rows[best >= np.quantile(best, _FEW)]].mean(axis=0), np.float64)
