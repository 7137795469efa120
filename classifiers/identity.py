"""Identity terms: what balanced negatives are generated for, and what bias is measured by.

Each term is an adjective with the noun phrases that name one person and several. The list follows the
protected characteristics of the taxonomy's `hate` category; majority terms are in it on purpose, since a
model that spares only some groups is biased all the same.
"""

from __future__ import annotations

import random
import re
from dataclasses import dataclass
from functools import cache
from typing import Final

__all__ = ["AMBIGUOUS", "COMPOUNDED", "TERMS", "Term", "mentioned", "single_words", "swap", "words_of_terms"]


@dataclass(frozen=True, slots=True)
class Term:
    """An identity term.

    Attributes:
        adjective: As in "my neighbour is …".
        person: One of them, without article.
        people: Several of them.
        characteristic: The protected characteristic.
    """

    adjective: str
    person: str
    people: str
    characteristic: str


def _plain(characteristic: str, adjectives: str) -> list[Term]:
    return [Term(a, f"{a} person", f"{a} people", characteristic) for a in adjectives.split("|")]


def _noun(characteristic: str, adjectives: str) -> list[Term]:
    return [Term(a, a, f"{a}s", characteristic) for a in adjectives.split("|")]


TERMS: Final[tuple[Term, ...]] = (
    *_plain("orientation", "gay|queer|bisexual|homosexual|LGBT|LGBTQ|straight|heterosexual|asexual"),
    *_noun("orientation", "lesbian"),
    *_plain("gender identity", "trans|transgender|nonbinary"),
    *_plain("sex", "female|male"),
    Term("female", "woman", "women", "sex"),
    Term("male", "man", "men", "sex"),
    *_plain("race", "black|white|brown|Asian|Native American|indigenous|Roma|mixed-race"),
    *_noun("race", "African American|Latino|Latina|Hispanic"),
    *_plain("race", "Latinx|African American|Hispanic|Latino|Latina"),
    *_plain("origin", "Middle Eastern|Chinese|Japanese|Irish|Polish|Turkish|Pakistani|Somali|Vietnamese|French"),
    *_noun("origin", "African|Indian|Mexican|European|American|Canadian|Nigerian|Russian|Arab|German|Asian|Korean"),
    *_noun("origin", "immigrant|refugee|migrant|foreigner"),
    *_noun("religion", "Muslim|Christian|Sikh|Buddhist|Hindu|Catholic|Protestant|Taoist|Mormon|atheist"),
    *_plain("religion", "Muslim|Jewish|Christian|Sikh|Buddhist|Catholic|Protestant|Taoist|religious"),
    Term("Jewish", "Jew", "Jews", "religion"),
    *_plain("disability", "disabled|deaf|blind|paralyzed|autistic|mentally ill|bipolar"),
    *_plain("age", "elderly|old|older|young|younger|aged|middle-aged"),
    *_noun("age", "millennial|teenager|pensioner"),
    Term("teenage", "teenager", "teenagers", "age"),
    *_plain("class", "working-class|poor|homeless"),
)


@cache
def _pattern() -> re.Pattern[str]:
    names = {name.lower() for term in TERMS for name in (term.adjective, term.people)}
    longest_first = sorted(names, key=lambda name: (-len(name), name))
    return re.compile(r"\b(?:" + "|".join(map(re.escape, longest_first)) + r")s?\b", re.IGNORECASE)


def mentioned(text: str) -> frozenset[str]:
    """The identity terms that a text mentions, in lower case."""
    return frozenset(match.group().lower() for match in _pattern().finditer(text))


def single_words() -> tuple[frozenset[str], frozenset[str]]:
    """The forms of the terms that are one word, in lower case: (of one person, of several)."""
    one = {form.lower() for term in TERMS for form in (term.adjective, term.person)}
    one |= COMPOUNDED | {"millenial"}  # as it is often spelt
    several = {term.people.lower() for term in TERMS} - one
    return tuple(frozenset(w for w in forms if w.isalpha()) for forms in (one, several))  # type: ignore[return-value]


@cache
def words_of_terms() -> frozenset[str]:
    """All forms of the terms that are one word, in lower case."""
    return frozenset.union(*single_words())


#: Words that mean something else as often as a group: they are swapped only before a noun for people.
AMBIGUOUS: Final = frozenset(
    [
        "straight",
        "male",
        "female",
        "black",
        "white",
        "brown",
        "aged",
        "old",
        "older",
        "young",
        "younger",
        "elderly",
        "poor",
        "blind",
        "deaf",
        "man",
        "men",
        "woman",
        "women",
        "religious",
        "indian",
        "american",
        "french",
        "european",
        "german",
        "russian",
        "homeless",
        "bipolar",
        "polish",
        "turkish",
    ]
)
#: Words that name a group in pairs: African American, Middle Eastern, middle aged.
COMPOUNDED: Final = frozenset({"african", "american", "middle", "eastern", "aged", "native"})
_NOUNS: Final = (
    r"(?=\s+(?:people|person|persons|folks?|men|man|women|woman|guys?|girls?|boys?|community|males?|females?)\b)"
)


@cache
def _swaps() -> re.Pattern[str]:
    forms = {f.lower() for t in TERMS for f in (t.adjective, t.people, t.person)}
    ordered = sorted(forms, key=lambda form: (-len(form), form))
    parts = [re.escape(form) + (_NOUNS if form in AMBIGUOUS else "") for form in ordered]
    return re.compile(r"\b(?:" + "|".join(parts) + r")\b", re.IGNORECASE)


@cache
def _forms() -> dict[str, str]:
    """Which form of a term each spelling is; an adjective where it is both."""
    out: dict[str, str] = {}
    for form in ("people", "person", "adjective"):
        out |= {getattr(term, form).lower(): form for term in TERMS}
    return out


def swap(text: str, rng: random.Random) -> str:
    """Puts another identity term, drawn at random, for each one mentioned: the same for each mention of the same.

    Args:
        text: The text.
        rng: Source of the draws.

    Returns:
        The text about other people; unchanged where it mentions nobody.
    """
    chosen: dict[str, Term] = {}

    def other(match: re.Match[str]) -> str:
        found = match.group().lower()
        term = chosen.setdefault(found.rstrip("s").split(" ")[0], rng.choice(TERMS))
        new = str(getattr(term, _forms()[found]))
        return new.lower() if match.group().islower() else new

    return _swaps().sub(other, text)
