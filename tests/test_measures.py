"""The laws that every measure keeps: any split and any order give one state, and {} changes nothing."""

from __future__ import annotations

import json
import random
from collections.abc import Mapping, Sequence
from functools import reduce
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tamis.interventions.batch import Batch
from tamis.interventions.measures import keyed, volume
from tamis.interventions.measures.base import Context, State
from tamis.interventions.measures.table import MEASURES
from tamis.interventions.rules import Intervention, parse_interventions
from tamis.interventions.testing import context_of, make_batch, random_batch, take

PLAN: dict[str, list[dict[str, Any]]] = {
    "drop-severe": [
        {"when": "hate >= 0.9 or sexual >= 0.9", "do": "drop"},
        {"when": "harassment >= 0.5", "do": "tag"},
        {"when": "any >= 0.8", "do": "downsample", "keep": 0.3},
        {"when": "source == 'fiction' and words > 150", "do": "drop"},
    ],
    "redact": [{"when": "passage.any >= 0.6", "do": "redact"}],
    "condition": [{"when": "any >= 0.5", "do": "control_token", "per": "passage"}],
}
BATCH = random_batch(240, 1)
FOUND = parse_interventions(PLAN, {"policy": BATCH.scores["policy"].categories})
CONTEXT = context_of(FOUND, BATCH)


def states(batches: Sequence[Batch], found: Mapping[str, Intervention], context: Context) -> dict[str, State]:
    """Returns each measure's state after some batches."""
    measures = {name: one(context) for name, one in MEASURES.items()}
    for batch in batches:
        decided = {name: intervention.decide(batch) for name, intervention in found.items()}
        for measure in measures.values():
            measure.add(batch, decided)
    return {name: measure.state() for name, measure in measures.items()}


def text(value: Any) -> str:
    return json.dumps(value, sort_keys=True, allow_nan=False)


WHOLE = states([BATCH], FOUND, CONTEXT)


@settings(max_examples=25, deadline=None)
@given(st.randoms(use_true_random=False), st.integers(1, 12))
def test_any_split_and_any_order_give_the_same_bytes(rng: random.Random, pieces: int) -> None:
    rows = list(range(len(BATCH)))
    rng.shuffle(rows)
    cuts = sorted(rng.randrange(len(rows) + 1) for _ in range(pieces - 1))
    shards = [rows[a:b] for a, b in zip([0, *cuts], [*cuts, len(rows)], strict=True)]
    # Each shard comes in one batch or two; then the shards' states merge in some order.
    found = [
        states([take(BATCH, shard[:k]), take(BATCH, shard[k:])], FOUND, CONTEXT)
        for shard in shards
        for k in [rng.randrange(len(shard) + 1)]
    ]
    for name, measure in MEASURES.items():
        parts = [state[name] for state in found]
        assert text(measure.merge(*parts)) == text(WHOLE[name])
        rng.shuffle(parts)
        assert text(reduce(measure.merge, parts)) == text(WHOLE[name])


@pytest.mark.parametrize("name", MEASURES)
def test_nothing_is_neutral_and_merging_leaves_its_arguments_alone(name: str) -> None:
    measure, state = MEASURES[name], WHOLE[name]
    before = text(state)
    assert text(measure.merge(state, {})) == text(measure.merge({}, state)) == before
    assert measure.merge({}, {}) == measure.merge() == {}
    twice = measure.merge(state, state)
    assert text(state) == before
    assert text(measure.merge(twice, {})) == text(twice)
    assert states([take(BATCH, [])], FOUND, CONTEXT)[name] == {}


@pytest.mark.parametrize("name", MEASURES)
@pytest.mark.parametrize("changes", [{}, {"evaluator": (), "evaluator_thresholds": {}}, {"independent": False}])
def test_results_are_json_and_have_every_key_even_of_nothing(name: str, changes: dict[str, Any]) -> None:
    context = context_of(FOUND, BATCH, **changes)
    state = states([BATCH], FOUND, context)[name]
    measure = MEASURES[name]
    full, empty = measure.result(state, context), measure.result({}, context)
    assert json.loads(text(full)) == full
    assert full.keys() == empty.keys()
    for found in _estimates(full):
        assert found["low"] <= found["value"] <= found["high"]
        assert found["method"]
    assert all(one["value"] is None for one in _estimates_and_gaps(empty))


def _estimates_and_gaps(value: Any) -> list[dict[str, Any]]:
    if isinstance(value, dict):
        if "value" in value:
            assert value["value"] is not None or value["reason"]
            return [value]
        value = list(value.values())
    return [one for part in value for one in _estimates_and_gaps(part)] if isinstance(value, list) else []


def _estimates(value: Any) -> list[dict[str, Any]]:
    return [one for one in _estimates_and_gaps(value) if one["value"] is not None]


def test_the_laws_hold_where_keys_collapse_into_buckets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(volume, "_LIMITS", {"source": 2, "language": 2, "domain": 8})
    whole = states([BATCH], FOUND, CONTEXT)["volume"]
    assert "buckets" in whole["keyed"]["domain"]
    rng = random.Random(3)
    for _ in range(10):
        rows = list(range(len(BATCH)))
        rng.shuffle(rows)
        step = rng.randrange(5, 60)
        parts = [states([take(BATCH, rows[a : a + step])], FOUND, CONTEXT)["volume"] for a in range(0, 240, step)]
        assert text(MEASURES["volume"].merge(*parts)) == text(whole)
        assert text(reduce(MEASURES["volume"].merge, parts)) == text(whole)


def test_memory_between_batches_is_bounded_and_the_state_the_same() -> None:
    counts = keyed.Keyed(4)
    batch = random_batch(300, 2)
    names = [f"k{i % 200}" for i in range(300)]
    values = np.column_stack([np.ones(300, np.int64), batch.words, batch.bytes])
    draws = (batch.keys >> np.uint64(32)).astype(np.int64)
    other = keyed.Keyed(4)
    other.add("seen", other.codes(names), values, draws)
    for a in range(0, 300, 30):
        rows = slice(a, a + 30)
        counts.add("seen", counts.codes(names[rows]), values[rows], draws[rows])
        counts.flush()
        assert len(counts._names) <= 32
    assert counts.state() == other.state()
    assert sum(entry[0] for entry in counts.state()["buckets"]["seen"].values()) == 300


def test_a_bucket_is_named_by_what_holds_most_of_it() -> None:
    counts = keyed.Keyed(16)
    names = [f"rare{i}.example" for i in range(500)] + ["large.example"] * 500
    draws = np.random.default_rng(0).permutation(2**20)[:1000].astype(np.int64)
    counts.add("seen", counts.codes(names), np.ones((1000, 3), np.int64), draws)
    found = sorted(keyed.rows(counts.state(), "seen").values(), key=lambda row: -row[1][0])
    assert found[0][0] == "large.example"
    assert 500 <= found[0][1][0] < 560


def test_hostile_names_are_shortened_and_encodable() -> None:
    batch = make_batch(
        ["a", "b", "c"],
        {"policy": {"hate": [0.1, 0.1, 0.1]}},
        sources=["x" * 10_000_000, "\ud800", "__proto__"],
        domains=["", "\udfff.example", "constructor"],
        languages=["x" * 1_000_000, "\ud800", "en"],
    )
    found = parse_interventions({"i": [{"when": "hate >= 0.5", "do": "drop"}]}, {"policy": ("hate",)})
    context = context_of(found, batch)
    for name, state in states([batch], found, context).items():
        encoded = text(state)
        assert len(encoded) < 20_000
        json.dumps(MEASURES[name].result(state, context), ensure_ascii=False).encode()
