"""What the web does to words, done to training texts: casing, look-alikes, spacing, hidden characters, context.

Only training texts are changed, after the split, and the label of a text never changes.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Sequence
from typing import Final

__all__ = ["DISGUISES", "disguise", "embed", "sentence"]

_LEET: Final = {"a": "4@", "e": "3", "i": "1!", "o": "0", "s": "5$", "t": "7+", "b": "8", "g": "9"}
_ALIKE: Final = {"a": "а", "e": "е", "o": "о", "c": "с", "p": "р", "x": "х", "y": "у", "i": "і", "s": "ѕ"}
_ENDS: Final = re.compile(r"(?<=[.!?])\s+")
_HIDDEN: Final = ("\u200b", "\u200c", "\u00ad", "\u2060")


def _leet(word: str, rng: random.Random) -> str:
    return "".join(rng.choice(_LEET[c]) if c in _LEET and rng.random() < 0.6 else c for c in word.lower())


def _alike(word: str, rng: random.Random) -> str:
    return "".join(_ALIKE[c] if c in _ALIKE and rng.random() < 0.7 else c for c in word)


def _spaced(word: str, rng: random.Random) -> str:
    return rng.choice((" ", ".", "-")).join(word)


def _hidden(word: str, rng: random.Random) -> str:
    return rng.choice(_HIDDEN).join(word)


def _drawn_out(word: str, rng: random.Random) -> str:
    at = rng.randrange(len(word))
    return word[:at] + word[at] * rng.randint(3, 6) + word[at + 1 :]


def _starred(word: str, rng: random.Random) -> str:
    at = rng.randrange(1, len(word) - 1)
    return word[:at] + rng.choice("*#") + word[at + 1 :]


def _swapped(word: str, rng: random.Random) -> str:
    at = rng.randrange(len(word) - 1)
    return word[:at] + word[at + 1] + word[at] + word[at + 2 :]


def _upper(word: str, rng: random.Random) -> str:
    return word.upper() if rng.random() < 0.5 else "".join(rng.choice((c.lower(), c.upper())) for c in word)


#: Ways to disguise one word of at least four letters.
DISGUISES: Final[dict[str, Callable[[str, random.Random], str]]] = {
    "leet": _leet, "alike": _alike, "spaced": _spaced, "hidden": _hidden, "drawn_out": _drawn_out,
    "starred": _starred, "swapped": _swapped, "upper": _upper,
}  # fmt: skip


def disguise(text: str, rng: random.Random, name: str = "", share: float = 0.5) -> str:
    """Disguises words of a text.

    Args:
        text: The text.
        rng: Source of the choices.
        name: One of `DISGUISES`; drawn where empty.
        share: Chance of each word of at least four letters to be disguised.
    """
    change = DISGUISES[name or rng.choice(list(DISGUISES))]
    words = [
        change(word, rng) if len(word) >= 4 and word.isalpha() and rng.random() < share else word
        for word in text.split(" ")
    ]
    return " ".join(words)


def embed(text: str, background: Sequence[str], rng: random.Random, longest: int = 500) -> str:
    """Puts a short text between sentences of ordinary text: a passage is rarely one sentence.

    Args:
        text: The text that carries the label.
        background: Ordinary passages.
        rng: Source of the choices.
        longest: Length of the result in characters, at most (unless `text` itself is longer).
    """
    room = max(0, longest - len(text))
    before, after = (_clip(rng.choice(background), rng.randint(0, room // 2)) for _ in range(2))
    return " ".join(part for part in (before, text, after) if part)


def sentence(text: str, rng: random.Random) -> str:
    """Draws a sentence of 16 to 160 characters from a text; "" where it has none."""
    found = [part for part in _ENDS.split(text) if 16 <= len(part) <= 160]
    return rng.choice(found) if found else ""


def _clip(passage: str, length: int) -> str:
    clipped = passage[:length].rsplit(" ", 1)[0] if len(passage) > length else passage
    end = max(clipped.rfind(mark) for mark in ".!?")
    return (clipped[: end + 1] if end > 20 else clipped).strip()
