"""The machine code of `language`: English function words counted in many samples at once."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from tamis.classifiers.compiled import inlined, kernel
from tamis.classifiers.vector_code import FIRST, beyond_ascii, eight_bytes, letters, lowest_bit, ones

__all__ = ["PADDING", "count"]

Bytes = NDArray[np.uint8]
Ints = NDArray[np.int64]

#: Frequent in English, and rare or unknown in the other languages of the Latin script (so not `is`, `to`, `in`,
#: `for`, `was`, `have`, which are Dutch, Polish, German, Danish as well). At most eight letters each.
FUNCTION_WORDS: Final = (
    "the and of that you with this not are but they what which from would there their been when your just about it "
    "we she were who how know like any because out if its his him them then than some could should into only after "
    "one more these those where while doesn didn isn wasn couldn really think going people right other being"
)

#: Bytes that are read beyond the last sample.
PADDING: Final = 64
#: Letters from which on a run of them is no word of a language.
ENDLESS: Final = 99

BITS: Final = 9
ONE: Final = np.uint64(1)
CASE: Final = np.uint64(0x2020202020202020)
MIX: Final = np.uint64(0x9E3779B97F4A7C15)


def _packed(word: str) -> int:
    return int.from_bytes(word.encode(), "little")


def _table() -> NDArray[np.uint64]:
    table = np.zeros(1 << BITS, np.uint64)
    for word in FUNCTION_WORDS.split():
        slot = (_packed(word) * int(MIX) % 2**64) >> (64 - BITS)
        while table[slot]:
            slot = (slot + 1) % table.size
        table[slot] = _packed(word)
    return table


TABLE: Final = _table()


@inlined
def _is_function_word(packed: np.uint64) -> bool:
    slot = (packed * MIX) >> np.uint64(64 - BITS)
    while TABLE[slot] != 0:
        if TABLE[slot] == packed:
            return True
        slot = (slot + np.uint64(1)) & np.uint64((1 << BITS) - 1)
    return False


@inlined
def _word(address: int, size: int, wide: bool) -> tuple[int, int]:
    """Returns the ASCII letters of a run of letters, 0 where it has others or no end, and whether it is English."""
    if wide or size >= ENDLESS:
        return 0, 0
    if size > 8:
        return size, 0
    return size, int(_is_function_word((eight_bytes(address) | CASE) & FIRST[np.uint64(size)]))


@inlined
def _count(address: int, size: int) -> tuple[int, int, int, int]:
    """Does `count` for the sample at an address."""
    found = wide_bytes = words = english = 0
    # Of a run that goes on beyond a block of 64 bytes: where it started, and whether not all of it is ASCII.
    start, inside, mixed = 0, np.uint64(0), False
    for at in range(0, size + 1, 64):
        here = ~np.uint64(0) if size - at >= 64 else (ONE << np.uint64(size - at)) - ONE
        wide = beyond_ascii(address + at) & here
        word = (letters(address + at) & here) | wide
        wide_bytes += ones(wide)
        edges, left = word ^ ((word << ONE) | inside), np.uint64(0)
        while edges != 0:
            place = at + lowest_bit(edges)
            bit = np.uint64(place - at)
            if inside == 0:
                start, mixed = place, False
            else:
                run = (ONE << bit) - (ONE << left)
                counted, known = _word(address + start, place - start, mixed or (wide & run) != 0)
                found, english, words = found + counted, english + known, words + 1
            inside, left = ONE - inside, bit
            edges &= edges - ONE
        if inside != 0:
            mixed = mixed or (wide >> left) != 0
    return found, wide_bytes, words, english


@kernel
def count(data: Bytes, bounds: Ints) -> tuple[Ints, Ints, Ints, Ints]:
    """Counts letters, words and English function words of samples.

    Args:
        data: Samples in UTF-8, uint8, with `PADDING` more bytes.
        bounds: Byte offset of each sample and the end of the last, int64 [n + 1].

    Returns:
        Of each sample, int64 [n]: ASCII letters of words in ASCII, bytes beyond ASCII, words (runs of letters), and
        words that are English function words.
    """
    n = bounds.size - 1
    found, wide = np.zeros(n, np.int64), np.zeros(n, np.int64)
    words, english = np.zeros(n, np.int64), np.zeros(n, np.int64)
    address = data.ctypes.data
    for i in range(n):
        found[i], wide[i], words[i], english[i] = _count(address + bounds[i], bounds[i + 1] - bounds[i])
    return found, wide, words, english
