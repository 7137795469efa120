from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tamis.classifiers.base import Unscored
from tamis.classifiers.errors import UsageError
from tamis.classifiers.passages import Passages, split
from tamis.classifiers.scorer import AGGREGATES, Scorer

NAN = float("nan")


class Table:
    """Scores a passage by the number that it is: the first column as it is, the second its half."""

    categories = ("hate", "sexual")
    languages = ("en", "de")
    normaliser = "none"

    def __init__(self):
        self.seen = []

    def score(self, passages):
        self.seen.append(list(passages))
        values = [float(text) if text.strip() else 0.9 for text in passages]
        return np.array([[value, value / 2] for value in values], np.float32).reshape(-1, 2)


def passages_of(documents):
    """One passage for each number of each document."""
    texts = ["".join(f"{number:<8}" for number in numbers) for numbers in documents]
    flat = Passages.of([f"{number:<8}" for numbers in documents for number in numbers])
    document = np.cumsum([0, *map(len, documents)])
    start = np.concatenate([8 * np.arange(len(numbers)) for numbers in documents] or [[]]).astype(np.int64)
    words = np.array([len(text.split()) for text in texts], np.int64)
    return Passages(texts, document, start, start + 8, words, flat.data, flat.bounds)


DOCUMENTS = [["0.25"], ["0.5", "0.75", "0.1"], [], [" "], ["nan"], ["nan", "0.5"], ["0.9", "0.8", "0.1", "0.7"]]


@pytest.mark.parametrize(
    ("aggregate", "expected"),
    [("max", [0.25, 0.75, NAN, NAN, NAN, 0.5, 0.9]), ("topk_mean", [0.25, 0.45, NAN, NAN, NAN, 0.5, 0.8])],
)
def test_aggregates(aggregate, expected):
    result = Scorer(Table(), aggregate).score(passages_of(DOCUMENTS), ["en"] * 7)
    assert result.document[:, 0].tolist() == pytest.approx(expected, nan_ok=True)
    assert result.document[:, 1].tolist() == pytest.approx([x / 2 for x in expected], nan_ok=True)
    assert result.unscored.tolist() == [0, 0, Unscored.EMPTY, Unscored.EMPTY, Unscored.FAILED, 0, 0]
    assert result.categories == ("hate", "sexual")
    assert (result.document.dtype, result.passage.dtype, result.unscored.dtype) == (np.float32, np.float32, np.uint8)


def test_a_document_in_another_language_is_not_scored():
    table = Table()
    result = Scorer(table).score(passages_of([["0.1", "0.2"], ["0.3"], ["0.4"], [" "]]), ["fr", "en", "und", "fr"])
    assert result.unscored.tolist() == [Unscored.LANGUAGE, 0, 0, Unscored.EMPTY]
    assert result.document[:, 0].tolist() == pytest.approx([NAN, 0.3, 0.4, NAN], nan_ok=True)
    assert result.passage[:, 0].tolist() == pytest.approx([NAN, NAN, 0.3, 0.4, NAN], nan_ok=True)
    assert [text.strip() for text in table.seen[0]] == ["0.3", "0.4"]


def test_a_classifier_without_languages_scores_all():
    table = Table()
    table.languages = ()
    assert Scorer(table).score(passages_of([["0.1"], ["0.2"]]), ["fr", "xx"]).unscored.tolist() == [0, 0]


@pytest.mark.parametrize("texts", [[], [""], ["", "  "]])
def test_nothing_to_score(texts):
    result = Scorer(Table()).score(split(texts), ["und"] * len(texts))
    assert result.document.shape == (len(texts), 2)
    assert result.unscored.tolist() == [Unscored.EMPTY] * len(texts)
    assert np.isnan(result.passage).all()


def test_an_unknown_aggregate():
    with pytest.raises(UsageError, match="max, topk_mean"):
        Scorer(Table(), "mean")


SCORES = st.lists(st.lists(st.floats(0, 1, width=32) | st.just(NAN), max_size=6), max_size=6)


@given(SCORES, st.sampled_from(sorted(AGGREGATES)))
def test_aggregates_are_those_of_each_document_alone(documents, aggregate):
    document = np.cumsum([0, *map(len, documents)])
    scores = np.array([[score] for numbers in documents for score in numbers], np.float32).reshape(-1, 1)
    found = AGGREGATES[aggregate](scores, document)[:, 0]
    for numbers, value in zip(documents, found, strict=True):
        known = sorted((x for x in numbers if x == x), reverse=True)[: 1 if aggregate == "max" else 3]
        assert value == pytest.approx(sum(known) / len(known) if known else NAN, nan_ok=True, abs=1e-6)
