"""The linear kind: a logistic regression for each category over hashed word and character n-grams.

The logit of a category is its intercept plus the sum of the weights of the passage's n-grams, each as often as it
occurs, times a factor: 1 over the square root of the number of n-grams (`norm: sqrt`), 1 over that number (`mean`),
or 1 (`none`). A factor that depends on the number alone lets what a token adds be kept for its next occurrence,
which an L2 norm would not; and on short texts, where few n-grams repeat, the square root is nearly the L2 norm.

An inverse document frequency is no part of the format: multiply the features while training, and fold it into the
weights. Features are never negative; hashing with signs would make a logarithm of them meaningless.

Parameters of the bundle:

- `file`: name of the weights, an .npz;
- `categories`: names of its columns;
- `word_ngrams`: smallest and largest word n-gram, at most 5; null for none;
- `char_ngrams`: smallest and largest character n-gram, inside a word with `<` before and `>` after it; null for none;
- `buckets`: number of buckets, a power of two; `ngram_kernel` defines which n-gram falls into which;
- `norm`: `sqrt`, `mean` or `none`.

The .npz holds `weights` int8 [buckets, n_categories], `scale` float32 [n_categories], what a weight of 1 stands for,
and `intercept` float32 [n_categories]. Small weights are set to 0 before writing, and the file is compressed.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import scipy.sparse
from numpy.typing import NDArray

from tamis.classifiers import ngram_kernel
from tamis.classifiers.base import FloatMatrix
from tamis.classifiers.errors import BundleError
from tamis.classifiers.npz import read_arrays
from tamis.classifiers.passages import Passages

__all__ = ["NORMS", "LinearClassifier", "LinearParameters", "features", "load", "quantise"]

Ints = NDArray[np.int64]

#: Tokens whose sums are kept for each thread, a power of two.
KEPT: Final = 1 << 16

#: Rows are padded to a multiple of this many categories, which fit in vector registers.
WIDTH: Final = 8

#: Exponent of the number of n-grams in each norm's factor.
NORMS: Final[Mapping[str, float]] = {"sqrt": -0.5, "mean": -1.0, "none": 0.0}

_DEFAULTS: Final[Mapping[str, Any]] = {
    "word_ngrams": (1, 2),
    "char_ngrams": (3, 5),
    "buckets": 2**20,
    "norm": "sqrt",
    "normaliser": "none",
    "file": "weights.npz",
    "categories": (),
}


@dataclass(frozen=True, slots=True)
class LinearParameters:
    """What the features of a linear model are; the module's text explains the parameters.

    Attributes:
        words: Smallest and largest word n-gram, (1, 0) for none.
        characters: Smallest and largest character n-gram, (1, 0) for none.
        bits: Binary logarithm of the number of buckets.
        norm: A key of `NORMS`.
        normaliser: A key of `NORMALISERS`.
        file: Name of the weights.
        categories: Names of the columns.
    """

    words: tuple[int, int]
    characters: tuple[int, int]
    bits: int
    norm: str
    normaliser: str
    file: str
    categories: tuple[str, ...]

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> LinearParameters:
        """Checks parameters; those that are not given have the values of `LinearParameters.of({})`.

        Raises:
            BundleError: One is unknown or wrong.
        """
        if unknown := sorted(set(values) - set(_DEFAULTS)):
            raise BundleError(f"parameter `{unknown[0]}` is unknown; a linear model has {', '.join(_DEFAULTS)}")
        given = {**_DEFAULTS, **values}
        buckets, name = given["buckets"], given["file"]
        if not isinstance(buckets, int) or not 2 <= buckets <= 2**24 or buckets & (buckets - 1):
            raise BundleError(f"parameter `buckets` is {buckets!r}; expected a power of two up to 2**24")
        if given["norm"] not in NORMS:
            raise BundleError(f"parameter `norm` is {given['norm']!r}; expected {', '.join(NORMS)}")
        if not isinstance(name, str) or Path(name).name != name:
            raise BundleError(f"parameter `file` is {name!r}; expected the name of an .npz file in the bundle")
        return cls(
            words=_range("word_ngrams", given["word_ngrams"], ngram_kernel.MAX_WORDS),
            characters=_range("char_ngrams", given["char_ngrams"], 8),
            bits=buckets.bit_length() - 1,
            norm=given["norm"],
            normaliser=given["normaliser"],
            file=name,
            categories=tuple(given["categories"]),
        )


class LinearClassifier:
    """Categories scored by a linear model."""

    def __init__(self, parameters: LinearParameters, weights: NDArray[np.int8], scale: Any, intercept: Any) -> None:
        """Prepares a model for scoring.

        Args:
            parameters: What its features are.
            weights: int8 [buckets, n_categories].
            scale: What a weight of 1 stands for, float32 [n_categories].
            intercept: Logit of a passage without n-grams, float32 [n_categories].
        """
        self.categories: tuple[str, ...] = parameters.categories
        self._parameters = parameters
        self._scale, self._intercept = np.asarray(scale, np.float64), np.asarray(intercept, np.float64)
        width = -(-weights.shape[1] // WIDTH) * WIDTH
        self._weights = np.zeros((weights.shape[0], width), np.int8)
        self._weights[:, : weights.shape[1]] = weights
        self._local = threading.local()

    def score(self, passages: Passages) -> FloatMatrix:
        """Scores passages.

        Args:
            passages: The passages of a batch of documents.

        Returns:
            Probabilities, not calibrated, float32 [n_passages, n_categories]; NaN for a passage without a token.
        """
        data, bounds = passages.buffer(self._parameters.normaliser)
        words, characters = np.array(self._parameters.words), np.array(self._parameters.characters)
        sums, counts = ngram_kernel.score(data, bounds, words, characters, self._weights, *self._kept())
        factor = _factor(counts, self._parameters.norm)
        logits = sums[:, : len(self.categories)] * factor[:, None] * self._scale + self._intercept
        logits[counts == 0] = np.nan
        return (1 / (1 + np.exp(-logits))).astype(np.float32)

    def _kept(self) -> tuple[NDArray[np.uint64], NDArray[np.int32]]:
        """Returns the thread's own memory of tokens: scoring runs without the GIL."""
        if not hasattr(self._local, "kept"):
            keys, sums = np.zeros((KEPT, 2), np.uint64), np.zeros((KEPT, self._weights.shape[1] + 1), np.int32)
            self._local.kept = keys, sums
        kept: tuple[NDArray[np.uint64], NDArray[np.int32]] = self._local.kept
        return kept


def features(passages: Passages, parameters: Mapping[str, Any]) -> scipy.sparse.csr_matrix:
    """Returns the features that a linear model has of passages: for training, with the same code as scoring.

    Args:
        passages: The passages.
        parameters: Parameters of the bundle, and the `normaliser`.

    Returns:
        float32 [n_passages, buckets]. With weights w and intercept b, `features @ w + b` is the logit.

    Raises:
        BundleError: A parameter is wrong.
    """
    made = LinearParameters.of(parameters)
    data, bounds = passages.buffer(made.normaliser)
    buckets, ends = ngram_kernel.features(data, bounds, np.array(made.words), np.array(made.characters), made.bits)
    factor = np.repeat(_factor(np.diff(ends), made.norm), np.diff(ends)).astype(np.float32)
    matrix = scipy.sparse.csr_matrix((factor, buckets, ends), shape=(len(passages), 2**made.bits))
    matrix.sum_duplicates()
    return matrix


def quantise(weights: NDArray[np.floating[Any]], keep: float = 0.0) -> tuple[NDArray[np.int8], NDArray[np.float32]]:
    """Rounds weights to 255 steps for each category.

    Args:
        weights: [buckets, n_categories].
        keep: Weights smaller than this share of their category's largest become 0.

    Returns:
        int8 [buckets, n_categories], and what a weight of 1 stands for, float32 [n_categories].
    """
    largest = np.maximum(np.abs(weights).max(axis=0), np.finfo(np.float32).tiny)
    scale = (largest / 127).astype(np.float32)
    kept = np.where(np.abs(weights) < keep * largest, 0, weights)
    return np.clip(np.rint(kept / scale), -127, 127).astype(np.int8), scale


def load(folder: Path, parameters: Mapping[str, Any]) -> LinearClassifier:
    """Loads a classifier of the linear kind.

    Args:
        folder: The bundle's folder.
        parameters: Its parameters, and its `normaliser`.

    Returns:
        The classifier; its scores are not calibrated.

    Raises:
        BundleError: A parameter is unknown or wrong, or the file does not hold the arrays that they describe.
    """
    made = LinearParameters.of(parameters)
    n = len(made.categories)
    arrays = read_arrays(
        folder / made.file,
        {
            "weights": (np.dtype(np.int8), (2**made.bits, n)),
            "scale": (np.dtype(np.float32), (n,)),
            "intercept": (np.dtype(np.float32), (n,)),
        },
    )
    if not (np.isfinite(arrays["scale"]).all() and np.isfinite(arrays["intercept"]).all()):
        raise BundleError(f"{folder / made.file}: `scale` or `intercept` is not finite; train the model again")
    return LinearClassifier(made, arrays["weights"], arrays["scale"], arrays["intercept"])


def _factor(counts: Ints, norm: str) -> NDArray[np.float64]:
    return np.maximum(counts, 1).astype(np.float64) ** NORMS[norm]


def _range(name: str, value: Any, most: int) -> tuple[int, int]:
    if value is None:
        return 1, 0
    low, high = value if isinstance(value, list | tuple) and len(value) == 2 else (0, 0)
    if not (isinstance(low, int) and isinstance(high, int) and 1 <= low <= high <= most):
        raise BundleError(
            f"parameter `{name}` is {value!r}; expected [smallest, largest] between 1 and {most}, or null"
        )
    return low, high
