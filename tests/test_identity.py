from __future__ import annotations

import random

import pytest

from tamis.classifiers.identity import AMBIGUOUS, TERMS, mentioned, single_words, swap


def test_every_characteristic_has_several_terms():
    assert len(TERMS) >= 40
    assert {"orientation", "race", "religion", "disability", "age", "sex"} <= {t.characteristic for t in TERMS}


@pytest.mark.parametrize(
    ("text", "terms"),
    [("Two Jewish people and a muslim", {"jewish people", "muslim"}), ("muslims", {"muslims"}), ("a gayer day", set())],
)
def test_mentions(text, terms):
    assert mentioned(text) == terms


def test_swap_keeps_the_sentence_and_names_somebody_else_the_same_way_each_time():
    drawn = {swap("muslims are here, and muslims stay", random.Random(i)) for i in range(40)}
    assert len(drawn) > 10
    for text in drawn:
        name = text.split(" are here")[0]
        assert text == f"{name} are here, and {name} stay"


@pytest.mark.parametrize("text", ["a black car and an old coat", "straight ahead", "nothing at all"])
def test_ambiguous_words_are_swapped_before_people_only(text):
    assert swap(text, random.Random(1)) == text
    assert any(swap("the black people", random.Random(i)) != "the black people" for i in range(5))


def test_single_words_are_lower_case_and_apart():
    one, several = single_words()
    assert {"gay", "muslim", "african"} <= one
    assert "muslims" in several
    assert not one & several
    assert all(w == w.lower() for w in one | several | AMBIGUOUS)
