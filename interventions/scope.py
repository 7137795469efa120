"""What names in a condition can mean: the classifiers of the plan, their categories, and the documents' fields."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from tamis.classifiers.errors import UsageError

__all__ = ["MINORS", "NUMBERS", "RESERVED", "SEXUAL", "TEXTS", "VIEWS", "Lookup", "Scope", "nearest"]

#: lookup(classifier, category, "precision" | "recall" | "fpr", level) -> threshold of the bundle's calibration.
Lookup = Callable[[str, str, str, float], float]

#: The term that stands for sexual content about minors, and the category that it goes by.
MINORS: Final = "sexual/minors"
SEXUAL: Final = "sexual"

NUMBERS: Final = ("words", "bytes", "random")
TEXTS: Final = ("source", "domain", "language")
VIEWS: Final = ("passage", "share")
RESERVED: Final = frozenset(
    (*NUMBERS, *TEXTS, *VIEWS, "any", "unscored", "field", "and", "or", "not", "in", "matches", "true", "false")
)


def nearest(word: str, known: Iterable[str]) -> str:
    """Returns "; did you mean `x`?" for a near miss, else "; known: a, b", else nothing where nothing is known."""
    names = sorted(known)
    close = difflib.get_close_matches(word, names, n=1)
    if close:
        return f"; did you mean `{close[0]}`?"
    return f"; known: {', '.join(names)}" if names else ""


@dataclass(frozen=True, slots=True)
class Scope:
    """Names of a plan.

    Attributes:
        classifiers: Categories of each classifier, by the plan's name.
        lookup: Finds the threshold of an operating point; None where none can be looked up.
        fields: Fields that a rule may read; None allows any.

    Raises:
        UsageError: A classifier has the name of a word of the language.
    """

    classifiers: Mapping[str, tuple[str, ...]]
    lookup: Lookup | None = None
    fields: tuple[str, ...] | None = None

    def __post_init__(self) -> None:
        for name in self.classifiers:
            if name in RESERVED:
                raise UsageError(f"a classifier cannot be called `{name}`, a word of conditions; call it `{name}-1`")

    def categories(self, path: str) -> list[tuple[str, str]]:
        """Resolves `hate`, `policy.hate`, `any` or `policy.any` to (classifier, category) pairs.

        Raises:
            UsageError: The name is unknown, or several classifiers have it.
        """
        owner, dot, category = path.rpartition(".")
        if dot and owner not in self.classifiers:
            raise UsageError(f"`{owner}` is not a classifier of this plan{nearest(owner, self.classifiers)}")
        owners = [owner] if dot else list(self.classifiers)
        pairs = [(name, known) for name in owners for known in self.classifiers[name]]
        if category == "any":
            return pairs
        return [self._one(path, category, [pair for pair in pairs if pair[1] == category], pairs)]

    def of_minors(self, path: str) -> str | None:
        """Returns the classifier whose `sexual` score `sexual/minors` or `policy.sexual/minors` goes by.

        None where the path is another name, or a category of a classifier.

        Raises:
            UsageError: No classifier has the category `sexual`, or several do.
        """
        owner, dot, category = path.rpartition(".")
        if category != MINORS or (dot and owner not in self.classifiers):
            return None
        owners = [owner] if dot else list(self.classifiers)
        if any(MINORS in self.classifiers[name] for name in owners):
            return None
        found = [name for name in owners if SEXUAL in self.classifiers[name]]
        if not found:
            raise UsageError(f"`{path}` goes by the score of `{SEXUAL}`, which is not among the categories here")
        if len(found) > 1:
            choices = " or ".join(f"`{name}.{MINORS}`" for name in found)
            raise UsageError(f"`{MINORS}` goes by `{SEXUAL}`, a category of several classifiers; write {choices}")
        return found[0]

    def _one(
        self, path: str, category: str, found: list[tuple[str, str]], pairs: list[tuple[str, str]]
    ) -> tuple[str, str]:
        if len(found) > 1:
            choices = " or ".join(f"`{name}.{category}`" for name, category in found)
            raise UsageError(f"`{category}` is a category of several classifiers; write {choices}")
        if not found:
            names = {name for _, name in pairs}
            if "." not in path:
                names |= {*NUMBERS, *TEXTS, "any", "unscored", *([MINORS] if SEXUAL in names else [])}
            raise UsageError(f"`{path}` is not a category, nor a field of documents{nearest(category, names)}")
        return found[0]

    def threshold(self, classifier: str, category: str, kind: str, level: float) -> float:
        """Looks an operating point up.

        Raises:
            UsageError: It cannot be looked up here.
        """
        if self.lookup is None:
            raise UsageError(f"`{kind}({level:g})` needs a bundle with operating points; write a number instead")
        return float(self.lookup(classifier, category, kind, level))
