"""What can be told of a JSON record without parsing it: its nesting, whether it is closed, whether it is UTF-8.

Everything works in pieces, without recursion, in memory that does not grow with the record: a hostile line of 60 MB
costs time and nothing else.
"""

from __future__ import annotations

import codecs

import numpy as np
from numpy.typing import NDArray

__all__ = ["Bytes", "brackets", "is_open", "text_size", "too_deep", "utf8_fault"]

Bytes = NDArray[np.uint8]

_PIECE = 256 << 10
_QUOTE, _BACKSLASH = 0x22, 0x5C
# [ is 0x5b and { is 0x7b, ] is 0x5d and } is 0x7d: without the bit 0x20 an opener is 0x5b and a closer 0x5d.
_FOLD, _OPEN, _CLOSE = 0xDF, 0x5B, 0x5D


def brackets(data: Bytes) -> int:
    """Counts the bytes that may open an array or an object."""
    pieces = (data[start : start + _PIECE] for start in range(0, len(data), _PIECE))
    return sum(int(np.count_nonzero((piece & _FOLD) == _OPEN)) for piece in pieces)


def too_deep(raw: bytes, nesting: int) -> bool:
    """Tells whether arrays and objects stand inside one another deeper than `nesting`.

    The answer must not depend on how much stack is left, as that of a recursive parser does.
    """
    if len(raw) <= 2 * nesting or raw.count(b"[") + raw.count(b"{") <= nesting:
        return False
    scan = _Scan()
    return any(scan.add(piece) > nesting for piece in _pieces(raw))


def is_open(raw: bytes) -> bool:
    """Tells whether a record ends inside a string, an array or an object, as a record that was cut does."""
    scan = _Scan()
    for piece in _pieces(raw):
        scan.add(piece)
    return scan.inside or scan.depth > 0


def utf8_fault(raw: bytes) -> int | None:
    """Returns the offset of the first byte that is not UTF-8, None where all is."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    for start in range(0, max(len(raw), 1), _PIECE):
        waiting = len(decoder.getstate()[0])
        try:
            decoder.decode(raw[start : start + _PIECE], final=start + _PIECE >= len(raw))
        except UnicodeDecodeError as error:
            return start - waiting + error.start
    return None


def text_size(raw: bytes, escaped: bool = False) -> int:
    r"""Returns the bytes that UTF-8 takes as a str, at most: CPython gives all characters the width of the widest.

    Args:
        raw: Bytes of UTF-8, or of a JSON record that holds a text.
        escaped: Whether `\uXXXX` stands for a character in them.
    """
    width = (4 if b"\\ud" in raw or b"\\uD" in raw else 2 if b"\\u" in raw else 1) if escaped else 1
    characters = 0
    for piece in _pieces(raw):
        highest = int(piece.max())
        width = max(width, 4 if highest >= 0xF0 else 2 if highest >= 0xC4 else 1)
        characters += int(np.count_nonzero((piece & 0xC0) != 0x80))
    return width * characters


def _pieces(raw: bytes) -> list[Bytes]:
    data = np.frombuffer(raw, np.uint8)
    return [data[start : start + _PIECE] for start in range(0, len(data), _PIECE)]


class _Scan:
    """Follows strings and nesting over the pieces of a record.

    Attributes:
        inside: Whether the last piece ended inside a string.
        depth: Arrays and objects that are open at the end of the last piece.
    """

    def __init__(self) -> None:
        self.inside = False
        self.depth = 0
        self._escaped = False

    def add(self, piece: Bytes) -> int:
        """Follows a piece and returns the deepest nesting in it."""
        quotes = np.cumsum((piece == _QUOTE) & ~self._escapes(piece), dtype=np.int32)
        outside = ((quotes & 1) == self.inside).astype(np.int8)
        folded = piece & _FOLD
        steps = ((folded == _OPEN).astype(np.int8) - (folded == _CLOSE)) * outside
        depths = np.cumsum(steps, dtype=np.int32)
        deepest = self.depth + int(depths.max())
        self.inside ^= bool(quotes[-1] & 1)
        self.depth += int(depths[-1])
        return deepest

    def _escapes(self, piece: Bytes) -> NDArray[np.bool_]:
        """Marks the bytes that follow an odd run of backslashes."""
        if not self._escaped and not (piece == _BACKSLASH).any():
            return np.zeros(len(piece), np.bool_)
        slash = piece == _BACKSLASH
        places = np.arange(len(piece), dtype=np.int32)
        # The last place before each byte that is no backslash; an open escape counts as one backslash more.
        last = np.maximum.accumulate(np.where(slash, np.int32(-1 - self._escaped), places))
        run = places - last  # length of the run of backslashes that ends here
        escaped = np.empty(len(piece), np.bool_)
        escaped[0], escaped[1:] = self._escaped, run[:-1] & 1
        self._escaped = bool(run[-1] & 1)
        return escaped
