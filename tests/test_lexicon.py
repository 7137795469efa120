from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tamis.classifiers.errors import BundleError
from tamis.classifiers.lexicon import Lexicon, load
from tamis.classifiers.passages import Passages

TERMS = {
    "hate": {"grumpy": 0.5, "very grumpy": 0.9, "one two three four five": 0.25},
    "harassment": {"grumpy": 0.125, "silly goose": 1.0, "Silly  GOOSE": 0.5},
}


def score(text, terms=TERMS, normaliser="web-1"):
    return tuple(Lexicon(terms, normaliser).score(Passages.of([text]))[0].tolist())


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", (0, 0)),
        ("a calm text", (0, 0)),
        ("a Grumpy text", (0.5, 0.125)),
        ("very grumpy", (0.9, 0.125)),
        ("very, grumpy", (0.5, 0.125)),
        ("grumpyness ungrumpy", (0, 0)),
        ("g.r.u.m.p.y and gr1mpy grum\u200bpy", (0.5, 0.125)),
        ("a silly goose and a grumpy one", (0.5, 1)),
        ("zero one two three four five six", (0.25, 0)),
        ("one two three four", (0, 0)),
    ],
)
def test_the_severest_term_decides(text, expected):
    assert score(text) == pytest.approx(expected)


def test_without_normalisation_only_the_same_spelling_is_found():
    assert score("grumpy", normaliser="none") == pytest.approx((0.5, 0.125))
    assert score("Grumpy grumpy,", normaliser="none") == (0, 0)


WORDS = st.lists(st.sampled_from(["a", "b", "ab", "ba"]), min_size=1, max_size=8)


@settings(max_examples=200, deadline=None)
@given(st.dictionaries(WORDS.map(lambda w: " ".join(w[:5])), st.sampled_from([0.25, 0.5, 1.0]), max_size=12), WORDS)
def test_terms_are_found_exactly_where_their_tokens_are(terms, words):
    text = f" {' '.join(words)} "
    expected = max([severity for term, severity in terms.items() if f" {term} " in text], default=0)
    assert score(text, {"hate": terms}, "none") == (expected,)


def test_many_terms():
    terms = {f"term{i} x": 0.5 for i in range(20_000)}
    lexicon = Lexicon({"hate": terms}, "web-1")
    scores = lexicon.score(Passages.of([*terms, "term x", "term20000 x"]))
    assert scores[:, 0].tolist() == [0.5] * 20_000 + [0, 0]
    assert scores.dtype == np.float32


@pytest.mark.parametrize(
    "content",
    [
        {"format": 2, "terms": {}},
        {"format": 1},
        {"format": 1, "terms": {}, "more": 1},
        {"format": 1, "terms": {"hate": ["grumpy"]}},
        {"format": 1, "terms": {"hate": {"": 0.5}}},
        {"format": 1, "terms": {"hate": {"one two three four five six": 0.5}}},
        {"format": 1, "terms": {"hate": {"grumpy": 0}}},
        {"format": 1, "terms": {"hate": {"grumpy": 1.5}}},
        {"format": 1, "terms": {"hate": {"grumpy": "high"}}},
    ],
)
def test_wrong_word_lists(tmp_path, content):
    (tmp_path / "terms.json").write_text(json.dumps(content))
    with pytest.raises(BundleError) as caught:
        load(tmp_path, {"file": "terms.json", "normaliser": "web-1"})
    assert "grumpy" not in str(caught.value)


@pytest.mark.parametrize(
    "parameters", [{}, {"file": "../x"}, {"file": "none.json"}, {"file": "terms.json", "colour": 1}]
)
def test_wrong_parameters(tmp_path, parameters):
    (tmp_path / "terms.json").write_text(json.dumps({"format": 1, "terms": TERMS}))
    assert load(tmp_path, {"file": "terms.json"}).categories == ("hate", "harassment")
    with pytest.raises(BundleError):
        load(tmp_path, parameters)
