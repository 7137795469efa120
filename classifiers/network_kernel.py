"""A network of one hidden layer over averages of rows: its logits.

Sums run in a fixed order and no instruction is left to the compiler's fast mathematics: equal inputs give equal
logits on every processor.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from tamis.classifiers.compiled import inlined, kernel

__all__ = ["Blocks", "Layers", "blocked", "forward"]

Floats = NDArray[np.float32]

#: Hidden units and logits that are computed together in scoring: vectors of the processor hold some of them.
BLOCK: Final = 64
GROUP: Final = 8


class Layers(NamedTuple):
    """What turns an average into logits; float32. As squares: what each number's gradients have added up to.

    Attributes:
        linear: Weights past the hidden layer, [n_units, n_categories].
        inner: Weights into it, [n_units, n_hidden].
        threshold: Added there, [n_hidden].
        outer: Weights out of it, [n_hidden, n_categories].
        bias: Added to the logits, [n_categories].
    """

    linear: Floats
    inner: Floats
    threshold: Floats
    outer: Floats
    bias: Floats


class Blocks(NamedTuple):
    """Layers in blocks of fixed size, filled up with zeros; float32.

    Attributes:
        linear: [n_groups, n_units, GROUP].
        inner: [n_blocks, n_units, BLOCK].
        threshold: [n_blocks, BLOCK].
        outer: [n_blocks, n_groups, BLOCK, GROUP].
        bias: [n_groups, GROUP].
        n_categories: Number of logits; those of the last group beyond it are none.
    """

    linear: Floats
    inner: Floats
    threshold: Floats
    outer: Floats
    bias: Floats
    n_categories: int


def forward(averages: Floats, blocks: Blocks) -> Floats:
    """Logits of texts.

    Args:
        averages: float32 [n, n_units]; NaN for a text of which nothing is known.
        blocks: The network.

    Returns:
        float32 [n, n_categories]; NaN where the average is.
    """
    found = _forward(averages, blocks)
    return found.reshape(len(averages), blocks.bias.size)[:, : blocks.n_categories]


def blocked(layers: Layers) -> Blocks:
    """Cuts layers into what `forward` takes."""
    n_units, hidden, further = len(layers.linear), -layers.threshold.size % BLOCK, -layers.bias.size % GROUP
    linear = np.pad(layers.linear, ((0, 0), (0, further))).reshape(n_units, -1, GROUP)
    inner = np.pad(layers.inner, ((0, 0), (0, hidden))).reshape(n_units, -1, BLOCK)
    outer = np.pad(layers.outer, ((0, hidden), (0, further))).reshape(inner.shape[1], BLOCK, -1, GROUP)
    return Blocks(
        linear=np.ascontiguousarray(linear.swapaxes(0, 1)),
        inner=np.ascontiguousarray(inner.swapaxes(0, 1)),
        threshold=np.pad(layers.threshold, (0, hidden)).reshape(-1, BLOCK),
        outer=np.ascontiguousarray(outer.swapaxes(1, 2)),
        bias=np.pad(layers.bias, (0, further)).reshape(-1, GROUP),
        n_categories=layers.bias.size,
    )


@kernel
def _forward(averages: Floats, blocks: Blocks) -> Floats:
    """Logits in groups, [n, n_groups, GROUP]; each is added up in the order of `network_descent`."""
    n_groups = blocks.bias.shape[0]
    logits = np.empty((averages.shape[0], n_groups, GROUP), np.float32)
    hidden, total = np.empty(BLOCK, np.float32), np.empty(GROUP, np.float32)
    for text in range(averages.shape[0]):
        for group in range(n_groups):
            _start_group(averages[text], blocks.linear[group], blocks.bias[group], logits[text, group])
        for block in range(blocks.threshold.shape[0]):
            _fill_block(averages[text], blocks.inner[block], blocks.threshold[block], hidden)
            for group in range(n_groups):
                _add_block(hidden, blocks.outer[block, group], total, logits[text, group])
    return logits


@inlined
def _start_group(average: Floats, linear: Floats, bias: Floats, out: Floats) -> None:
    for j in range(GROUP):
        out[j] = bias[j]
    for unit in range(average.size):
        for j in range(GROUP):
            out[j] += average[unit] * linear[unit, j]


@inlined
def _fill_block(average: Floats, inner: Floats, threshold: Floats, hidden: Floats) -> None:
    for h in range(BLOCK):
        hidden[h] = threshold[h]
    for unit in range(average.size):
        value = average[unit]
        for h in range(BLOCK):
            hidden[h] += value * inner[unit, h]


@inlined
def _add_block(hidden: Floats, outer: Floats, total: Floats, out: Floats) -> None:
    for j in range(GROUP):
        total[j] = out[j]
    for h in range(BLOCK):
        value = max(hidden[h], np.float32(0))
        for j in range(GROUP):
            total[j] += value * outer[h, j]
    for j in range(GROUP):
        out[j] = total[j]
