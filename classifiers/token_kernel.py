"""The machine code of steps 4 to 9 of web-1: words out of their disguise, one space between tokens."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from tamis.classifiers.address_kernel import USER
from tamis.classifiers.compiled import inlined, kernel
from tamis.classifiers.vector_code import beyond_ascii, copy_eight, letters, lowest_bit, triples

__all__ = ["tokenise"]

Bytes = NDArray[np.uint8]
Ints = NDArray[np.int64]

SPACE: Final = 0
MARK: Final = 1
LETTER: Final = 2
DIGIT: Final = 3

EXCLAMATION: Final = 33
DOLLAR: Final = 36
APOSTROPHE: Final = 39
ASTERISK: Final = 42
AT: Final = 64

#: What stands for each byte of `replace`, and for a long number.
PLACES: Final = np.frombuffer(b"<url><email><user><num>", np.uint8)
PLACE_BOUNDS: Final = np.array([0, 0, 5, 12, 18, 23])
NUMBER: Final = 4


def _kinds() -> Bytes:
    table = np.full(256, LETTER, np.uint8)
    table[:128] = MARK
    table[[*range(33), 127]] = SPACE
    table[48:58] = DIGIT
    table[65:91] = table[97:123] = LETTER
    return table


def _leet() -> Bytes:
    table = np.zeros(256, np.uint8)
    table[list(b"013457$@!")] = list(b"oieastsai")
    return table


def _separators() -> NDArray[np.bool_]:
    table = np.zeros(256, np.bool_)
    table[list(b" .-_*")] = True
    return table


def _endings() -> NDArray[np.bool_]:
    """Returns which bytes end a word of letters before them, whatever follows: they can be no part of it."""
    table: NDArray[np.bool_] = (KINDS == SPACE) | (KINDS == MARK)
    table[[*np.flatnonzero(LEET), APOSTROPHE, ASTERISK]] = False
    return table


KINDS: Final = _kinds()
LEET: Final = _leet()
SEPARATORS: Final = _separators()
ENDINGS: Final = _endings()

ONE: Final = np.uint64(1)
#: Bytes that are looked at from the start of a word on.
AHEAD: Final = 66


@inlined
def _put(out: Bytes, begin: int, n: int, byte: int) -> int:
    """Appends a byte to the word that starts at `begin`, but no third of the same ASCII letter or asterisk."""
    if byte < 0x80 and n - begin >= 2 and out[n - 1] == byte and out[n - 2] == byte:
        return n
    out[n] = byte
    return n + 1


@inlined
def _is_leet(data: Bytes, at: int, end: int, stop: int, size: int) -> bool:
    """Tells whether `data[at:end]`, after a letter and `size` bytes of its word, stands for letters."""
    if end - at > 2:
        return False
    if end == stop or KINDS[data[end]] != LETTER:
        return bool(end - at == 2 and data[at] == DOLLAR and data[at + 1] == DOLLAR)
    return bool(size <= 2 or (data[at] != EXCLAMATION and data[end - 1] != EXCLAMATION))


@inlined
def _leet_end(data: Bytes, at: int, stop: int, size: int) -> int:
    """Returns the end of the digits and signs at `at` that stand for letters, or `at`."""
    end = at
    while end < stop and LEET[data[end]]:
        end += 1
    return end if end > at and _is_leet(data, at, end, stop, size) else at


@inlined
def _masked_end(data: Bytes, at: int, stop: int, size: int) -> int:
    """Returns the end of the asterisks or the apostrophe at `at` that belong to the word, or `at`."""
    end = at
    while end < stop and data[end] == ASTERISK:
        end += 1
    if end == at and data[at] == APOSTROPHE:
        end += 1
    inside = end < stop and KINDS[data[end]] == LETTER
    return end if inside or (end - at >= 3 and size <= 2) else at


@inlined
def _joint(data: Bytes, at: int, stop: int, out: Bytes, begin: int, n: int) -> tuple[int, int]:
    """Writes the signs at `at`, after a letter, that belong to the word; returns their end, `at` for none."""
    leet = _leet_end(data, at, stop, n - begin)
    end = max(leet, _masked_end(data, at, stop, n - begin))
    for i in range(at, end):
        n = _put(out, begin, n, LEET[data[i]] if leet > at else data[i])
    return end, n


@inlined
def _word(data: Bytes, at: int, stop: int, out: Bytes, n: int) -> tuple[int, int]:
    """Writes the word that starts at `at` to `out[n:]`, and returns where it ends in `data` and in `out`."""
    begin, digits = n, 0
    if KINDS[data[at]] == MARK:
        n = _put(out, begin, n, LEET[data[at]])
        at += 1
    while True:
        first = at
        while at < stop and KINDS[data[np.uintp(at)]] == LETTER:  # an unsigned index spares a test for < 0
            byte = data[np.uintp(at)]
            if n > begin + 1 and byte == out[np.uintp(n - 1)]:
                n = _put(out, begin, n, byte)
            else:
                out[np.uintp(n)] = byte
                n += 1
            at += 1
        if at == stop or data[at] == 32:
            break
        end = at
        if at > first:
            end, n = _joint(data, at, stop, out, begin, n)
        if end == at:
            if KINDS[data[at]] != DIGIT:
                break
            out[n] = data[at]
            n, end, digits = n + 1, at + 1, digits + 1
        at = end
    if digits >= 5 and digits == n - begin:
        n = _place(out, begin, NUMBER)
    return at, n


@inlined
def _place(out: Bytes, n: int, place: int) -> int:
    """Writes a placeholder and returns its end."""
    for i in range(PLACE_BOUNDS[place], PLACE_BOUNDS[place + 1]):
        out[n] = PLACES[i]
        n += 1
    return n


@inlined
def _is_single(data: Bytes, at: int, stop: int) -> bool:
    """Tells whether there is an ASCII letter at `at` with no letter, digit or apostrophe after it."""
    if not 97 <= data[at] <= 122:
        return False
    return bool(at + 1 == stop or (KINDS[data[at + 1]] < LETTER and data[at + 1] != APOSTROPHE))


@inlined
def _spaced_end(data: Bytes, at: int, stop: int) -> int:
    """Returns the end of the three or more single letters from `at` on with the same separator, or `at`."""
    last = at
    if at + 4 < stop and SEPARATORS[data[at + 1]] and _is_single(data, at, stop):
        while last + 2 < stop and data[last + 1] == data[at + 1] and _is_single(data, last + 2, stop):
            last += 2
    return last + 1 if last >= at + 4 else at


@inlined
def _mark(data: Bytes, at: int, stop: int, out: Bytes, n: int) -> tuple[int, int]:
    """Writes at most two of the run of one mark at `at`; returns where it ends in `data` and in `out`."""
    end = at
    while end < stop and data[end] == data[at]:
        end += 1
    out[n] = out[n + 1] = data[at]
    return end, n + min(end - at, 2)


@inlined
def _token(data: Bytes, at: int, stop: int, out: Bytes, n: int) -> tuple[int, int]:
    """Writes the token that starts at `at` to `out[n:]`, and returns where it ends in `data` and in `out`."""
    byte = data[at]
    if KINDS[byte] < LETTER:
        if byte <= USER:
            return at + 1, _place(out, n, byte)
        if byte not in (DOLLAR, AT) or at + 1 == stop or KINDS[data[at + 1]] != LETTER:
            return _mark(data, at, stop, out, n)
    end = _spaced_end(data, at, stop)
    if end == at:
        return _word(data, at, stop, out, n)
    begin = n
    for i in range(at, end, 2):
        n = _put(out, begin, n, data[i])
    return end, n


@inlined
def _plain_token(data: Bytes, address: int, at: int, stop: int) -> int:
    """Returns the bytes of the token at `at` where it stays as it is; 0 where that takes a closer look.

    Args:
        data: The text.
        address: Where it lies in memory.
        at: Where the token starts; `AHEAD` bytes from there on are in the text.
        stop: Where the passage ends.
    """
    here, size = address + at, stop - at
    word = lowest_bit(~(letters(here) | beyond_ascii(here)))
    if word >= size:
        word = size
    elif word == 0:
        byte = data[np.uintp(at)]
        alone = ENDINGS[byte] and byte > USER and data[np.uintp(at + 1)] != byte
        return int(alone or (size == 1 and KINDS[byte] == MARK))
    elif word == 64 or not ENDINGS[data[np.uintp(at + word)]]:
        return 0
    if word < 3:
        # A single letter may be one of several that spell a word.
        return word if word == 2 or _spaced_end(data, at, stop) == at else 0
    return word if (triples(here) & ((ONE << np.uint64(word - 2)) - ONE)) == 0 else 0


@kernel
def tokenise(data: Bytes, bounds: Ints, places: int) -> tuple[Bytes, Ints]:
    """Writes passages as tokens with one space between them.

    Args:
        data: Passages as `replace` leaves them, uint8.
        bounds: Byte offset of each passage and the end of the last, int64 [n + 1].
        places: Number of addresses in `data`.

    Returns:
        The tokens of each passage, uint8, and their bounds, int64 [n + 1].
    """
    # With what a copy may write beyond a word.
    out = np.empty(2 * data.size + 8 * places + AHEAD, np.uint8)
    address, written = data.ctypes.data, out.ctypes.data
    ends = np.zeros(bounds.size, np.int64)
    n = 0
    for passage in range(bounds.size - 1):
        at, stop = bounds[passage], bounds[passage + 1]
        while at < stop:
            if data[at] == 32:
                at += 1
                continue
            if n > ends[passage]:
                out[n] = 32
                n += 1
            size = _plain_token(data, address, at, stop) if at + AHEAD <= data.size else 0
            if size == 0:
                at, n = _token(data, at, stop, out, n)
                continue
            copy_eight(written + n, address + at)
            copy_eight(written + n + 8, address + at + 8)
            for done in range(16, size, 8):
                copy_eight(written + n + done, address + at + done)
            at, n = at + size, n + size
        ends[passage + 1] = n
    return out[:n], ends
