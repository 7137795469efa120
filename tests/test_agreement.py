"""Agreement: tables at thresholds, the joint histogram, correlation and kappa."""

from __future__ import annotations

import numpy as np
import pytest

from tamis.interventions.measures.agreement import Agreement
from tamis.interventions.rules import parse_interventions
from tamis.interventions.testing import context_of, make_batch, random_batch

PLAN = {"i": [{"when": "hate >= 0.5 or hate >= 0.9 or words < 0", "do": "drop"}, {"when": "hate >= 0.5", "do": "tag"}]}


def _result(batch, **changes):
    found = parse_interventions(PLAN, {name: scores.categories for name, scores in batch.scores.items()})
    context = context_of(found, batch, **changes)
    measure = Agreement(context)
    measure.add(batch, {})
    return Agreement.result(measure.state(), context)


def test_the_table_at_each_threshold() -> None:
    scores = {"policy": {"hate": [0.95, 0.6, 0.1, 0.2, np.nan], "own": [0.1] * 5}}
    batch = make_batch(["a"] * 5, scores, {"hate": [0.9, 0.1, 0.7, 0.2, 0.9]})
    pairs = _result(batch)["pairs"]
    assert list(pairs) == ["policy.hate"]
    found = pairs["policy.hate"]
    assert found["n"] == 4
    assert [(one["filter_threshold"], one["both"], one["filter_only"]) for one in found["at"]] == [
        (0.5, 1, 1),
        (0.9, 1, 0),
    ]
    assert (found["at"][0]["evaluator_only"], found["at"][0]["neither"]) == (1, 1)
    assert found["at"][0]["kappa"]["value"] is None
    assert "10 each are needed" in found["at"][0]["kappa"]["reason"] or "30" in found["at"][0]["kappa"]["reason"]
    assert sum(count for _, _, count in found["heatmap"]) == 4


def test_the_correlation_is_that_of_the_logits() -> None:
    batch = random_batch(3000, 5, rate=0.2)
    found = _result(batch)["pairs"]["policy.hate"]
    both = ~np.isnan(batch.scores["policy"].document[:, 1]) & ~np.isnan(batch.evaluator.document[:, 1])
    logits = [np.log(p / (1 - p)) for p in (one.document[both, 1] for one in (batch.scores["policy"], batch.evaluator))]
    assert found["correlation"]["value"] == pytest.approx(np.corrcoef(*logits)[0, 1], abs=0.005)
    assert found["correlation"]["low"] < found["correlation"]["value"] < found["correlation"]["high"]
    assert found["at"][0]["kappa"]["value"] > 0.5


def test_documents_that_the_evaluator_was_not_asked_about_do_not_count() -> None:
    batch = random_batch(100, 6)
    batch.evaluated[:] = False
    found = _result(batch)["pairs"]["policy.hate"]
    assert found["n"] == 0
    assert found["correlation"]["value"] is None


def test_grades() -> None:
    batch = random_batch(50, 7)
    assert _result(batch)["grade"] == "estimated"
    assert _result(batch, independent=False)["grade"] == "relative"
    nothing = _result(batch, evaluator=("gore",), evaluator_thresholds={"gore": 0.5})
    assert nothing["grade"] == "not measured"
    assert nothing["pairs"] == {}
