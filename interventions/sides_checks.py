"""May two runs be compared, and how: on the same documents, as effects on different ones, or not at all.

Numbers of two runs differ for many reasons besides the interventions: other documents, another evaluator, another
sample. What was measured by other evaluators is not compared: the difference would be one of rulers.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from tamis.interventions import comparison
from tamis.interventions.comparison import Arm
from tamis.interventions.report_format import count, several

__all__ = ["NONE", "PAIRED", "UNPAIRED", "Ruler", "basis", "checks"]

PAIRED: Final = "paired"
UNPAIRED: Final = "unpaired"
NONE: Final = "none"

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Ruler:
    """What a run was measured on, and with.

    Attributes:
        corpus: Digest of the bytes of its shards, and of the fields that ids, texts and domains come from.
        shards: Number of shards.
        documents: Number of documents seen.
        evaluator: Id of the evaluator, None where there was none.
        reading: How the evaluator read: length of passages and how their scores become a document's.
        thresholds: Score of each category from which the evaluator flags.
        level: The evaluator scored one document in 2**level; None = none.
        filters: Ids of the classifiers, by the plan's name.
        version: Version of tamis.
        packages: Versions of the packages that can change a result.
    """

    corpus: str
    shards: int
    documents: int
    evaluator: str | None
    reading: str
    thresholds: Mapping[str, float]
    level: int | None
    filters: Mapping[str, str]
    version: str
    packages: Mapping[str, str]


def basis(one: Ruler, other: Ruler, arm: Arm | None, other_arm: Arm | None) -> tuple[str, str]:
    """Returns how two sides are compared, and why not better: "" where they are paired."""
    if arm is None or other_arm is None:
        return NONE, "No evaluator looked at one of the two: nothing is known of a difference in safety."
    for unlike, words in _UNLIKE:
        if unlike(one, other):
            return NONE, f"{words} A difference would be one of rulers, so none is given."
    if one.corpus != other.corpus:
        return UNPAIRED, "Other documents: effects are compared, not levels, and nothing is paired."
    if one.level != other.level:
        return UNPAIRED, (
            "Other samples of the same documents: effects are compared as if the samples were independent, which makes "
            "intervals wider than they need be."
        )
    apart = comparison.mismatch(arm, other_arm)
    return (PAIRED, "") if apart is None else (NONE, f"The counts do not belong together: {apart}.")


_UNLIKE: Final[tuple[tuple[Callable[[Ruler, Ruler], bool], str], ...]] = (
    (lambda one, other: one.evaluator != other.evaluator, "Measured by other evaluators."),
    (lambda one, other: one.reading != other.reading, "The evaluator read other passages."),
    (lambda one, other: one.thresholds != other.thresholds, "The evaluator flags from other scores on."),
)


@dataclass(frozen=True, slots=True)
class _Check:
    what: str
    value: Callable[[Ruler], object]
    words: Callable[[Ruler], str]
    means: str


def _sample(ruler: Ruler) -> str:
    if ruler.level is None:
        return "none"
    return "every document" if ruler.level == 0 else f"1 document in {count(2**ruler.level)}"


_CHECKS: Final = (
    _Check(
        "Documents",
        lambda one: one.corpus,
        lambda one: f"{count(one.documents)} in {several(one.shards, 'shard')}, sha256 {one.corpus[:12]}",
        "effects are compared, not levels, and differences are not paired",
    ),
    _Check(
        "Evaluator",
        lambda one: (one.evaluator, one.reading, tuple(sorted(one.thresholds.items()))),
        lambda one: f"{one.evaluator or 'none'}, {one.reading}",
        "differences in safety are not given: they would be differences of rulers",
    ),
    _Check(
        "Evaluated sample", lambda one: one.level, _sample, "differences are not paired, and their intervals are wider"
    ),
    _Check(
        "Classifiers",
        lambda one: tuple(sorted(one.filters.items())),
        lambda one: ", ".join(f"{name}: {identity}" for name, identity in sorted(one.filters.items())),
        "a difference may come from the classifier as well as from the rules",
    ),
    _Check(
        "Software",
        lambda one: (one.version, tuple(sorted(one.packages.items()))),
        lambda one: f"tamis {one.version}",
        "a difference may come from the software as well",
    ),
)


def checks(rulers: Mapping[str, Ruler]) -> list[Json]:
    """Returns what must agree between runs, by letter, and what follows where it does not."""
    return [
        {
            "what": check.what,
            "same": len({repr(check.value(one)) for one in rulers.values()}) == 1,
            "found": {letter: _told(check, one, rulers) for letter, one in rulers.items()},
            "means": check.means,
        }
        for check in _CHECKS
    ]


def _told(check: _Check, one: Ruler, rulers: Mapping[str, Ruler]) -> str:
    """Says what was found, and where only packages differ, which."""
    words = check.words(one)
    if check.what != "Software":
        return words
    differ = {name for other in rulers.values() for name in _apart(one.packages, other.packages)}
    return ", ".join([words, *(f"{name} {one.packages.get(name, 'none')}" for name in sorted(differ))])


def _apart(one: Mapping[str, str], other: Mapping[str, str]) -> set[str]:
    return {name for name in {*one, *other} if one.get(name) != other.get(name)}
