"""Interventions: which rule decides, why, and what it does to documents and passages."""

from __future__ import annotations

import math
import time
from typing import Any

import numpy as np
import pytest

from tamis.classifiers.errors import UsageError
from tamis.interventions.batch import Batch
from tamis.interventions.rewriting import redacted_spans
from tamis.interventions.rules import Intervention, parse_interventions
from tamis.interventions.testing import make_batch, random_batch, take
from tamis.interventions.verdict import Action

NAN = math.nan
CLASSIFIERS = {"policy": ("hate", "sexual")}
Rules = list[dict[str, Any]]


def one(*rules: dict[str, Any], **more: Any) -> Intervention:
    return parse_interventions({"i": list(rules)}, CLASSIFIERS, **more)["i"]


def _batch(hate: list[float], sexual: list[float] | None = None, **columns: Any) -> Batch:
    scores = {"policy": {"hate": hate, "sexual": sexual or [0.0] * len(hate)}}
    return make_batch([f"text {i}" for i in range(len(hate))], scores, **columns)


def test_the_strongest_action_decides_and_the_first_rule_among_equals() -> None:
    intervention = one(
        {"when": "hate >= 0.5", "do": "tag"},
        {"when": "hate >= 0.9", "do": "drop"},
        {"when": "sexual >= 0.5", "do": "drop", "name": "second drop"},
    )
    decided = intervention.decide(_batch([0.1, 0.6, 0.95, 0.95, NAN], [0.0, 0.0, 0.0, 0.7, 0.0]))
    assert decided.action.tolist() == [0, Action.TAG, Action.DROP, Action.DROP, 0]
    assert decided.rule.tolist() == [-1, 0, 1, 1, -1]
    assert decided.removed.tolist() == [False, False, True, True, False]
    assert decided.fired.tolist()[3] == [True, True, True]
    assert not decided.rewritten.any()
    assert intervention.labels == ("tag: hate >= 0.5", "drop: hate >= 0.9", "second drop")
    assert intervention.conditions == (("policy", "hate", 0.5), ("policy", "hate", 0.9), ("policy", "sexual", 0.5))


def test_the_comparison_with_the_largest_margin_decides() -> None:
    intervention = one({"when": "hate >= 0.5 or sexual >= 0.9", "do": "drop"})
    decided = intervention.decide(_batch([0.6, 0.95, 0.2, 0.5], [0.95, 0.99, 0.95, 0.5]))
    assert decided.condition.tolist() == [0, 0, 1, 0]
    assert decided.score.tolist() == pytest.approx([0.6, 0.95, 0.95, 0.5])
    assert decided.met.tolist() == [[True, True], [True, True], [False, True], [True, False]]


def test_below_a_threshold_the_margin_is_the_distance_under_it() -> None:
    decided = one({"when": "hate < 0.5 and sexual < 0.9", "do": "tag"}).decide(_batch([0.4], [0.1]))
    assert decided.condition.tolist() == [1]


def test_a_rule_without_a_score_decides_without_a_condition() -> None:
    decided = one({"when": "source == 'forum'", "do": "drop"}).decide(_batch([0.99]))
    assert decided.removed.tolist() == [True]
    assert decided.condition.tolist() == [-1]
    assert np.isnan(decided.score).all()
    assert decided.met.shape == (1, 0)


def test_met_holds_the_reasons_of_the_deciding_action_only() -> None:
    intervention = one({"when": "hate >= 0.5", "do": "drop"}, {"when": "sexual >= 0.5", "do": "tag"})
    decided = intervention.decide(_batch([0.9, 0.1], [0.9, 0.9]))
    assert decided.met.tolist() == [[True, False], [False, True]]


def test_operating_points_are_in_the_conditions() -> None:
    asked = []

    def lookup(classifier: str, category: str, kind: str, level: float) -> float:
        asked.append((classifier, category, kind, level))
        return 0.77

    intervention = parse_interventions({"i": [{"when": "hate >= precision(0.95)", "do": "drop"}]}, CLASSIFIERS, lookup)
    assert intervention["i"].conditions == (("policy", "hate", 0.77),)
    assert asked == [("policy", "hate", "precision", 0.95)]


@pytest.mark.parametrize(
    ("rules", "words"),
    [
        ([], ["interventions: i: no rule"]),
        ([3], ["rule 1", "{when: …, do: …}"]),
        ([{"when": "hate >= 0.5"}], ["rule 1", "`do` is missing"]),
        ([{"wen": "hate >= 0.5", "do": "drop"}], ["`when` is missing", "did you mean `wen`"]),
        ([{"when": "hate >= 0.5", "do": "dorp"}], ["`do: dorp`", "did you mean `drop`"]),
        ([{"when": "hate >= 0.5", "do": "drop", "keep": 0.1}], ["`keep` is not a key", "`do: drop`"]),
        ([{"when": "hate >= 0.5", "do": "downsample", "kep": 0.1}], ["`kep`", "did you mean `keep`"]),
        ([{"when": "hate >= 0.5", "do": "downsample"}], ["needs `keep`", "from 0 to 1"]),
        ([{"when": "hate >= 0.5", "do": "downsample", "keep": 2}], ["`keep: 2`"]),
        ([{"when": "hate >= 0.5", "do": "downsample", "keep": True}], ["`keep: True`"]),
        ([{"when": "hate >= 0.5", "do": "control_token", "per": "line"}], ["`per: 'line'`", "`passage`"]),
        ([{"when": True, "do": "drop"}], ["`when: True`", "a text"]),
        ([{"when": "hate >= 0.5", "do": "drop", "name": 3}], ["`name: 3`"]),
        ([{"when": "hate >= 0.5", "do": "drop"}] * 2, ["rule 2", "twice"]),
        ([{"when": "source == 'x'", "do": "redact"}], ["needs a score", "which passages"]),
        ([{"when": "hate < 0.5", "do": "redact"}], ["needs a score"]),
        ([{"when": "random", "do": "drop"}], ["`match: INTERVENTION`"]),
        ([{"when": "random", "do": "tag", "match": "x"}], ["needs `do: drop`"]),
        ([{"when": "hate >= 0.5", "do": "drop", "match": "x"}], ["`match` goes with"]),
        ([{"when": "random", "do": "drop", "match": "i"}], ["`match: i` is not another"]),
        ([{"when": "hat >= 0.5", "do": "drop"}], ["interventions: i: rule 1: when:", "column 1", "`hate`"]),
        (
            [
                {"when": "hate >= 0.5", "do": "control_token"},
                {"when": "hate >= 0.9", "do": "control_token", "bad": "<|worse|>"},
            ],
            ["differ in `bad`"],
        ),
    ],
)
def test_errors_name_the_intervention_the_rule_and_the_way_out(rules: Rules, words: list[str]) -> None:
    with pytest.raises(UsageError) as error:
        parse_interventions({"i": rules}, CLASSIFIERS)
    for word in words:
        assert word in str(error.value)


def test_match_names_the_nearest_intervention() -> None:
    rules = {
        "drop-severe": [{"when": "hate >= 0.5", "do": "drop"}],
        "control": [{"when": "random", "do": "drop", "match": "drop-sever"}],
    }
    with pytest.raises(UsageError, match="did you mean `drop-severe`"):
        parse_interventions(rules, CLASSIFIERS)


def test_the_random_control_draws_the_words_of_what_it_matches() -> None:
    rules = {
        "severe": [{"when": "hate >= 0.5", "do": "drop"}],
        "control": [{"when": "random", "do": "drop", "match": "severe"}],
    }
    found = parse_interventions(rules, {"policy": ("sexual", "hate", "harassment")})
    batch = random_batch(20_000, 4)
    severe = found["severe"].decide(batch)
    assert found["control"].matches == ("severe",)
    with pytest.raises(ValueError, match="calibrated"):
        found["control"].decide(batch)
    rate = batch.words[severe.removed].sum() / batch.words.sum()
    control = found["control"].calibrated({"severe": rate}).decide(batch)
    assert batch.words[control.removed].sum() == pytest.approx(batch.words[severe.removed].sum(), rel=0.1)
    hit = batch.scores["policy"].document[:, 1] >= 0.5
    assert (control.removed & hit).mean() == pytest.approx(control.removed.mean() * hit.mean(), rel=0.3)
    assert control.met.shape == (20_000, 0)


def test_downsampling_is_nested_and_of_its_rate() -> None:
    batch = random_batch(5_000, 5)
    half, tenth = (
        parse_interventions(
            {"i": [{"when": "words >= 0", "do": "downsample", "keep": keep}]},
            {"policy": batch.scores["policy"].categories},
        )["i"].decide(batch)
        for keep in (0.5, 0.1)
    )
    assert half.removed.mean() == pytest.approx(0.5, abs=0.03)
    assert tenth.removed.mean() == pytest.approx(0.9, abs=0.03)
    assert not (half.removed & ~tenth.removed).any()
    assert (half.action == Action.DOWNSAMPLE).all()


#: Three passages of 8 characters or more: quiet, loud, quiet.
TEXT = "calm words here.\n\nloud words here.\n\ncalm again, at the end."


def _passages(hate: list[float], sexual: list[float] | None = None) -> Batch:
    scores = {"policy": {"hate": hate, "sexual": sexual or [0.0] * len(hate)}}
    batch = make_batch([TEXT, TEXT], scores, target=18)
    assert len(batch.passages) == len(hate) == 6
    return batch


def test_redaction_takes_out_what_is_flagged_and_nothing_else() -> None:
    intervention = one({"when": "passage.hate >= 0.8", "do": "redact"})
    batch = _passages([0.1, 0.9, 0.2, 0.1, 0.1, 0.1])
    decided = intervention.decide(batch)
    assert decided.action.tolist() == [Action.REDACT, Action.KEEP]
    assert decided.passages.tolist() == [0, Action.REDACT, 0, 0, 0, 0]
    assert decided.rewritten.tolist() == [True, False]
    assert list(intervention.rewrites(batch, decided)) == [(0, "calm words here.\n\ncalm again, at the end.")]
    assert list(redacted_spans(batch, decided)) == [(0, [(18, 36)])]


def test_redaction_replaces_a_stretch_once() -> None:
    intervention = one({"when": "hate >= 0.8", "do": "redact", "replace": "[…]\n\n"})
    batch = _passages([0.9, 0.9, 0.2, 0.9, 0.9, 0.9])
    decided = intervention.decide(batch)
    assert dict(intervention.rewrites(batch, decided)) == {0: "[…]\n\ncalm again, at the end.", 1: "[…]\n\n"}
    assert dict(redacted_spans(batch, decided)) == {0: [(0, 36)], 1: [(0, len(TEXT))]}


def test_a_document_of_which_nothing_is_left_is_removed() -> None:
    batch = _passages([0.9, 0.9, 0.9, 0.1, 0.1, 0.1])
    decided = one({"when": "hate >= 0.8", "do": "redact"}).decide(batch)
    assert decided.removed.tolist() == [True, False]
    assert not decided.rewritten.any()


def test_passages_of_every_redact_rule_that_fired_go() -> None:
    intervention = one({"when": "hate >= 0.8", "do": "redact"}, {"when": "sexual >= 0.8", "do": "redact"})
    batch = _passages([0.9, 0.1, 0.1, 0.1, 0.1, 0.1], [0.1, 0.9, 0.1, 0.1, 0.1, 0.1])
    decided = intervention.decide(batch)
    assert dict(intervention.rewrites(batch, decided)) == {0: "calm again, at the end."}


def test_a_dropped_document_is_not_rewritten() -> None:
    intervention = one({"when": "hate >= 0.8", "do": "redact"}, {"when": "sexual >= 0.8", "do": "drop"})
    decided = intervention.decide(_passages([0.9] + [0.1] * 5, [0.9] + [0.1] * 5))
    assert decided.removed.tolist() == [True, False]
    assert not decided.rewritten.any()


def test_where_only_the_aggregate_passes_the_highest_passage_goes() -> None:
    batch = _passages([0.2, 0.6, 0.5, 0.1, 0.1, 0.1])
    batch.scores["policy"].document[0, 0] = 0.9
    decided = one({"when": "hate >= 0.8", "do": "redact"}).decide(batch)
    assert decided.passages.tolist() == [0, Action.REDACT, 0, 0, 0, 0]


def test_share_of_any_category_flags_the_passages_of_each() -> None:
    batch = _passages([0.9, 0.1, 0.1, 0.1, 0.1, 0.1], [0.1, 0.1, 0.9, 0.1, 0.1, 0.1])
    decided = one({"when": "share.any >= 0.5", "do": "redact"}).decide(batch)
    assert decided.passages.tolist() == [Action.REDACT, 0, Action.REDACT, 0, 0, 0]


def test_control_tokens_mark_the_bad_the_good_and_not_the_unknown() -> None:
    intervention = one({"when": "hate >= 0.5", "do": "control_token"})
    batch = _batch([0.9, 0.1, NAN])
    decided = intervention.decide(batch)
    assert decided.rewritten.tolist() == [True, True, False]
    assert dict(intervention.rewrites(batch, decided)) == {0: "<|bad|>text 0", 1: "<|good|>text 1"}


def test_control_tokens_per_passage_and_after_redaction() -> None:
    intervention = one(
        {"when": "hate >= 0.5", "do": "control_token", "per": "passage", "bad": "-", "good": "+"},
        {"when": "hate >= 0.9", "do": "redact"},
    )
    batch = _passages([0.95, 0.6, 0.1, 0.1, 0.1, 0.1])
    decided = intervention.decide(batch)
    assert decided.passages.tolist() == [Action.REDACT, Action.CONTROL_TOKEN, 0, 0, 0, 0]
    texts = dict(intervention.rewrites(batch, decided))
    assert texts[0] == "-loud words here.\n\n+calm again, at the end."
    assert texts[1] == "+calm words here.\n\n+loud words here.\n\n+calm again, at the end."


def test_a_token_is_not_put_on_a_redacted_document_whose_condition_is_unknown() -> None:
    rules = [
        {"when": "a.hate >= 0.5", "do": "control_token"},
        {"when": "b.hate >= 0.5", "do": "redact", "replace": "x"},
    ]
    intervention = parse_interventions({"i": rules}, {"a": ("hate",), "b": ("hate",)})["i"]
    batch = make_batch(["bad"], {"a": {"hate": [NAN]}, "b": {"hate": [0.9]}})
    assert list(intervention.rewrites(batch, intervention.decide(batch))) == [(0, "x")]


MIXED: Rules = [
    {"when": "hate >= 0.9 or sexual >= 0.9", "do": "drop"},
    {"when": "harassment >= 0.5", "do": "tag"},
    {"when": "any >= 0.8 and words > 20", "do": "downsample", "keep": 0.3},
    {"when": "passage.sexual >= 0.6", "do": "redact"},
    {"when": "any >= 0.5", "do": "control_token"},
]


def test_a_decision_depends_on_the_document_alone() -> None:
    batch = random_batch(300, 6)
    intervention = parse_interventions({"i": MIXED}, {"policy": batch.scores["policy"].categories})["i"]
    whole = intervention.decide(batch)
    texts = dict(intervention.rewrites(batch, whole))
    rows = list(range(299, -1, -3))
    part = take(batch, rows)
    decided = intervention.decide(part)
    for name in ("action", "rule", "condition", "removed", "rewritten"):
        assert np.array_equal(getattr(decided, name), getattr(whole, name)[rows]), name
    assert np.array_equal(decided.score, whole.score[rows], equal_nan=True)
    assert {rows[i]: text for i, text in intervention.rewrites(part, decided)} == {
        i: text for i, text in texts.items() if i in rows
    }


def test_deciding_on_an_empty_batch_works() -> None:
    batch = take(random_batch(5, 1), [])
    intervention = parse_interventions({"i": MIXED}, {"policy": batch.scores["policy"].categories})["i"]
    assert len(intervention.decide(batch).action) == 0


def test_a_thousand_documents_take_about_a_millisecond() -> None:
    batch = random_batch(1000, 7)
    intervention = parse_interventions({"i": MIXED}, {"policy": batch.scores["policy"].categories})["i"]
    times = []
    for _ in range(20):
        start = time.process_time()
        intervention.decide(batch)
        times.append(time.process_time() - start)
    assert min(times) < 0.01  # ten times the goal: a guard against loops over documents, not a benchmark


def test_a_share_is_named_as_one_in_the_conditions() -> None:
    intervention = one({"when": "share.hate >= 0.2 or passage.sexual >= 0.9", "do": "tag"})
    assert intervention.conditions == (("policy", "share.hate", 0.2), ("policy", "sexual", 0.9))
    assert intervention.actions == ("tag",)
