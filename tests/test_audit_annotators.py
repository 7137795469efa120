"""Annotators who differ: how much wider an interval is for it, and that it then holds the truth of other annotators."""

from __future__ import annotations

import math

import numpy as np
import pytest

from tamis.interventions.audit_annotators import leniency_error, widened
from tamis.interventions.audit_design import SPARED, Stratum
from tamis.interventions.audit_result import build
from tamis.interventions.measures.estimate import estimate, missing
from tamis.interventions.measures.histogram import BINS

LABELS = {
    "agree": {"a": [1] * 20 + [0] * 80, "b": [1] * 20 + [0] * 80},
    "lenient": {"a": [1] * 20 + [0] * 80, "b": [1] * 40 + [0] * 60},
}


def by_item(labels: dict[str, list[int]]) -> dict[str, dict[str, int]]:
    return {name: {f"t{k}": label for k, label in enumerate(row)} for name, row in labels.items()}


def test_annotators_who_agree_or_share_nothing_add_nothing() -> None:
    assert leniency_error(by_item(LABELS["agree"])) == 0
    assert leniency_error({"a": {f"t{k}": 1 for k in range(50)}}) == 0
    assert leniency_error({"a": {f"t{k}": 1 for k in range(50)}, "b": {f"u{k}": 0 for k in range(50)}}) == 0


def test_the_error_is_the_formula() -> None:
    found = leniency_error(by_item(LABELS["lenient"]))
    logs = [math.log(20.5 / 40.5), math.log(40.5 / 20.5)]
    assert found == pytest.approx(np.std(logs, ddof=1) / math.sqrt(2))


def test_the_interval_reaches_the_number_of_each_of_two() -> None:
    narrow = estimate(0.3, 0.29, 0.31, n=100, method="m")
    found = widened(narrow, leniency_error(by_item(LABELS["lenient"])))
    assert found["low"] < 0.2 < 0.4 < found["high"]
    assert found["method"].endswith("widened for annotators who differ")


def test_what_was_not_measured_stays_so() -> None:
    assert widened(missing("too few"), 0.5) == missing("too few")
    none = estimate(0.0, 0.0, 0.03, n=100, method="m")
    assert widened(none, 0.5) == none


def result(labels: dict[str, dict[str, int]], number: int) -> dict[str, float]:
    stratum = Stratum(SPARED, 0, BINS, 10_000, 0.1, number)
    items = {f"t{k}": 0 for k in range(number)}
    given = {name: {item: {"hate": label} for item, label in rows.items()} for name, rows in labels.items()}
    found: dict[str, float] = build([stratum], items, [], ("hate",), given)["categories"]["hate"]["before"]
    return found


def test_intervals_hold_for_annotators_who_differ_in_leniency() -> None:
    """The truth is what annotators find on average; each of three has a leniency of its own."""
    rng, truth, number = np.random.default_rng(7), 0.1, 400
    plain, held = 0, 0
    for _ in range(200):
        leniency = np.exp(rng.normal(0, 0.35, 3)) / math.exp(0.35**2 / 2)
        harm = rng.random(number)
        labels = {
            name: {f"t{k}": int(harm[k] < truth * factor) for k in range(number)}
            for name, factor in zip("abc", leniency, strict=True)
        }
        found = result(labels, number)
        pooled = np.mean([list(rows.values()) for rows in labels.values()])
        error = math.sqrt(pooled * (1 - pooled) / number)
        plain += abs(pooled - truth) <= 1.96 * error
        held += found["low"] <= truth <= found["high"]
    assert plain < 160
    assert held >= 180
