"""Plans, estimates and agreement of audits, against hand-worked numbers."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from tamis.interventions import audit_estimates
from tamis.interventions.audit_agreement import agreement, alpha, kappa
from tamis.interventions.audit_design import HIT, SPARED, Counts, Stratum, allocate, labels_for, strata
from tamis.interventions.audit_estimates import Tally, evaluate, expected, floor
from tamis.interventions.intervals import jeffreys


def counts(seed: int = 1, n: int = 20_000) -> Counts:
    rng = np.random.default_rng(seed)
    scores = np.round(rng.beta(0.2, 4, n), 5).astype(np.float32)
    found = Counts()
    found.add(scores, scores > 0.4)
    return found


def test_bands_share_the_open_questions_and_labels_go_where_they_are() -> None:
    found = strata(counts(), 600)
    assert [one.side for one in found] == [HIT] * 4 + [SPARED] * 4
    assert sum(one.documents for one in found) == 20_000
    assert sum(one.labels for one in found) == 600
    hit, spared = found[:4], found[4:]
    assert sum(one.labels for one in hit) == 100
    assert spared[0].labels == 250
    means = [one.mean for one in spared]
    assert means == sorted(means)
    spreads = [one.documents * one.spread for one in spared]
    assert max(spreads) < 1.6 * min(spreads)
    assert all(one.last == other.first for one, other in pairwise(spared))


def test_batches_and_their_order_make_no_difference() -> None:
    rng = np.random.default_rng(2)
    scores = np.round(rng.random(1000), 5).astype(np.float32)
    hit = rng.random(1000) < 0.2
    whole, parts = Counts(), Counts()
    whole.add(scores, hit)
    for start in (600, 0, 300):
        end = {600: 1000, 0: 300, 300: 600}[start]
        parts.add(scores[start:end], hit[start:end])
    assert strata(whole, 100) == strata(parts, 100)


@pytest.mark.parametrize(
    ("sizes", "labels", "given"),
    [
        ([(HIT, 5), (SPARED, 10_000)], 100, [5, 95]),
        ([(SPARED, 10_000)], 100, [100]),
        ([(HIT, 10_000)], 100, [100]),
        ([(HIT, 40), (SPARED, 30)], 100, [40, 30]),
        ([(HIT, 1000), (SPARED, 30)], 100, [70, 30]),
        ([(HIT, 1000), (SPARED, 10_000), (SPARED, 15)], 120, [20, 85, 15]),
    ],
)
def test_no_stratum_gets_more_labels_than_it_has_documents(
    sizes: list[tuple[str, int]], labels: int, given: list[int]
) -> None:
    found = [Stratum(side, k, k + 1, size, 0.1) for k, (side, size) in enumerate(sizes)]
    assert allocate(found, labels) == given


def test_the_number_of_labels_for_a_width_is_the_formula() -> None:
    one = [Stratum(SPARED, 0, 1, 1000, 0.01)]
    # z² (1 - p)/(p e²) = 3.8415 x 0.99/(0.01 x 0.04)
    assert labels_for(one) == {"random": 9508, "stratified": 9508}
    two = [Stratum(SPARED, 0, 1, 990, 0.0001), Stratum(SPARED, 1, 2, 10, 0.99)]
    both = labels_for(two)
    assert both["stratified"] is not None
    assert both["random"] is not None
    assert both["stratified"] < both["random"] / 5
    assert labels_for([Stratum(SPARED, 0, 1, 10, 0.0)]) == {"random": None, "stratified": None}


LOW, HIGH, GONE = Stratum(SPARED, 0, 10, 900, 0.001), Stratum(SPARED, 10, 20, 60, 0.3), Stratum(HIT, 0, 20, 40, 0.8)


def test_estimates_are_weighted_by_the_strata() -> None:
    found = evaluate([Tally(GONE, 30, 40), Tally(LOW, 0, 60), Tally(HIGH, 12, 40)])
    assert found["precision"]["value"] == 0.75
    assert found["residual"]["value"] == pytest.approx(60 * 0.3 / 960)
    assert found["before"]["value"] == pytest.approx((30 + 18) / 1000)
    assert found["recall"]["value"] == pytest.approx(30 / 48)
    assert found["ratio"]["value"] == pytest.approx(found["residual"]["value"] / found["before"]["value"])
    assert {one["grade"] for one in found.values()} == {"certified"}
    assert found["precision"]["low"] == pytest.approx(jeffreys(30, 40)[0])
    assert found["before"]["n"] == 140
    for one in found.values():
        assert one["low"] <= one["value"] <= one["high"]


def test_no_positive_label_leaves_an_upper_limit() -> None:
    found = evaluate([Tally(GONE, 0, 40), Tally(LOW, 0, 60), Tally(HIGH, 0, 40)])
    assert (found["residual"]["value"], found["residual"]["low"]) == (0, 0)
    assert found["residual"]["high"] > 0.03
    assert found["recall"]["reason"] == "no label is positive"
    assert floor([Tally(LOW, 0, 60), Tally(HIGH, 0, 40)]) == pytest.approx(3 * (900 / 960) / 60)


def test_what_was_skipped_counts_as_0_below_and_as_1_above() -> None:
    plain, skipped = Tally(HIGH, 5, 40), Tally(HIGH, 5, 40, skipped=10)
    assert skipped.share == plain.share
    assert skipped.limits() == (jeffreys(5, 50)[0], jeffreys(15, 50)[1])
    assert skipped.limits()[0] < plain.limits()[0] < plain.limits()[1] < skipped.limits()[1]
    assert Tally(HIGH, 0, 0, skipped=3).limits() == (0, 1)


def test_too_few_labels_certify_nothing() -> None:
    found = evaluate([Tally(GONE, 3, 4), Tally(LOW, 0, 3), Tally(HIGH, 1, 2)])
    assert found["before"]["value"] is None
    assert found["before"]["reason"] == "9 labels, at least 10 are needed"
    # A stratum of fewer documents than that is labelled whole.
    small = Stratum(HIT, 0, 20, 6, 0.8)
    assert evaluate([Tally(small, 3, 6), Tally(LOW, 0, 60)])["precision"]["value"] == 0.5


def test_a_side_with_few_labels_has_fewer_bands() -> None:
    for labels, bands in ((60, 1), (150, 1), (300, 2), (600, 4)):
        found = strata(counts(), labels)
        assert sum(one.side == HIT for one in found) == bands
        assert all(one.labels >= 10 for one in found)


def test_more_labels_are_expected_to_give_narrower_intervals() -> None:
    def width(labels: int) -> float:
        found = expected(strata(counts(), labels))
        return float(found["before"]["high"] - found["before"]["low"])

    widths = [width(labels) for labels in (100, 400, 1600)]
    assert widths == sorted(widths, reverse=True)
    assert expected(strata(counts(), 400))["floor"] < 0.05


def test_kappa_of_two_and_alpha_of_all() -> None:
    # The example of Krippendorff (2011) for binary data: 10 items, two observers, alpha = 0.095.
    first = [0, 1, 0, 0, 0, 0, 0, 0, 1, 0]
    second = [1, 1, 1, 0, 0, 1, 0, 0, 0, 0]
    rows = list(zip(first, second, strict=True))
    assert alpha(rows)["value"] == pytest.approx(0.095, abs=0.001)
    names = {"a": dict(zip("abcdefghij", first, strict=True)), "b": dict(zip("abcdefghij", second, strict=True))}
    found = agreement(names)
    assert (found["items"], found["equal"]) == (10, 0.6)
    # (0.6 - 0.56)/(1 - 0.56)
    assert found["kappa"][0]["estimate"]["value"] == pytest.approx(0.0909, abs=0.001)
    assert found["kappa"][0]["annotators"] == ["a", "b"]


def test_agreement_has_gaps_and_limits() -> None:
    rng = np.random.default_rng(4)
    truth = rng.integers(0, 2, 200)
    rows = [[int(one), int(one)] if k % 3 else [int(one), 1 - int(one), int(one)] for k, one in enumerate(truth)]
    found = alpha(rows)
    assert found["low"] < found["value"] < found["high"]
    assert found == alpha(rows)
    assert alpha([[0, 0]] * 20)["reason"] == "every item has the same label"
    assert alpha([[0, 1]] * 5)["value"] is None
    assert kappa({"a": 1}, {"b": 1})["n"] == 0


def test_recall_without_a_missed_document_has_a_lower_limit() -> None:
    found = evaluate([Tally(GONE, 30, 40), Tally(LOW, 0, 60), Tally(HIGH, 0, 40)])
    assert found["recall"]["value"] == found["recall"]["high"] == 1
    assert 0.2 < found["recall"]["low"] < 0.9
    assert audit_estimates.METHOD.startswith("human labels")
