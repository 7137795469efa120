"""The character step of web-1: what each character beyond ASCII becomes.

A passage with a combining mark is composed first (NFC). Then each character is folded without a look at its
neighbours, in this order:

1. invisible characters (format characters, variation selectors, Hangul fillers) and the general combining marks
   (U+0300-036F and their supplements) vanish;
2. quotation marks, apostrophes and dashes become `"`, `'` and `-`; Latin letters without a decomposition (ø, ł, æ),
   small capitals, and letters in dark circles or squares become ASCII letters;
3. NFKC and case folding; a Latin letter loses its marks;
4. a mark of punctuation or a symbol (an emoji too) that is still not ASCII stands between spaces; white space,
   control characters, lone surrogates, private and unassigned characters become a space.

Last, in a word that has Latin letters as well, look-alikes of other scripts become the Latin letter (`TWINS`).
"""

from __future__ import annotations

import threading
import unicodedata
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from tamis.classifiers.fold_kernel import holding, rewrite, survey

__all__ = ["TWINS", "fold", "fold_character"]

Bytes = NDArray[np.uint8]
Ints = NDArray[np.int64]

_MARKS = ((0x300, 0x36F), (0x1AB0, 0x1AFF), (0x1DC0, 0x1DFF), (0x20D0, 0x20FF), (0xFE00, 0xFE0F), (0xFE20, 0xFE2F))
_FILLERS = "\u115f\u1160\u3164\uffa0"

_ALIKE = {
    "'": "‘’‚‛′‵´ʹʻʼʽˈ", '"': "“”„‟″‶«»", "-": "‐‑‒–—―−⁃",
    "a": "ɑᴀ", "b": "ʙ", "c": "ᴄ", "d": "đðᴅ", "e": "ᴇ", "f": "ꜰ", "g": "ɡɢ", "h": "ħʜ", "i": "ıɪɩ", "j": "ᴊ",
    "k": "ᴋ", "l": "łʟ", "m": "ᴍ", "n": "ɴŋ", "o": "øᴏ", "p": "ᴘ", "r": "ʀ", "s": "ꜱ", "t": "ᴛŧ", "u": "ᴜ",
    "v": "ᴠ", "w": "ᴡ", "y": "ʏ", "z": "ᴢ", "ae": "æ", "oe": "œ", "th": "þ",
}  # fmt: skip
_DIRECT: Final = {other: latin for latin, others in _ALIKE.items() for other in others}

#: Cyrillic, Greek and Armenian letters that look like a Latin one. They are mapped only inside a word that has
#: Latin letters too, so that text in those scripts stays what it is.
TWINS: Final = dict(
    zip(
        "аеорсухіјѕһԁԛԝкмтвнпгёїαβεηικνορτυχγωμօսհյոզ",
        "aeopcyxijshdqwkmtbhnreiabenikvoptuxywuouhjnq",
        strict=True,
    )
)
_TWIN_TABLE: Final = np.zeros(0x800, np.uint8)
_TWIN_TABLE[[ord(c) for c in TWINS]] = [ord(c) for c in TWINS.values()]


def fold_character(character: str) -> str:
    """Folds one character beyond ASCII: steps 1 to 4 of the module's text."""
    code = ord(character)
    if character in _FILLERS or _is_mark(code):
        return ""
    if 0x1F150 <= code <= 0x1F169 or 0x1F170 <= code <= 0x1F189:
        return chr(ord("a") + (code - 0x1F150) % 0x20)
    folded = _DIRECT.get(character) or unicodedata.normalize("NFKC", character).casefold()
    direct = "".join(_DIRECT.get(c, c) for c in _without_marks(folded))
    return "".join(map(_isolate, direct))


def fold(data: Bytes, bounds: Ints) -> tuple[Bytes, Ints]:
    """Folds passages; those in ASCII come back as they are.

    Args:
        data: Passages in UTF-8, lone surrogates in three bytes, uint8.
        bounds: Byte offset of each passage and the end of the last, int64 [n + 1].

    Returns:
        The folded passages in valid UTF-8, and their bounds.
    """
    if data.size == 0 or data.max() < 0x80:
        return data, bounds
    codes = survey(data)
    marks = codes[[unicodedata.combining(chr(code)) > 0 for code in codes.tolist()]]
    if marks.size:
        data, bounds = _compose(data, bounds, holding(data, bounds, marks))
        codes = survey(data)
    rows = _TABLE.covering(codes)
    return rewrite(data, bounds, rows.slot, rows.offset, rows.blob, rows.apart, _TWIN_TABLE)


class _Rows(NamedTuple):
    """Folded characters in arrays.

    Attributes:
        slot: Row of each code point, int32 [0x110000].
        offset: Byte offset in `blob` of each row's text and the end of the last, int64 [n_rows + 1].
        blob: Folded texts in UTF-8, uint8.
        apart: Whether a row's text ends the word before it, bool [n_rows].
    """

    slot: NDArray[np.int32]
    offset: Ints
    blob: Bytes
    apart: NDArray[np.bool_]


class _Table:
    """Rows for the characters met so far: folding the whole of Unicode at start would take seconds."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._texts: list[bytes] = [b""]  # row 0 belongs to no character
        self._apart: list[bool] = []
        self._rows = self._build(np.zeros(0x110000, np.int32))

    def covering(self, codes: NDArray[np.int32]) -> _Rows:
        """Returns rows that hold all of `codes`; threads may ask at the same time."""
        with self._lock:
            new = codes[self._rows.slot[codes] == 0]
            if new.size:
                first = len(self._texts)
                self._texts += [fold_character(chr(code)).encode() for code in new.tolist()]
                self._rows.slot[new] = np.arange(first, len(self._texts))
                self._rows = self._build(self._rows.slot)
            return self._rows

    def _build(self, slot: NDArray[np.int32]) -> _Rows:
        offset = np.cumsum([0, *map(len, self._texts)], dtype=np.int64)
        self._apart += [_ends_word(text) for text in self._texts[len(self._apart) :]]
        return _Rows(slot, offset, np.frombuffer(b"".join(self._texts), np.uint8), np.array(self._apart))


def _ends_word(text: bytes) -> bool:
    return any(byte < 0x80 and not chr(byte).isalnum() for byte in text)


_TABLE: Final = _Table()


def _is_mark(code: int) -> bool:
    return any(low <= code <= high for low, high in _MARKS)


def _without_marks(text: str) -> str:
    apart = unicodedata.normalize("NFKD", text)
    if not any("a" <= c <= "z" for c in apart):
        return text
    return "".join(c for c in apart if unicodedata.category(c) != "Mn")


def _isolate(character: str) -> str:
    category = unicodedata.category(character)
    if character.isascii():
        return character
    if category == "Cf" or _is_mark(ord(character)):
        return ""
    if category[0] in "PS":
        return f" {character} "
    return " " if category[0] in "CZ" else character


def _compose(data: Bytes, bounds: Ints, which: NDArray[np.bool_]) -> tuple[Bytes, Ints]:
    """Applies NFC to some of the passages."""
    lengths = np.diff(bounds)
    pieces, done = [], int(bounds[0])
    for passage in np.flatnonzero(which).tolist():
        start, stop = int(bounds[passage]), int(bounds[passage + 1])
        text = data[start:stop].tobytes().decode("utf-8", "surrogatepass")
        composed = unicodedata.normalize("NFC", text).encode("utf-8", "surrogatepass")
        pieces += [data[done:start].tobytes(), composed]
        lengths[passage], done = len(composed), stop
    pieces.append(data[done : bounds[-1]].tobytes())
    return np.frombuffer(bytearray().join(pieces), np.uint8), np.concatenate(([0], np.cumsum(lengths)))
