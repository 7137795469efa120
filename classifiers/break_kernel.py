"""The best break of a passage found from its target outwards, where the text has no rare characters: most texts.

`passages_kernel` looks at each character of a passage and of what follows it. Here blank lines are looked for 32 bytes
at a time, then ends of sentences from the target outwards, most often a line or two: the same breaks at a third of the
cost. Texts with other white space or line ends than ASCII's, or with a sentence's end that is not looked for here, are
`unusual`, and left to the other way; so is a passage without either break.

numba caches compiled code by the file of the function that Python calls. After a change to this file, touch
`passages_kernel` as well.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from tamis.classifiers.compiled import inlined, kernel
from tamis.classifiers.utf8_kernel import advance, characters_between

__all__ = ["strong_break"]

Bytes = NDArray[np.uint8]

ONE: Final = np.uint64(1)
TWO: Final = np.uint64(2)
BLOCK: Final = np.uint64(32)


def _table(characters: bytes) -> NDArray[np.bool_]:
    table = np.zeros(256, np.bool_)
    table[list(characters)] = True
    return table


SPACES = _table(b" \t\n\x0b\x0c\r\x1c\x1d\x1e\x1f")
#: Bytes with which a sentence's end may end: those of `.!?`, and the last one of an ellipsis.
ENDS = _table(b".!?\xa6")
CLOSES = _table(b"\"')]}*_")
#: Letters and digits: neither white space nor any part of a sentence's end.
PLAIN = _table(bytes(range(48, 58)) + bytes(range(65, 91)) + bytes(range(97, 123)))


@inlined
def _is_newline(byte: np.uint8) -> bool:
    return bool(np.uint8(byte - np.uint8(10)) < np.uint8(3))


@inlined
def _no_newline(data: Bytes, at: np.uint64) -> bool:
    """Tells whether the 32 bytes from `at` on have no line's end."""
    found = np.uint8(0)
    for k in range(32):
        found |= np.uint8(_is_newline(data[at + np.uint64(k)]))
    return bool(found == 0)


@inlined
def _after_space(data: Bytes, at: np.uint64, high: np.uint64) -> np.uint64:
    """Returns where the white space from `at` on ends; a place after `high` where it does not end before."""
    while at <= high and SPACES[data[at]]:
        at += ONE
    return at


@inlined
def _closing(data: Bytes, at: np.uint64) -> np.uint64:
    """Returns the bytes of the closing quote or bracket at `at`, 0 where there is none."""
    byte = data[at]
    if byte < 0xC2:
        return np.uint64(CLOSES[byte])
    if byte == 0xC2:
        return np.uint64(2 * int(data[at + ONE] == 0xBB))
    if byte != 0xE2 and byte != 0xE3:
        return np.uint64(0)
    middle, last = data[at + ONE], data[at + TWO]
    english = byte == 0xE2 and middle == 0x80 and (last == 0x99 or last == 0x9D)
    japanese = byte == 0xE3 and middle == 0x80 and (last == 0x8D or last == 0x8F)
    return np.uint64(3 * int(english or japanese))


@inlined
def _paragraph_at(data: Bytes, at: np.uint64, first: np.uint64) -> bool:
    """Tells whether the white space that ends before `at` has two line ends."""
    newlines = 0
    while at > first and SPACES[data[at - ONE]]:
        at -= ONE
        newlines += _is_newline(data[at])
    return newlines > 1


@inlined
def _sentence_after(data: Bytes, at: np.uint64, first: np.uint64, high: np.uint64) -> np.uint64:
    """Returns where the text goes on after a sentence that ends with the byte at `at`; 0 where none does.

    It is a place after `high` where it may be one.
    """
    if data[at] == 0xA6 and (at < first + TWO or data[at - ONE] != 0x80 or data[at - TWO] != 0xE2):
        return np.uint64(0)
    at += ONE
    while at <= high and _closing(data, at) > 0:
        at += _closing(data, at)
    return _after_space(data, at, high) if at > high or SPACES[data[at]] else np.uint64(0)


@inlined
def _word_before(data: Bytes, at: np.uint64, first: np.uint64) -> np.uint64:
    """Returns a place before which nothing can belong to a break at `at`."""
    while at > first and not PLAIN[data[at - ONE]]:
        at -= ONE
    return at


@inlined
def _last_paragraph(data: Bytes, first: np.uint64, low: np.uint64, high: np.uint64) -> np.uint64:
    """Returns the last paragraph's start from `low` up to `high`, 0 where there is none."""
    at, floor = high, _word_before(data, low, first)
    while at > floor:
        if at >= floor + BLOCK and _no_newline(data, at - BLOCK):
            at -= BLOCK
            continue
        at -= ONE
        if _is_newline(data[at]):
            start = _after_space(data, at, high)
            if low <= start <= high and _paragraph_at(data, start, first):
                return start
            while at > floor and SPACES[data[at - ONE]]:
                at -= ONE
    return np.uint64(0)


@inlined
def _next_paragraph(data: Bytes, first: np.uint64, target: np.uint64, high: np.uint64) -> np.uint64:
    """Returns the first paragraph's start after `target` up to `high`, 0 where there is none."""
    at = _word_before(data, target, first)
    while at < high:
        if at + BLOCK <= high and _no_newline(data, at):
            at += BLOCK
            continue
        if _is_newline(data[at]):
            start = _after_space(data, at, high)
            if target < start <= high and _paragraph_at(data, start, first):
                return start
            at = start
        else:
            at += ONE
    return np.uint64(0)


@inlined
def _last_sentence(data: Bytes, first: np.uint64, low: np.uint64, high: np.uint64) -> np.uint64:
    """Returns the last sentence's start from `low` up to `high`, 0 where there is none."""
    at, floor = high, _word_before(data, low, first)
    while at > floor:
        at -= ONE
        if ENDS[data[at]]:
            start = _sentence_after(data, at, first, high)
            if low <= start <= high:
                return start
    return np.uint64(0)


@inlined
def _next_sentence(data: Bytes, first: np.uint64, target: np.uint64, high: np.uint64) -> np.uint64:
    """Returns the first sentence's start after `target` up to `high`, 0 where there is none."""
    at = _word_before(data, target, first)
    while at < high:
        if ENDS[data[at]]:
            start = _sentence_after(data, at, first, high)
            if target < start <= high:
                return start
        at += ONE
    return np.uint64(0)


@inlined
def _nearer(data: Bytes, before: np.uint64, target: np.uint64, after: np.uint64) -> np.uint64:
    """Returns which of two breaks has fewer characters to the target, the first of two alike; 0 stands for none."""
    if before == 0 or after == 0:
        return before + after
    return before if characters_between(data, before, target) <= characters_between(data, target, after) else after


@inlined
def _strongest(data: Bytes, first: np.uint64, low: np.uint64, target: np.uint64, high: np.uint64) -> np.uint64:
    """Returns the byte after the break, 0 where there is none; places are bytes of the text."""
    before, after = _last_paragraph(data, first, low, target), _next_paragraph(data, first, target, high)
    found = _nearer(data, before, target, after)
    if found != 0:
        return found
    before, after = _last_sentence(data, first, low, target), _next_sentence(data, first, target, high)
    return _nearer(data, before, target, after)


@kernel
def strong_break(
    data: Bytes, at: int, low: int, target: int, high: int, plain: bool
) -> tuple[np.int64 | int, np.int64 | int]:
    """Finds the blank line nearest to the target, or else the sentence's end nearest to it.

    Args:
        data: Documents in UTF-8, uint8; the one that the passage is of is not `unusual`.
        at: Byte where the passage starts.
        low: Fewest characters of the passage, at least 1.
        target: Characters that the passage should have.
        high: Most characters of the passage; the document has at least one more.
        plain: Whether each character of the document is a byte.

    Returns:
        Characters and bytes of the passage; 0 and 0 where there is no such break.
    """
    first = np.uint64(at)
    if plain:
        found = _strongest(data, first, first + np.uint64(low), first + np.uint64(target), first + np.uint64(high))
        size = np.int64(found - first)
        return (size, size) if found > 0 else (0, 0)
    lowest = advance(data, first, low)
    middle = advance(data, lowest, target - low)
    found = _strongest(data, first, lowest, middle, advance(data, middle, high - target))
    return (characters_between(data, first, found), np.int64(found - first)) if found > 0 else (0, 0)
