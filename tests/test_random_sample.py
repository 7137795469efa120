"""The measures of a drawn sample: weights, unknown labels, and false flags at a word list's recall."""

from __future__ import annotations

import csv
import sys
from pathlib import Path

import numpy as np
import pytest

SCRIPTS = Path(__file__).parents[1] / "scripts"
if str(SCRIPTS) not in sys.path:
    sys.path.append(str(SCRIPTS))

from bundles import labels, random_sample  # noqa: E402

from tamis.classifiers.card_comparisons import random_sample as section  # noqa: E402

FOLDER = Path(__file__).parents[1] / "classifiers" / "labels" / "random"


def _drawn(violates, weight, score, listed):
    return random_sample._Drawn(np.array(violates, bool), np.array(weight, float), np.array(score, float),
                                np.array(listed, bool))  # fmt: skip


@pytest.fixture
def drawn():
    """Two of three violations listed; a listed benign passage stands for 8, an unlisted one for 90."""
    return _drawn([1, 1, 1, 0, 0, 0], [1, 1, 2, 8, 90, 2], [0.9, 0.4, 0.6, 0.1, 0.2, 0.7], [1, 1, 0, 1, 0, 0])


def test_false_flags_are_compared_where_the_bundle_finds_as_much_as_the_list(drawn):
    # The list finds a weight of 2 of 4. The bundle's first two violations, 0.9 and 0.6, weigh 3: its threshold is 0.6.
    assert random_sample._false_flags(drawn) == (pytest.approx(8e4), pytest.approx(2e4))


def test_shares_are_those_of_what_passages_stand_for(drawn):
    found = random_sample._category(drawn, {"default": 0.5})
    assert found["positives"] == 3
    assert found["per_million"][0] == round(4e6 / 104)
    point = found["points"]["default"]
    assert point["flagged"] == 3
    assert point["precision"][0] == pytest.approx(0.6)
    assert point["recall"][0] == pytest.approx(0.75)
    assert point["recall"][1] <= 0.75 <= point["recall"][2]


def test_what_cannot_be_divided_is_not_measured():
    drawn = _drawn([0, 0], [1, 1], [0.1, 0.2], [0, 0])
    point = random_sample._category(drawn, {"default": 0.5})["points"]["default"]
    assert point["precision"] is None
    assert point["recall"] is None
    assert point["flagged_per_million"] == [0, 0, 0]


def test_any_is_unknown_unless_one_category_is_found_or_all_are_not():
    found = random_sample._any(np.array([[1, np.nan], [0, np.nan], [0, 0], [np.nan, np.nan], [1, 0]]))
    np.testing.assert_array_equal(found, [1, np.nan, 0, np.nan, 1])


def test_an_unknown_label_leaves_a_passage_out():
    known = random_sample._known(np.array([1, np.nan, 0]), np.array([1.0, 2.0, 3.0]), np.zeros(3), np.zeros(3, bool))
    assert list(known.weight) == [1, 3]
    assert list(known.violates) == [True, False]


def test_the_sample_is_well_formed_and_of_held_out_documents():
    with (FOLDER / "read_en.csv").open(encoding="utf-8", newline="") as handle:
        rows = list(csv.DictReader(handle))
    assert len(rows) > 10_000
    for row in rows:
        assert set(row) == {"corpus", "id", "start", "end", "sha256_12", "codes", "labeller", "weight"}
        key = row["id"].rsplit("-", 1)[0] if row["corpus"] == "novels" else row["id"]
        assert labels.tenth(key) >= 7
        assert 1 <= float(row["weight"]) < 100
        assert row["codes"] == "-" or labels.codes(row["codes"])
    assert len(labels.weights(FOLDER)) > 10_000


def test_the_card_says_what_was_measured_and_nothing_where_it_was_not(drawn):
    assert section(None) == []
    found = {
        "passages": 6, "stand_for": 104,
        "categories": {"hate": random_sample._category(drawn, {"default": 0.5})},
        "word_list": {"any": random_sample._against_list(drawn)},
    }  # fmt: skip
    text = "\n".join(section(found))
    assert "drawn to stand for 104" in text
    assert "| hate | 3, 38462" in text
    assert "| any | 2 of 3" in text
    assert "80000" in text
