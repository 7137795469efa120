"""Passages as they are stored beside scores: those that a rule may act on, and the rest of each document as one.

Which passages score high enough to be acted on is known when documents are scored; of the others only the highest
score of each category can matter afterwards. So a document is stored as its *notable* passages, in order, and one
passage that stands for all the others, last: as long as they are together, and with the highest of their scores.
Deciding and measuring on these gives what deciding and measuring on all passages gives, as long as no rule acts on a
passage that scores below the floor; `pipeline.storable` refuses such rules.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import overload

import numpy as np
from numpy.typing import NDArray

__all__ = ["StoredPassages", "StoredTexts"]

Ints = NDArray[np.int64]


class StoredTexts(Sequence[str]):
    """Stands for the texts of documents that were not read again.

    Args:
        count: Number of documents.
    """

    def __init__(self, count: int) -> None:
        self._count = count

    def __len__(self) -> int:
        return self._count

    @overload
    def __getitem__(self, index: int) -> str: ...

    @overload
    def __getitem__(self, index: slice) -> Sequence[str]: ...

    def __getitem__(self, index: int | slice) -> str | Sequence[str]:
        raise LookupError("the texts were not read: only scores are stored")

    def __iter__(self) -> Iterator[str]:
        raise LookupError("the texts were not read: only scores are stored")


@dataclass(frozen=True, slots=True, eq=False)
class StoredPassages:
    """Notable passages and rests of n documents; what `classifiers.passages.Passages` knows, but for texts.

    It stands in for that class without being one, so that nothing is compiled where nothing is scored.

    Attributes:
        document: Index of each document's first passage, and the number of passages, int64 [n + 1].
        start: Offset of each passage in its document, in characters, int64 [n_passages]; 0 for a rest.
        end: Offset of each passage's end, int64 [n_passages]; its length for a rest.
        words: White-space separated words of each document, int64 [n].
        passage_words: … of each passage, int64 [n_passages]; 0 for a rest, which no action removes.
        passage_bytes: UTF-8 bytes of each passage, int64 [n_passages]; 0 for a rest.
    """

    document: Ints
    start: Ints
    end: Ints
    words: Ints
    passage_words: Ints = field(repr=False)
    passage_bytes: Ints = field(repr=False)

    @property
    def data(self) -> NDArray[np.uint8]:
        """No text: measures that count words look here first, and pass such documents over."""
        return np.zeros(0, np.uint8)

    def __len__(self) -> int:
        return self.start.size

    def owner(self) -> Ints:
        """Returns the index of each passage's document, int64 [n_passages]."""
        return np.repeat(np.arange(self.words.size, dtype=np.int64), np.diff(self.document))
