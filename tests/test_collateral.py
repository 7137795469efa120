"""Collateral damage: merge laws on documents that name groups, hand-worked counts, and the honesty of the flag."""

from __future__ import annotations

import json
import random
from functools import reduce
from typing import Any

import numpy as np
import pytest

from tamis.classifiers.base import BatchScores
from tamis.interventions import mentions
from tamis.interventions.batch import Batch
from tamis.interventions.measures.collateral import Collateral, dialect_sample
from tamis.interventions.measures.collateral_result import FLAG
from tamis.interventions.rules import Intervention, parse_interventions
from tamis.interventions.stored import StoredPassages, StoredTexts
from tamis.interventions.testing import context_of, make_batch, take

SUBJECTS = ("gay people", "Muslims", "the doctor at the hospital", "a garden", "women", "black people", "the weather")


def corpus(n: int, seed: int, rate: float = 0.02, unfair: float = 0.0, domains: int = 500) -> Batch:
    """Makes documents of 5 to 400 words about someone, whose scores do not depend on whom.

    Args:
        n: Documents.
        seed: Of the draws.
        rate: Share that filter and evaluator flag, by independent errors on the same truth.
        unfair: Probability that the filter also flags a document that names gay people.
        domains: Number of domains.
    """
    rng = np.random.default_rng(seed)
    subject = rng.integers(0, len(SUBJECTS), n)
    words = rng.integers(2, 200, n)
    texts = [f"Here is news of {SUBJECTS[s]} {'and so on ' * (w // 3)}" for s, w in zip(subject, words, strict=True)]
    bad = rng.random(n) < rate * np.where(words > 100, 2, 1)
    # The filter catches most of what is bad, one document in a hundred besides, and, where it is unfair, the group.
    caught = np.where(bad, rng.random(n) < 0.8, rng.random(n) < 0.01) | ((subject == 0) & (rng.random(n) < unfair))
    seen = np.where(bad, rng.random(n) < 0.9, rng.random(n) < 0.01)
    return make_batch(
        texts,
        {"policy": {"hate": np.where(caught, 0.9, 0.1).tolist()}},
        {"hate": np.where(seen, 0.9, 0.1).tolist()},
        target=0,
        ids=[f"{seed}-{i}" for i in range(n)],
        sources=[("forum", "news", "")[k] for k in rng.integers(0, 3, n)],
        domains=[f"d{k}.example" for k in rng.integers(0, domains, n)],
        languages=[("en", "und", "de")[k] for k in (rng.random(n) > 0.95).astype(int) * rng.integers(0, 3, n)],
    )


PLAN = {
    "drop": [{"when": "hate >= 0.5", "do": "drop"}],
    "tag": [{"when": "hate >= 0.5", "do": "tag"}],
    "control": [{"when": "random < 0.04", "do": "drop"}],
    "nothing": [{"when": "hate >= 0.95", "do": "drop"}],
}
FOUND = parse_interventions(PLAN, {"policy": ("hate",)})


def state_of(batches: list[Batch], found: dict[str, Intervention] = FOUND, **changes: Any) -> dict[str, Any]:
    measure = Collateral(context_of(found, batches[0], **changes))
    for batch in batches:
        measure.add(batch, {name: one.decide(batch) for name, one in found.items()})
    return measure.state()


def result_of(batch: Batch, found: dict[str, Intervention] = FOUND, **changes: Any) -> dict[str, Any]:
    changes = {"notes": {"sample_level": 0}, **changes}
    return Collateral.result(state_of([batch], found, **changes), context_of(found, batch, **changes))


def text(value: Any) -> str:
    return json.dumps(value, sort_keys=True, allow_nan=False)


def test_any_split_and_any_order_give_the_same_bytes() -> None:
    batch, rng = corpus(300, 1, rate=0.3), random.Random(5)
    whole = state_of([batch])
    for _ in range(6):
        rows = list(range(300))
        rng.shuffle(rows)
        step = rng.randrange(20, 200)
        parts = [state_of([take(batch, rows[a : a + step])]) for a in range(0, 300, step)]
        assert text(Collateral.merge(*parts)) == text(whole)
        assert text(reduce(Collateral.merge, parts[::-1])) == text(whole)
    assert Collateral.merge(whole, {}) == whole


def test_counts_worked_by_hand() -> None:
    texts = ["gay people", "gay people and Muslims", "a garden", "a doctor in hospital", "Muslims", "Muslime sind da"]
    batch = make_batch(
        texts, {"policy": {"hate": [0.9, 0.1, 0.9, 0.1, 0.1, 0.9]}}, {"hate": [0.9, 0.9, 0.1, 0.1, 0.1, 0.1]}, target=0,
        languages=["en"] * 5 + ["de"],
    )  # fmt: skip
    found = result_of(batch)
    rows = found["interventions"]["drop"]["groups"]
    assert (found["documents"], found["reference"]) == (5, 2)
    assert {name: (row["documents"], row["hit"]) for name, row in rows.items() if row["documents"]} == {
        "gay": (2, 1),
        "Muslim": (2, 0),
    }
    assert found["interventions"]["drop"]["topics"]["health"]["documents"] == 1
    # All languages: of three removed documents the evaluator finds the garden and the German one clean.
    assert found["interventions"]["drop"]["benign"]["removed"] == {"documents": 2, "words": 5}
    assert found["interventions"]["tag"]["outcome"] == "acted on"
    assert found["interventions"]["tag"]["groups"]["gay"]["hit"] == 1
    assert found["axes"]["gay"] == "orientation"


@pytest.mark.parametrize(
    ("actions", "outcome", "hit"),
    [(("tag", "quarantine"), "acted on", 2), (("drop", "quarantine"), "removed", 2), (("quarantine",), "acted on", 1)],
)
def test_what_tags_is_measured_by_its_tags_though_it_quarantines_too(
    actions: tuple[str, ...], outcome: str, hit: int
) -> None:
    rules = {"tag": "hate >= 0.5", "drop": "hate >= 0.5", "quarantine": "sexual >= 0.9"}
    found = parse_interventions(
        {"one": [{"when": rules[action], "do": action} for action in actions]}, {"policy": ("hate", "sexual")}
    )
    scores = {"policy": {"hate": [0.9, 0.1, 0.1], "sexual": [0.1, 0.95, 0.1]}}
    batch = make_batch(["gay people", "gay people again", "gay people at home"], scores, {"hate": [0.1] * 3}, target=0)
    made = result_of(batch, found)["interventions"]["one"]
    assert (made["outcome"], made["groups"]["gay"]["hit"]) == (outcome, hit)


@pytest.mark.parametrize("seed", range(3))
def test_a_filter_that_removes_mentions_of_a_group_is_flagged(seed: int) -> None:
    found = result_of(corpus(6000, seed, unfair=0.3))["interventions"]
    assert found["drop"]["flagged"] == ["gay"]
    assert found["tag"]["flagged"] == ["gay"]
    assert found["control"]["flagged"] == found["nothing"]["flagged"] == []
    row = found["drop"]["groups"]["gay"]
    assert row["ratio"]["low"] > FLAG
    assert row["p"] < 1e-6
    assert row["clean"]["low"] > row["ratio"]["value"], "those removed without cause stand out among the clean ones"
    assert row["raw"]["low"] < row["ratio"]["value"] < row["raw"]["high"]


def test_a_fair_filter_and_a_random_removal_are_not_flagged() -> None:
    flagged, covered = 0, []
    for seed in range(20):
        found = result_of(corpus(4000, 100 + seed, rate=0.08))["interventions"]
        flagged += sum(bool(found[name]["flagged"]) for name in ("drop", "control"))
        ratios = [row["ratio"] for row in found["drop"]["groups"].values() if row["ratio"]["value"] is not None]
        covered += [ratio["low"] <= 1 <= ratio["high"] for ratio in ratios]
    assert flagged == 0
    assert len(covered) >= 60
    assert np.mean(covered) >= 0.93


def test_few_documents_give_no_ratio_and_say_how_many_are_needed() -> None:
    row = result_of(corpus(800, 3))["interventions"]["drop"]["groups"]["gay"]
    assert row["ratio"]["value"] is None
    assert "are needed" in row["ratio"]["reason"]
    assert row["rate"]["value"] is not None


def test_source_and_length_are_taken_out() -> None:
    # The group is named in long documents of a forum, where everything is removed more often.
    rng = np.random.default_rng(4)
    n = 8000
    forum = rng.random(n) < 0.3
    about = rng.random(n) < np.where(forum, 0.5, 0.02)
    texts = ["gay people and so on" if one else "a garden and so on" for one in about]
    removed = rng.random(n) < np.where(forum, 0.2, 0.02)
    batch = make_batch(
        texts, {"policy": {"hate": np.where(removed, 0.9, 0.1).tolist()}}, target=0,
        sources=["forum" if one else "news" for one in forum], languages=["en"] * n,
    )  # fmt: skip
    row = result_of(batch)["interventions"]["drop"]["groups"]["gay"]
    assert row["raw"]["low"] > 2
    assert row["random"]["value"] == pytest.approx(row["raw"]["value"], rel=0.15), "source explains all of it"
    assert row["ratio"]["low"] < 1 < row["ratio"]["high"]
    assert row["clean"]["reason"] == "no evaluator"


def test_benign_removals_have_an_interval_and_a_random_counterpart() -> None:
    batch = corpus(5000, 9)
    found = result_of(batch)["interventions"]
    clean = found["drop"]["benign"]
    assert 0.1 < clean["of_removed"]["value"] < 0.7
    assert clean["of_clean"]["low"] < 0.012 < clean["of_clean"]["high"]
    assert clean["of_clean"]["high"] < clean["random"]["value"]
    control = found["control"]["benign"]
    assert control["of_clean"]["low"] < control["random"]["value"] < control["of_clean"]["high"]
    relative = result_of(batch, independent=False)["interventions"]["drop"]["benign"]
    assert relative["of_clean"]["grade"] == "relative"


def test_dialect_is_compared_in_a_sample() -> None:
    batch = corpus(4000, 2, rate=0.3)
    more, few = (result_of(batch, notes={"sample_level": level}) for level in (0, 9))
    rows = [found["interventions"]["drop"]["dialects"]["African-American English"] for found in (more, few)]
    assert rows[0]["documents"] > 4 * rows[1]["documents"]


def test_stored_passages_use_what_was_stored_about_documents_or_count_nothing() -> None:
    batch = corpus(500, 6, rate=0.2)
    looked = mentions.look(batch, dialect_sample(batch.keys, context_of(FOUND, batch, notes={"sample_level": 0})))
    zeros = np.zeros(len(batch.passages), np.int64)
    stored = StoredPassages(
        batch.passages.document, batch.passages.start, batch.passages.end, batch.passages.words, zeros, zeros
    )
    decided = {name: one.decide(batch) for name, one in FOUND.items()}
    context = context_of(FOUND, batch, notes={"sample_level": 0})
    states = []
    for known in (looked, None):
        parts: Any = {**{name: getattr(batch, name) for name in Batch.__slots__ if name != "_made"}, "passages": stored}
        measure = Collateral(context)
        measure.add(Batch(**{**parts, "texts": StoredTexts(len(batch)), "mentions": known}), decided)
        states.append(measure.state())
    assert states[0] == state_of([batch], notes={"sample_level": 0})
    assert set(states[1]) == {"benign"}
    assert Collateral.result(states[1], context)["note"]


def test_unscored_evaluations_are_in_no_share() -> None:
    batch = make_batch(
        ["a", "b", "c"], {"policy": {"hate": [0.9, 0.9, 0.1]}}, {"hate": [np.nan, 0.1, 0.1]}, target=0,
    )  # fmt: skip
    assert isinstance(batch.evaluator, BatchScores)
    assert result_of(batch)["interventions"]["drop"]["benign"]["removed"]["documents"] == 1
