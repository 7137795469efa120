"""The placebo: against random removals that were drawn, merge laws, and what source and length explain."""

from __future__ import annotations

import json
import random
from functools import reduce
from typing import Any

import numpy as np
import pytest

from tamis.interventions.batch import Batch
from tamis.interventions.measures.placebo import Placebo, beyond
from tamis.interventions.measures.prevalence import Prevalence
from tamis.interventions.measures.strata import strata
from tamis.interventions.rules import parse_interventions
from tamis.interventions.testing import context_of, make_batch, random_batch, take

CATEGORIES = ("sexual", "hate", "harassment")
FOUND = parse_interventions(
    {
        "drop": [{"when": "hate >= 0.4 or words < 40 and sexual >= 0.01", "do": "drop"}],
        "tag": [{"when": "hate >= 0.5", "do": "tag"}],
        "source": [{"when": "source == 'news'", "do": "drop"}],
    },
    {"policy": CATEGORIES},
)
BATCH = random_batch(4000, 5)


def state_of(batches: list[Batch], kind: Any = Placebo, found: Any = FOUND, **changes: Any) -> dict[str, Any]:
    measure = kind(context_of(found, batches[0], **changes))
    for batch in batches:
        measure.add(batch, {name: one.decide(batch) for name, one in found.items()})
    return measure.state()


def result_of(batch: Batch, kind: Any = Placebo, found: Any = FOUND, **changes: Any) -> dict[str, Any]:
    return kind.result(state_of([batch], kind, found, **changes), context_of(found, batch, **changes))


def text(value: Any) -> str:
    return json.dumps(value, sort_keys=True, allow_nan=False)


def test_any_split_and_any_order_give_the_same_bytes() -> None:
    whole, rng = state_of([BATCH]), random.Random(1)
    for _ in range(4):
        rows = list(range(len(BATCH)))
        rng.shuffle(rows)
        step = rng.randrange(200, 1500)
        parts = [state_of([take(BATCH, rows[a : a + step])]) for a in range(0, len(BATCH), step)]
        assert text(Placebo.merge(*parts)) == text(whole)
        assert text(reduce(Placebo.merge, parts[::-1])) == text(whole)


def test_mean_and_range_are_those_of_removals_that_are_drawn() -> None:
    assert BATCH.evaluator is not None
    found = result_of(BATCH)["interventions"]["drop"]["categories"]
    where, removed = strata(BATCH), FOUND["drop"].decide(BATCH).removed
    rate = np.bincount(where, removed * BATCH.words) / np.maximum(np.bincount(where, BATCH.words), 1)
    known = ~np.isnan(BATCH.evaluator.document).all(axis=1)
    flagged = (BATCH.evaluator.document[:, 0] >= 0.5) & known
    rng, ratios = np.random.default_rng(0), []
    for _ in range(3000):
        kept = rng.random(len(BATCH)) >= rate[where]
        ratios.append((flagged & kept).sum() / (known & kept).sum() / (flagged.sum() / known.sum()))
    placebo = found["sexual"]["placebo"]
    assert placebo["value"] == pytest.approx(np.mean(ratios), abs=0.002)
    assert [placebo["low"], placebo["high"]] == pytest.approx(np.quantile(ratios, [0.025, 0.975]), abs=0.01)


def test_the_effect_is_the_prevalence_ratio_and_lies_beyond_the_placebo() -> None:
    prevalence, placebo = result_of(BATCH, Prevalence), result_of(BATCH)
    joined = beyond(placebo, prevalence)["interventions"]["drop"]["categories"]
    for category, one in joined.items():
        ratio = prevalence["interventions"]["drop"][category]["ratio"]
        assert one["effect"]["value"] == pytest.approx(ratio["value"])
        assert one["beyond"]["value"] == pytest.approx(ratio["value"] / one["placebo"]["value"])
        assert one["beyond"]["low"] < one["beyond"]["value"] < one["beyond"]["high"]
    assert joined["hate"]["outside"]
    assert joined["hate"]["effect"]["value"] < joined["hate"]["placebo"]["low"]


def test_an_intervention_that_removes_a_source_is_its_own_placebo() -> None:
    found = result_of(BATCH)["interventions"]
    for one in found["source"]["categories"].values():
        assert one["placebo"]["value"] == pytest.approx(one["effect"]["value"])
        assert not one["outside"]
    assert found["tag"] == {"reason": "it removes no document", "removed_words": 0.0, "categories": {}}


def any_of(batch: Batch, plan: str) -> dict[str, Any]:
    """Returns the placebo of a rule that drops, for any category."""
    found = parse_interventions({"i": [{"when": plan, "do": "drop"}]}, {"policy": batch.scores["policy"].categories})
    placebo, prevalence = (result_of(batch, kind, found) for kind in (Placebo, Prevalence))
    one: dict[str, Any] = beyond(placebo, prevalence)["interventions"]["i"]["categories"]["any"]
    return one


def test_random_removals_are_rarely_outside() -> None:
    outside = [any_of(random_batch(1500, 50 + seed), "random < 0.1")["outside"] for seed in range(60)]
    assert sum(outside) <= 9


def test_nothing_and_little() -> None:
    empty = Placebo.result({}, context_of(FOUND, BATCH))
    assert empty["interventions"]["drop"]["removed_words"] is None
    assert result_of(BATCH, evaluator=(), evaluator_thresholds={})["interventions"]["drop"]["categories"] == {}

    def flagged(count: int) -> Batch:
        evaluator = {"hate": [0.9] * count + [0.1] * (50 - count)}
        return make_batch(["a b"] * 50, {"policy": {"hate": [0.9] * 50}}, evaluator, target=0)

    few = any_of(flagged(5), "hate >= 0.5")
    assert "at least 10" in few["placebo"]["reason"]
    assert few["beyond"]["value"] is None
    assert any_of(flagged(50), "hate >= 0.5")["placebo"]["reason"] == "nothing is left after it"
