"""Differences of effects that were measured apart: the interval, many at once, and what cannot be said."""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np
import pytest

from tamis.interventions.intervals import Z95
from tamis.interventions.measures.estimate import census, estimate, missing
from tamis.interventions.unpaired import Effects, compare


def ratio(value: float, error: float, grade: str = "estimated") -> dict[str, Any]:
    """An estimate whose log has a standard error."""
    spread = math.exp(Z95 * error)
    return estimate(value, value / spread, value * spread, n=1000, method="given", unit="ratio", grade=grade)


def rows(first: dict[str, Any], second: dict[str, Any], **more: Any) -> dict[str, Any]:
    effects = [Effects(name, {"any": one}, **more) for name, one in (("A", first), ("B", second))]
    found: dict[str, Any] = compare(effects, [(0, 1)])["pairs"][0]
    return found


def test_the_interval_of_one_difference_is_that_of_independent_logs() -> None:
    found = rows(ratio(0.4, 0.1), ratio(0.8, 0.2))["residual"]["any"]["ratio"]
    spread = math.exp(Z95 * math.hypot(0.1, 0.2))
    assert found["value"] == pytest.approx(0.5)
    assert (found["low"], found["high"]) == pytest.approx((0.5 / spread, 0.5 * spread))


@pytest.mark.parametrize(
    ("first", "second", "verdict", "words"),
    [
        (ratio(0.4, 0.05), ratio(0.8, 0.05), "less", "is 50\u202f% smaller by A than by B; unpaired."),
        (ratio(0.9, 0.05), ratio(0.3, 0.05), "more", "is 3.0 times as large by A as by B; unpaired."),
        (ratio(0.8, 0.03), ratio(0.8, 0.03), "no detectable difference", "No detectable difference between A and B"),
        (ratio(0.8, 0.5), ratio(0.7, 0.5), "not resolvable", "Too few cases to tell A from B"),
        (missing("3 flagged documents"), ratio(0.7, 0.1), "not resolvable", "Too few cases to tell A from B"),
        (ratio(0.0, 0.0), ratio(0.7, 0.1), "not resolvable", "Too few cases"),
    ],
)
def test_verdicts_are_said_in_words(first: Any, second: Any, verdict: str, words: str) -> None:
    row = rows(first, second)["residual"]["any"]
    assert row["verdict"] == verdict
    assert words in row["sentence"]


def test_a_missing_number_keeps_its_reason_and_is_no_zero() -> None:
    row = rows(missing("3 flagged documents"), ratio(0.7, 0.1))["residual"]["any"]
    assert (row["ratio"]["value"], row["ratio"]["reason"], row["p"]) == (None, "3 flagged documents", None)


def test_the_weaker_grade_holds() -> None:
    row = rows(ratio(0.7, 0.1), ratio(0.7, 0.1, "relative"))["residual"]["any"]
    assert row["ratio"]["grade"] == "relative"


def test_counts_over_everything_have_no_sampling_error() -> None:
    found = rows(ratio(0.7, 0.1), ratio(0.7, 0.1), words=census(0.1, n=50))
    assert found["words"]["ratio"]["low"] == found["words"]["ratio"]["value"] == 1
    assert found["words"]["p"] is None


def test_more_questions_make_wider_intervals_that_hold_together() -> None:
    effects = [Effects(name, {f"c{k}": ratio(0.5, 0.1) for k in range(10)}) for name in "AB"]
    found = compare(effects, [(0, 1)])
    assert found["comparisons"] == 10
    assert found["stretch"] == pytest.approx(2.807 / 1.96, abs=0.001)
    assert json.loads(json.dumps(found, allow_nan=False)) == found


def test_of_two_corpora_alike_a_difference_is_rarely_claimed() -> None:
    rng, claimed = np.random.default_rng(5), 0
    for _ in range(300):
        drawn = [
            [ratio(math.exp(rng.normal(math.log(0.6), error)), error) for error in (0.05, 0.1, 0.2)] for _ in range(2)
        ]
        effects = [Effects(name, dict(zip("xyz", found, strict=True))) for name, found in zip("AB", drawn, strict=True)]
        verdicts = {row["verdict"] for row in compare(effects, [(0, 1)])["pairs"][0]["residual"].values()}
        claimed += bool(verdicts & {"less", "more"})
    assert 3 <= claimed <= 27
