"""The machine code of the normaliser `none`."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tamis.classifiers.compiled import inlined, kernel

__all__ = ["one_line"]

Bytes = NDArray[np.uint8]
Ints = NDArray[np.int64]


@inlined
def _breaks_line(data: Bytes, at: int) -> bool:
    """Tells whether the three-byte character at `at` is a lone surrogate, U+2028 or U+2029."""
    if data[at] == 0xED:
        return bool(data[at + 1] >= 0xA0)
    return bool(data[at] == 0xE2 and data[at + 1] == 0x80 and 0xA8 <= data[at + 2] <= 0xA9)


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
        at, stop = bounds[passage], bounds[passage + 1]
        while at < stop:
            byte = data[at]
            if byte in (10, 13):
                byte = np.uint8(32)
            elif byte in (0xE2, 0xED) and _breaks_line(data, at):
                byte = np.uint8(32)
                at += 2
            out[n] = byte
            n += 1
            at += 1
        ends[passage + 1] = n
    return out[:n], ends
