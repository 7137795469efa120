"""Word vectors from unlabelled text: what words that no labelled text holds are known by.

A word's vector is its row in the truncated singular value decomposition of a matrix of positive pointwise mutual
information with the words around it, contexts smoothed (Levy, Goldberg and Dagan 2015, "Improving Distributional
Similarity with Lessons Learned from Word Embeddings", TACL 3, sections 3.1 and 3.3: context distribution smoothing
0.75, eigenvalue weighting 0.5, subsampling, a dynamic window). Counting and decomposing are seeded, one after the
other in one thread: the same text gives the same vectors, up to rounding.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray
from sklearn.utils.extmath import randomized_svd

from tamis.classifiers.compiled import kernel
from tamis.classifiers.errors import UsageError

__all__ = ["Vectors", "make_vectors", "read_vectors", "write_vectors"]

Vectors = Mapping[str, NDArray[np.float32]]

_WINDOW: Final = 5
_SUBSAMPLE: Final = 1e-4
_SMOOTHING: Final = 0.75
#: Words that are counted as contexts.
_CONTEXTS: Final = 6000
_FEWEST: Final = 8
_UNKNOWN: Final = -1
_BREAK: Final = -2


def make_vectors(lines: Iterable[str], words: int = 60_000, dim: int = 150, seed: int = 0) -> Vectors:
    """Vectors of the commonest words of a text.

    Args:
        lines: Normalised text; words are between single spaces, and no window reaches over the end of a line.
        words: Words at most; those seen fewer than 8 times have none.
        dim: Numbers of a vector, at most one for each context word.
        seed: Seed of the subsampling and of the decomposition.

    Returns:
        Unit vectors, float32 [dim] each, the commonest word first.

    Raises:
        UsageError: There are too few words.
    """
    kept = list(lines)
    counts = Counter[str]()
    for line in kept:
        counts.update(line.split(" "))
    counts.pop("", None)
    named = [word for word, n in counts.most_common(words) if n >= _FEWEST]
    contexts = min(_CONTEXTS, len(named))
    if contexts < dim:
        raise UsageError(f"vectors: found {len(named)} words seen {_FEWEST} times or more, expected at least {dim}")
    tokens = _subsampled(_tokens(kept, named), np.array([counts[word] for word in named]), counts.total(), seed)
    matrix = _information(_count(tokens, len(named), contexts, _WINDOW))
    left, values, _ = randomized_svd(matrix, dim, n_iter=3, random_state=seed)
    out = left * np.sqrt(values)
    out -= out.mean(axis=0)
    out /= np.linalg.norm(out, axis=1, keepdims=True) + 1e-9
    return dict(zip(named, out.astype(np.float32), strict=True))


def _tokens(lines: list[str], named: list[str]) -> NDArray[np.int32]:
    place = {word: i for i, word in enumerate(named)}
    out: list[int] = []
    for line in lines:
        out.extend(place.get(word, _UNKNOWN) for word in line.split(" "))
        out.append(_BREAK)
    return np.array(out, np.int32)


def _subsampled(
    tokens: NDArray[np.int32], counts: NDArray[np.int64], total: int, seed: int
) -> NDArray[np.int32]:  # fmt: skip
    keep = np.minimum(1, np.sqrt(_SUBSAMPLE * total / counts))
    known = tokens >= 0
    drop = known & (np.random.default_rng(seed).random(tokens.size) > keep[np.maximum(tokens, 0)])
    return tokens[~drop]


@kernel
def _count(tokens: NDArray[np.int32], words: int, contexts: int, window: int) -> NDArray[np.float32]:
    """How often each word stands near each context word, a nearer one counting for more: float32 [words, contexts]."""
    out = np.zeros((words, contexts), np.float32)
    for at in range(tokens.size):
        word = tokens[at]
        if word < 0:
            continue
        for distance in range(1, window + 1):
            if at + distance >= tokens.size or tokens[at + distance] == _BREAK:
                break
            other = tokens[at + distance]
            if other < 0:
                continue
            share = np.float32((window + 1 - distance) / window)
            if other < contexts:
                out[word, other] += share
            if word < contexts:
                out[other, word] += share
    return out


def _information(counts: NDArray[np.float32]) -> NDArray[np.float32]:
    """Positive pointwise mutual information, in place; contexts by their smoothed share."""
    smoothed = counts.sum(axis=0).astype(np.float64) ** _SMOOTHING
    counts /= np.maximum(counts.sum(axis=1, keepdims=True), 1e-9)
    counts /= np.maximum(smoothed / smoothed.sum(), 1e-12).astype(np.float32)
    np.log(np.maximum(counts, 1, out=counts), out=counts)
    return counts


def write_vectors(path: Path, vectors: Vectors) -> None:
    """Writes vectors as text, as word2vec and fastText do (.vec): the size, then a word and its numbers a line."""
    path.parent.mkdir(parents=True, exist_ok=True)
    dim = len(next(iter(vectors.values())))
    with path.open("w", encoding="utf-8", newline="\n") as out:
        out.write(f"{len(vectors)} {dim}\n")
        for word, vector in vectors.items():
            out.write(word + " " + " ".join(f"{value:.4f}" for value in vector) + "\n")


def read_vectors(path: Path) -> Vectors:
    """Reads vectors in the text format of word2vec, fastText (.vec) and, less its first line, GloVe.

    Returns:
        float32 [dim] each, in the order of the file: the commonest word first, as these tools write them.

    Raises:
        UsageError: The file is missing or is something else.
    """
    try:
        with path.open(encoding="utf-8", newline="\n") as lines:
            first = lines.readline().split()
            if len(first) != 2:
                raise UsageError(f"{path}: found no size in line 1, expected the number of words and of dimensions")
            dim = int(first[1])
            return dict(_vector(line, dim) for line in lines)
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(
            f"{path}: vectors cannot be read ({type(error).__name__}); make them, or check the path"
        ) from error
    except ValueError as error:
        raise UsageError(f"{path}: a line is no word with {first[1]} numbers; expected a .vec file") from error


def _vector(line: str, dim: int) -> tuple[str, NDArray[np.float32]]:
    word, *numbers = line.rstrip("\n").rstrip(" ").split(" ")
    if len(numbers) != dim:
        raise ValueError
    return word, np.array(numbers, np.float32)
