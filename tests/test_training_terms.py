"""Candidate terms: the same n-grams and texts as counting them one by one."""

from __future__ import annotations

from collections import defaultdict

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tamis.classifiers.training_terms import candidates

TEXTS = st.lists(st.lists(st.sampled_from(["a", "b", "it's", "7", "."]), max_size=7).map(" ".join), max_size=8)


def _by_hand(texts, longest, fewest):
    found = defaultdict(set)
    for row, text in enumerate(texts):
        words = text.split()
        for size in range(1, longest + 1):
            for at in range(len(words) - size + 1):
                if not {"7", "."} & set(words[at : at + size]):
                    found[" ".join(words[at : at + size])].add(row)
    return {term: rows for term, rows in found.items() if len(rows) >= fewest}


@settings(max_examples=200, deadline=None)
@given(TEXTS, st.integers(1, 4), st.integers(1, 3))
def test_terms_and_texts_are_those_of_counting(texts, longest, fewest):
    made = candidates(texts, longest, fewest)
    found = {term: set(made.presence[i].indices.tolist()) for i, term in enumerate(made.terms)}
    assert found == _by_hand(texts, longest, fewest)
    assert made.presence.shape == (len(made.terms), len(texts))
    assert set(np.unique(made.presence.data)) <= {1.0}


@pytest.mark.parametrize(
    ("word", "usable"),
    [
        ("don't", True),
        ("f**k", True),
        ("naïve", True),
        ("<url>", False),
        ("covid19", False),
        ("--", False),
        ("'s", False),
    ],
)
def test_terms_are_made_of_words(word, usable):
    assert candidates([word], 1, 1).terms == ([word] if usable else [])
