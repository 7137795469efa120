from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tamis.interventions.measures.base import Context
from tamis.interventions.report_banners import banners

Change = Callable[[dict[str, Any]], object]

CONTEXT = Context(
    interventions={"drop": ("hate >= 0.9",)},
    published="drop",
    classifiers={"policy": ("hate",)},
    conditions={"drop": (("policy", "hate", 0.9),)},
    evaluator=("hate",),
)


def report() -> dict[str, Any]:
    """The parts that banners read, of a report without anything to warn of."""
    scored = {"share_unscored": {"value": 0.01}, "reasons": {"language": {"documents": 5}, "empty": {"documents": 0}}}
    return {
        "run": {"status": "published", "published": "drop", "counts": {"quarantined": 0}, "gate": []},
        "lead": "drop",
        "headline": [{"category": "hate", "flagged": {"before": 90}}, {"category": "any", "flagged": {"before": 90}}],
        "measures": {
            "prevalence": {"evaluated": {"documents": 50_000}},
            "coverage": {"classifiers": {"policy": scored}, "evaluator": dict(scored)},
        },
    }


def flag(found: dict[str, Any], number: int) -> None:
    for row in found["headline"]:
        row["flagged"]["before"] = number


def test_a_sound_run_has_none() -> None:
    assert banners(report(), CONTEXT) == []


@pytest.mark.parametrize(
    ("change", "level", "code", "words"),
    [
        (lambda r: r["measures"]["prevalence"]["evaluated"].update(documents=999), "red", "small-n", "999 documents"),
        (lambda r: flag(r, 29), "red", "small-n", "29 of them flagged"),
        (
            lambda r: r["measures"]["prevalence"]["evaluated"].update(documents=0),
            "red",
            "nothing-evaluated",
            "scored no",
        ),
        (
            lambda r: r["measures"]["coverage"]["evaluator"].update(share_unscored={"value": 0.21}),
            "red",
            "low-coverage",
            "evaluator 21.0\u202f% (5 in a language it does not cover)",
        ),
        (
            lambda r: r["run"].update(
                status="refused", gate=[{"passed": False, "sentence": "6% breaks max_drop_rate 5%"}]
            ),
            "red",
            "refused",
            "6% breaks max_drop_rate 5%",
        ),
        (lambda r: r["run"]["counts"].update(quarantined=3), "amber", "quarantined", "3 records"),
        (lambda r: r["run"].update(published=None), "amber", "shadow", "none was written"),
        (lambda r: r["headline"][0]["flagged"].update(before=12), "amber", "few-flagged", "hate (12)"),
    ],
)
def test_each_banner(change: Change, level: str, code: str, words: str) -> None:
    found = report()
    change(found)
    shown = {banner["code"]: banner for banner in banners(found, CONTEXT)}
    assert shown[code]["level"] == level
    assert words in shown[code]["text"]


def test_a_share_at_the_limit_is_no_low_coverage() -> None:
    found = report()
    found["measures"]["coverage"]["evaluator"]["share_unscored"] = {"value": 0.2}
    assert banners(found, CONTEXT) == []


def test_red_stands_before_amber() -> None:
    found = report()
    flag(found, 3)
    found["run"]["counts"]["quarantined"] = 1
    levels = [banner["level"] for banner in banners(found, CONTEXT)]
    assert levels == sorted(levels, key=lambda level: level != "red")
    assert set(levels) == {"red", "amber"}
