"""The lexicon kind: word lists. A passage's score is the severity of the severest term that it holds, else 0.

Terms are words and phrases of up to five tokens. They are normalised like the text, and found where the same tokens
follow each other in a passage: `art` is not found in `cart`. With the normaliser web-1 a term is found in disguise
too (`s.p.e.l.l.e.d`, `sp3lled`). Matching is a look-up of hashed tokens, so its time does not grow with the list.

The bundle's parameter `file` names a JSON file in the bundle:

    {"format": 1, "terms": {"CATEGORY": {"TERM": SEVERITY, ...}, ...}}

A severity is above 0 and at most 1, and is the score: it claims to be the share of passages with the term that are
in the category. Terms that are equal when normalised count with the larger severity.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from tamis.classifiers.base import FloatMatrix
from tamis.classifiers.errors import BundleError
from tamis.classifiers.ngram_kernel import MAX_WORDS, hashes, strongest
from tamis.classifiers.passages import Passages

__all__ = ["Lexicon", "LexiconFile", "load"]

FORMAT: Final = 1

#: Most terms of a word list, over all categories.
MOST: Final = 1_000_000

_PARAMETERS: Final = frozenset({"file", "normaliser", "terms"})


class LexiconFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The content of a word list: severity of each term, by category."""

    format: int
    terms: dict[str, dict[str, float]]


class Lexicon:
    """Categories scored by the terms of word lists."""

    def __init__(self, terms: Mapping[str, Mapping[str, float]], normaliser: str) -> None:
        """Prepares word lists for scoring.

        Args:
            terms: Severity of each term, by category.
            normaliser: What is matched, a key of `NORMALISERS`.

        Raises:
            BundleError: A severity is out of range, or a term has no token or more than five.
        """
        self.categories: tuple[str, ...] = tuple(terms)
        self._normaliser = normaliser
        keys, sizes, severities = _entries(terms, normaliser)
        self._longest = int(sizes.max(initial=1))
        self._slots, self._rows = _table(keys)
        self._severities = severities

    def score(self, passages: Passages) -> FloatMatrix:
        """Scores passages.

        Args:
            passages: The passages of a batch of documents.

        Returns:
            Severity of the severest term in each passage, 0 for none, float32 [n_passages, n_categories].
        """
        data, bounds = passages.buffer(self._normaliser)
        return strongest(data, bounds, self._longest, self._slots, self._rows, self._severities)


def load(folder: Path, parameters: Mapping[str, Any]) -> Lexicon:
    """Loads a classifier of the lexicon kind.

    Args:
        folder: The bundle's folder.
        parameters: `file`, the name of the word list in the folder, and the bundle's `normaliser`; `terms`, how many
            each category has, is for the card alone.

    Returns:
        The classifier; its categories are those of the file, in the file's order.

    Raises:
        BundleError: A parameter is unknown or wrong, or the file is no word list.
    """
    name = parameters.get("file")
    if unknown := sorted(set(parameters) - _PARAMETERS):
        raise BundleError(f"parameter `{unknown[0]}` is unknown; a lexicon has {', '.join(sorted(_PARAMETERS))}")
    if not isinstance(name, str) or Path(name).name != name:
        raise BundleError(f"parameter `file` is {name!r}; expected the name of a JSON file in the bundle")
    try:
        found = msgspec.json.decode((folder / name).read_bytes(), type=LexiconFile)
    except (msgspec.DecodeError, UnicodeDecodeError, OSError) as error:
        raise BundleError(f"{folder / name}: no word list ({type(error).__name__}); restore the bundle") from None
    if found.format != FORMAT:
        raise BundleError(f"{folder / name}: format {found.format}, this version of tamis reads {FORMAT}")
    return Lexicon(found.terms, parameters.get("normaliser", "none"))


def _entries(
    terms: Mapping[str, Mapping[str, float]], normaliser: str
) -> tuple[NDArray[np.uint64], NDArray[np.int64], FloatMatrix]:
    """Returns hash and number of tokens of each distinct term, [n], and its severities, [n, n_categories]."""
    listed = [term for category in terms.values() for term in category]
    if len(listed) > MOST:
        raise BundleError(f"the word list has {len(listed)} terms; expected at most {MOST}")
    values, sizes = hashes(*Passages.of(listed).buffer(normaliser))
    columns = np.repeat(np.arange(len(terms)), [len(category) for category in terms.values()])
    given = np.array([severity for category in terms.values() for severity in category.values()], np.float32)
    for column, category in enumerate(terms):
        _check(category, sizes[columns == column], given[columns == column])
    keys, first, inverse = np.unique(values, return_index=True, return_inverse=True)
    severities = np.zeros((keys.size, len(terms)), np.float32)
    np.maximum.at(severities, (inverse, columns), given)
    return keys, sizes[first], severities


def _check(category: str, sizes: NDArray[np.int64], severities: NDArray[np.float32]) -> None:
    """Checks the terms of a category; they are named by number, for they are not fit for every log."""
    for wrong, expected in (
        ((sizes < 1) | (sizes > MAX_WORDS), f"1 to {MAX_WORDS} tokens when normalised"),
        (~((severities > 0) & (severities <= 1)), "a severity above 0 and at most 1"),
    ):
        if wrong.any():
            number = int(np.flatnonzero(wrong)[0]) + 1
            raise BundleError(f"term {number} of category {category}: expected {expected}; correct the word list")


def _table(keys: NDArray[np.uint64]) -> tuple[NDArray[np.uint64], NDArray[np.int32]]:
    """Places keys in an open table at most a quarter full; returns the key and the row of each slot."""
    size = 1 << (4 * keys.size).bit_length()
    slots, rows = np.zeros(size, np.uint64), np.zeros(size, np.int32)
    for row, key in enumerate(keys.tolist()):
        slot = key & (size - 1)
        while slots[slot]:
            slot = (slot + 1) & (size - 1)
        slots[slot], rows[slot] = key, row
    return slots, rows
