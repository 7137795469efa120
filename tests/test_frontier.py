"""The threshold frontier: counts against another run at each threshold, its bands, and the cheaper setting."""

from __future__ import annotations

import json
import math
import random
from functools import reduce
from typing import Any

import numpy as np
import pytest

from tamis.interventions.batch import Batch
from tamis.interventions.measures.frontier import Frontier
from tamis.interventions.measures.paired import difference
from tamis.interventions.measures.prevalence import Prevalence
from tamis.interventions.rules import parse_interventions
from tamis.interventions.testing import context_of, make_batch, random_batch, take

CATEGORIES = ("sexual", "hate", "harassment")
PLAN = {
    "drop": [{"when": "hate >= 0.5 or sexual >= 0.7", "do": "drop"}],
    "some": [
        {"when": "hate >= 0.5 and words > 60", "do": "drop"},
        {"when": "sexual >= 0.5", "do": "downsample", "keep": 0.5},
    ],
    "tag": [{"when": "any >= 0.6", "do": "tag"}],
    "control": [{"when": "random < 0.1", "do": "drop"}],
}
FOUND = parse_interventions(PLAN, {"policy": CATEGORIES})
BATCH = random_batch(3000, 7)


def state_of(batches: list[Batch], kind: Any = Frontier, found: Any = FOUND, **changes: Any) -> dict[str, Any]:
    measure = kind(context_of(found, batches[0], **changes))
    for batch in batches:
        measure.add(batch, {name: one.decide(batch) for name, one in found.items()})
    return measure.state()


def result_of(batch: Batch, kind: Any = Frontier, found: Any = FOUND, **changes: Any) -> dict[str, Any]:
    return kind.result(state_of([batch], kind, found, **changes), context_of(found, batch, **changes))


RESULT = result_of(BATCH)


def text(value: Any) -> str:
    return json.dumps(value, sort_keys=True, allow_nan=False)


def test_any_split_and_any_order_give_the_same_bytes() -> None:
    whole, rng = state_of([BATCH]), random.Random(1)
    for _ in range(4):
        rows = list(range(len(BATCH)))
        rng.shuffle(rows)
        step = rng.randrange(200, 1500)
        parts = [state_of([take(BATCH, rows[a : a + step])]) for a in range(0, len(BATCH), step)]
        assert text(Frontier.merge(*parts)) == text(whole)
        assert text(reduce(Frontier.merge, parts[::-1])) == text(whole)


def test_every_threshold_of_a_category_is_what_a_rule_at_it_removes() -> None:
    scores = BATCH.scores["policy"].document[:, 1]
    assert BATCH.evaluator is not None
    flagged = BATCH.evaluator.document[:, 1] >= 0.5
    known = ~np.isnan(BATCH.evaluator.document).all(axis=1)
    curve = RESULT["categories"]["policy.hate"]
    for k, at in enumerate(curve["dense"]["at"]):
        # The threshold is rounded for reading, so a score this close to it may lie on the other side.
        if np.nanmin(abs(scores - at)) < 1e-6:
            continue
        removed = scores >= np.float32(at)
        assert curve["dense"]["documents"][k] == np.count_nonzero(removed)
        assert curve["dense"]["words"][k] == BATCH.words[removed].sum()
        assert curve["dense"]["flagged"][k] == np.count_nonzero(removed & flagged & known)
    assert len(curve["dense"]["at"]) > 100


def test_the_point_in_place_is_what_the_intervention_did() -> None:
    prevalence = result_of(BATCH, Prevalence)["interventions"]
    for name in ("drop", "tag"):
        found = RESULT["interventions"][name]
        assert found["exact"]
        assert found["here"]["at"] == 0
        assert found["here"] in found["curve"]["points"]
    drop = RESULT["interventions"]["drop"]
    assert drop["here"]["residual_any"]["value"] == prevalence["drop"]["any"]["ratio"]["value"]
    assert drop["here"]["residual_any"]["low"] == prevalence["drop"]["any"]["ratio"]["low"]
    removed = FOUND["drop"].decide(BATCH).removed
    assert drop["here"]["documents"] == np.count_nonzero(removed) / len(BATCH)
    assert drop["here"]["words"] == BATCH.words[removed].sum() / BATCH.words.sum()
    assert RESULT["interventions"]["tag"]["outcome"] == "acted on"
    assert not RESULT["interventions"]["some"]["exact"]
    control = RESULT["interventions"]["control"]
    assert control["curve"] is control["here"] is control["cheaper"] is None
    assert "compare no score" in control["reason"]


@pytest.mark.parametrize("by", [-1.6875, 1.6875])
def test_a_shift_of_all_thresholds_is_a_rule_at_the_shifted_ones(by: float) -> None:
    def moved(threshold: float) -> float:
        return 1 / (1 + math.exp(-(math.log(threshold / (1 - threshold)) + by)))

    when = f"hate >= {moved(0.5)} or sexual >= {moved(0.7)}"
    found = parse_interventions({"moved": [{"when": when, "do": "drop"}]}, {"policy": CATEGORIES})
    ratio = result_of(BATCH, Prevalence, found)["interventions"]["moved"]["any"]["ratio"]
    points = {point["at"]: point for point in RESULT["interventions"]["drop"]["curve"]["points"]}
    assert points[by]["residual_any"] == ratio


def test_higher_thresholds_remove_less_and_the_best_points_are_no_worse_than_any() -> None:
    curves = [*RESULT["categories"].values(), *(one["curve"] for one in RESULT["interventions"].values())]
    points = [point for curve in curves if curve for point in curve["points"]]
    for curve in filter(None, curves):
        documents = [point["documents"] for point in curve["points"]]
        assert documents == sorted(documents, reverse=True)
        assert curve["dense"]["documents"] == sorted(curve["dense"]["documents"], reverse=True)
    for best in (point for point in points if point["best"]):
        for other in points:
            beaten = other["residual_any"]["value"] < best["residual_any"]["value"]
            assert not (beaten and other["clean_words"] < best["clean_words"])
    assert sum(point["best"] for point in points) > 5


def wasteful(n: int, seed: int) -> Batch:
    """Documents where one category finds what is bad, and the other one removes at random."""
    rng = np.random.default_rng(seed)
    bad = rng.random(n) < 0.06
    hate = np.where(bad & (rng.random(n) < 0.7), 0.9, 0.1)
    noise = np.where(rng.random(n) < 0.1, 0.9, 0.1)
    evaluator = np.where(bad, rng.random(n) < 0.95, rng.random(n) < 0.002)
    return make_batch(
        ["a few words here"] * n, {"policy": {"hate": hate.tolist(), "sexual": noise.tolist()}},
        {"hate": np.where(evaluator, 0.9, 0.1).tolist()}, target=0, ids=[f"{seed}-{i}" for i in range(n)],
    )  # fmt: skip


def test_a_cheaper_setting_that_is_as_safe_is_named() -> None:
    plan = {
        "both": [{"when": "hate >= 0.5 or sexual >= 0.5", "do": "drop"}],
        "hate": [{"when": "hate >= 0.5", "do": "drop"}],
    }
    found = parse_interventions(plan, {"policy": ("hate", "sexual")})
    result = result_of(wasteful(8000, 1), Frontier, found)["interventions"]
    cheaper = result["both"]["cheaper"]
    assert cheaper["curve"] in ("policy.hate", "hate")
    assert cheaper["residual_ratio"]["high"] <= 1.1
    assert cheaper["clean_words"] < 0.01 < result["both"]["here"]["clean_words"]
    assert result["hate"]["cheaper"] is None


def test_without_an_evaluator_only_volumes_are_known() -> None:
    found = result_of(BATCH, evaluator=(), evaluator_thresholds={})
    assert found["grade"] == "not measured"
    point = found["interventions"]["drop"]["here"]
    assert point["documents"] > 0
    assert point["residual_any"]["value"] is point["clean"]["value"] is point["clean_words"] is None
    assert found["categories"]["policy.hate"]["category"] == "any"
    assert result_of(BATCH, independent=False)["interventions"]["drop"]["here"]["residual_any"]["grade"] == "relative"


def test_results_are_json_and_nothing_gives_no_number() -> None:
    assert json.loads(text(RESULT)) == RESULT
    empty = Frontier.result({}, context_of(FOUND, BATCH))
    assert empty.keys() == RESULT.keys()
    assert all(one["curve"] is None for one in empty["interventions"].values())


def test_paired_differences() -> None:
    groups = np.arange(64)
    part, whole = np.full(64, 10) + groups % 3, np.full(64, 100)
    same = difference(part, whole, part, whole)
    assert same is not None
    assert (same.value, same.error, same.p) == (0.0, 0.0, 1.0)
    half = difference(part // 2, whole, part, whole)
    assert half is not None
    assert half.value == pytest.approx(math.log((part // 2).sum() / part.sum()))
    assert half.p < 1e-6
    lonely = np.where(groups == 5, 50, 0)
    assert difference(lonely, whole, part, whole) is None
    assert difference(np.where(groups == 5, 5000, part), whole, part, whole).degrees < 2  # type: ignore[union-attr]
