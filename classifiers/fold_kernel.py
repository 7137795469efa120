"""The machine code of `fold`: which characters a text has, and their replacement from a table."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from tamis.classifiers.compiled import inlined, kernel
from tamis.classifiers.vector_code import copy_eight, leads, lowest_bit

__all__ = ["holding", "rewrite", "survey"]

Bytes = NDArray[np.uint8]
Ints = NDArray[np.int64]


ONE: Final = np.uint64(1)


@inlined
def _leads(data: Bytes, address: int, at: int, stop: int) -> np.uint64:
    """Returns which of the 64 bytes from `at` on, those before `stop`, start a character beyond ASCII."""
    if at + 64 <= data.size:
        found = leads(address + at)
        return found & ((ONE << np.uint64(stop - at)) - ONE) if stop - at < 64 else found
    found = np.uint64(0)
    for k in range(stop - at):
        found |= np.uint64(data[at + k] >= 0xC0) << np.uint64(k)
    return found


@inlined
def _decode(data: Bytes, at: int) -> tuple[int, int]:
    """Returns the code point beyond ASCII that starts at `at`, and its width in bytes."""
    lead = data[at]
    if lead < 0xE0:
        return (lead & 0x1F) << 6 | (data[at + 1] & 0x3F), 2
    if lead < 0xF0:
        return (lead & 0x0F) << 12 | (data[at + 1] & 0x3F) << 6 | (data[at + 2] & 0x3F), 3
    high = (lead & 0x07) << 18 | (data[at + 1] & 0x3F) << 12
    return high | (data[at + 2] & 0x3F) << 6 | (data[at + 3] & 0x3F), 4


@kernel
def survey(data: Bytes) -> NDArray[np.int32]:
    """Returns the distinct code points beyond ASCII of a UTF-8 text, rising, int32."""
    seen = np.zeros(0x110000, np.bool_)
    address, most = data.ctypes.data, 0
    for at in range(0, data.size, 64):
        found = _leads(data, address, at, data.size)
        while found != 0:
            code = _decode(data, at + lowest_bit(found))[0]
            seen[code], most = True, max(most, code)
            found &= found - ONE
    # Few texts have characters near the end of Unicode, and what is not read takes no memory.
    return np.flatnonzero(seen[: most + 1]).astype(np.int32)


@kernel
def holding(data: Bytes, bounds: Ints, codes: NDArray[np.int32]) -> NDArray[np.bool_]:
    """Tells which passages hold one of the code points, bool [n]."""
    wanted = np.zeros(0x110000, np.bool_)
    wanted[codes] = True
    held = np.zeros(bounds.size - 1, np.bool_)
    for passage in range(held.size):
        at = bounds[passage]
        while at < bounds[passage + 1] and not held[passage]:
            width = 1
            if data[at] >= 0x80:
                code, width = _decode(data, at)
                held[passage] = wanted[code]
            at += width
    return held


@inlined
def _is_alphanumeric(byte: int) -> bool:
    return 48 <= byte <= 57 or 65 <= byte <= 90 or 97 <= byte <= 122


@inlined
def _size(data: Bytes, slot: NDArray[np.int32], offset: Ints) -> int:
    """Returns the size in bytes of the folded text."""
    size, address = data.size, data.ctypes.data
    for at in range(0, data.size, 64):
        found = _leads(data, address, at, data.size)
        while found != 0:
            code, width = _decode(data, at + lowest_bit(found))
            size += offset[slot[code] + 1] - offset[slot[code]] - width
            found &= found - ONE
    return size


@inlined
def _copied(data: Bytes, start: int, stop: int, out: Bytes, n: int) -> int:
    """Copies a stretch of text, eight bytes at a time where there is room; returns its end."""
    size = stop - start
    if stop + 8 <= data.size and n + size + 8 <= out.size:
        source, target = data.ctypes.data + start, out.ctypes.data + n
        for done in range(0, size, 8):
            copy_eight(target + done, source + done)
    else:
        for i in range(size):
            out[n + i] = data[start + i]
    return n + size


@inlined
def _rewrite_plainly(
    data: Bytes,
    start: int,
    stop: int,
    slot: NDArray[np.int32],
    offset: Ints,
    blob: Bytes,
    twins: Bytes,
    out: Bytes,
    n: int,
) -> int:
    """Does `rewrite` for a passage without look-alikes, and returns its end; -1 where there may be one."""
    address, done = data.ctypes.data, start
    for at in range(start, stop, 64):
        found = _leads(data, address, at, stop)
        while found != 0:
            place = at + lowest_bit(found)
            found &= found - ONE
            code, width = _decode(data, place)
            n = _copied(data, done, place, out, n)
            done = place + width
            first, last = offset[slot[code]], offset[slot[code] + 1]
            if last == first + 2 and blob[first] >= 0x80 and twins[_decode(blob, first)[0]] > 0:
                return -1
            for i in range(first, last):
                out[n] = blob[i]
                n += 1
    return _copied(data, done, stop, out, n)


@inlined
def _untwin(out: Bytes, start: int, stop: int, twins: Bytes) -> int:
    """Replaces the look-alikes of the word in `out[start:stop]` in place, and returns its new end."""
    at = n = start
    while at < stop:
        width = 1
        if out[at] >= 0x80:
            code, width = _decode(out, at)
            if width == 2 and twins[code]:
                out[n] = twins[code]
                n += 1
                at += 2
                continue
        for i in range(width):
            out[n + i] = out[at + i]
        n += width
        at += width
    return n


@inlined
def _rewrite(
    piece: Bytes,
    slot: NDArray[np.int32],
    offset: Ints,
    blob: Bytes,
    apart: NDArray[np.bool_],
    twins: Bytes,
    out: Bytes,
    n: int,
) -> int:
    """Does `rewrite` for one passage, into `out[n:]`, and returns its end."""
    at, word, latin, twin = 0, n, False, False
    while at < piece.size:
        byte = piece[at]
        row, width = 0, 1
        if byte >= 0x80:
            code, width = _decode(piece, at)
            row = slot[code]
        ends_word = apart[row] if row else not _is_alphanumeric(byte)
        if ends_word:
            if latin and twin:
                n = _untwin(out, word, n, twins)
            latin = twin = False
        if row == 0:
            out[n] = byte
            n += 1
            latin |= byte > 57
        else:
            first, last = offset[row], offset[row + 1]
            for i in range(first, last):
                out[n] = blob[i]
                n += 1
                latin |= 57 < blob[i] < 0x80
            twin |= last == first + 2 and blob[first] >= 0x80 and twins[_decode(blob, first)[0]] > 0
        if ends_word:
            word, latin = n, False
        at += width
    return _untwin(out, word, n, twins) if latin and twin else n


@kernel
def rewrite(
    data: Bytes,
    bounds: Ints,
    slot: NDArray[np.int32],
    offset: Ints,
    blob: Bytes,
    apart: NDArray[np.bool_],
    twins: Bytes,
) -> tuple[Bytes, Ints]:
    """Replaces each character beyond ASCII by its row of the table, and look-alikes in Latin words.

    Args:
        data: Passages in UTF-8, uint8.
        bounds: Byte offset of each passage and the end of the last, int64 [n + 1].
        slot: Row of each code point, int32 [0x110000]; row 0 is that of no character.
        offset: Byte offset in `blob` of each row's text and the end of the last, int64 [n_rows + 1].
        blob: Folded texts in UTF-8, uint8.
        apart: Whether a row's text ends the word before it, bool [n_rows].
        twins: ASCII letter that a code point below 0x800 looks like, 0 for none, uint8 [0x800].

    Returns:
        The folded passages in UTF-8, uint8, and their bounds, int64 [n + 1].
    """
    out = np.empty(_size(data, slot, offset), np.uint8)
    ends = np.zeros(bounds.size, np.int64)
    n = 0
    for passage in range(bounds.size - 1):
        start, stop = bounds[passage], bounds[passage + 1]
        end = _rewrite_plainly(data, start, stop, slot, offset, blob, twins, out, n)
        n = end if end >= 0 else _rewrite(data[start:stop], slot, offset, blob, apart, twins, out, n)
        ends[passage + 1] = n
    return out[:n], ends
