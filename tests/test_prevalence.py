"""Prevalence: counts worked out by hand, grades, and what intervals promise."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tamis.interventions.batch import Batch
from tamis.interventions.measures.prevalence import Prevalence
from tamis.interventions.rules import Intervention, parse_interventions
from tamis.interventions.testing import context_of, make_batch, random_batch

PLAN: dict[str, list[dict[str, Any]]] = {
    "drop": [{"when": "hate >= 0.9", "do": "drop"}],
    "redact": [{"when": "passage.hate >= 0.9", "do": "redact"}],
    "tag": [{"when": "hate >= 0.5", "do": "tag"}],
}


def measured(batches: list[Batch], plan: dict[str, Any] = PLAN, **changes: Any) -> dict[str, Any]:
    categories = {name: scores.categories for name, scores in batches[0].scores.items()}
    found = parse_interventions(plan, categories)
    context = context_of(found, batches[0], **changes)
    measure = Prevalence(context)
    for batch in batches:
        measure.add(batch, {name: one.decide(batch) for name, one in found.items()})
    return Prevalence.result(measure.state(), context)


def _corpus(copies: int) -> Batch:
    """`copies` times four documents: caught, missed, falsely removed, clean; the first in two passages."""
    texts = ["loud words here.\n\ncalm words here.\n\n", "one two", "three four", "five"] * copies
    return make_batch(
        texts,
        {"policy": {"hate": [0.95, 0.1, 0.2, 0.95, 0.1] * copies}},
        {"hate": [0.9, 0.2, 0.8, 0.1, 0.1] * copies},
        target=16,
        ids=[f"d{i}" for i in range(len(texts))],
    )


def test_counts_before_and_after() -> None:
    result = measured([_corpus(50)])
    hate = result["interventions"]["drop"]["hate"]
    assert result["evaluated"] == {"documents": 200, "words": 550}
    assert result["evaluated_share"]["value"] == 1
    assert hate["flagged"] == {"before": 100, "after": 50}
    assert hate["before"]["value"] == 0.5
    assert hate["after"]["value"] == 0.5
    assert hate["ratio"]["value"] == pytest.approx(1.0)
    assert hate["before_words"]["value"] == pytest.approx(400 / 550)
    assert hate["after_words"]["value"] == pytest.approx(100 / 150)
    assert hate["caught"]["value"] == 0.5
    assert hate["mean_before"]["value"] == pytest.approx((0.9 + 0.8 + 0.1 + 0.1) / 4, abs=1e-4)
    assert hate["mean_after"]["value"] == pytest.approx(0.45, abs=1e-4)
    assert hate["by_length"]["1-49"]["before"]["value"] == 0.5
    assert hate["by_length"]["50-99"]["before"]["reason"] == "0 documents, at least 30 are needed"
    assert result["interventions"]["drop"]["any"]["flagged"] == hate["flagged"]


def test_redaction_is_measured_on_what_is_left_of_a_document() -> None:
    hate = measured([_corpus(50)])["interventions"]["redact"]["hate"]
    # The third document is one passage, so redaction removes it; the first keeps its calm passage.
    assert hate["flagged"] == {"before": 100, "after": 50}
    assert hate["after"]["n"] == 150
    assert hate["after"]["value"] == pytest.approx(1 / 3)
    assert hate["ratio"]["value"] == pytest.approx(2 / 3)
    assert hate["after_words"]["value"] == pytest.approx(100 / 300)
    assert hate["mean_after"]["value"] == pytest.approx((0.2 + 0.8 + 0.1) / 3, abs=1e-4)


def test_histograms_before_after_and_removed() -> None:
    result = measured([_corpus(50)])["histograms"]
    found = result["evaluator"]["hate"]
    assert len(result["edges"]) == len(found["before"]) + 1
    assert sum(found["before"]) == 200
    assert sum(found["after"]["drop"]) == sum(found["removed"]["drop"]) == 100
    assert sum(found["after"]["redact"]) == 150
    assert sum(result["filter"]["policy.hate"]["after"]["redact"][20:]) == 0
    assert found["after"]["tag"] == found["before"]


def test_a_tag_changes_nothing_and_is_known_exactly() -> None:
    ratio = measured([_corpus(50)])["interventions"]["tag"]["hate"]["ratio"]
    assert (ratio["low"], ratio["value"], ratio["high"]) == (1, 1, 1)
    assert ratio["method"] == "the same texts before and after"


def test_too_little_to_say() -> None:
    hate = measured([_corpus(2)])["interventions"]["drop"]["hate"]
    for name in ("before", "after", "mean_before"):
        assert hate[name]["value"] is None
        assert hate[name]["grade"] == "not resolvable"
        assert "at least 30" in hate[name]["reason"]
    assert hate["ratio"]["reason"] == "4 flagged documents before, at least 10 are needed"
    assert hate["flagged"] == {"before": 4, "after": 2}


def test_grades() -> None:
    batch = _corpus(20)
    assert measured([batch])["grade"] == "estimated"
    relative = measured([batch], independent=False)
    assert relative["grade"] == relative["interventions"]["drop"]["hate"]["ratio"]["grade"] == "relative"
    assert "not independent" in relative["reason"]
    nothing = measured([batch], evaluator=(), evaluator_thresholds={})
    assert nothing["grade"] == "not measured"
    assert nothing["categories"] == []
    assert nothing["interventions"] == {"drop": {}, "redact": {}, "tag": {}}
    assert sum(nothing["histograms"]["filter"]["policy.hate"]["before"]) == 80


def test_documents_that_were_not_evaluated_or_scored_are_not_counted() -> None:
    batch = _corpus(50)
    batch.evaluated[100:] = False
    assert batch.evaluator is not None
    batch.evaluator.document[:10] = np.nan
    result = measured([batch])
    assert result["evaluated"]["documents"] == 90
    assert result["evaluated_share"]["value"] == 0.45
    assert result["interventions"]["drop"]["hate"]["before"]["n"] == 90


def test_categories_scored_on_different_documents_have_their_own_denominators() -> None:
    scores = {"hate": [0.9] * 40 + [0.1] * 40, "gore": [np.nan] * 40 + [0.9] * 40}
    batch = make_batch(["a"] * 80, {"policy": {"hate": [0.1] * 80}}, scores, ids=[f"d{i}" for i in range(80)])
    before = measured([batch])["before"]
    assert (before["hate"]["documents"]["n"], before["gore"]["documents"]["n"]) == (80, 40)
    assert before["gore"]["documents"]["value"] == 1
    assert (before["any"]["documents"]["n"], before["any"]["documents"]["value"]) == (80, 1)


def _planted(rng: np.random.Generator, n: int, clustered: bool, rate: float = 0.03) -> Batch:
    """Documents in domains of very unequal size; a domain has its own rate of violations."""
    sizes = rng.zipf(1.6, n)
    domain = np.repeat(np.arange(n), np.minimum(sizes, n // 20))[:n]
    rates = rng.gamma(0.3, rate / 0.3, n) if clustered else np.full(n, rate)
    toxic = rng.random(n) < np.minimum(rates[domain], 1)
    evaluator = np.where(toxic, 0.9, 0.1)
    caught = toxic & (rng.random(n) < 0.3)
    prefix = str(rng.integers(2**60))
    return make_batch(
        ["a b"] * n,
        {"policy": {"hate": np.where(caught, 0.95, 0.05).tolist()}},
        {"hate": evaluator.tolist()},
        target=0,
        ids=[f"{prefix}-{i}" for i in range(n)],
        domains=[f"{prefix}-{one}.example" for one in domain],
    )


CONTROL: dict[str, Any] = {**PLAN, "control": [{"when": "random", "do": "drop", "match": "drop"}]}


@pytest.mark.parametrize("clustered", [False, True])
def test_a_planted_reduction_is_found_and_a_null_covers_one(clustered: bool) -> None:
    """Honesty: 30 % planted is in its interval, and a random removal covers 1, in at least 93 of 100 seeds."""
    found: dict[str, Intervention] = parse_interventions(CONTROL, {"policy": ("hate",)})
    found["control"] = found["control"].calibrated({"drop": 0.05})
    hits = {"drop": 0, "control": 0}
    truth = {"drop": 0.7 / (1 - 0.3 * 0.03), "control": 1.0}
    rng = np.random.default_rng(11)
    for _ in range(100):
        batch = _planted(rng, 2000, clustered)
        context = context_of(found, batch)
        measure = Prevalence(context)
        measure.add(batch, {name: one.decide(batch) for name, one in found.items()})
        result = Prevalence.result(measure.state(), context)["interventions"]
        for name in hits:
            ratio = result[name]["hate"]["ratio"]
            hits[name] += ratio["value"] is None or ratio["low"] <= truth[name] <= ratio["high"]
    assert min(hits.values()) >= 93


def test_the_random_control_has_no_effect_on_a_large_corpus() -> None:
    found = parse_interventions(
        {
            "drop": [{"when": "any >= 0.9", "do": "drop"}],
            "control": [{"when": "random", "do": "drop", "match": "drop"}],
        },
        {"policy": ("sexual", "hate", "harassment")},
    )
    batches = [random_batch(4000, seed) for seed in (21, 22, 23)]
    removed = [found["drop"].decide(batch).removed for batch in batches]
    words = sum(int(batch.words[gone].sum()) for batch, gone in zip(batches, removed, strict=True))
    found["control"] = found["control"].calibrated({"drop": words / sum(int(batch.words.sum()) for batch in batches)})
    context = context_of(found, batches[0])
    measure = Prevalence(context)
    for batch in batches:
        measure.add(batch, {name: one.decide(batch) for name, one in found.items()})
    result = Prevalence.result(measure.state(), context)["interventions"]
    assert result["drop"]["any"]["ratio"]["high"] < 0.8
    assert result["control"]["any"]["ratio"]["low"] < 1 < result["control"]["any"]["ratio"]["high"]
    assert result["control"]["any"]["ratio"]["value"] == pytest.approx(1, abs=0.05)


def test_clusters_widen_the_interval_of_a_level() -> None:
    rng = np.random.default_rng(3)
    plain, clustered = (measured([_planted(rng, 6000, one)])["before"]["hate"]["documents"] for one in (False, True))
    assert "design effect" in clustered["method"]

    def width(found: dict[str, Any]) -> float:
        return (found["high"] - found["low"]) / np.sqrt(found["value"])

    assert width(clustered) > 1.5 * width(plain)
