"""Where passages end: a scan over UTF-8 that runs as machine code. The rules stand in `passages`.

Most breaks are found without the scan, by `break_kernel`, which says the same of what it can tell.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from tamis.classifiers.break_kernel import strong_break
from tamis.classifiers.compiled import inlined, kernel
from tamis.classifiers.utf8_kernel import ascii_words, unusual

__all__ = ["count_words", "cut", "words_between"]

Bytes = NDArray[np.uint8]
Ints = NDArray[np.int64]

OTHER: Final = 0
SPACE: Final = 1
NEWLINE: Final = 2
END: Final = 3
CLOSE: Final = 4
FULL_END: Final = 5

#: Strength of a break, weakest first: white space, a line's end, a sentence's end, a blank line.
WORD: Final = 0
LINE: Final = 1
SENTENCE: Final = 2
PARAGRAPH: Final = 3


def _ascii_classes() -> Bytes:
    table = np.full(128, OTHER, np.uint8)
    table[list(b" \t\r\x1c\x1d\x1e\x1f")] = SPACE
    table[list(b"\n\x0b\x0c")] = NEWLINE
    table[list(b".!?")] = END
    table[list(b"\"')]}*_")] = CLOSE
    return table


CLASSES = _ascii_classes()


@inlined
def _width(lead: int) -> int:
    """Returns the number of bytes of the character that starts with `lead`."""
    return 1 if lead < 0xC0 else 2 if lead < 0xE0 else 3 if lead < 0xF0 else 4


@inlined
def _code(data: Bytes, at: int) -> int:
    """Decodes a two- or three-byte character; longer ones (no space or sentence end among them) give 0."""
    lead = data[at]
    if lead < 0xE0:
        return int((lead & 0x1F) << 6 | (data[at + 1] & 0x3F))
    if lead < 0xF0:
        return int((lead & 0x0F) << 12 | (data[at + 1] & 0x3F) << 6 | (data[at + 2] & 0x3F))
    return 0


@inlined
def _wide_class(code: int) -> int:
    """Classifies a character beyond ASCII; its white space is that of `str.isspace`."""
    if code == 0x85 or code == 0x2028 or code == 0x2029:
        return NEWLINE
    if code == 0xA0 or code == 0x1680 or 0x2000 <= code <= 0x200A:
        return SPACE
    if code == 0x202F or code == 0x205F or code == 0x3000:
        return SPACE
    if code == 0x3002 or code == 0xFF01 or code == 0xFF1F:  # these end a sentence with no space after them
        return FULL_END
    if code == 0x061F or code == 0x06D4 or code == 0x0964 or code == 0x2026:
        return END
    if code == 0x2019 or code == 0x201D or code == 0xBB or code == 0x300D or code == 0x300F:
        return CLOSE
    return OTHER


@inlined
def _words(data: Bytes, first: int, last: int) -> int:
    """Counts the words of a text, whatever white space it has."""
    after_space, count = True, 0
    for at in range(first, last):
        byte = data[at]
        if byte < 0x80:
            space = SPACE <= CLASSES[byte] <= NEWLINE
        elif byte < 0xC0:  # a continuation byte belongs to the character before it
            continue
        else:
            space = SPACE <= _wide_class(_code(data, at)) <= NEWLINE
        count += after_space and not space
        after_space = space
    return count


@kernel
def words_between(data: Bytes, starts: Ints, ends: Ints) -> Ints:
    """Counts the white-space separated words of some stretches, as `len(text.split())` does.

    Args:
        data: Text in UTF-8, uint8.
        starts: First byte of each stretch, int64 [n].
        ends: The byte after its last, int64 [n].
    """
    words = np.zeros(starts.size, np.int64)
    for stretch in range(starts.size):
        first, last = np.uint64(starts[stretch]), np.uint64(ends[stretch])
        words[stretch], plain = ascii_words(data, first, last)
        if not plain and unusual(data, first, last):
            words[stretch] = _words(data, starts[stretch], ends[stretch])
    return words


def count_words(data: Bytes, bounds: Ints) -> Ints:
    """Counts the words of each document, see `words_between`.

    Args:
        data: Documents in UTF-8, one after another, uint8.
        bounds: Byte offset of each document and the end of the last, int64 [n + 1].

    Returns:
        Words of each document, int64 [n].
    """
    return words_between(data, bounds[:-1], bounds[1:])


@inlined
def _note(places: Ints, strength: int, late: bool, characters: int, size: int) -> None:
    """Keeps the last break of a strength up to the target, and the first one beyond it."""
    if not late or places[strength, 1, 0] < 0:
        places[strength, int(late), 0] = characters
        places[strength, int(late), 1] = size


@inlined
def _settled(places: Ints, target: int, characters: int) -> bool:
    """Tells, past the target, whether no better break can follow."""
    before, after = places[PARAGRAPH, 0, 0], places[PARAGRAPH, 1, 0]
    return bool(after >= 0 or (before >= 0 and characters - target >= target - before))


@inlined
def _scan(data: Bytes, first: int, low: int, target: int, high: int, places: Ints) -> tuple[int, int]:
    """Notes in `places` the breaks between `low` and `high` characters after byte `first`.

    Args:
        data: Documents in UTF-8.
        first: Byte where the passage starts; more than `high` characters of the document follow.
        low: Fewest characters of the passage.
        target: Characters that the passage should have.
        high: Most characters of the passage.
        places: Output, int64 [4, 2, 2]: for each strength the last break up to the target and the first beyond
            it, as (characters, bytes) from `first`; -1 where there is none.

    Returns:
        Characters and bytes that were scanned.
    """
    places[:] = -1
    at, characters = first, 0
    newlines, spaces, ended = 0, False, OTHER
    while True:
        byte = data[at]
        kind = CLASSES[byte] if byte < 0x80 else _wide_class(_code(data, at))
        if SPACE <= kind <= NEWLINE:
            spaces = True
            newlines += kind == NEWLINE
        elif spaces or (ended == FULL_END and kind == OTHER):
            if characters >= low:
                strength = PARAGRAPH if newlines > 1 else SENTENCE if ended else LINE if newlines else WORD
                _note(places, strength, characters > target, characters, at - first)
            newlines, spaces, ended = 0, False, OTHER
        if kind in (END, FULL_END):
            ended = kind
        elif kind == OTHER:
            ended = OTHER
        if characters == high or (characters > target and _settled(places, target, characters)):
            return characters, at - first
        at += _width(byte)
        characters += 1


@inlined
def _best(places: Ints, target: int, characters: int, size: int) -> tuple[int, int]:
    """Returns the strongest break, of several the one nearest to the target; with none, the end of the scan."""
    for strength in range(PARAGRAPH, -1, -1):
        before, after = places[strength, 0, 0], places[strength, 1, 0]
        if before >= 0 and (after < 0 or target - before <= after - target):
            return before, places[strength, 0, 1]
        if after >= 0:
            return after, places[strength, 1, 1]
    return characters, size


@kernel
def cut(data: Bytes, bounds: Ints, lengths: Ints, target: int) -> tuple[Ints, Ints, Ints, Ints]:
    """Cuts documents into passages.

    Args:
        data: Documents in UTF-8, one after another, uint8.
        bounds: Byte offset of each document and the end of the last, int64 [n + 1].
        lengths: Characters of each document, int64 [n].
        target: Characters that a passage should have, at least 1.

    Returns:
        Index of each document's first passage and the number of passages, int64 [n + 1]; character offset in its
        document of each passage's start and end, int64 [n_passages]; byte offset in `data` of each passage and
        the end of the last, int64 [n_passages + 1].
    """
    low, most, rest = max(1, target // 2), 2 * target, target + target // 2
    room = lengths.size + lengths.sum() // low + 1
    document = np.zeros(lengths.size + 1, np.int64)
    start, end, byte = np.empty(room, np.int64), np.empty(room, np.int64), np.empty(room + 1, np.int64)
    places = np.empty((PARAGRAPH + 1, 2, 2), np.int64)
    n = 0
    for i in range(lengths.size):
        at, done = bounds[i], 0
        plain = lengths[i] == bounds[i + 1] - at
        usual = plain or (lengths[i] > rest and not unusual(data, np.uint64(at), np.uint64(bounds[i + 1])))
        while done < lengths[i]:
            left = lengths[i] - done
            size, width = left, bounds[i + 1] - at
            if left > rest:
                high = min(most, left - low)
                size, width = strong_break(data, at, low, target, high, plain) if usual else (0, 0)
                if size == 0:
                    seen = _scan(data, at, low, target, high, places)
                    size, width = _best(places, target, seen[0], seen[1])
            start[n], end[n], byte[n] = done, done + size, at
            at, done, n = at + width, done + size, n + 1
        document[i + 1] = n
    byte[n] = bounds[-1]
    return document, start[:n].copy(), end[:n].copy(), byte[: n + 1].copy()
