"""Reads fastText's model files (.bin and .ftz), and believes nothing that they say about themselves.

The format has no checksum, and the library reads past the end of a truncated file without an error. Here every
size is compared with what is left of the file before anything is allocated, every index with what it points into,
and the last byte that is read must be the last of the file.

Layout, little-endian (after fastText 0.9.2, `FastText::saveModel`)::

    int32 magic, version
    int32 dim, ws, epoch, minCount, neg, wordNgrams, loss, model, bucket, minn, maxn, lrUpdateRate; float64 t
    int32 entries, words, labels; int64 tokens, pruned            pruned: -1 = all hash buckets are kept
    entries × (bytes, 0, int64 count, int8 type)                  words first, then labels
    pruned × (int32 bucket, int32 row)
    bool quantised; input matrix
    bool quantised; output matrix

    dense matrix        int64 rows, columns; float32 values
    quantised matrix    bool norms; int64 rows, columns; int32 code bytes; codes; quantiser
                        and with norms: uint8 norm codes; quantiser of the norms
    quantiser           int32 columns, parts, width, width of the last part; float32 256 centroids
"""

from __future__ import annotations

import enum
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from tamis.classifiers.errors import BundleError
from tamis.classifiers.fasttext_matrix import Matrix, read_matrix
from tamis.classifiers.fasttext_source import Source

__all__ = ["FastTextFile", "Loss", "read"]

Bytes = NDArray[np.uint8]
Ints = NDArray[np.int64]
Int32s = NDArray[np.int32]

MAGIC: Final = 793712314
VERSIONS: Final = (11, 12)
SUPERVISED: Final = 3

#: Bytes of a dictionary entry beside its word: the closing zero, the count and the type.
ENTRY: Final = 10

#: Longest character and word n-grams. Real models stay below 10; a longer one would only make scoring crawl.
LONGEST: Final = 64

#: Most label occurrences in training: fastText's label tree takes this number for "no node yet".
MOST: Final = 10**15


class Loss(enum.IntEnum):
    """What a model's outputs mean, by fastText's numbers."""

    HIERARCHICAL_SOFTMAX = 1
    NEGATIVE_SAMPLING = 2
    SOFTMAX = 3
    ONE_VS_ALL = 4


@dataclass(frozen=True, slots=True)
class Settings:
    """The settings of a model that scoring depends on.

    Attributes:
        dim: Columns of both matrices.
        word_ngrams: Longest word n-gram, 0 to 64; below 2 there are none.
        loss: What the outputs mean.
        bucket: Hash buckets that the n-grams share.
        minn: Shortest character n-gram, 0 to 64.
        maxn: Longest character n-gram, 0 to 64; 0 where there are none.
    """

    dim: int
    word_ngrams: int
    loss: Loss
    bucket: int
    minn: int
    maxn: int


@dataclass(frozen=True, slots=True, eq=False)
class Dictionary:
    """Words and labels.

    Attributes:
        entries: The entries as they stand in the file, uint8.
        start: Offset of each entry and the end of the last, int64 [n_words + n_labels + 1]. The word of entry i
            is `entries[start[i] : start[i + 1] - 10]`.
        n_words: Number of words; the entries after them are labels.
        labels: The labels.
        label_counts: How often each label was seen in training, int64 [n_labels].
        pruned: Hash buckets that a pruned model kept, and their rows after those of the words, int32 [n, 2];
            None where the model is not pruned and keeps them all.
    """

    entries: Bytes
    start: Ints
    n_words: int
    labels: tuple[str, ...]
    label_counts: Ints
    pruned: Int32s | None


@dataclass(frozen=True, slots=True, eq=False)
class FastTextFile:
    """All that a supervised fastText model holds.

    Attributes:
        settings: The settings.
        dictionary: Words and labels.
        input: One row for each word, then one for each bucket (in a pruned model: each kept bucket).
        output: One row for each label; with hierarchical softmax, for each inner node of the label tree.
    """

    settings: Settings
    dictionary: Dictionary
    input: Matrix
    output: Matrix


def read(path: Path) -> FastTextFile:
    """Reads a supervised fastText model.

    Args:
        path: A .bin or .ftz file.

    Returns:
        The model, checked.

    Raises:
        BundleError: The file cannot be read, is no supervised fastText model, is truncated, or contradicts itself.
    """
    try:
        with path.open("rb") as handle:
            source = Source(path.name, handle, path.stat().st_size)
            return _model(source)
    except OSError as error:
        raise BundleError(
            f"{path}: the model cannot be read ({error.strerror}); check the path and its rights"
        ) from None


def _model(source: Source) -> FastTextFile:
    settings = _settings(source)
    dictionary = _dictionary(source, settings)
    rows = dictionary.n_words + (settings.bucket if dictionary.pruned is None else len(dictionary.pruned))
    quantised = source.flag("quantised input")
    source.check(quantised or dictionary.pruned is None, "a pruned dense model", "a pruned model to be quantised")
    inputs = read_matrix(source, quantised, (rows, settings.dim), "input")
    quantised = source.flag("quantised output") and quantised
    outputs = read_matrix(source, quantised, (len(dictionary.labels), settings.dim), "output")
    source.check(source.left == 0, f"{source.left} bytes after the model", "the end of the file")
    return FastTextFile(settings, dictionary, inputs, outputs)


def _settings(source: Source) -> Settings:
    magic, version = source.numbers("<i4,<i4", "the magic number and the version")
    source.check(magic == MAGIC, f"the first number {magic}", f"{MAGIC}")
    source.check(version in VERSIONS, f"format version {version}", "11 or 12")
    dim, _, _, _, _, ngrams, loss, model, bucket, minn, maxn, _, _ = source.numbers("<i4," * 12 + "<f8", "settings")
    source.check(model == SUPERVISED, f"model type {model}", "3, a supervised model")
    source.check(loss in list(Loss), f"loss {loss}", "1, 2, 3 or 4")
    source.check(dim > 0, f"dim {dim}", "at least 1")
    source.check(bucket >= 0, f"bucket {bucket}", "at least 0")
    for name, value in (("wordNgrams", ngrams), ("minn", minn), ("maxn", maxn)):
        source.check(0 <= value <= LONGEST, f"{name} {value}", f"0 to {LONGEST}")
    if version == 11:  # supervised models of that time had no character n-grams, whatever the field says
        maxn = 0
    source.check(bucket > 0 or (ngrams < 2 and maxn == 0), "n-grams and bucket 0", "at least 1 bucket")
    return Settings(dim, ngrams, Loss(loss), bucket, minn, maxn)


def _dictionary(source: Source, settings: Settings) -> Dictionary:
    size, n_words, n_labels, _, n_pruned = source.numbers("<i4,<i4,<i4,<i8,<i8", "sizes of the dictionary")
    source.check(
        n_words >= 0 and n_labels > 0 and size == n_words + n_labels,
        f"{size} entries, {n_words} words and {n_labels} labels",
        "words and at least one label to add up",
    )
    source.check(size * ENTRY <= source.left, f"{source.left} bytes left", f"{size} dictionary entries")
    start = _entry_starts(source, size)
    entries = source.array(np.uint8, int(start[-1]), "dictionary entries")
    types = entries[start[1:] - 1]
    source.check(
        not types[:n_words].any() and bool((types[n_words:] == 1).all()),
        "words and labels mixed",
        "all words before all labels",
    )
    labels, counts = _labels(source, entries, start[n_words:])
    return Dictionary(entries, start, n_words, labels, counts, _pruned(source, n_pruned, settings.bucket))


def _entry_starts(source: Source, size: int) -> Ints:
    """Finds where each entry starts, in a window that grows until it holds them all."""
    window = 65_536 + 4 * ENTRY * size
    while True:
        block = source.peek(window)
        start = [0]
        while len(start) <= size and 0 <= (zero := block.find(b"\0", start[-1])) <= len(block) - ENTRY:
            start.append(zero + ENTRY)
        if len(start) > size:
            return np.array(start, np.int64)
        source.check(len(block) == window, f"an end after {len(start) - 1} entries", f"{size} dictionary entries")
        window *= 4


def _labels(source: Source, entries: Bytes, start: Ints) -> tuple[tuple[str, ...], Ints]:
    """Returns the labels of the entries that start there, and how often each was seen in training."""
    labels, counts = [], []
    for first, end in zip(start[:-1].tolist(), start[1:].tolist(), strict=True):
        raw = entries[first : end - ENTRY].tobytes()
        labels.append(raw.decode("utf-8", "replace"))
        source.check(labels[-1].encode() == raw, "a label that is not UTF-8", "UTF-8")
        counts.append(int.from_bytes(entries[end - ENTRY + 1 : end - 1].tobytes(), "little", signed=True))
    source.check(len(set(labels)) == len(labels), "a label twice", "each label once")
    source.check(min(counts) >= 0 and sum(counts) < MOST, "label counts out of range", f"0 to {MOST} in all")
    return tuple(labels), np.array(counts, np.int64)


def _pruned(source: Source, size: int, bucket: int) -> Int32s | None:
    source.check(size >= -1, f"{size} kept buckets", "-1 or more")
    if size < 0:
        return None
    pairs = source.array(np.int32, 2 * size, "kept buckets").reshape(size, 2)
    source.check(size == 0 or bool((pairs >= 0).all()), "a negative bucket or row", "0 or more")
    source.check(bool((pairs < (bucket, size)).all()), "a bucket or row beyond the last", f"below {bucket} and {size}")
    source.check(np.unique(pairs[:, 0]).size == size, "a bucket twice", "each bucket once")
    return pairs
