"""Interventions side by side: differences that are there, differences that are not, and many of them at once."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import numpy as np
import pytest

from tamis.interventions import comparison
from tamis.interventions.batch import Batch
from tamis.interventions.measures.clusters import GROUPS
from tamis.interventions.measures.prevalence import Prevalence
from tamis.interventions.rules import parse_interventions
from tamis.interventions.testing import context_of, random_batch

CATEGORIES = ("sexual", "hate", "harassment")


def compared(batch: Batch, plan: dict[str, Any], salts: bool = False, **changes: Any) -> dict[str, Any]:
    """Compares interventions; with `salts` each draws with numbers of its own."""
    parsed = [
        parse_interventions({name: rules}, {"policy": CATEGORIES}, salt=name if salts else "tamis")
        for name, rules in plan.items()
    ]
    found = {name: one for part in parsed for name, one in part.items()}
    context = context_of(found, batch, **changes)
    measure = Prevalence(context)
    measure.add(batch, {name: one.decide(batch) for name, one in found.items()})
    return comparison.build(measure.state(), context)


def rows_of(found: dict[str, Any]) -> list[dict[str, Any]]:
    return [row for pair in found["pairs"] for row in (*pair["residual"].values(), pair["clean"], pair["words"])]


BATCH = random_batch(6000, 11, rate=0.08)
PLAN = {
    "severe": [{"when": "hate >= 0.9", "do": "drop"}],
    "any": [{"when": "any >= 0.5", "do": "drop"}],
    "again": [{"when": "hate >= 0.9", "do": "drop"}],
    "redact": [{"when": "passage.hate >= 0.5", "do": "redact"}],
    "tag": [{"when": "hate >= 0.5", "do": "tag"}],
}


def test_differences_are_found_and_said_in_words() -> None:
    found = compared(BATCH, PLAN, published="any")
    assert found["arms"][0] == "any"
    assert len(found["pairs"]) == 10
    pair = {(one["first"], one["second"]): one for one in found["pairs"]}
    both = pair["any", "severe"]
    assert both["residual"]["sexual"]["verdict"] == "less"
    assert both["residual"]["any"]["ratio"]["high"] < 1
    assert both["words"]["verdict"] == both["clean"]["verdict"] == "more"
    assert "any leaves" in both["residual"]["sexual"]["sentence"]
    assert both["residual"]["sexual"]["sentence"].endswith("fewer documents flagged as sexual than severe.")
    assert {row["verdict"] for row in rows_of({"pairs": [pair["severe", "again"]]})} == {"the same"}
    assert pair["severe", "redact"]["residual"]["sexual"]["verdict"] in ("no detectable difference", "not resolvable")
    assert "one removes no words" in pair["severe", "tag"]["words"]["sentence"]
    assert 1 < found["stretch"] < 2
    assert json.loads(json.dumps(found, allow_nan=False)) == found


def test_the_interval_of_one_comparison_is_narrower_than_those_of_many() -> None:
    many = compared(BATCH, PLAN)
    words = {row["ratio"]["method"] for row in rows_of(many) if row["p"] is not None}
    assert len(words) == 1
    assert all(
        row["ratio"]["low"] <= row["ratio"]["value"] <= row["ratio"]["high"] for row in rows_of(many) if row["p"]
    )
    assert many["comparisons"] == sum(row["p"] is not None for row in rows_of(many))


def test_random_removals_differ_in_nothing() -> None:
    wrong, said = 0, 0
    for seed in range(100):
        plan = {f"r{k}": [{"when": "random < 0.1", "do": "drop"}] for k in range(3)}
        found = compared(random_batch(1500, 1000 + seed, rate=0.1), plan, salts=True)
        verdicts = [row["verdict"] for pair in found["pairs"] for row in pair["residual"].values()]
        wrong += bool({"less", "more"} & set(verdicts))
        said += verdicts.count("no detectable difference")
    assert wrong <= 9, "all differences of a corpus together are wrong 5 times in 100, give or take"
    assert said > 300


def test_a_planted_difference_lies_in_its_interval() -> None:
    # Two filters that catch 60 and 40 % of what is flagged, at random: 0.4 / 0.6 of it is left, and no more.
    inside = 0
    for seed in range(40):
        rng = np.random.default_rng(seed)
        n, flagged = np.full(GROUPS, 200), rng.binomial(200, 0.1, GROUPS)
        left = [flagged - rng.binomial(flagged, share) for share in (0.6, 0.4)]
        every = {"any": int(flagged.sum())}
        made = [
            comparison.Arm(str(k), {"any": (n - flagged + one, one)}, every, (flagged, n), (flagged, n))
            for k, one in enumerate(left)
        ]
        ratio = comparison.compare(made)["pairs"][0]["residual"]["any"]["ratio"]
        truth = (0.4 / (0.9 + 0.1 * 0.4)) / (0.6 / (0.9 + 0.1 * 0.6))
        inside += ratio["low"] <= truth <= ratio["high"]
    assert inside >= 36


def test_of_many_interventions_each_is_compared_with_the_first() -> None:
    plan = {f"i{k}": [{"when": f"hate >= 0.{k + 1}", "do": "drop"}] for k in range(8)}
    found = compared(random_batch(500, 1, rate=0.2), plan, published="i3")
    assert [(one["first"], one["second"]) for one in found["pairs"]] == [("i3", f"i{k}") for k in (0, 1, 2, 4, 5, 6, 7)]


@pytest.mark.parametrize("changes", [{"independent": False}, {"evaluator": (), "evaluator_thresholds": {}}])
def test_grades(changes: dict[str, Any]) -> None:
    found = compared(random_batch(500, 1, rate=0.2), PLAN, **changes)
    if "independent" in changes:
        assert {row["ratio"]["grade"] for pair in found["pairs"] for row in pair["residual"].values()} <= {
            "relative",
            "not resolvable",
        }
    else:
        assert (found["arms"], found["pairs"], found["grade"]) == ([], [], "not measured")


def test_few_flagged_documents_decide_nothing() -> None:
    found = compared(random_batch(60, 3, rate=0.02), PLAN)
    assert {row["verdict"] for pair in found["pairs"] for row in pair["residual"].values()} <= {
        "not resolvable",
        "the same",
    }


def test_only_the_same_documents_seen_alike_are_compared() -> None:
    n, flagged = np.full(GROUPS, 20), np.full(GROUPS, 2)
    arm = comparison.Arm("a", {"any": (n, flagged)}, {"any": 128}, (n, n), (n, n))
    assert comparison.mismatch(arm, dataclasses.replace(arm, name="b")) is None
    cases = {
        "documents": {"words": (n, n + 1)},
        "evaluators": {"clean": (n, n - 1)},
        "categories": {"left": {"hate": (n, flagged)}},
    }
    for word, change in cases.items():
        other: Any = dataclasses.replace(arm, name="b", **change)
        assert word in str(comparison.mismatch(arm, other))
