"""A pass of stochastic gradient descent for a network over averages of rows.

Sums run in a fixed order, as in `network_kernel`: the same texts in the same order give the same network.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from tamis.classifiers.compiled import inlined, kernel
from tamis.classifiers.network_kernel import Layers

__all__ = ["Table", "Texts", "descend"]

Floats = NDArray[np.float32]
Ints = NDArray[np.int64]


class Table(NamedTuple):
    """What is averaged; float32.

    Attributes:
        rows: A row for each sparse feature, [n_rows, n_units].
        dense: A row for each dense one, [n_dense, n_units].
    """

    rows: Floats
    dense: Floats


class Texts(NamedTuple):
    """Features and labels of n texts.

    Attributes:
        ends: Where the sparse features of each text begin and those of the last end, int64 [n + 1].
        rows: Their numbers, int32.
        values: Their values, float32.
        dense: Dense features, float32 [n, n_dense].
        labels: 0 or 1, float32 [n, n_categories].
        weights: What a label counts, 0 where it is unknown, float32 [n, n_categories].
    """

    ends: Ints
    rows: NDArray[np.int32]
    values: Floats
    dense: Floats
    labels: Floats
    weights: Floats


@inlined
def _rectified(layers: Layers, average: Floats, hidden: Floats) -> None:
    """Fills in the hidden layer."""
    hidden[:] = layers.threshold
    for unit in range(average.size):
        for h in range(hidden.size):
            hidden[h] += average[unit] * layers.inner[unit, h]
    for h in range(hidden.size):
        hidden[h] = max(hidden[h], np.float32(0))


@inlined
def _add_up(layers: Layers, average: Floats, hidden: Floats, logits: Floats) -> None:
    """Fills in the logits."""
    logits[:] = layers.bias
    for unit in range(average.size):
        for j in range(logits.size):
            logits[j] += average[unit] * layers.linear[unit, j]
    for h in range(hidden.size):
        for j in range(logits.size):
            logits[j] += hidden[h] * layers.outer[h, j]


@inlined
def _average(text: int, texts: Texts, table: Table, average: Floats) -> None:
    average[:] = 0
    for d in range(table.dense.shape[0]):
        for unit in range(average.size):
            average[unit] += texts.dense[text, d] * table.dense[d, unit]
    for i in range(texts.ends[text], texts.ends[text + 1]):
        row, value = texts.rows[i], texts.values[i]
        for unit in range(average.size):
            average[unit] += value * table.rows[row, unit]


@inlined
def _slopes(text: int, texts: Texts, logits: Floats, clip: float, slopes: Floats) -> None:
    """Derivatives of the loss by the logits: of the weighted cross entropy, cut at `clip`."""
    for j in range(logits.size):
        probability = 1 / (1 + np.exp(-np.float64(logits[j])))
        slope = texts.weights[text, j] * (probability - texts.labels[text, j])
        slopes[j] = min(max(slope, -clip), clip)


@inlined
def _step(values: Floats, squares: Floats, i: int, slope: np.float32, rate: float) -> None:
    """A step of Adagrad (Duchi 2011)."""
    squares[i] += np.float32(slope * slope)
    values[i] -= np.float32(rate * slope / np.sqrt(squares[i]))


@inlined
def _update_linear(layers: Layers, squares: Layers, average: Floats, slopes: Floats, rate: float, out: Floats) -> None:
    """Fills in the derivatives by the average that come past the hidden layer, and changes what leads there."""
    out[:] = 0
    for j in range(slopes.size):
        if slopes[j] != 0:
            _step(layers.bias, squares.bias, j, slopes[j], rate)
            for unit in range(average.size):
                out[unit] += slopes[j] * layers.linear[unit, j]
                _step(layers.linear[unit], squares.linear[unit], j, slopes[j] * average[unit], rate)


@inlined
def _update_hidden(
    layers: Layers, squares: Layers, average: Floats, hidden: Floats, slopes: Floats, rate: float, out: Floats
) -> None:
    """Adds the derivatives by the average that come from the hidden layer, and changes the layer."""
    for h in range(hidden.size):
        if hidden[h] <= 0:
            continue
        slope = np.float32(0)
        for j in range(slopes.size):
            if slopes[j] != 0:
                slope += slopes[j] * layers.outer[h, j]
                _step(layers.outer[h], squares.outer[h], j, slopes[j] * hidden[h], rate)
        _step(layers.threshold, squares.threshold, h, slope, rate)
        for unit in range(average.size):
            out[unit] += slope * layers.inner[unit, h]
            _step(layers.inner[unit], squares.inner[unit], h, slope * average[unit], rate)


@inlined
def _update_table(text: int, texts: Texts, table: Table, slopes: Floats, rate: float, dense_rate: float) -> None:
    for d in range(table.dense.shape[0]):
        step = np.float32(dense_rate * texts.dense[text, d])
        for unit in range(slopes.size):
            table.dense[d, unit] -= step * slopes[unit]
    for i in range(texts.ends[text], texts.ends[text + 1]):
        row, step = texts.rows[i], np.float32(rate * texts.values[i])
        for unit in range(slopes.size):
            table.rows[row, unit] -= step * slopes[unit]


@kernel
def descend(
    order: Ints, texts: Texts, table: Table, layers: Layers, squares: Layers, rates: Floats, first: float, last: float,
    clip: float,
) -> None:  # fmt: skip
    """Goes through the texts once, and changes table, layers and squares after each.

    Args:
        order: Numbers of texts, as they are taken.
        texts: Features and labels.
        table: Plain steps are taken here, of sizes that follow the features' values.
        layers: Steps of Adagrad are taken here.
        squares: Sums of squared derivatives so far.
        rates: Size of the steps for sparse rows, dense rows, and layers, float32 [3].
        first: What the rates are multiplied by at the first text.
        last: And at the last; between them the factor falls in a line.
        clip: Largest derivative by a logit.
    """
    average, out = np.empty(table.rows.shape[1], np.float32), np.empty(table.rows.shape[1], np.float32)
    hidden = np.empty(layers.threshold.size, np.float32)
    logits, slopes = np.empty(layers.bias.size, np.float32), np.empty(layers.bias.size, np.float32)
    for i in range(order.size):
        text, part = order[i], first + (last - first) * i / order.size
        _average(text, texts, table, average)
        _rectified(layers, average, hidden)
        _add_up(layers, average, hidden, logits)
        _slopes(text, texts, logits, clip, slopes)
        if np.any(slopes != 0):
            _update_linear(layers, squares, average, slopes, part * rates[2], out)
            _update_hidden(layers, squares, average, hidden, slopes, part * rates[2], out)
            _update_table(text, texts, table, out, part * rates[0], part * rates[1])
