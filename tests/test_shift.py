"""Distribution shift: counts by hand, the placebo against real random removals, planted shifts found."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tamis.interventions.batch import Batch
from tamis.interventions.measures.shift import TYPES, Shift
from tamis.interventions.measures.shift_result import SMALLEST
from tamis.interventions.rules import Intervention, parse_interventions
from tamis.interventions.testing import context_of, make_batch, take


def corpus(n: int, seed: int, flagged: float = 0.1) -> Batch:
    """Documents of Zipf words with a topic each, of which the flagged ones share one of their own."""
    rng = np.random.default_rng(seed)
    texts, scores = [], []
    for _ in range(n):
        hit = rng.random() < flagged
        topic = 9 if hit else int(rng.integers(0, 9))
        size = int(rng.integers(20, 120))
        common = rng.zipf(1.3, size) % 3000
        words = np.where(rng.random(size) < 0.2, 10_000 + 50 * topic + rng.zipf(1.5, size) % 50, common)
        texts.append(" ".join(f"w{word}" for word in words))
        scores.append(0.9 if hit else 0.1)
    ids = [f"{seed}/{i}" for i in range(n)]
    return make_batch(texts, {"policy": {"hate": scores}}, target=0, ids=ids, evaluated=np.ones(n, np.bool_))


def measured(batch: Batch, rules: dict[str, list[dict[str, Any]]], rate: float = 0.1) -> dict[str, Any]:
    found = parse_interventions(rules, {"policy": ("hate",)})
    found = {name: one.calibrated(dict.fromkeys(one.matches, rate)) for name, one in found.items()}
    return _result(batch, found)


def _result(batch: Batch, found: dict[str, Intervention]) -> dict[str, Any]:
    batch.evaluated[:] = True
    context = context_of(found, batch, notes={"sample_level": 0})
    measure = Shift(context)
    measure.add(batch, {name: one.decide(batch) for name, one in found.items()})
    return Shift.result(measure.state(), context)


FILTER = {"filter": [{"when": "hate >= 0.5", "do": "drop"}]}
CONTROL = {**FILTER, "control": [{"when": "random", "match": "filter", "do": "drop"}]}


def test_identical_texts_have_no_shift():
    found = measured(corpus(200, 1), {"tag": [{"when": "hate >= 0.5", "do": "tag"}]})["interventions"]["tag"]
    assert found["removed_words"] == 0
    assert (found["divergence"]["value"], found["placebo"]["value"], found["vocabulary_lost"]["value"]) == (0, 0, 0)


def test_a_random_removal_shifts_as_much_as_the_placebo_says():
    values, expected, lost, chance, inside = [], [], [], [], 0
    for seed in range(40):
        found = measured(corpus(300, seed), CONTROL)["interventions"]["control"]
        values.append(found["divergence"]["value"])
        expected.append(found["placebo"]["value"])
        lost.append(found["vocabulary_lost"]["value"])
        chance.append(found["vocabulary_lost_placebo"]["value"])
        inside += found["excess"]["low"] <= 0 <= found["excess"]["high"]
    assert np.mean(values) == pytest.approx(np.mean(expected), rel=0.1)
    assert np.mean(lost) == pytest.approx(np.mean(chance), rel=0.3)
    assert inside >= 34


def test_a_removed_topic_shifts_more_than_the_placebo():
    found = measured(corpus(1500, 3), CONTROL)["interventions"]
    shift = found["filter"]
    assert shift["excess"]["low"] > 0
    assert shift["divergence"]["value"] > 3 * shift["placebo"]["value"]
    assert shift["vocabulary_lost"]["value"] > 2 * shift["vocabulary_lost_placebo"]["value"]
    assert found["control"]["divergence"]["value"] < shift["divergence"]["value"] / 2


def test_counts_by_hand():
    batch = make_batch(
        ["one one two", "two six", "The QUICK!"] * SMALLEST, {"policy": {"hate": [0.9, 0.1, 0.1] * SMALLEST}}, target=0
    )
    found = measured(batch, FILTER)
    assert (found["documents"], found["words"]) == (3 * SMALLEST, 8 * SMALLEST)
    # "The QUICK!" is three words of the normaliser, of which none is lost.
    assert found["interventions"]["filter"]["removed_words"] == pytest.approx(3 / 8)
    p, q = np.array([2, 2, 1, 1, 1, 1]) / 8, np.array([0, 1, 1, 1, 1, 1]) / 5
    middle = (p + q) / 2
    terms = [np.where(x > 0, x * np.log2(np.where(x > 0, x, 1) / middle), 0).sum() for x in (p, q)]
    assert found["interventions"]["filter"]["divergence"]["value"] == pytest.approx(sum(terms) / 2)


def test_redacted_passages_count_as_lost_and_removed_all_as_nothing_left():
    text = "one two three four. " * 40
    batch = make_batch([text] * SMALLEST, {"policy": {"hate": [0.9, 0.1] * SMALLEST}})
    found = measured(batch, {"cut": [{"when": "passage.hate >= 0.5", "do": "redact"}]})["interventions"]["cut"]
    assert found["removed_words"] == pytest.approx(0.5, abs=0.1)
    gone = measured(batch, FILTER)["interventions"]["filter"]
    assert gone["divergence"]["reason"] == "nothing is left after it"


def test_only_the_sample_of_the_evaluator_counts_and_texts_must_be_at_hand():
    batch = corpus(200, 4)
    found = parse_interventions(FILTER, {"policy": ("hate",)})
    evaluated = np.arange(200) % 5 == 0
    sampled = take(batch, range(200))
    sampled.evaluated[:] = evaluated
    context = context_of(found, batch, evaluator=("hate",), notes={"sample_level": 2})
    measure, part = Shift(context), Shift(context)
    measure.add(sampled, {name: one.decide(sampled) for name, one in found.items()})
    few = take(batch, np.flatnonzero(evaluated).tolist())
    part.add(few, {name: one.decide(few) for name, one in found.items()})
    assert measure.state() == part.state()
    without = Shift(context_of(found, batch))
    without.add(batch, {name: one.decide(batch) for name, one in found.items()})
    assert 10 < without.state()["documents"] < 45  # one in eight of 200
    none = Shift(context)
    empty = make_batch([""] * 3, {"policy": {"hate": [0.1] * 3}}, target=0)
    none.add(empty, {name: one.decide(empty) for name, one in found.items()})
    assert none.state() == {}
    assert "at hand" in Shift.result({}, context)["note"]


def test_the_sample_of_words_is_bounded_whatever_the_batches():
    batch = corpus(800, 5)
    found = parse_interventions(FILTER, {"policy": ("hate",)})
    context = context_of(found, batch, notes={"sample_level": 0})
    whole, parts = Shift(context), Shift(context)
    whole.add(batch, {name: one.decide(batch) for name, one in found.items()})
    for first in range(0, 800, 50):
        piece = take(batch, range(first, first + 50))
        parts.add(piece, {name: one.decide(piece) for name, one in found.items()})
        assert len(parts._keys) <= 3 * TYPES
    assert parts.state() == whole.state()
    assert len(whole.state()["types"]) == TYPES
