"""What may not be a term of a learned word list.

A list that holds the names of groups flags who is spoken of, not what is said, so no term of hate or harassment holds
an identity term (`identity.TERMS`, `data/identity_terms.csv`, their plurals, possessives and longer forms), and in the
other categories none consists of them alone, articles and the like apart. Terms of minority (`data/minor_terms.txt`),
and parts of them, are never terms of sexual: what is sexual and names a minor is a rule of its own, and is not learned.

What it costs and gains, with terms from the sources of the shipped filter: average precision of hate .27 instead of
.44 on rows kept from training; of benign sentences that name a group (the madlibs set) 0 instead of 85 % hold a term.
"""

from __future__ import annotations

import csv
from collections.abc import Sequence
from functools import cache
from importlib import resources
from typing import Final

import numpy as np
from numpy.typing import NDArray

from tamis.classifiers.identity import AMBIGUOUS, TERMS, words_of_terms
from tamis.classifiers.minor_terms import pattern

__all__ = ["names_a_group", "refused"]

#: Categories (without what follows a slash) that may hold no identity term at all.
_ABOUT_GROUPS: Final = frozenset({"hate", "harassment"})
_SEXUAL: Final = "sexual"

#: Shortest form of an identity term whose longer and shorter forms count as well: `homosexual` in `homosexuality`.
_STEM: Final = 5

#: Words that add nothing to the name of a group.
_LINKING: Final = frozenset(
    [
        "a", "all", "an", "and", "any", "are", "as", "be", "being", "for", "from", "his", "her", "he", "him", "i",
        "in", "is", "it", "its", "like", "me", "my", "no", "not", "of", "on", "or", "other", "our", "own", "people",
        "person", "she", "so", "some", "than", "that", "the", "their", "them", "these", "they", "this", "those", "to",
        "us", "was", "we", "were", "who", "with", "you", "your",
    ]
)  # fmt: skip

#: With these around it, a part of a term of minority is one: `years` of `twelve years old`.
_FRAMES: Final = ("{}", "twelve {}", "{} old", "{} years old", "twelve {} old", "is {}", "{} twelve", "{} grade")


def refused(category: str, terms: Sequence[str]) -> NDArray[np.bool_]:
    """Says which terms may not stand for a category.

    Args:
        category: Such as `hate` or `hate/threatening`.
        terms: Words with one space between, in lower case.

    Returns:
        True for each that may not, bool [n_terms].
    """
    kind = category.partition("/")[0]
    names = _holds_a_group if kind in _ABOUT_GROUPS else _is_a_group
    out = [names(term) for term in terms]
    if kind == _SEXUAL:
        out = [no or _of_minors(term) for no, term in zip(out, terms, strict=True)]
    return np.array(out, bool)


@cache
def names_a_group(word: str) -> bool:
    """Says whether a word is an identity term or a form of one."""
    bare = word.lower().replace("’", "'").removesuffix("'s").rstrip("'")
    forms = {bare, bare.removesuffix("s"), bare.removesuffix("es"), *bare.split("-")}
    return bool(forms & _words()) or any(
        bare.startswith(stem) or (len(bare) >= _STEM and stem.startswith(bare)) for stem in _stems()
    )


def _holds_a_group(term: str) -> bool:
    return any(map(names_a_group, term.split())) or any(f" {phrase} " in f" {term} " for phrase in _phrases())


def _is_a_group(term: str) -> bool:
    named = [names_a_group(word) for word in term.split()]
    return any(named) and all(name or word in _LINKING for name, word in zip(named, term.split(), strict=True))


def _of_minors(term: str) -> bool:
    return any(pattern().search(frame.format(term).encode()) for frame in _FRAMES)


@cache
def _names() -> frozenset[str]:
    """Every identity term, as it is written in the two lists, in lower case."""
    text = (resources.files("tamis.classifiers") / "data" / "identity_terms.csv").read_text(encoding="utf-8")
    listed = {row["term"].lower() for row in csv.DictReader(text.splitlines())}
    return frozenset(listed | {form.lower() for term in TERMS for form in (term.adjective, term.person, term.people)})


@cache
def _words() -> frozenset[str]:
    return words_of_terms() | {name for name in _names() if " " not in name}


@cache
def _stems() -> frozenset[str]:
    return frozenset(word for word in _words() - AMBIGUOUS if len(word) >= _STEM and word.isalpha())


@cache
def _phrases() -> frozenset[str]:
    return frozenset(name.replace("-", " - ") for name in _names() if " " in name or "-" in name)
