"""Trained word lists: which terms are chosen, with what severity, and what is refused."""

from __future__ import annotations

import json
import math
import re
from pathlib import Path

import numpy as np
import pytest

from tamis.classifiers import card, lexicon
from tamis.classifiers.errors import UsageError
from tamis.classifiers.passages import Passages
from tamis.classifiers.training import train
from tamis.classifiers.training_data import Fitting
from tamis.classifiers.training_lexicon import PRIOR, evidence, fit
from tests.test_training import _config, _rows

CATEGORIES = ("hate", "violence")


def _texts(rows, seed=1, marker="grum", share=0.4, leak=0.0):
    """Texts of 8 common words; a share of them has the marker, and so has a share `leak` of the others."""
    rng = np.random.default_rng(seed)
    common = [f"common{letter}" for letter in "abcdefghijklmnopqrst"]
    marked = rng.random(rows) < share
    told = marked | (rng.random(rows) < leak)
    texts = [" ".join([*rng.choice(common, 8), *([marker] if held else [])]) for held in told]
    return texts, marked.astype(np.float32)


def _fit(folder, texts, labels, categories=("hate",), copies=None, normaliser="web-1", **parameters):
    folder.mkdir(exist_ok=True)
    labels = labels.reshape(len(texts), -1)
    copies = np.ones(labels.shape, np.int64) if copies is None else copies
    made = fit(Fitting(texts, labels, copies, normaliser), folder, categories, parameters, 3, lambda _: None)
    return made, json.loads((folder / "terms.json").read_text())["terms"]


def test_what_marks_a_category_is_listed_and_nothing_else(tmp_path):
    texts, labels = _texts(400)
    made, terms = _fit(tmp_path, texts, labels)
    assert terms == {"hate": {"grum": 0.99}}
    assert made == {"file": "terms.json", "terms": {"hate": 1}}
    model = lexicon.load(tmp_path, {**made, "normaliser": "web-1"})
    assert model.score(Passages.of(["so G.R.U.M !", "calm"]))[:, 0] == pytest.approx([0.99, 0])


def test_severity_is_the_share_of_rows_with_the_term_that_are_positive(tmp_path):
    texts, labels = _texts(4000, leak=0.5)
    with_term = np.array([text.endswith("grum") for text in texts])
    expected = labels[with_term].mean()
    _, terms = _fit(tmp_path, texts, labels, shrink=0.0)
    assert terms["hate"]["grum"] == pytest.approx(expected, abs=0.0051)
    copies = np.where(labels[:, None] == 1, 3, 1)
    weighed = 3 * labels[with_term].sum() / (3 * labels[with_term].sum() + (1 - labels[with_term]).sum())
    _, terms = _fit(tmp_path, texts, labels, copies=copies, shrink=0.0)
    assert terms["hate"]["grum"] == pytest.approx(weighed, abs=0.0051)


def test_few_rows_draw_a_severity_to_the_share_of_all_rows(tmp_path):
    texts, labels = _texts(400, share=0.04)
    count = labels.sum()
    _, terms = _fit(tmp_path, texts, labels, shrink=8.0, penalty=1.0)
    assert terms["hate"]["grum"] == pytest.approx((count + 8 * labels.mean()) / (count + 8), abs=0.0051)


def test_unknown_labels_are_masked(tmp_path):
    texts, hate = _texts(600, 1)
    others, violence = _texts(600, 2, "snarl")
    labels = np.full((1200, 2), np.nan, np.float32)
    labels[:600, 0], labels[600:, 1] = hate, violence
    _, terms = _fit(tmp_path, texts + others, labels, CATEGORIES)
    assert {category: list(found) for category, found in terms.items()} == {"hate": ["grum"], "violence": ["snarl"]}


def test_a_phrase_stands_where_its_words_alone_mark_nothing(tmp_path):
    texts, labels = _texts(600, marker="grim tidings")
    calm = [f"{text} grim" for text in _texts(300, 5, share=0.0)[0]] + [
        f"tidings {text}" for text in _texts(300, 6, share=0.0)[0]
    ]
    texts, labels = texts + calm, np.concatenate([labels, np.zeros(600, np.float32)])
    assert list(_fit(tmp_path / "a", texts, labels, min_precision=0.6)[1]["hate"]) == ["grim tidings"]
    with pytest.raises(UsageError, match="no term reaches the bars"):
        _fit(tmp_path / "b", texts, labels, min_precision=0.6, longest=1)


def test_what_a_shorter_term_accounts_for_is_not_listed_again(tmp_path):
    texts, labels = _texts(600)
    texts = [text.replace("grum", "a grum day") if i % 2 else text for i, text in enumerate(texts)]
    assert list(_fit(tmp_path, texts, labels)[1]["hate"]) == ["grum"]


def test_the_severest_terms_come_first_and_the_number_is_limited(tmp_path):
    parts = [_texts(800, seed, marker, leak=leak) for seed, (marker, leak) in enumerate(
        [("worst", 0.0), ("worse", 0.2), ("bad", 0.5)]
    )]  # fmt: skip
    texts, labels = [t for part, _ in parts for t in part], np.concatenate([part for _, part in parts])
    _, terms = _fit(tmp_path / "a", texts, labels)
    assert list(terms["hate"]) == ["worst", "worse", "bad"]
    assert list(_fit(tmp_path / "b", texts, labels, most=2)[1]["hate"]) == ["worst", "worse"]


def test_identity_terms_and_minors_are_no_terms(tmp_path):
    texts, labels = _texts(600, marker="the gay teenager grum")
    for category, found in {"hate": ["grum"], "harassment": ["grum"], "sexual": ["grum"]}.items():
        _, terms = _fit(tmp_path, texts, labels, (category,), penalty=1.0)
        assert not {"gay", "the gay", "teenager", "gay teenager"} & set(terms[category])
        assert found[0] in " ".join(terms[category])


def test_a_word_beside_the_name_of_a_group_is_no_term_in_its_place(tmp_path):
    texts, labels = _texts(600)
    beside, named = _texts(600, 2, marker="lesbian")
    beside = [text.replace("lesbian", "lesbian parade") if i % 2 else text for i, text in enumerate(beside)]
    _, terms = _fit(tmp_path, texts + beside, np.concatenate([labels, named]))
    assert terms["hate"] == {"grum": 0.99}


def test_a_term_that_normalising_would_change_is_left_out(tmp_path):
    texts, labels = _texts(400, marker="Grum")
    assert list(_fit(tmp_path / "a", texts, labels, normaliser="none")[1]["hate"]) == ["Grum"]
    with pytest.raises(UsageError, match="no term reaches"):
        _fit(tmp_path / "b", texts, labels, normaliser="web-1")


def test_the_same_seed_gives_the_same_bytes(tmp_path):
    texts, labels = _texts(300, leak=0.1)
    for name in ("a", "b"):
        _fit(tmp_path / name, texts, labels)
    assert (tmp_path / "a" / "terms.json").read_bytes() == (tmp_path / "b" / "terms.json").read_bytes()


def test_evidence_by_hand():
    found = evidence(np.array([30.0, 70.0]), np.array([5.0, 95.0]), np.array([35.0, 165.0]))
    a, b = PRIOR * 35 / 200, PRIOR * 165 / 200
    odds = math.log((30 + a) / (70 + b)) - math.log((5 + a) / (95 + b))
    assert found[0] == pytest.approx(odds / math.sqrt(1 / (30 + a) + 1 / (5 + a)))
    assert found[1] < 0 < found[0]


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"bars": 1}, "'bars' is none of longest, most"),
        ({"longest": "two"}, "parameters of the lexicon kind: Expected `int`"),
        ({"longest": 6}, "longest from 1 to 5"),
        ({"min_precision": 0.0}, "min_precision above 0"),
        ({"penalty": 0.0}, "a penalty above 0"),
        ({"most": 0}, "most and min_documents of 1 or more"),
        ({"min_documents": 300}, "0 terms are in 300 positive rows"),
        ({"min_evidence": 1e3}, "0 of them with evidence of 1000"),
        ({"min_precision": 1.0}, "0 with a precision of 1"),
        ({"penalty": 1e4}, "0 needed at a penalty of 10000; add positives, or lower"),
    ],
)
def test_wrong_parameters_and_bars_that_no_term_reaches(tmp_path, parameters, message):
    texts, labels = _texts(400)
    with pytest.raises(UsageError, match=message):
        _fit(tmp_path, texts, labels, **parameters)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("value", [0.0, 1.0, np.nan])
def test_a_category_without_both_classes_is_named(tmp_path, value):
    texts, labels = _texts(50)
    with pytest.raises(UsageError, match=r"category hate: found (50|0) positives and (50|0) negatives"):
        _fit(tmp_path, texts, np.full_like(labels, value))


def test_a_trained_bundle_tells_in_its_card_how_many_terms_and_not_which(tmp_path):
    built = train(_config(tmp_path, "lexicon"), tmp_path / "bundle", root=tmp_path)
    assert built.header.parameters["terms"] == {"hate": 1, "violence": 1}
    text = card.render(built)
    assert "## Word list" in text
    assert "| hate | 1 |" in text
    assert "grum" not in text


def test_no_operating_point_of_a_word_list_flags_a_text_without_terms(tmp_path):
    built = train(_config(tmp_path, "lexicon"), tmp_path / "bundle", root=tmp_path)
    calm = built.score(Passages.of(["word1 word2"]))[0]
    for j, category in enumerate(built.categories):
        assert all(point.threshold > calm[j] for point in built.operating_points[category].values())


def test_a_word_list_is_a_member_of_a_combination(tmp_path):
    members = [{"kind": "lexicon"}, {"kind": "linear", "parameters": {"buckets": 2**12, "min_count": 1}}]
    built = train(_config(tmp_path, "combination", members=members), tmp_path / "bundle", root=tmp_path)
    assert built.training["family"] == ["lexicon", "linear"]
    assert "member-1-terms.json" in built.header.files
    scores = built.score(Passages.of(["word1 grum", "word1 word2", "word5 snarl"]))
    assert scores[0, 0] > 10 * scores[1, 0]
    assert "| violence | 1 |" in card.render(built)


def test_the_documented_configuration_trains(tmp_path):
    readme = (Path(__file__).resolve().parent.parent / "classifiers" / "README.md").read_text()
    (config,) = re.findall(r"```yaml\n(name: my-words\n.*?)```", readme, re.DOTALL)
    (tmp_path / "config.yaml").write_text(config)
    rows = [{**row, other: 0} for seed, (marker, other) in enumerate(
        [(("hate", "grum"), "violence"), (("violence", "snarl"), "hate")]
    ) for row in _rows(900, seed, marker)]  # fmt: skip
    (tmp_path / "forum.jsonl").write_text("\n".join(map(json.dumps, rows)))
    plain = [{"text": row["text"].replace("grum", "calm"), "hate": 0, "violence": 0} for row in _rows(500, 7)]
    (tmp_path / "ordinary.jsonl").write_text("\n".join(map(json.dumps, plain)))
    built = train(tmp_path / "config.yaml", tmp_path / "bundle", root=tmp_path)
    assert len(built.training["search"]) == 2
    assert built.header.parameters["terms"] == {"hate": 1, "violence": 1}
