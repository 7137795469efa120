"""Trains the linear kind: a logistic regression per category over hashed word and character n-grams.

An unknown label is masked exactly: each category is fitted on the rows that are labelled for it. Fitting is
averaged stochastic gradient descent (scikit-learn), in one thread and from a seed, so that it repeats. The
inverse document frequencies multiply the features while training and are folded into the weights afterwards.

With word vectors v from unlabelled text the regression also sees their weighted sum over a passage's words, and what
it learns of that, u, is folded in as well: u · v is added to the weight of each word, of those that no labelled text
holds too.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import scipy.sparse
from numpy.typing import NDArray
from sklearn.linear_model import SGDClassifier

from tamis.classifiers.hyper_parameters import read_parameters
from tamis.classifiers.identity import AMBIGUOUS, COMPOUNDED, single_words, words_of_terms
from tamis.classifiers.linear_model import features, quantise
from tamis.classifiers.passages import Passages
from tamis.classifiers.training_data import Fitting

__all__ = ["LinearTraining", "fit"]

_FILE: Final = "weights.npz"


@dataclass(frozen=True, slots=True)
class LinearTraining:
    """Hyper-parameters.

    Attributes:
        word_ngrams: Smallest and largest word n-gram.
        char_ngrams: Smallest and largest character n-gram, or None.
        buckets: Number of buckets, a power of two.
        norm: As in `linear_model`.
        alpha: Strength of the L2 penalty.
        epochs: Passes over the rows.
        min_count: Features in fewer rows are left out.
        keep: Weights below this share of the largest are set to 0.
        identity_weight: If not negative, what a single-word identity term adds is this part of the mean term's.
        vector_weight: What word vectors count beside the n-grams; 0 = nothing.
    """

    word_ngrams: tuple[int, int] = (1, 2)
    char_ngrams: tuple[int, int] | None = (3, 5)
    buckets: int = 2**19
    norm: str = "sqrt"
    alpha: float = 1e-6
    epochs: int = 8
    min_count: int = 3
    keep: float = 0.004
    identity_weight: float = -1.0
    vector_weight: float = 0.0


def fit(
    data: Fitting, folder: Path, categories: Sequence[str], parameters: Mapping[str, Any], seed: int,
    progress: Callable[[str], None],
) -> dict[str, Any]:  # fmt: skip
    """Writes `weights.npz` into a folder, and returns the bundle's `parameters`; see `training.Trainer`.

    Args:
        data: Texts that are normalised already, labels (NaN = unknown), copies.
        folder: An existing folder.
        categories: Names of the columns.
        parameters: `LinearTraining` by name.
        seed: Order of the rows.
        progress: Told what is being trained.

    Raises:
        UsageError: A parameter is unknown or of the wrong type.
    """
    settings = read_parameters(parameters, LinearTraining, "linear")
    loader: dict[str, Any] = {
        "file": _FILE, "categories": list(categories), "word_ngrams": list(settings.word_ngrams),
        "char_ngrams": list(settings.char_ngrams) if settings.char_ngrams else None,
        "buckets": settings.buckets, "norm": settings.norm,
    }  # fmt: skip
    progress(f"features of {len(data.texts)} texts")
    matrix = features(Passages.of(data.texts), {**loader, "normaliser": "none"})
    scale = _inverse_frequency(matrix, settings.min_count)
    vectors = _vectors(data, loader, settings)
    sums = scipy.sparse.csr_matrix(matrix @ vectors, dtype=np.float32)
    weighted = scipy.sparse.csr_matrix(matrix.multiply(scale[None, :]), dtype=np.float32)
    matrix = scipy.sparse.hstack([weighted, sums], format="csr")
    weights = np.zeros((settings.buckets, len(categories)))
    intercept = np.zeros(len(categories), np.float32)
    for j, category in enumerate(categories):
        progress(f"training {category}")
        rows = np.flatnonzero(~np.isnan(data.labels[:, j]) & (data.copies[:, j] > 0))
        model = SGDClassifier(
            loss="log_loss", alpha=settings.alpha, max_iter=settings.epochs, tol=None, average=True,
            random_state=seed, learning_rate="optimal",
        )  # fmt: skip
        model.fit(matrix[rows], data.labels[rows, j].astype(int), sample_weight=data.copies[rows, j])
        own, of_sums = np.split(model.coef_[0], [settings.buckets])
        weights[:, j], intercept[j] = own * scale + vectors @ of_sums, model.intercept_[0]
    if settings.identity_weight >= 0:
        _tie(weights, loader, settings.identity_weight)
    _write(folder / _FILE, weights, intercept, settings.keep)
    return loader


def _vectors(data: Fitting, loader: Mapping[str, Any], settings: LinearTraining) -> NDArray[np.float32]:
    """Weighted vectors of the words in each bucket, added up: [buckets, dim]; of identity terms none: they are tied."""
    tied = words_of_terms() if settings.identity_weight >= 0 else frozenset[str]()
    words = [word for word in data.vectors if word not in tied] if settings.vector_weight else []
    if not words:
        return np.zeros((settings.buckets, 0), np.float32)
    place = features(Passages.of(words), _of_words(loader))
    own = np.stack([data.vectors[word] for word in words]) * np.float32(settings.vector_weight)
    return np.asarray(place.T @ own, np.float32)


def _of_words(loader: Mapping[str, Any]) -> dict[str, Any]:
    """What the features are of words alone, as often as they occur."""
    return {**loader, "norm": "none", "normaliser": "none", "word_ngrams": [1, 1], "char_ngrams": None}


def _inverse_frequency(matrix: scipy.sparse.csr_matrix, min_count: int) -> NDArray[np.float64]:
    rows = np.bincount(matrix.indices, minlength=matrix.shape[1])
    frequency = np.log((1 + matrix.shape[0]) / (1 + rows)) + 1
    return np.asarray(np.where(rows >= min_count, frequency, 0.0) / frequency.max())


def _tie(weights: NDArray[np.float64], loader: Mapping[str, Any], part: float) -> None:
    """Makes what each term adds (its word and the character n-grams inside it) the same, by its word's weight."""
    for forms in single_words():
        words = sorted(forms)
        counts = features(Passages.of(words), {**loader, "norm": "none", "normaliser": "none"})
        whole = features(Passages.of(words), _of_words(loader))
        added = counts @ weights
        common = part * added.mean(axis=0)
        for i, word in enumerate(words):
            wanted = common / 2 if word in COMPOUNDED else common
            wanted = np.minimum(wanted, added[i]) if word in AMBIGUOUS else wanted
            weights[whole[i].indices[0]] += wanted - added[i]


def _write(path: Path, weights: NDArray[np.float64], intercept: NDArray[np.float32], keep: float) -> None:
    rounded, scale = quantise(weights, keep)
    np.savez_compressed(path, weights=rounded, scale=scale, intercept=intercept)
