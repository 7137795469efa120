"""The machine code of `language`: English function words counted in many samples at once."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from tamis.classifiers.compiled import inlined, kernel

__all__ = ["count"]

Bytes = NDArray[np.uint8]
Ints = NDArray[np.int64]

#: Frequent in English, and rare or unknown in the other languages of the Latin script (so not `is`, `to`, `in`,
#: `for`, `was`, `have`, which are Dutch, Polish, German, Danish as well). At most eight letters each.
FUNCTION_WORDS: Final = (
    "the and of that you with this not are but they what which from would there their been when your just about it "
    "we she were who how know like any because out if its his him them then than some could should into only after "
    "one more these those where while doesn didn isn wasn couldn really think going people right other being"
)

BITS: Final = 9
MIX: Final = np.uint64(0x9E3779B97F4A7C15)


def _packed(word: str) -> int:
    return int.from_bytes(word.encode(), "big")


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


@kernel
def count(data: Bytes, bounds: Ints) -> tuple[Ints, Ints, Ints, Ints]:
    """Counts letters, words and English function words of samples.

    Args:
        data: Samples in UTF-8, uint8.
        bounds: Byte offset of each sample and the end of the last, int64 [n + 1].

    Returns:
        Of each sample, int64 [n]: ASCII letters, bytes beyond ASCII, words (runs of ASCII letters), and words
        that are English function words.
    """
    n = bounds.size - 1
    letters, wide = np.zeros(n, np.int64), np.zeros(n, np.int64)
    words, english = np.zeros(n, np.int64), np.zeros(n, np.int64)
    for sample in range(n):
        size, packed = 0, np.uint64(0)
        for at in range(bounds[sample], bounds[sample + 1] + 1):
            byte = np.uint8(32) if at == bounds[sample + 1] else data[at] | np.uint8(32)
            if 97 <= byte <= 122:
                packed = packed << np.uint64(8) | np.uint64(byte)
                size += 1
                continue
            if byte >= 0x80:
                wide[sample] += 1
                size = 99  # a word with letters beyond ASCII is none of ours
                continue
            if size:
                letters[sample] += size if size < 99 else 0
                words[sample] += 1
                english[sample] += size <= 8 and _is_function_word(packed)
            size, packed = 0, np.uint64(0)
    return letters, wide, words, english
