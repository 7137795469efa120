"""How much of a document is written like African-American English, by the word counts of Blodgett et al. (2016).

The model (slanglab/twitteraae, MIT licence) says in what proportions the words of a text come from four demographic
topics, learnt from where tweets of 2013 were sent. Its authors found two of them reliable: the one that lines up with
African-American English, and the one that lines up with white-aligned English; only those are used. It describes the
style of a text and not who wrote it, its tweets are not web pages, and profane words lean to one side of it: a
removal rate by dialect is a reason to look, and no finding about people.

`scripts/make_dialect_table` makes the table: the 40,000 commonest words, as hashes, in 192 rows of like words.
On 1,000 posts of a web forum its proportions correlate with those of the authors' code at 0.91 (African-American
English) and 0.82 (white-aligned English); 0.92 is reached by a table of all words, since punctuation is left out.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Final

import numpy as np
from numpy.typing import NDArray

from tamis.interventions.words_kernel import blend

__all__ = ["AFRICAN_AMERICAN", "NAMES", "WHITE", "proportions"]

#: Columns of the model.
AFRICAN_AMERICAN: Final = 0
WHITE: Final = 3

#: The two that are reported, in the order of `proportions`: the one asked about, and the one it is compared with.
NAMES: Final = ("African-American English", "white-aligned English")


@dataclass(frozen=True, slots=True)
class _Table:
    keys: NDArray[np.uint64]
    rows: NDArray[np.uint8]
    likelihoods: NDArray[np.float64]


def proportions(text: NDArray[np.uint64], bounds: NDArray[np.int64], asked: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Returns how much of each document is in either of `NAMES`.

    Args:
        text: Text of n documents, as `words_kernel.blend` takes it.
        bounds: Where each document starts in it, int64 [n + 1].
        asked: Which of them are looked at, bool [n].

    Returns:
        Shares of its words, float64 [n, 2], NaN where a document was not asked about or too few words are known.
    """
    table = _table()
    found = blend(text, bounds, asked, table.keys, table.rows, table.likelihoods)
    return found[:, [AFRICAN_AMERICAN, WHITE]]


@cache
def _table() -> _Table:
    """Places the words in an open table, at most half full."""
    with (resources.files("tamis.classifiers") / "data" / "dialect_en.npz").open("rb") as file:
        stored = np.load(file, allow_pickle=False)
        hashes, rows, likelihoods = stored["hashes"], stored["rows"], stored["likelihoods"]
    bits = (2 * hashes.size).bit_length()
    keys, found = np.zeros(1 << bits, np.uint64), np.zeros(1 << bits, np.uint8)
    for value, row in zip(hashes.tolist(), rows.tolist(), strict=True):
        slot = value >> (64 - bits)
        while keys[slot]:
            slot = (slot + 1) & (len(keys) - 1)
        keys[slot], found[slot] = value, row
    return _Table(keys, found, likelihoods.astype(np.float64))
