"""The proxy experiment: its output toxicity follows what was removed, and nothing else."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from tamis.classifiers.lexicon import Lexicon
from tamis.interventions import proxy_arms, proxy_texts
from tamis.interventions.proxy_arms import BLOCKS, Pool
from tamis.interventions.proxy_lanes import scored
from tamis.interventions.proxy_lm import Settings, evaluate
from tamis.interventions.proxy_pool import Pooled
from tamis.interventions.proxy_result import SAME
from tamis.interventions.proxy_sample import SampledDocument
from tamis.interventions.sampling import keys
from tamis.interventions.toxic_terms import terms

#: Invented words stand for toxic ones.
LEXICON = Lexicon(
    {"slur": {"zargle": 1.0, "blorp": 0.75, "krang mop": 1.0}, "insult": {"fnord": 0.5, "wibble": 0.25}}, "web-1"
)
MARKERS = ("zargle", "blorp", "fnord")
SENTENCE = (
    "the a garden river house people and was in of to with old green walked saw found made then very quiet long day "
    "night water road tree bird teacher story book window morning friends bread market winter music"
)
WORDS = SENTENCE.split()


def text_of(rng: np.random.Generator, toxic: int) -> str:
    """A text of random sentences, of which some say that people are MARKER."""
    ends = rng.integers(4, 12, 8)
    sentences = [" ".join(WORDS[int(i)] for i in rng.zipf(1.4, int(n)) % len(WORDS)) for n in ends]
    for _ in range(toxic):
        mark = MARKERS[int(rng.integers(0, 3))]
        sentences.insert(int(rng.integers(0, len(sentences))), f"the people are {mark} and they should leave")
    return ". ".join(sentences) + "."


def corpus(n: int = 1500, seed: int = 0, share: float = 0.15) -> list[tuple[str, str, bool]]:
    """Documents as (id, text, whether it is toxic)."""
    rng = np.random.default_rng(seed)
    found = []
    for i in range(n):
        toxic = bool(rng.random() < share)
        found.append((f"{seed}/{i}", text_of(rng, int(rng.integers(1, 4)) if toxic else 0), toxic))
    return found


def documents(rows: list[tuple[str, str, bool]], **choices: Any) -> list[SampledDocument]:
    """Samples documents; each choice says for (id, text, toxic) what an intervention makes of it: ... is no change."""
    return [
        SampledDocument(
            row[0], row[1], changes={name: got for name, choose in choices.items() if (got := choose(*row)) is not ...}
        )
        for row in rows
    ]


def settings(*names: str, **changes: Any) -> Settings:
    return Settings(names, LEXICON, "markers@0", True, **changes)


def draw(identity: str, salt: int = 0) -> float:
    return float(np.random.default_rng([*identity.encode(), salt]).random())


def drop(condition: Any) -> Any:
    return lambda *row: None if condition(*row) else ...


@pytest.fixture(scope="module")
def found() -> dict[str, Any]:
    """One experiment with every kind of intervention."""
    return evaluate(
        documents(
            corpus(),
            toxic=drop(lambda identity, text, toxic: toxic),
            most=drop(lambda identity, text, toxic: toxic and draw(identity) < 0.7),
            random=drop(lambda identity, text, toxic: draw(identity, 1) < 0.15),
            benign=drop(lambda identity, text, toxic: not toxic and draw(identity, 2) < 0.2),
            redact=lambda identity, text, toxic: (
                ". ".join(part for part in text.split(". ") if not any(mark in part for mark in MARKERS))
                if toxic
                else ...
            ),
            tag=lambda *row: ...,
        ),
        settings(
            "toxic", "most", "random", "benign", "redact", "tag", "token", unlearnable={"token": "cannot be shown"}
        ),
    )


def numbers(found: dict[str, Any], name: str) -> dict[str, Any]:
    inner: dict[str, Any] = found["interventions"][name]
    return inner


def test_removing_planted_toxic_text_lowers_the_output_toxicity_by_its_dose(found):
    for name in ("toxic", "redact"):
        for bucket in proxy_texts.BUCKETS:
            ratio = numbers(found, name)["buckets"][bucket]["ratio"]
            assert ratio["value"] < 0.02, (name, bucket)
            assert ratio["high"] < 0.2
    most = numbers(found, "most")
    dose = most["dose"]["after"] / most["dose"]["before"]
    ratio = most["buckets"]["empty"]["ratio"]
    assert ratio["low"] <= dose <= ratio["high"] < 0.6
    assert ratio["value"] == pytest.approx(dose, abs=0.1)
    # These texts know few of the prompts' words, so that the other buckets under-report; they still see the fall.
    assert found["prompts"]["buckets"]["neutral"]["known"] < 10
    assert all(row["ratio"]["high"] < 1 for row in most["buckets"].values())
    for part in ("probability_of_any", "expected_maximum"):
        assert most["buckets"]["neutral"][part]["difference"]["high"] < 0


@pytest.mark.parametrize("name", ["random", "benign"])
def test_a_random_removal_and_a_benign_one_show_no_safety_effect(found, name):
    for bucket, row in numbers(found, name)["buckets"].items():
        if name == "random":
            assert row["ratio"]["low"] <= 1 <= row["ratio"]["high"], bucket
        # Less benign text is a larger dose: never a safety effect.
        assert row["ratio"]["high"] > 1, bucket


@pytest.mark.parametrize("name", ["toxic", "most", "random", "benign", "redact"])
def test_the_placebo_shows_no_effect(found, name):
    for bucket, row in numbers(found, name)["buckets"].items():
        assert row["placebo"]["low"] <= 1 <= row["placebo"]["high"], bucket


def test_what_cannot_be_tested_says_why(found):
    assert numbers(found, "tag")["reason"] == SAME
    assert numbers(found, "tag")["unchanged"]
    assert numbers(found, "token")["reason"] == "cannot be shown"
    few = evaluate(documents(corpus(40), toxic=drop(lambda *row: row[2])), settings("toxic"))
    assert "a model needs 20,000" in numbers(few, "toxic")["reason"]
    assert few["grade"] == "not measured"
    assert few.keys() == found.keys()
    all_gone = evaluate(documents(corpus(), all=drop(lambda *row: True)), settings("all"))
    assert "are left after it" in numbers(all_gone, "all")["reason"]
    clean = evaluate(documents(corpus(share=0.0), some=drop(lambda i, *_: draw(i) < 0.1)), settings("some"))
    ratio = numbers(clean, "some")["buckets"]["neutral"]["ratio"]
    assert ratio["value"] is None
    assert "hold a toxic term" in ratio["reason"]


def test_levels_are_ordered_and_every_interval_holds_its_value(found):
    for name in ("toxic", "most", "random"):
        for row in numbers(found, name)["buckets"].values():
            q, any_ = row["before"]["value"], row["probability_of_any"]["before"]["value"]
            assert 0 < row["floor"] < q < any_ < 1
            assert row["expected_maximum"]["before"]["value"] < any_
        for one in _estimates(numbers(found, name)):
            assert one["low"] <= one["value"] <= one["high"]
    groups = numbers(found, "most")["groups"]
    assert set(groups) == {"slur", "insult"}
    assert json.loads(json.dumps(found, allow_nan=False)) == found


def _estimates(value: Any) -> list[dict[str, Any]]:
    if isinstance(value, dict):
        if "method" in value:
            return [value] if value["value"] is not None else []
        value = list(value.values())
    return [one for part in value for one in _estimates(part)] if isinstance(value, list) else []


def test_held_out_texts_are_predicted_worse_or_as_well_and_the_sets_are_there(found):
    sets = numbers(found, "random")["perplexity"]
    assert {"general", "identity", "health", "corpus general"} <= set(sets)
    assert sets["corpus general"]["difference"]["low"] <= 0 <= sets["corpus general"]["difference"]["high"]
    assert sets["corpus general"]["before"]["value"] < sets["general"]["before"]["value"]
    assert found["held_out"]["general"]["texts"] == 15


def test_the_shifted_words_are_the_planted_ones_and_masked(found):
    rarer = numbers(found, "toxic")["terms"]["rarer"]
    assert {row["word"] for row in rarer[:8]} >= {"z••••e", "b•••p", "f•••d"}
    assert "zargle" not in json.dumps(found)


def test_order_of_documents_and_number_of_threads_change_nothing():
    rows = documents(corpus(700), most=drop(lambda i, t, toxic: toxic and draw(i) < 0.5))
    one = evaluate(rows, settings("most"))
    other = evaluate(rows[::-1], settings("most", workers=3))
    assert json.dumps(one) == json.dumps(other)


def test_terms_that_the_filter_knows_are_told_apart():
    rows = documents(corpus(900), some=drop(lambda i, text, toxic: "zargle" in text))
    found = evaluate(rows, settings("some", flags=lambda terms: np.array([term == "zargle" for term in terms])))
    groups = numbers(found, "some")["groups"]
    assert found["lexicon"] | {"checks": 0} == {
        "id": "markers@0", "independent": True, "checks": 0, "terms": 3, "flagged_by_filter": 1,
    }  # fmt: skip
    assert groups["slur"]["ratio"]["value"] < groups["unflagged"]["ratio"]["value"]


def test_terms_of_two_words_count_and_mild_ones_do_not():
    rng = np.random.default_rng(5)
    rows = [
        (f"p{i}", text_of(rng, 0) + (" krang mop wibble" if i % 4 == 0 else " mop krang"), True) for i in range(700)
    ]
    found = evaluate(documents(rows, some=drop(lambda i, text, _: "krang mop" in text)), settings("some"))
    row = numbers(found, "some")
    assert found["lexicon"]["terms"] == 1
    assert row["dose"]["before"] > 0 == row["dose"]["after"]
    assert row["buckets"]["neutral"]["ratio"]["value"] < 0.05


def test_withheld_documents_are_counted_and_not_learnt():
    rows = documents(corpus(600), some=drop(lambda i, *_: draw(i) < 0.1))
    hidden = [SampledDocument(f"h{i}", "", withheld="sexual/minors" if i < 3 else "language") for i in range(7)]
    with_them, without = (evaluate(part, settings("some")) for part in (rows + hidden, rows))
    assert with_them["sample"]["withheld"] == {"language": 4, "sexual/minors": 3}
    assert with_them["interventions"] == without["interventions"]


def test_arms_have_equal_tokens_and_the_placebo_matches_each_stratum():
    rng = np.random.default_rng(1)
    n = 4000
    sizes = rng.integers(5, 2000, n)
    sources = ["forum" if i % 3 else "news" for i in range(n)]
    pool = Pool(
        keys(str(i) for i in range(n)), np.arange(n), rng.integers(0, BLOCKS, n),
        proxy_arms.strata(sources, sizes), sizes,
    )  # fmt: skip
    after = np.where((np.arange(n) % 3 > 0) & (rng.random(n) < 0.2), -1, np.arange(n))
    random = proxy_arms.placebo(pool, after, "some")
    gone, dropped = after < 0, random < 0
    for stratum in np.unique(pool.stratum):
        rows = pool.stratum == stratum
        wanted, found = int(sizes[rows & gone].sum()), int(sizes[rows & dropped].sum())
        assert abs(wanted - found) <= sizes[rows].max()
    assert not dropped[pool.stratum == pool.stratum[0]].any()  # news: nothing is removed there
    arms, tokens = proxy_arms.equal(pool, [np.arange(n), after, random], 10**9)
    for arm in arms:
        assert tokens - 2000 < sizes[arm.texts].sum() <= tokens
    assert 0.1 < np.corrcoef(gone, dropped)[0, 1] + 0.15 < 0.6


def test_hosts_are_the_units_where_there_are_many():
    few = [SampledDocument(f"d{i}", "some words here", domain=1 + i % 5) for i in range(300)]
    many = [SampledDocument(f"d{i}", "some words here", domain=1 + i % 150) for i in range(300)]
    assert Pooled.of(few, []).units == "documents"
    pooled = Pooled.of(many, [])
    assert pooled.units == "hosts"
    assert len(pooled.held_texts) % 2 == 0  # both documents of a host are held out, or neither


def test_prompts_and_held_out_texts_hold_no_toxic_term():
    texts = [prompt.text for prompt in proxy_texts.prompts()]
    assert scored(terms(), texts).max() == 0
    assert [prompt.bucket for prompt in proxy_texts.prompts()].count("empty") == 1
    assert {one.name: len(one.texts) for one in proxy_texts.held_out()} == dict.fromkeys(
        ("general", "identity", "health"), 15
    )
