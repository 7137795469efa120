"""Audits simulated: do the intervals hold the truth as often as they say? `TAMIS_DRAWS` scales the number of draws."""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.special import expit
from scipy.stats import norm

from tamis.interventions.audit_design import HIT, Counts, Stratum, strata
from tamis.interventions.audit_estimates import Tally, evaluate
from tamis.interventions.measures.histogram import bins

DRAWS = int(os.environ.get("TAMIS_DRAWS", "500"))
SIZE = 400_000
RATES = (0.05, 0.01, 0.002)


@dataclass(frozen=True)
class Population:
    """Documents with a truth, a score that knows it with AUC 0.96, and a filter that takes out the top."""

    scores: NDArray[np.float32]
    truth: NDArray[np.bool_]
    hit: NDArray[np.bool_]


@cache
def population(rate: float, shift: float = 0.0) -> Population:
    rng = np.random.default_rng(round(rate * 1e4))
    truth = rng.random(SIZE) < rate
    distance = np.sqrt(2) * norm.ppf(0.96)
    signal = rng.normal(size=SIZE) + distance * truth
    logit = distance * signal - distance**2 / 2 + np.log(rate / (1 - rate)) + shift
    scores = np.clip(np.round(expit(logit), 5), 1e-5, 1 - 1e-5).astype(np.float32)
    # The filter is another classifier with the same power.
    other = rng.normal(size=SIZE) + distance * truth
    return Population(scores, truth, other >= np.quantile(other[truth], 0.2))


def drawn(people: Population, labels: int, rng: np.random.Generator, draws: int) -> list[list[Tally]]:
    """Draws audits: positive labels of each stratum are hypergeometric."""
    counts = Counts()
    counts.add(people.scores, people.hit)
    found, at = strata(counts, labels), bins(people.scores)
    assert sum(one.labels for one in found) == labels
    positive = [_positive(one, people, at) for one in found]
    samples = [
        rng.hypergeometric(good, one.documents - good, one.labels, draws)
        for one, good in zip(found, positive, strict=True)
    ]
    return [
        [Tally(one, float(sample[k]), one.labels) for one, sample in zip(found, samples, strict=True)]
        for k in range(draws)
    ]


def _positive(one: Stratum, people: Population, at: NDArray[np.intp]) -> int:
    inside = (at >= one.first) & (at < one.last) & (people.hit == (one.side == HIT))
    assert int(inside.sum()) == one.documents
    return int((inside & people.truth).sum())


def covered(estimates: list[dict[str, Any]], key: str, truth: float) -> float:
    held = [one[key]["low"] <= truth <= one[key]["high"] for one in estimates if one[key]["value"] is not None]
    return float(np.mean(held))


@pytest.mark.slow
@pytest.mark.parametrize("labels", [300, 1000])
@pytest.mark.parametrize("rate", RATES)
def test_prevalence_is_covered_as_often_as_the_interval_says(rate: float, labels: int) -> None:
    people = population(rate)
    rng = np.random.default_rng(labels)
    draws = 4 * DRAWS
    estimates = [evaluate(one) for one in drawn(people, labels, rng, draws)]
    # One standard error of the simulation itself.
    slack = float(np.sqrt(0.95 * 0.05 / draws))
    truth = {"before": people.truth.mean(), "residual": people.truth[~people.hit].mean()}
    for key, value in truth.items():
        assert 0.93 - slack <= covered(estimates, key, value) <= 0.97 + slack, key


@pytest.mark.slow
@pytest.mark.parametrize("labels", [300, 1000])
@pytest.mark.parametrize("rate", RATES)
def test_precision_recall_and_ratio_are_covered_at_least_as_often(rate: float, labels: int) -> None:
    people = population(rate)
    rng = np.random.default_rng(labels + 1)
    estimates = [evaluate(one) for one in drawn(people, labels, rng, DRAWS)]
    recall = people.truth[people.hit].sum() / people.truth.sum()
    truth = {
        "precision": people.truth[people.hit].mean(),
        "recall": recall,
        "ratio": people.truth[~people.hit].mean() / people.truth.mean(),
    }
    for key, value in truth.items():
        assert covered(estimates, key, value) >= 0.93 - float(np.sqrt(0.95 * 0.05 / DRAWS)), key


@pytest.mark.slow
@pytest.mark.parametrize("shift", [-1.5, 1.5])
def test_scores_that_are_miscalibrated_cost_width_and_not_coverage(shift: float) -> None:
    people = population(0.01, shift)
    estimates = [evaluate(one) for one in drawn(people, 600, np.random.default_rng(3), DRAWS)]
    assert covered(estimates, "before", people.truth.mean()) >= 0.92
    assert covered(estimates, "residual", people.truth[~people.hit].mean()) >= 0.92
