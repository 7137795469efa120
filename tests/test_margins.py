"""Margins: at every shift of all thresholds, what has that margin is what the shifted rules act on."""

from __future__ import annotations

import math

import numpy as np
import pytest

from tamis.interventions.rules import parse_interventions
from tamis.interventions.testing import make_batch, random_batch

CATEGORIES = ("sexual", "hate", "harassment")
BATCH = random_batch(400, 3)


def shifted(threshold: float, by: float) -> float:
    return 1 / (1 + math.exp(-(math.log(threshold / (1 - threshold)) + by)))


@pytest.mark.parametrize("by", [-3.0, -0.7, 0.0, 0.4, 2.5])
@pytest.mark.parametrize(
    "when",
    [
        "hate >= {0.5}",
        "any >= {0.6}",
        "hate >= {0.3} and sexual >= {0.2} or harassment > {0.7}",
        "not (hate < {0.4} or source == 'news')",
        "passage.hate >= {0.7} or share.any > {0.3}",
        "hate >= {0.5} and words > 100",
        "unscored or hate >= {0.8}",
    ],
)
def test_a_margin_stands_for_every_shift(when: str, by: float) -> None:
    def condition(shift: float) -> str:
        parts = when.split("{")
        moved = [f"{shifted(float(part.split('}')[0]), shift):.12g}{part.split('}')[1]}" for part in parts[1:]]
        return parts[0] + "".join(moved)

    found = parse_interventions(
        {"here": [{"when": condition(0), "do": "drop"}], "there": [{"when": condition(by), "do": "drop"}]},
        {"policy": CATEGORIES},
    )
    margin = found["here"].decide(BATCH).margin
    assert margin is not None
    assert ((margin >= by) == found["there"].decide(BATCH).removed).all()
    assert by > 1 or np.count_nonzero(margin >= by)


def test_rules_that_drop_decide_where_there_are_any() -> None:
    plan = {
        "both": [{"when": "hate >= 0.9", "do": "drop"}, {"when": "hate >= 0.1", "do": "tag"}],
        "tag": [{"when": "hate >= 0.1", "do": "tag"}, {"when": "sexual >= 0.5", "do": "redact"}],
        "random": [{"when": "random < 0.5", "do": "drop"}],
        "source": [{"when": "source == 'news'", "do": "drop"}],
        "exactly": [{"when": "hate == 0.5", "do": "drop"}],
    }
    found = {name: one.decide(BATCH) for name, one in parse_interventions(plan, {"policy": CATEGORIES}).items()}
    for name in ("both", "tag"):
        margin, decided = found[name].margin, found[name]
        assert margin is not None
        assert ((margin >= 0) == (decided.removed if name == "both" else decided.action > 0)).all()
    assert [found[name].margin for name in ("random", "source", "exactly")] == [None] * 3


@pytest.mark.parametrize(
    ("when", "expected"),
    [("hate >= 0.5", [1, 2]), ("hate > 0.5", [1]), ("hate <= 0.5", [0, 2, 3]), ("hate >= 0", [0, 1, 2, 3])],
)
def test_limits_of_scores(when: str, expected: list[int]) -> None:
    batch = make_batch(["a"] * 5, {"policy": {"hate": [0.0, 1.0, 0.5, 0.49999, float("nan")]}}, target=0)
    decided = parse_interventions({"i": [{"when": when, "do": "drop"}]}, {"policy": ("hate",)})["i"].decide(batch)
    assert decided.margin is not None
    assert np.flatnonzero(decided.margin >= 0).tolist() == expected == np.flatnonzero(decided.removed).tolist()
    assert not np.isnan(decided.margin).any()
