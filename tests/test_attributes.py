import json

import numpy as np
import pytest

from tamis.interventions.rules import parse_interventions
from tamis.interventions.testing import make_batch
from tamis.pipeline import attributes

CATEGORIES = ("hate", "violence")
SCORES = {"hate": [0.91, 0.05, np.nan], "violence": [0.2, 0.00001, np.nan]}
PLAN = {"drop-hate": [{"when": "hate >= 0.5", "do": "drop"}], "tag": [{"when": "violence >= 0.1", "do": "tag"}]}


def rows_of(published="drop-hate", **columns):
    batch = make_batch(["one text", "another", "drittes"], {"policy": SCORES}, target=0, **columns)
    interventions = parse_interventions(PLAN, {"policy": CATEGORIES})
    decisions = {name: item.decide(batch) for name, item in interventions.items()}
    conditions = {name: item.conditions for name, item in interventions.items()}
    encoded = attributes.rows(batch, [4, 5, 7], decisions, conditions, {"policy": "p@1"}, published)
    return [json.loads(line) for line in encoded]


def test_scores_are_spans_over_the_whole_text():
    row = rows_of()[1]
    assert (row["id"], row["row"]) == ("d1", 5)
    assert row["attributes"]["policy__hate"] == [[0, 7, 0.05]]
    assert row["attributes"]["policy__violence"] == [[0, 7, 0.00001]]
    assert "verdicts" not in row
    assert "removed" not in row


def test_a_verdict_carries_its_reason():
    row = rows_of()[0]
    assert row["removed"] is True
    assert row["verdicts"]["drop-hate"] == {
        "action": "drop",
        "rule": 0,
        "classifier": "policy",
        "category": "hate",
        "threshold": 0.5,
        "score": 0.91,
        "bundle": "p@1",
    }
    assert row["attributes"]["drop-hate__drop"] == [[0, 8, 1.0]]
    assert row["attributes"]["tag__tag"] == [[0, 8, 1.0]]


def test_flagged_passages_are_kept_from_the_floor_on():
    first, second, _ = rows_of()
    assert first["attributes"]["policy__hate__passages"] == [[0, 8, 0.91]]
    assert first["attributes"]["policy__violence__passages"] == [[0, 8, 0.2]]
    assert not any(key.endswith("__passages") for key in second["attributes"])


def test_an_unscored_document_has_a_reason_and_no_zeros():
    row = rows_of()[2]
    assert row["attributes"] == {}
    assert row["unscored"] == {"policy": "language"}


def test_a_category_without_a_score_is_left_out_and_the_others_stay():
    batch = make_batch(["one"], {"policy": {"hate": [np.nan], "violence": [0.25]}}, target=0)
    (line,) = attributes.rows(batch, [0], {}, {}, {}, None)
    assert json.loads(line)["attributes"] == {
        "policy__violence": [[0, 3, 0.25]],
        "policy__violence__passages": [[0, 3, 0.25]],
    }


@pytest.mark.parametrize("score", [0.0, 0.00001, 0.1, 0.12345, 0.99999, 1.0])
def test_scores_keep_every_decimal_that_was_decided_on(score):
    batch = make_batch(["one"], {"policy": {"hate": [score]}}, target=0)
    (line,) = attributes.rows(batch, [0], {}, {}, {}, None)
    assert json.loads(line)["attributes"]["policy__hate"] == [[0, 3, score]]


def test_nothing_is_removed_where_nothing_is_published():
    assert not any("removed" in row for row in rows_of(published=None))


@pytest.mark.parametrize("hostile", ['"},{"', "\x1b]8;;", "\u2028", "%s %d", "{0}", "ü" * 9])
def test_hostile_ids_stay_inside_their_string(hostile):
    assert rows_of(ids=[hostile, "b", "c"])[0]["id"] == hostile
