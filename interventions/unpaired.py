"""Differences between effects that were measured on other documents, or on other samples of the same.

Nothing is paired, so only effects are compared, after ÷ before of one run over that of the other; levels of different
corpora differ for reasons of their own. With the ratios a and b, and their limits, the interval of a / b is MOVER's on
the logs (Donner and Zou 2012),

    log(a/b) - sqrt((log a - log a_low)² + (log b_high - log b)²),  log(a/b) + sqrt((log a_high - log a)² + …),

which takes the two as independent. Where the samples overlap it is wider than it need be. Of several differences each
is taken at the level of Bonferroni, so that all hold together; p-values are Holm's, of a normal log ratio.

The result has the shape of `comparison.compare`, with `stretch` and `comparisons` of its own.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from scipy.special import ndtr, ndtri

from tamis.interventions.comparison import Pairs, pair, told
from tamis.interventions.intervals import Z95
from tamis.interventions.measures.estimate import Estimate, Grade, estimate, missing
from tamis.interventions.report_format import THIN, is_measured
from tamis.interventions.risk import holm

__all__ = ["Effects", "compare"]

Json = dict[str, Any]

#: A limit that lies at 0 or nowhere is taken to be this many logs away.
_FAR: Final = 30.0


@dataclass(frozen=True, slots=True)
class Effects:
    """What one intervention did, each a ratio or a share with its interval.

    Attributes:
        name: Its name.
        residual: After ÷ before of the flagged share, by category.
        clean: Share of the clean documents that it removes.
        words: Share of the words that it removes.
    """

    name: str
    residual: Mapping[str, Estimate]
    clean: Estimate = field(default_factory=dict)
    words: Estimate = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Question:
    what: str
    first: Estimate
    second: Estimate

    @property
    def gap(self) -> str:
        """Why there is no answer, or ""."""
        for one in (self.first, self.second):
            if not is_measured(one):
                return str(one.get("reason") or "not measured in one of the two")
            if one["value"] <= 0:
                return "one of the two has none"
        return ""

    @property
    def grade(self) -> str:
        """The weaker grade of the two."""
        grades = [str(one.get("grade", Grade.NOT_MEASURED)) for one in (self.first, self.second)]
        return Grade.RELATIVE if Grade.RELATIVE in grades else grades[0]


def compare(effects: Sequence[Effects], among: Pairs) -> Json:
    """Compares effects.

    Args:
        effects: What each intervention did.
        among: Places of those that are compared.
    """
    asked = [(effects[i], effects[j], list(_questions(effects[i], effects[j]))) for i, j in among]
    answered = [one for _, _, questions in asked for _, one in questions if not one.gap and _spread(one)]
    stretch = float(-ndtri(0.025 / max(1, len(answered)))) / Z95
    adjusted = dict(zip(map(id, answered), holm([_p(one) for one in answered]), strict=True))
    return {
        "arms": [one.name for one in effects],
        "comparisons": len(answered),
        "stretch": stretch,
        "pairs": [
            pair(first.name, second.name, {key: _row(one, first, second, stretch, adjusted) for key, one in questions})
            for first, second, questions in asked
        ],
    }


def _questions(first: Effects, second: Effects) -> Iterator[tuple[str, _Question]]:
    for category, own in first.residual.items():
        if category in second.residual:
            subject = "in any category" if category == "any" else f"as {category}"
            what = f"the change (after ÷ before) of documents flagged {subject}"
            yield f"residual {category}", _Question(what, own, second.residual[category])
    yield "clean", _Question("the share of clean documents removed", first.clean, second.clean)
    yield "words", _Question("the share of words removed", first.words, second.words)


def _row(one: _Question, first: Effects, second: Effects, stretch: float, adjusted: Mapping[int, float]) -> Json:
    ratio = _ratio(one, stretch)
    verdict = told(ratio) if is_measured(ratio) else "not resolvable"
    sentence = _sentence(one.what, verdict, ratio, first.name, second.name)
    return {"ratio": ratio, "p": adjusted.get(id(one)), "verdict": verdict, "sentence": sentence}


def _ratio(one: _Question, stretch: float) -> Estimate:
    n = min(int(one.first.get("n") or 0), int(one.second.get("n") or 0))
    if one.gap:
        return missing(one.gap, n=n, unit="ratio")
    centre = math.log(one.first["value"] / one.second["value"])
    down, up = _distances(one)
    low, high = (math.exp(centre + sign * min(_FAR, stretch * part)) for sign, part in ((-1, down), (1, up)))
    method = f"unpaired, MOVER on logs, simultaneous 95 % (Bonferroni, {stretch:.2f} times as wide as one)"
    if not _spread(one):
        method = "counted in both, over different documents"
    return estimate(math.exp(centre), low, high, n=n, method=method, unit="ratio", grade=one.grade)


def _distances(one: _Question) -> tuple[float, float]:
    """Returns how far the limits lie below and above the log ratio."""
    (down, up), (other_down, other_up) = _limits(one.first), _limits(one.second)
    return math.hypot(down, other_up), math.hypot(up, other_down)


def _limits(found: Estimate) -> tuple[float, float]:
    value, low, high = float(found["value"]), found.get("low"), found.get("high")
    down = math.log(value / low) if low else _FAR
    up = math.log(high / value) if high is not None and math.isfinite(high) else _FAR
    return min(_FAR, max(0.0, down)), min(_FAR, max(0.0, up))


def _spread(one: _Question) -> float:
    """Returns the standard error of the log ratio, by the width of the interval; 0 where both were counted."""
    return sum(_distances(one)) / 2 / Z95


def _p(one: _Question) -> float:
    centre = math.log(one.first["value"] / one.second["value"])
    return float(2 * ndtr(-abs(centre) / _spread(one)))


def _sentence(what: str, verdict: str, ratio: Estimate, first: str, second: str) -> str:
    if verdict in ("less", "more"):
        value = float(ratio["value"])
        amount = f"{100 * abs(value - 1):.0f}{THIN}% {'smaller' if value < 1 else 'larger'} by {first} than"
        amount = f"{value:.1f} times as large by {first} as" if value >= 2 else amount
        return f"{what[0].upper()}{what[1:]} is {amount} by {second}; unpaired."
    if verdict == "no detectable difference":
        return f"No detectable difference between {first} and {second} in {what}; unpaired."
    return f"Too few cases to tell {first} from {second} in {what}."
