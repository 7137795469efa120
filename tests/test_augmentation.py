from __future__ import annotations

import random

import pytest

from tamis.classifiers.augmentation import DISGUISES, disguise, embed
from tamis.classifiers.training_data import normalised

TEXT = "nobody should ever believe those terrible people"


@pytest.mark.parametrize("name", DISGUISES)
def test_a_disguise_changes_words_and_keeps_their_number(name):
    found = disguise(TEXT, random.Random(3), name, 1.0)
    assert found != TEXT
    if name != "spaced":
        assert len(found.split(" ")) == len(TEXT.split(" "))


@pytest.mark.parametrize("name", ["alike", "hidden", "upper"])
def test_the_normaliser_undoes_it(name):
    assert normalised([disguise(TEXT, random.Random(3), name, 1.0)], "web-1") == normalised([TEXT], "web-1")


def test_short_words_and_numbers_stay():
    assert disguise("a 1234 be", random.Random(1), share=1.0) == "a 1234 be"


def test_embedding_keeps_the_text_and_the_length():
    background = ["The harbour was quiet. The boats lay still, and the gulls slept on the wall. Nobody came."] * 3
    for seed in range(20):
        found = embed(TEXT, background, random.Random(seed), 200)
        assert TEXT in found
        assert len(found) <= 202
