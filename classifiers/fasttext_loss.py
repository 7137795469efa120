"""From fastText's outputs to the scores that its `predict` returns.

The library adds 1e-5 to each probability before it takes the logarithm that it later undoes; so does this.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from tamis.classifiers.compiled import kernel
from tamis.classifiers.fasttext_file import Loss

__all__ = ["STEP", "STEPPED", "LabelTree", "label_tree", "scores"]

Int32s = NDArray[np.int32]
Ints = NDArray[np.int64]
Floats = NDArray[np.float32]

#: Losses whose scores come from the library's table of the sigmoid, and are constant over steps of the logit.
STEPPED: Final = (Loss.NEGATIVE_SAMPLING, Loss.ONE_VS_ALL)

#: The table spans logits from -8 to 8; a step of the logit is 1/32.
REACH: Final = np.float32(8)
STEP: Final = 1 / 32

#: What the library adds to a probability.
FLOOR: Final = 1e-5

SIGMOID: Final = (1 / (1 + np.exp(8 - np.arange(513) * STEP))).astype(np.float32)

#: The library's count of a node that has not been made; no label is as frequent.
UNMADE: Final = 10**15


class LabelTree(NamedTuple):
    """The Huffman tree of hierarchical softmax, over n labels.

    Attributes:
        left: Left child of each inner node, the root last, int32 [n - 1]: a label below n, or n + an inner node.
        right: Right child, likewise.
    """

    left: Int32s
    right: Int32s


def label_tree(counts: Sequence[int]) -> LabelTree:
    """Builds the tree as the library does, from the label counts in the model file.

    Args:
        counts: How often each label was seen, in falling order, all together below 10**15.

    Returns:
        The tree.
    """
    n = len(counts)
    nodes = [*counts, *[UNMADE] * (n - 1)]
    left, right = np.zeros(n - 1, np.int32), np.zeros(n - 1, np.int32)
    label, node = n - 1, n
    for inner in range(n - 1):
        for side in (left, right):
            if label >= 0 and nodes[label] < nodes[node]:
                side[inner], label = label, label - 1
            else:
                side[inner], node = node, node + 1
        nodes[n + inner] = nodes[left[inner]] + nodes[right[inner]]
    return LabelTree(left, right)


def scores(loss: Loss, logits: Floats, tree: LabelTree) -> Floats:
    """Turns outputs into scores.

    Args:
        loss: What the outputs mean.
        logits: One output for each label, float32 [n, n_labels]; with hierarchical softmax for each inner node
            and one without a meaning.
        tree: The label tree; looked at only with hierarchical softmax.

    Returns:
        Scores of the labels in [0, 1], float32 [n, n_labels]; NaN where the outputs are.
    """
    unknown = np.isnan(logits[:, 0])
    logits = np.where(unknown[:, None], np.float32(0), logits)
    if loss is Loss.SOFTMAX:
        result = _softmax(logits)
    else:
        result = _hierarchical(logits, tree) if loss is Loss.HIERARCHICAL_SOFTMAX else _sigmoid(logits)
    result[unknown] = np.nan
    return result


@kernel
def _softmax(logits: Floats) -> Floats:
    scores = np.empty_like(logits)
    for text in range(logits.shape[0]):
        largest, total = logits[text, 0], 0.0
        for label in range(logits.shape[1]):
            largest = max(largest, logits[text, label])
        for label in range(logits.shape[1]):
            total += np.exp(np.float64(logits[text, label] - largest))
        for label in range(logits.shape[1]):
            score = np.exp(np.float64(logits[text, label] - largest)) / total
            scores[text, label] = min(1.0, score + FLOOR)
    return scores


@kernel
def _sigmoid(logits: Floats) -> Floats:
    scores = np.empty_like(logits)
    for text in range(logits.shape[0]):
        for label in range(logits.shape[1]):
            logit = logits[text, label]
            if abs(logit) > REACH:
                scores[text, label] = 1.0 if logit > 0 else FLOOR
            else:  # float32 as in the library: the sum decides on which side of a step it falls
                step = np.int64((logit + REACH) * np.float32(32))
                scores[text, label] = min(1.0, SIGMOID[step] + FLOOR)
    return scores


@kernel
def _hierarchical(logits: Floats, tree: LabelTree) -> Floats:
    n = logits.shape[1]
    scores = np.empty_like(logits)
    nodes = np.ones(2 * n - 1, np.float64)
    for text in range(logits.shape[0]):
        for inner in range(n - 2, -1, -1):
            right = 1 / (1 + np.exp(-np.float64(logits[text, inner])))
            nodes[tree.left[inner]] = nodes[n + inner] * (1 - right + FLOOR)
            nodes[tree.right[inner]] = nodes[n + inner] * (right + FLOOR)
        for label in range(n):
            scores[text, label] = min(1.0, nodes[label])
    return scores
