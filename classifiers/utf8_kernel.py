"""What a stretch of UTF-8 is like, 32 bytes at a time: its characters, its words, whether it has rare white space.

numba caches compiled code by the file of the function that Python calls. After a change to this file, touch
`passages_kernel` as well.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from tamis.classifiers.compiled import inlined, kernel

__all__ = ["advance", "ascii_words", "characters_between", "unusual"]

Bytes = NDArray[np.uint8]

ONE: Final = np.uint64(1)
TWO: Final = np.uint64(2)
BLOCK: Final = np.uint64(32)


@inlined
def _continues(byte: np.uint8) -> bool:
    """Tells whether a byte is a later one of its character."""
    return bool((byte & np.uint8(0xC0)) == np.uint8(0x80))


@inlined
def _starts_in_block(data: Bytes, at: np.uint64) -> int:
    """Counts the characters that start in the 32 bytes from `at` on."""
    later = np.uint8(0)
    for k in range(32):
        later += np.uint8(_continues(data[at + np.uint64(k)]))
    return 32 - int(later)


@kernel
def characters_between(data: Bytes, first: np.uint64, last: np.uint64) -> int:
    """Counts the characters that start from byte `first` up to `last`."""
    at, count = first, 0
    while at + BLOCK <= last:
        count += _starts_in_block(data, at)
        at += BLOCK
    while at < last:
        count += not _continues(data[at])
        at += ONE
    return count


@kernel
def advance(data: Bytes, at: np.uint64, characters: int) -> np.uint64:
    """Returns the byte offset so many characters after the one that starts at `at`; the text must have as many."""
    while characters > 32:
        characters -= _starts_in_block(data, at)
        at += BLOCK
        while _continues(data[at]):
            at += ONE
    while characters > 0:
        at += ONE
        while at < np.uint64(data.size) and _continues(data[at]):
            at += ONE
        characters -= 1
    return at


@inlined
def _rare(a: np.uint8, b: np.uint8, c: np.uint8) -> np.uint8:
    """Tells by its bytes whether a character is one that makes a text unusual."""
    found = ((a == 0xC2) & ((b == 0x85) | (b == 0xA0))) | ((a == 0xD8) & (b == 0x9F)) | ((a == 0xDB) & (b == 0x94))
    found |= ((a == 0xE0) & (b == 0xA5) & (c == 0xA4)) | ((a == 0xE1) & (b == 0x9A))
    found |= (a == 0xE2) & (b == 0x80) & ((c < 0x8B) | (c == 0xA8) | (c == 0xA9) | (c == 0xAF))
    found |= ((a == 0xE2) & (b == 0x81) & (c == 0x9F)) | ((a == 0xE3) & (b == 0x80) & (c < 0x83))
    return np.uint8(found | ((a == 0xEF) & (b == 0xBC)))


@kernel
def unusual(data: Bytes, first: np.uint64, last: np.uint64) -> bool:
    """Tells whether a text may have white space, line ends or sentence ends that are not looked for here.

    Args:
        data: Documents in UTF-8, uint8.
        first: First byte of the text.
        last: The byte after its last.

    Returns:
        Whether it has white space beyond ASCII, or a sentence's end beyond ASCII other than an ellipsis. Some others
        that start with the same bytes count too.
    """
    at = first
    while at + BLOCK + TWO <= last:
        wide = found = np.uint8(0)
        for k in range(32):
            wide |= data[at + np.uint64(k)]
        if wide > 0x7F:
            for k in range(32):
                place = at + np.uint64(k)
                found |= _rare(data[place], data[place + ONE], data[place + TWO])
            if found != 0:
                return True
        at += BLOCK
    while at < last:
        # Nothing follows the last bytes of a text: what starts with them has no more.
        second = data[at + ONE] if at + ONE < last else np.uint8(0)
        third = data[at + TWO] if at + TWO < last else np.uint8(0)
        if _rare(data[at], second, third) != 0:
            return True
        at += ONE
    return False


@inlined
def _is_space(byte: np.uint8) -> bool:
    """Tells whether a byte is white space, by comparing: 32 bytes at a time that costs less than a table."""
    line, separator = np.uint8(byte - np.uint8(9)) < np.uint8(5), np.uint8(byte - np.uint8(28)) < np.uint8(4)
    return bool((byte == np.uint8(32)) | line | separator)


@kernel
def ascii_words(data: Bytes, first: np.uint64, last: np.uint64) -> tuple[int, bool]:
    """Counts the words of a text by its ASCII white space.

    Args:
        data: Documents in UTF-8, uint8.
        first: First byte of the text.
        last: The byte after its last.

    Returns:
        The number of words, and whether all of the text is ASCII.
    """
    if first >= last:
        return 0, True
    count, wide = int(not _is_space(data[first])), data[first]
    at = first + ONE
    while at + BLOCK <= last:
        found = np.uint8(0)
        for k in range(32):
            place = at + np.uint64(k)
            found += np.uint8(_is_space(data[place - ONE]) & (not _is_space(data[place])))
            wide |= data[place]
        count += int(found)
        at += BLOCK
    while at < last:
        count += int(_is_space(data[at - ONE]) & (not _is_space(data[at])))
        wide |= data[at]
        at += ONE
    return count, bool(wide < 0x80)
