"""The combination kind: what members add up to, what is refused, and that weights come from texts no member saw."""

from __future__ import annotations

import json

import numpy as np
import pytest

from tamis.classifiers import bundle, card
from tamis.classifiers.base import Classifier
from tamis.classifiers.combination import Combination, Stack, load
from tamis.classifiers.errors import BundleError
from tamis.classifiers.kinds import KINDS
from tamis.classifiers.passages import Passages
from tamis.classifiers.training import train
from tamis.classifiers.training_combination import StackParameters, stack
from tests.test_training import PARAMETERS, _config

MEMBERS = [
    {"kind": "fasttext", "parameters": PARAMETERS["fasttext"]},
    {"kind": "linear", "parameters": PARAMETERS["linear"], "sources": ["a", "b", "plain"]},
]
TEXTS = ["word1 grum word2 word8", "word1 word3 word2 word8", "word5 snarl word9"]


def logit(scores):
    return np.log(scores / (1 - scores))


class Fixed:
    """Gives the same scores whatever the passages are."""

    def __init__(self, categories, scores):
        self.categories, self._scores = tuple(categories), np.array(scores, np.float32)

    def score(self, passages):
        return self._scores


def words(folder, name, terms):
    (folder / name).write_text(json.dumps({"format": 1, "terms": terms}))
    return {"kind": "lexicon", "parameters": {"file": name}}


def test_logits_add_up_with_their_weights():
    first: Classifier = Fixed(["hate", "violence"], [[0.9, 0.2], [np.nan, np.nan]])
    second: Classifier = Fixed(["violence"], [[0.6], [0.7]])
    made = Combination(
        [first, second],
        {"violence": Stack(0.5, (2.0, 1.5), (-1.0, 0.25)), "hate": Stack(-1.0, (0.5, 0.0), (0.0, 0.0))},
    )
    found = logit(made.score(Passages.of(["a", "b"])).astype(float))
    both = 0.5 + 2 * (logit(0.2) + 1) + 1.5 * (logit(0.6) - 0.25)
    alone = 0.5 + 1.5 * (logit(0.7) - 0.25)
    assert found[:, 0] == pytest.approx([both, alone], abs=1e-5)
    assert found[0, 1] == pytest.approx(-1 + 0.5 * logit(0.9), abs=1e-5)
    assert np.isnan(found[1, 1])


def test_members_of_one_folder_read_what_the_bundle_reads(tmp_path):
    members = [words(tmp_path, "a.json", {"hate": {"grum": 0.9}}), words(tmp_path, "b.json", {"hate": {"snarl": 0.6}})]
    parameters = {"members": members, "stack": {"hate": {"intercept": 0, "weights": [1, 1], "centres": [-14, -14]}}}
    made = KINDS["combination"](tmp_path, {**parameters, "normaliser": "web-1"})
    plain, one, other, both = made.score(Passages.of(["quiet", "GR\u200bUM", "a snarl", "grum snarl"]))[:, 0]
    assert plain < other < one < both
    folder = tmp_path / "bundle"
    folder.mkdir()
    for name in ("a.json", "b.json"):
        (tmp_path / name).rename(folder / name)
    header = {"name": "two", "version": "1", "kind": "combination", "categories": ["hate"], "languages": ["en"]}
    built = bundle.write(folder, {**header, "normaliser": "web-1", "parameters": parameters}, ["a grum", "b"])
    assert {"a.json", "b.json"} < set(built.header.files)
    (folder / "b.json").write_text(json.dumps({"format": 1, "terms": {"hate": {"snarl": 0.7}}}))
    with pytest.raises(BundleError, match=r"b\.json: expected sha256"):
        bundle.load(folder)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"members": []}, "0 members and 1 categories"),
        ({"members": None}, "missing required field `members`|Expected `array`"),
        ({"stack": {}}, "1 members and 0 categories"),
        ({"more": 1}, "unknown field `more`"),
        ({"members": [{"kind": "combination", "parameters": {}}]}, "a member of kind 'combination'"),
        ({"members": [{"kind": "lexicon", "parameters": {"file": "../a.json"}}]}, "`file` is '../a.json'"),
        ({"stack": {"hate": {"intercept": 0, "weights": [1, 1], "centres": [0, 0]}}}, "for each of 1 members"),
        ({"stack": {"hate": {"intercept": 0, "weights": [-1], "centres": [0]}}}, "weights of 0 or more"),
        ({"stack": {"hate": {"intercept": 0, "weights": [0], "centres": [0]}}}, "one above 0"),
        ({"stack": {"hate": {"intercept": float("inf"), "weights": [1], "centres": [0]}}}, "finite numbers"),
        ({"stack": {"sexual": {"intercept": 0, "weights": [1], "centres": [0]}}}, "stack of sexual: a member without"),
    ],
)
def test_wrong_parameters_are_named(tmp_path, changes, message):
    right = {
        "members": [words(tmp_path, "a.json", {"hate": {"grum": 0.9}})],
        "stack": {"hate": {"intercept": 0, "weights": [1], "centres": [0]}},
    }
    assert load(tmp_path, right).categories == ("hate",)
    with pytest.raises(BundleError, match=message):
        load(tmp_path, {**right, **changes})


@pytest.mark.parametrize("method", ["stacking", "average"])
def test_weights_follow_what_members_are_worth(method):
    rng = np.random.default_rng(3)
    labels = (rng.random(2000) < 0.3).astype(np.float32)
    signal = labels * 3 + rng.normal(size=2000)
    noise, inverse = rng.normal(size=2000), -signal
    found = np.stack([signal, noise, inverse, np.full(2000, np.nan)], 1)
    made = stack(found, labels, np.full(2000, 1 / 2000), StackParameters(method=method))
    good, useless, wrong, silent = made["weights"]
    assert good > 0.3
    assert useless < 0.15 * good
    assert (wrong, silent) == (0.0, 0.0)


def test_weights_where_nothing_helps_are_equal():
    labels = np.tile([0.0, 1.0], 50).astype(np.float32)
    found = np.stack([-labels, -labels], 1).astype(np.float64)
    made = stack(found, labels, np.full(100, 0.01), StackParameters())
    assert made["weights"][0] == made["weights"][1] > 0


def test_a_combination_is_trained_calibrated_and_verified(tmp_path):
    config = _config(tmp_path, "combination", members=MEMBERS)
    built = train(config, tmp_path / "bundle", root=tmp_path)
    scores = built.score(Passages.of(TEXTS))
    assert scores[0, 0] > 10 * scores[1, 0]
    assert scores[2, 1] > 10 * scores[1, 1]
    assert built.training["family"] == ["fasttext", "linear"]
    assert {"member-1-model.bin", "member-2-weights.npz"} < set(built.header.files)
    assert "of 2 members: fasttext, linear" in card.render(built)
    assert train(config, tmp_path / "again", root=tmp_path).id == built.id


def test_a_member_counts_only_where_it_is_said_to(tmp_path):
    members = [MEMBERS[0], {**MEMBERS[1], "counts_for": ["violence"]}]
    built = train(_config(tmp_path, "combination", members=members), tmp_path / "bundle", root=tmp_path)
    weights = {category: entry["weights"] for category, entry in built.header.parameters["stack"].items()}
    assert weights["hate"][1] == 0.0 < weights["hate"][0]
    assert weights["violence"][1] > 0


def test_members_are_fitted_to_their_own_sources(tmp_path):
    members = [{"kind": "linear", "parameters": PARAMETERS["linear"], "sources": [name, "plain"]} for name in "ab"]
    built = train(_config(tmp_path, "combination", members=members), tmp_path / "bundle", root=tmp_path)
    stacks = built.header.parameters["stack"]
    assert stacks["hate"]["weights"][0] > 0
    assert built.score(Passages.of(TEXTS))[2, 1] > 0.5
