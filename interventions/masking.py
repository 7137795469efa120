"""Makes corpus-controlled strings safe to look at: in a page, in a terminal, in a spreadsheet.

Source names, domains, languages, rule labels and ids come from the corpus or the plan, and whoever writes web
pages writes them. Each surface has its own traps, and each function here closes those of one surface:

- `display`: what a reader sees. Normal form C, control characters dropped, bidirectional and invisible
  characters spelled out (⟨U+202E⟩), towers of combining marks cut, addresses defanged, slurs masked, length capped.
- `terminal`: `display` without escape sequences and on one line, for stderr.
- `cell`: one spreadsheet cell that no program takes for a formula.
- `markdown`: one line of text in a Markdown document, also in a table.

None of them escapes HTML: the template's autoescape does, and does it last. Text goes into element content only.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from typing import Final

from tamis.interventions.masked_words import MASKED

__all__ = [
    "CAP",
    "cell",
    "defang",
    "display",
    "domain",
    "excerpt",
    "inert",
    "markdown",
    "mask_words",
    "terminal",
    "verbatim",
]

#: Characters that `display` shows at most.
CAP: Final = 120
#: Combining marks shown on one letter at most; more only serve to paint over the neighbouring lines.
MARKS: Final = 3

#: ESC sequences: operating-system commands with their payload (titles, links, clipboard), device strings, and CSI.
_ANSI = re.compile(
    r"(?:\x1b[\]PX^_]|[\x9d\x90\x98\x9e\x9f]).*?(?:\x07|\x1b\\|\x9c|$)"
    r"|(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]?"
    r"|\x1b[ -/]*[0-~]?",
    re.DOTALL,
)
#: White space, but for the narrow space that keeps a number and its unit on one line.
_SPACE = re.compile(r"[^\S\u202f]+")
_SCHEME = re.compile(r"\b(https?|ftp|wss?|file|javascript|data|vbscript|mailto)(?=:\S)", re.IGNORECASE)
_DEFANGED = {"http": "hxxp", "https": "hxxps", "ftp": "fxp", "ws": "wxs", "wss": "wxss", "mailto": "mailto[at]"}
_HOST_DOT = re.compile(r"(?<=[\w\]])\.(?=\w)")
_ADDRESS = re.compile(r"(?:\b[a-z]{2,12}://|\bwww\.|//)[^\s<>\"']+", re.IGNORECASE)
_WORD = re.compile(r"[^\W\d_]{3,}")
#: What may mean something within a line of Markdown, and what does at the start of a block.
_INLINE = re.compile(r"[\\`*_\[\]<>~|&$@#]")
_OPENING = re.compile(r"^(?:([-+=])|(\d+)([.)])(?=\s|$))")
#: What may name or reach a person, and what stands in its place: addresses, mail, handles, long numbers.
_PERSONAL = (
    (re.compile(r"(?:\b[a-z][a-z0-9+.-]{1,11}://|\bwww\.)\S+", re.IGNORECASE), "[address]"),
    (re.compile(r"[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63})+"), "[mail]"),
    (re.compile(r"(?<![\w@])@\w{2,}"), "[handle]"),
    (re.compile(r"\+?\d(?:[ ().\u00a0/-]{0,2}\d){6,}"), "[number]"),
)
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
#: Letters that render as nothing at all although Unicode files them under letters or marks.
_BLANK = frozenset("\u115f\u1160\u3164\uffa0\u034f\u17b4\u17b5\u2800")


def display(text: object, cap: int = CAP, *, masked: bool = True) -> str:
    """Returns a string as a reader may see it, on one line.

    Args:
        text: Anything; `str()` of it is shown.
        cap: Characters shown at most; the rest is replaced by an ellipsis and its count.
        masked: Whether slurs are masked; a reader who asked for the text sees them.

    Returns:
        The cleaned string, never empty: an empty one is shown as "(empty)".
    """
    raw = str(text)
    clipped = _clip(raw, cap)
    cleaned = _visible(unicodedata.normalize("NFC", _ANSI.sub("", clipped)))
    safe = defang(_SPACE.sub(" ", cleaned).strip())
    safe = mask_words(safe) if masked else safe
    return _mark_cut(safe, len(raw), cap) if safe else "(empty)"


def domain(name: object, cap: int = CAP) -> str:
    """Returns a host name as a reader may see it: no program makes a link of `example[.]com`."""
    return _HOST_DOT.sub("[.]", display(name, cap))


def terminal(text: object, cap: int = CAP, *, masked: bool = True) -> str:
    """Returns a string for a terminal: one line, printable, without any escape sequence."""
    return "".join(character for character in display(text, cap, masked=masked) if character.isprintable())


def cell(text: object, cap: int = 4000) -> str:
    """Returns a string for a spreadsheet: one that looks like a formula gets an apostrophe before it."""
    raw = str(text)
    shown = display(raw, cap)
    risky = raw.startswith(_FORMULA) or shown.startswith(_FORMULA)
    return f"'{shown}" if risky else shown


def markdown(text: object, cap: int = CAP) -> str:
    """Returns a string that a Markdown document shows as it is; it may stand anywhere in a line, or in a table."""
    shown = _INLINE.sub(r"\\\g<0>", display(text, cap))
    return _OPENING.sub(lambda found: f"{found[2] or ''}\\{found[1] or found[3]}", shown)


def excerpt(text: str, cap: int = 300) -> str:
    """Returns a passage as a reader of a report may see it: `display`, without what could name or reach a person."""
    clipped = text[: 4 * cap]
    for pattern, word in _PERSONAL:
        clipped = pattern.sub(word, clipped)
    return display(clipped, cap)


def verbatim(text: object, cap: int = 20_000) -> str:
    """Returns text of several lines, such as the plan, with nothing hidden in it; line ends are kept."""
    raw = str(text)
    lines = _clip(raw, cap).replace("\r\n", "\n").split("\n")
    shown = "\n".join(_visible(_ANSI.sub("", line)).rstrip() for line in lines)
    return _mark_cut(shown, len(raw), cap)


def inert(text: str) -> str:
    """Returns text without a character that nobody sees; the last check of every string of the page.

    Whoever made the string has passed it through `display` or `verbatim`; this holds should one have been forgotten.
    """
    if text.isascii() and text.isprintable():
        return text
    return "".join(character if character == "\n" else _character(character) for character in text)


def defang(text: str) -> str:
    """Breaks web addresses so that nothing makes a link of them: `hxxp://example[.]com`."""
    broken = _ADDRESS.sub(lambda match: _HOST_DOT.sub("[.]", match.group()), text)
    return _SCHEME.sub(lambda match: _DEFANGED.get(match.group().lower(), f"{match.group()}[x]"), broken)


def mask_words(text: str) -> str:
    """Masks the inner letters of slurs, so that a table can be read aloud: first and last letter stay."""
    return _WORD.sub(lambda match: _mask(match.group()), text)


def _mask(word: str) -> str:
    folded = unicodedata.normalize("NFKC", word).casefold()
    if not any(fingerprint(form) in MASKED for form in (folded, folded.removesuffix("s"))):
        return word
    return f"{word[0]}{'•' * (len(word) - 2)}{word[-1]}"


def fingerprint(word: str) -> str:
    """Returns the fingerprint under which a word stands in the list of masked words."""
    return hashlib.blake2b(word.encode("utf-8", "replace"), digest_size=5).hexdigest()


def _clip(text: str, cap: int) -> str:
    # Cut before any other work: a name of ten megabytes must not cost ten megabytes of normalisation.
    return text[: 4 * cap]


def _mark_cut(shown: str, full: int, cap: int) -> str:
    if len(shown) <= cap and full <= 4 * cap:
        return shown
    return f"{shown[:cap]}… ({full:,} characters)"


def _visible(text: str) -> str:
    shown: list[str] = []
    marks = 0
    for character in text:
        marks = marks + 1 if unicodedata.category(character) in {"Mn", "Me"} else 0
        if marks <= MARKS:
            shown.append(_character(character))
    return "".join(shown)


def _character(character: str) -> str:
    category = unicodedata.category(character)
    if category == "Cc":
        return " " if character in "\t\n\r\x0b\x0c\x85" else ""
    if category in {"Cf", "Co", "Cs", "Cn", "Zl", "Zp"} or character in _BLANK or _is_selector(character):
        return f"⟨U+{ord(character):04X}⟩"
    return character


def _is_selector(character: str) -> bool:
    return "\ufe00" <= character <= "\ufe0f" or "\U000e0100" <= character <= "\U000e01ef"
