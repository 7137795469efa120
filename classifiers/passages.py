"""Passages: the windows of a document that classifiers score.

The passages of a document partition its text. A document of up to 1.5 times the target is one passage. A longer one
is cut, from its start on, at the strongest break between half and twice the target; of several equally strong
ones at that nearest to the target. Breaks, strongest first:

1. a blank line (the end of a paragraph),
2. the end of a sentence: one of `.!?` and their like in other scripts, closing quotes, white space,
3. the end of a line,
4. white space,
5. with none of these, a cut between two characters at twice the target.

White space belongs to the passage before it. The last passage is no shorter than half the target.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from tamis.classifiers.errors import UsageError
from tamis.classifiers.normalise import NORMALISERS
from tamis.classifiers.passages_kernel import count_words, cut, words_between

__all__ = ["TARGET", "Passages", "split", "utf8"]

Bytes = NDArray[np.uint8]
Ints = NDArray[np.int64]

#: Characters that a passage should have; classifiers are trained on texts of about this length.
TARGET = 400


@dataclass(frozen=True, slots=True, eq=False)
class Passages:
    """The passages of a batch of n documents.

    Attributes:
        texts: Text of each document.
        document: Index of each document's first passage, and the number of passages, int64 [n + 1].
        start: Offset of each passage in its document, in characters, int64 [n_passages].
        end: Offset of each passage's end, in characters, int64 [n_passages].
        words: White-space separated words of each document, int64 [n].
        data: UTF-8 of all documents, one after another, lone surrogates in three bytes, uint8.
        bounds: Byte offset in `data` of each passage, and the end of the last, int64 [n_passages + 1].
    """

    texts: Sequence[str]
    document: Ints
    start: Ints
    end: Ints
    words: Ints
    data: Bytes = field(repr=False)
    bounds: Ints = field(repr=False)
    _buffers: dict[str, tuple[Bytes, Ints]] = field(default_factory=dict, init=False, repr=False)
    _parts: dict[bytes, Passages] = field(default_factory=dict, init=False, repr=False)

    @staticmethod
    def of(texts: Sequence[str]) -> Passages:
        """Takes each text as one passage, an empty one too: for training, golden texts and tests."""
        data, bounds = utf8(texts)
        lengths = _lengths(texts)
        document = np.arange(len(texts) + 1, dtype=np.int64)
        words = count_words(data, bounds)
        return Passages(texts, document, np.zeros_like(lengths), lengths, words, data, bounds)

    def __len__(self) -> int:
        return self.start.size

    def __getitem__(self, index: int) -> str:
        """Returns the original text of a passage.

        Raises:
            IndexError: There is no such passage.
        """
        if not 0 <= index < self.start.size:
            raise IndexError(f"passage {index} of {self.start.size}")
        document = int(np.searchsorted(self.document, index, side="right")) - 1
        return self.texts[document][self.start[index] : self.end[index]]

    def __iter__(self) -> Iterator[str]:
        starts, ends, owners = self.start.tolist(), self.end.tolist(), self.owner().tolist()
        for owner, start, end in zip(owners, starts, ends, strict=True):
            yield self.texts[owner][start:end]

    def owner(self) -> Ints:
        """Returns the index of each passage's document, int64 [n_passages]."""
        return np.repeat(np.arange(len(self.texts), dtype=np.int64), np.diff(self.document))

    def part(self, chosen: NDArray[np.bool_]) -> Passages:
        """Returns the passages of some documents; the same object for the same choice.

        Args:
            chosen: Which documents, bool [n].

        Returns:
            Their passages, in order.
        """
        key = np.packbits(chosen).tobytes()
        if key not in self._parts:
            self._parts[key] = self._take(chosen)
        return self._parts[key]

    def _take(self, chosen: NDArray[np.bool_]) -> Passages:
        counts = np.diff(self.document)
        kept = np.repeat(chosen, counts)
        sizes = np.diff(self.bounds)
        part = Passages(
            texts=[self.texts[i] for i in np.flatnonzero(chosen).tolist()],
            document=_offsets(counts[chosen]),
            start=self.start[kept],
            end=self.end[kept],
            words=self.words[chosen],
            data=_gathered(self.data, self.bounds, kept),
            bounds=_offsets(sizes[kept]),
        )
        # What the whole has been normalised to serves the part. (The part keeps no hold on the whole: that would be a
        # cycle, and batches would wait for the collector.)
        for normaliser, (data, bounds) in self._buffers.items():
            part._buffers[normaliser] = (_gathered(data, bounds, kept), _offsets(np.diff(bounds)[kept]))
        return part

    def words_of(self, passages: NDArray[np.intp]) -> Ints:
        """Counts the white-space separated words of some passages, int64 [m]."""
        return words_between(self.data, self.bounds[:-1][passages], self.bounds[1:][passages])

    def has(self, normaliser: str) -> bool:
        """Says whether the normalised passages are there already, so that `buffer` costs nothing."""
        return normaliser in self._buffers

    def buffer(self, normaliser: str) -> tuple[Bytes, Ints]:
        """Returns the normalised passages; computed once for each normaliser.

        Args:
            normaliser: A key of `NORMALISERS`.

        Returns:
            UTF-8 of the normalised passages, one after another, uint8; the byte offset of each and the end of
            the last, int64 [n_passages + 1].

        Raises:
            UsageError: There is no such normaliser.
        """
        if normaliser not in self._buffers:
            if normaliser not in NORMALISERS:
                raise UsageError(f"normaliser {normaliser!r} is unknown; this version has {', '.join(NORMALISERS)}")
            self._buffers[normaliser] = NORMALISERS[normaliser](self.data, self.bounds)
        return self._buffers[normaliser]

    def normalised(self, normaliser: str, chosen: NDArray[np.bool_]) -> tuple[Bytes, Ints]:
        """Returns some passages normalised, without the rest; computed anew each time.

        Args:
            normaliser: A key of `NORMALISERS`.
            chosen: Which passages, bool [n_passages].

        Returns:
            As `buffer`, of the chosen passages.
        """
        data, sizes = _gathered(self.data, self.bounds, chosen), np.diff(self.bounds)[chosen]
        return NORMALISERS[normaliser](data, _offsets(sizes))


def split(texts: Sequence[str], target: int = TARGET) -> Passages:
    """Cuts documents into passages; the rules stand at the top of the module.

    Args:
        texts: Text of each document. An empty one has no passage.
        target: Characters that a passage should have; it has at most twice as many.

    Returns:
        The passages, in order.

    Raises:
        UsageError: The target is below 1.
    """
    if target < 1:
        raise UsageError(f"a passage has at least 1 character; the target is {target}")
    data, bounds = utf8(texts)
    document, start, end, passage_bounds = cut(data, bounds, _lengths(texts), target)
    return Passages(texts, document, start, end, count_words(data, bounds), data, passage_bounds)


def _gathered(data: Bytes, bounds: Ints, kept: NDArray[np.bool_]) -> Bytes:
    """Returns the bytes of the kept passages, run by run: a mask over the bytes would cost more than scoring some."""
    edges = np.flatnonzero(np.diff(kept.astype(np.int8), prepend=0, append=0))
    stretches = bounds[edges].reshape(-1, 2).tolist()
    return np.concatenate([data[:0], *(data[start:stop] for start, stop in stretches)])


def _lengths(texts: Sequence[str]) -> Ints:
    return np.fromiter(map(len, texts), np.int64, len(texts))


def utf8(texts: Sequence[str]) -> tuple[Bytes, Ints]:
    """Encodes texts.

    Returns:
        UTF-8 of all texts, one after another, lone surrogates in three bytes, uint8; the byte offset of each and the
        end of the last, int64 [n + 1].
    """
    encoded = [_encode(text) for text in texts]
    bounds = _offsets(np.fromiter(map(len, encoded), np.int64, len(encoded)))
    # Writable like every other buffer: numba would compile each kernel a second time for read-only arrays.
    return np.frombuffer(bytearray().join(encoded), np.uint8), bounds


def _offsets(sizes: Ints) -> Ints:
    """Returns where each of several runs starts, and the end of the last."""
    offsets = np.zeros(sizes.size + 1, np.int64)
    np.cumsum(sizes, out=offsets[1:])
    return offsets


def _encode(text: str) -> bytes:
    try:
        return text.encode()
    except UnicodeEncodeError:  # a lone surrogate
        return text.encode("utf-8", "surrogatepass")
