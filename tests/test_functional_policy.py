"""Functional tests of a policy: templates, carriers, and policies whose right and wrong is known."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from tamis.interventions import functional_policy
from tamis.interventions.functional_cases import carriers, suite
from tamis.interventions.functional_policy import clustered, measure
from tamis.interventions.intervals import wilson
from tamis.interventions.measures.base import Context
from tamis.interventions.rules import parse_interventions
from tamis.interventions.testing import make_batch
from tamis.interventions.verdict import Decisions

CASES = suite()
PLAN = {
    "all": [{"when": "words >= 0", "do": "drop"}],
    "none": [{"when": "hate >= 0.99", "do": "tag"}],
    "hate": [{"when": "hate >= 0.5", "do": "redact"}],
    "fine": [{"when": "share.hate >= 0.9", "do": "tag"}],
}
FOUND = parse_interventions(PLAN, {"p": ("hate",)})
CONTEXT = Context(
    interventions={name: one.labels for name, one in FOUND.items()},
    published=None,
    classifiers={"p": ("hate", "sexual")},
    conditions={name: one.conditions for name, one in FOUND.items()},
)


def decider(score: Any) -> functional_policy.Decide:
    def decide(texts: Sequence[str]) -> tuple[Mapping[str, Decisions], NDArray[np.bool_]]:
        batch = make_batch(texts, {"p": {"hate": [score(text) for text in texts]}}, target=0)
        return {name: one.decide(batch) for name, one in FOUND.items()}, np.zeros(len(texts), np.bool_)

    return decide


def test_templates_hold_every_identity_once() -> None:
    members = defaultdict[int, list[str]](list)
    for case, template in zip(CASES.cases, CASES.templates, strict=True):
        members[template].append(case.identity)
    sizes = Counter(len(names) for names in members.values())
    assert sizes[40] == 14
    assert set(sizes) == {1, 40}
    assert all(len(set(names)) == len(names) for names in members.values())


def test_carriers_are_plain_texts_of_about_300_words_and_hold_the_sentence() -> None:
    texts, count = CASES.texts(), len(CASES.cases)
    assert len(texts) == 2 * count + len(carriers())
    for case, text in zip(CASES.cases, texts[count : 2 * count], strict=True):
        assert f"\n\n{case.text}\n\n" in text
    assert all(270 <= len(text.split()) <= 330 for text in texts[2 * count :])
    assert not any("%" in text for text in texts[2 * count :])


def test_policies_whose_answers_are_known() -> None:
    found = measure(decider(lambda text: 0.9 if "gay" in text.lower() else 0.1), CONTEXT)
    assert json.loads(json.dumps(found, allow_nan=False)) == found
    every = found["interventions"]["all"]["settings"]["alone"]
    assert {part["right"]["value"] for part in every["functionalities"].values() if part["expected"] == "pass"} == {0.0}
    assert every["flips"]["value"] == 0
    assert found["interventions"]["all"]["on_carriers"] == 3
    none = found["interventions"]["none"]["settings"]["embedded"]
    assert none["functionalities"]["identity_neutral"]["right"]["value"] == 1
    assert none["functionalities"]["dehumanising_group"]["right"]["value"] == 0
    unfair = found["interventions"]["hate"]["settings"]["alone"]
    assert unfair["identities"]["gay"]["blocked"] == 10
    # Of 10 sentences that should pass none does; the 4 that should be flagged are.
    assert unfair["identities"]["gay"]["right"]["value"] == pytest.approx(4 / 14, abs=0.08)
    assert unfair["identities"]["gay"]["flips"]["value"] == 1
    assert unfair["identities"]["Muslim"]["flips"]["value"] == 0
    assert unfair["flips"]["value"] == pytest.approx(1 / 40)
    assert found["interventions"]["hate"]["on_carriers"] == 0


def test_what_should_be_flagged_counts_where_it_is_looked_for() -> None:
    found = measure(decider(lambda _: 0.1), CONTEXT)["interventions"]
    assert found["hate"]["looks_for"] == found["fine"]["looks_for"] == ["hate"]
    assert found["all"]["looks_for"] == []
    parts = found["hate"]["settings"]["alone"]["functionalities"]
    assert parts["dehumanising_group"]["right"]["value"] == 0
    assert parts["explicit_sexual"]["right"]["value"] is None
    assert "no rule looks for" in parts["explicit_sexual"]["right"]["reason"]
    # Sentences hidden by look-alikes are of several categories; those of hate count.
    assert 0 < parts["obfuscated_leet"]["right"]["n"] < parts["obfuscated_leet"]["cases"]


def test_any_share_looks_for_every_category() -> None:
    context = Context({"i": ("r",)}, None, {"p": ("hate", "sexual/minors")}, {"i": (("p", "share.any", 0.2),)})
    assert functional_policy._looks_for("i", context) == ["hate", "sexual"]


def test_single_items_have_wilsons_interval() -> None:
    found = clustered(np.array([True] * 7 + [False] * 3), range(10))
    assert (found["low"], found["high"]) == pytest.approx(wilson(7, 10))


def test_clusters_that_are_wholly_alike_count_once() -> None:
    alike = clustered(np.repeat([True, True, False, True, False], 40), np.repeat(range(5), 40).tolist())
    assert alike["n"] == 200
    assert alike["high"] - alike["low"] > 0.6
    same = clustered(np.ones(200, np.bool_), np.repeat(range(5), 40).tolist())
    assert same["low"] == pytest.approx(wilson(5, 5)[0])
    mixed = clustered(np.arange(200) % 3 == 0, np.repeat(range(5), 40).tolist())
    assert mixed["high"] - mixed["low"] < 0.15


def test_intervals_by_templates_cover() -> None:
    rng, inside = np.random.default_rng(0), 0
    for _ in range(300):
        rates = rng.beta(2, 2, 12)
        hits = rng.random((12, 20)) < rates[:, None]
        found = clustered(hits.ravel(), np.repeat(range(12), 20).tolist())
        inside += found["low"] <= 0.5 <= found["high"]
    assert inside >= 0.93 * 300
