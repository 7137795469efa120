from __future__ import annotations

from typing import Any

import pytest

from tamis.interventions.verdict_text import effect, grade, overall_grade, sentence


def ratio(value: float | None, low: float | None = None, high: float | None = None) -> dict[str, Any]:
    return {"value": value, "low": low, "high": high}


def row(category: str, change: dict[str, Any], independent: bool = True, **more: Any) -> dict[str, Any]:
    found = {"category": category, "before": ratio(0.02, 0.01, 0.03), "ratio": change, **more}
    return {**found, "grade": grade(found, independent)}


FELL, ROSE = ratio(0.4, 0.3, 0.5), ratio(1.5, 1.2, 1.9)
SAME, WIDE = ratio(1.0, 0.95, 1.04), ratio(0.9, 0.3, 2.5)
SHARES = {"documents": 0.02, "words": 0.03}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (FELL, "fell"),
        (ROSE, "rose"),
        (SAME, "no change"),
        (WIDE, "unknown"),
        (ratio(None), "unknown"),
        (None, "unknown"),
    ],
)
def test_effect(change: dict[str, Any] | None, said: str) -> None:
    assert effect(change) == said


def test_grades() -> None:
    assert row("hate", FELL)["grade"] == "estimated"
    assert row("hate", FELL, independent=False)["grade"] == "relative"
    assert row("hate", WIDE)["grade"] == "not resolvable"
    assert row("hate", FELL, before=ratio(None))["grade"] == "not measured"
    certified = {"category": "hate", "before": ratio(0.02), "ratio": FELL, "grade": "certified"}
    assert grade(certified, True) == "certified"


def test_the_weakest_evidence_grades_the_whole() -> None:
    assert overall_grade([row("hate", FELL), row("sexual", WIDE)]) == "estimated"
    assert overall_grade([row("hate", WIDE)]) == "not resolvable"
    assert overall_grade([row("hate", FELL), row("sexual", FELL, independent=False)]) == "relative"
    assert overall_grade([]) == "not measured"


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        ([row("hate", FELL)], "By an independent evaluator, hate fell by 60 % [50–70] (95 % intervals)."),
        ([row("hate", ROSE)], "By an independent evaluator, hate rose by 50 % [20–90] (95 % intervals)."),
        ([row("self_harm", SAME)], "No detectable change in self-harm."),
        ([row("hate", WIDE)], "Too few cases to say anything about hate."),
        ([row("hate", FELL, before=ratio(None))], "Its effect on prevalence was not measured."),
        (
            [row("hate", FELL, independent=False)],
            "What it did to prevalence cannot be said: the evaluator is not independent of the filter.",
        ),
    ],
)
def test_sentences(rows: list[dict[str, Any]], words: str) -> None:
    said = sentence("drop", rows, SHARES, published=True).replace("\u202f", " ")
    assert said == f"drop removed 2.00 % of documents and 3.00 % of words. {words}"


def test_a_shadow_would_have_done_it() -> None:
    assert "hate would fall by 60" in sentence("drop", [row("hate", FELL)], SHARES, published=False)
    said = sentence("drop", [], {"documents": 0.0, "words": 0.0, "outcomes": {"rewritten": 0.1, "tagged": 0.0}}, False)
    assert said.replace("\u202f", " ") == "drop would remove no document; 10.0 % rewritten."
    assert sentence("drop", [], {}, False) == "How much drop removed was not measured."
