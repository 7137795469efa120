"""Normalisers: what a classifier reads instead of the original text.

A model is trained on the output of one of them, so a name stands for exactly these steps: any change of a step
needs a new name. A normaliser takes UTF-8 (uint8) with the bounds of each passage, and returns the same for the
normalised text. Lone surrogates arrive as the three bytes that UTF-8 would give them.

none
    The text as it is, but with a space in place of each line feed and carriage return (fastText reads lines), of
    U+2028 and U+2029, of each lone surrogate, and of the first character of each `</s>`, at which fastText stops
    reading. The result is valid UTF-8.

web-1
    Words as a reader hears them, in spite of disguise, with one space between tokens.

    1. *Fold* what is not ASCII, as `fold` says: NFKC and case folding, accents off Latin letters, invisible
       characters dropped, quotes and dashes unified, look-alikes of other scripts mapped inside Latin words.
    2. *Lower-case* ASCII; a control character becomes a space.
    3. *Addresses* become one token. Not after a letter or digit: `http://…`, `https://…`, `www.…` up to white
       space or one of `"<>)]}` is `<url>`; `@` and four or more of `[a-z0-9_]` is `<user>` (shorter ones and
       `@sshol…` are disguised words, step 6), and so is `u/` or `/u/` and three or more of `[a-z0-9_-]`.
       Anywhere: `local@domain.tld` is `<email>`. The leftmost address is taken first.
    4. *Spaced letters* become a word: three or more single ASCII letters with the same single separator, one of
       ` .-_*`, between them (`k i l l`, `k.i.l.l`, `U.S.A.`).
    5. *Words* are runs of letters (ASCII, or anything beyond ASCII) and digits. Inside one stay an apostrophe
       between letters (`don't`), asterisks between letters (`sh*t`), and three or more asterisks after the
       first one or two letters (`f***`).
    6. *Leet*: one or two of `013457$@!` between two letters become `oieastsai` (`h4te`, `pr0n`, `b!tch`); so do
       `$` or `@` before the first letter of a word (`$hit`, `@ss`), and `$$` after its last one. `!` counts only
       within the first three letters, for it also ends sentences. Digits at the start or end of a word stay what
       they are (`2nd`, `mp3`, `covid19`), as do 2, 6, 8 and 9 (`b2b`).
    7. *Repeats*: of three or more of the same ASCII letter or asterisk in a row two are left (`sooo`: `soo`).
    8. *Numbers*: a word of five or more digits and nothing else becomes `<num>`. Shorter ones stay: ages, years
       and coded numbers mean something.
    9. *Marks*: any other ASCII character is a token of its own; a run of the same one is one token of at most
       two (`!!!`: `!!`).

    ASCII text gives the same result on every Python; step 1 follows the Unicode tables of the Python that runs.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

import numpy as np
from numpy.typing import NDArray

from tamis.classifiers.address_kernel import replace
from tamis.classifiers.fold import fold
from tamis.classifiers.line_kernel import has_marker, one_line
from tamis.classifiers.token_kernel import tokenise

__all__ = ["NORMALISERS", "Normaliser", "web_1"]

Bytes = NDArray[np.uint8]
Ints = NDArray[np.int64]

#: What fastText takes for the end of a text.
END_MARKER: Final = b"</s>"

#: (UTF-8 of passages, their bounds int64 [n + 1]) to the same of the normalised passages.
Normaliser = Callable[[Bytes, Ints], tuple[Bytes, Ints]]


def web_1(data: Bytes, bounds: Ints) -> tuple[Bytes, Ints]:
    """Undoes disguises and separates tokens: the steps of web-1 in the module's text."""
    return tokenise(*replace(*fold(data, bounds)))


def none(data: Bytes, bounds: Ints) -> tuple[Bytes, Ints]:
    """Changes only what a fastText model cannot read: line ends, lone surrogates, and its own end marker.

    fastText stops at a token `</s>`, so a text that begins with one would score as if it were empty.
    """
    out, ends = one_line(data, bounds)
    if not has_marker(out):
        return out, ends
    text = out.tobytes()
    at = text.find(END_MARKER)
    while at >= 0:
        out[at] = 32
        at = text.find(END_MARKER, at + 1)
    return out, ends


NORMALISERS: Mapping[str, Normaliser] = MappingProxyType({"none": none, "web-1": web_1})
