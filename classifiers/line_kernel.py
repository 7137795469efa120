"""The machine code of the normaliser `none`."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tamis.classifiers.compiled import inlined, kernel

__all__ = ["has_marker", "one_line"]

Bytes = NDArray[np.uint8]
Ints = NDArray[np.int64]


@inlined
def _breaks_line(data: Bytes, at: int) -> bool:
    """Tells whether the three-byte character at `at` is a lone surrogate, U+2028 or U+2029."""
    if data[at] == 0xED:
        return bool(data[at + 1] >= 0xA0)
    return bool(data[at] == 0xE2 and data[at + 1] == 0x80 and 0xA8 <= data[at + 2] <= 0xA9)


@inlined
def _copy(text: Bytes, out: Bytes) -> int:
    """Copies a text without line ends and lone surrogates; returns its bytes then. Most texts keep their length."""
    rare = np.uint8(0)
    for at in range(text.size):
        byte = text[at]
        out[at] = np.uint8(32) if (byte == 10) | (byte == 13) else byte
    for at in range(text.size - 2):
        surrogate = (text[at] == 0xED) & (text[at + 1] >= 0xA0)
        separator = (text[at] == 0xE2) & (text[at + 1] == 0x80) & ((text[at + 2] | 1) == 0xA9)
        rare |= np.uint8(surrogate | separator)
    return text.size if rare == 0 else _copy_rare(text, out)


@inlined
def _copy_rare(text: Bytes, out: Bytes) -> int:
    """Does the same a byte at a time, for texts that become shorter."""
    n, at = 0, 0
    while at < text.size:
        byte = text[at]
        if byte in (10, 13):
            byte = np.uint8(32)
        elif byte in (0xE2, 0xED) and _breaks_line(text, at):
            byte = np.uint8(32)
            at += 2
        out[n] = byte
        n += 1
        at += 1
    return n


@kernel
def one_line(data: Bytes, bounds: Ints) -> tuple[Bytes, Ints]:
    """Replaces line ends and lone surrogates by spaces.

    Args:
        data: Passages in UTF-8, lone surrogates in three bytes, uint8.
        bounds: Byte offset of each passage and the end of the last, int64 [n + 1].

    Returns:
        The passages in valid UTF-8, uint8, and their bounds, int64 [n + 1].
    """
    out = np.empty(bounds[-1] - bounds[0], np.uint8)
    ends = np.zeros(bounds.size, np.int64)
    n = 0
    for passage in range(bounds.size - 1):
        text = data[bounds[passage] : bounds[passage + 1]]
        n += _copy(text, out[n : n + text.size])
        ends[passage + 1] = n
    return out[:n], ends


@kernel
def has_marker(data: Bytes) -> bool:
    """Tells whether `</s>` is anywhere in a text, 32 bytes at a time."""
    at = 0
    while at < data.size - 3:
        block, found = data[at : at + 35], np.uint8(0)
        for k in range(block.size - 3):
            opens, closes = (block[k] == 60) & (block[k + 1] == 47), (block[k + 2] == 115) & (block[k + 3] == 62)
            found |= np.uint8(opens & closes)
        if found != 0:
            return True
        at += 32
    return False
