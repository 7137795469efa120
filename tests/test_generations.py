"""Continuations of real models: unbiased estimators, intervals, pairing, and what is missing stays missing."""

from __future__ import annotations

import io
import itertools
import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tamis.classifiers import bundle
from tamis.interventions import generations_estimators as estimators
from tamis.interventions.generations import ALL, Generation, Rule, choose_k, notes, row, table
from tamis.interventions.generations_compare import compare
from tamis.pipeline import cli

RULE = Rule(0.5, 3)


def made(arm: str, prompt: str, score: float | None, words: str = "some words here", **more: Any) -> Generation:
    """A continuation with one category; None has no score."""
    why = more.pop("why", "language" if score is None else "")
    scores = np.array([math.nan if score is None else score], np.float32)
    return Generation(arm, prompt, more.pop("bucket", "neutral"), scores, words.split(), why, **more)


def sampled(arm: str, rate: float, seed: int, prompts: int = 60, n: int = 10, spread: float = 0.0) -> list[Generation]:
    rng = np.random.default_rng(seed)
    found = []
    for i in range(prompts):
        p = float(np.clip(rate + spread * math.sin(i), 0, 1))
        found += [made(arm, f"p{i}", 0.9 if rng.random() < p else 0.1) for _ in range(n)]
    return found


@pytest.mark.parametrize(("toxic", "n", "k"), [(0, 5, 3), (2, 6, 3), (5, 5, 2), (1, 4, 4), (3, 9, 1)])
def test_the_estimators_are_the_mean_over_all_choices_of_k(toxic, n, k):
    scores = [0.9 - 0.01 * i if i < toxic else 0.01 * i for i in range(n)]
    chosen = list(itertools.combinations(scores, k))
    assert estimators.probability_of_any(toxic, n, k) == pytest.approx(np.mean([max(c) >= 0.5 for c in chosen]))
    assert estimators.expected_maximum(scores, k) == pytest.approx(np.mean([max(c) for c in chosen]))


def test_a_row_by_hand():
    rows = [
        *(made("a", "p1", s) for s in (0.9, 0.1, 0.1)),
        *(made("a", "p2", s) for s in (0.6, 0.7, 0.1)),
        *(made("a", "p3", s) for s in (0.1, 0.2, 0.5)),
        *(made("a", f"p{i}", 0.0) for i in (4, 5, 6) for _ in range(3)),
        made("a", "p7", 0.8),
        made("a", "p1", None),
        made("a", "p1", None, "", why="empty"),
        made("a", "p2", None, "", why="absent"),
    ]
    found = row(rows, ("hate",), RULE)
    assert (found["prompts"], found["generations"], found["scored"]) == (7, 22, 19)
    assert found["missing"] == {"absent": 1, "empty": 1, "language": 1}
    assert found["toxic_fraction"]["value"] == pytest.approx(5 / 19)  # 0.5 is toxic
    assert found["categories"]["hate"] == found["toxic_fraction"]
    assert found["probability_of_any"]["value"] == pytest.approx(3 / 6)
    assert found["expected_maximum"]["value"] == pytest.approx((0.9 + 0.7 + 0.5) / 6)
    assert found["too_few"] == 1
    assert found["empty_rate"] == pytest.approx(1 / 21)
    assert found["mean_words"] == pytest.approx(3 * 20 / 21)
    assert found["distinct_1"] == pytest.approx(3 / 60)


def test_intervals_of_the_fraction_know_that_prompts_are_clusters():
    plain, clustered = (row(sampled("a", 0.3, 1, 100, 20, spread), ("x",), RULE) for spread in (0.0, 0.3))
    widths = [r["toxic_fraction"]["high"] - r["toxic_fraction"]["low"] for r in (plain, clustered)]
    assert widths[1] > 1.3 * widths[0]
    inside = 0
    for seed in range(100):
        found = row(sampled("a", 0.2, seed, 50, 8), ("x",), RULE)["toxic_fraction"]
        inside += found["low"] <= 0.2 <= found["high"]
    assert inside >= 90


def test_nothing_scored_and_all_alike_have_honest_intervals():
    nothing = row([made("a", f"p{i}", None) for i in range(9)], ("x",), RULE)
    assert nothing["toxic_fraction"]["value"] is None
    assert nothing["expected_maximum"]["reason"]
    assert nothing["missing"] == {"language": 9}
    never = row([made("a", f"p{i}", 0.0) for i in range(20) for _ in range(3)], ("x",), RULE)
    assert never["toxic_fraction"]["value"] == 0 < never["toxic_fraction"]["high"]
    assert never["probability_of_any"]["value"] == 0 < never["probability_of_any"]["high"] < 0.2
    empty = row([made("a", "p", None, "", why="empty")] * 3, ("x",), RULE)
    assert (empty["empty_rate"], empty["distinct_1"]) == (1.0, None)


def test_arms_are_compared_on_the_prompts_that_both_have():
    rows = sampled("base", 0.3, 1) + sampled("less", 0.1, 2) + sampled("same", 0.3, 3)
    rows += [made("less", "other", 0.9) for _ in range(50)]
    found = {one["arm"]: one for one in compare(rows, "base", RULE) if one["bucket"] == ALL}
    less, same = found["less"], found["same"]
    assert less["prompts"] == 60
    assert less["difference"]["high"] < 0
    assert less["ratio"]["low"] <= 1 / 3 <= less["ratio"]["high"] < 1
    assert "less often than base" in less["sentence"]
    assert same["difference"]["low"] <= 0 <= same["difference"]["high"]
    assert same["sentence"].startswith("no detectable difference")
    assert less["mcnemar"]["p_adjusted"] >= less["mcnemar"]["p"]
    assert {one["bucket"] for one in compare(rows, "base", RULE)} == {ALL, "neutral"}


def test_a_null_comparison_covers_zero():
    inside = 0
    for seed in range(100):
        rows = sampled("a", 0.2, 2 * seed, 40, 5, 0.15) + sampled("b", 0.2, 2 * seed + 1, 40, 5, 0.15)
        found = compare(rows, "a", RULE)[0]["difference"]
        inside += found["low"] <= 0 <= found["high"]
    assert inside >= 93


def test_few_prompts_and_few_toxic_ones_are_not_certain():
    small = compare(sampled("a", 0.4, 1, 12) + sampled("b", 0.3, 2, 12), "a", RULE)[0]
    assert "exact test" in small["difference"]["method"]
    assert small["ratio"]["value"] is None
    none = compare(sampled("a", 0.0, 1) + sampled("b", 0.0, 2), "a", RULE)[0]
    assert none["difference"]["low"] < 0 < none["difference"]["high"]
    assert none["mcnemar"]["p"] == 1
    assert compare([made("a", "p", 0.1), made("b", "q", 0.1)], "a", RULE) == []


@pytest.mark.parametrize(("first", "second", "p"), [(0, 0, 1.0), (5, 5, 1.0), (0, 5, 0.0625), (1, 9, 0.021484375)])
def test_mcnemar_is_the_exact_binomial_test(first, second, p):
    assert estimators.mcnemar(first, second) == pytest.approx(p)


def test_k_is_one_for_all_arms():
    rows = sampled("a", 0.1, 1, n=30) + sampled("b", 0.1, 2, n=26)
    assert choose_k(rows, None)[0] == 25
    assert choose_k(rows + [made("b", "new", 0.1)] * 4, None)[0] == 4
    assert choose_k(rows, 7)[0] == 7


def test_notes_name_seeds_prompts_and_what_is_missing():
    rows = [made("a", f"p{i}", 0.1, seed=str(i % 3)) for i in range(6)] + [made("b", "p1", None, seed="0")]
    assert [note.split()[0] for note in notes(rows)] == ["fewer", "the", "1"]
    assert notes([made("a", "p", 0.1, seed=s) for s in "123"]) == []
    assert set(table(rows, ("x",), RULE)["a"]) == {ALL, "neutral"}


@pytest.fixture(scope="module")
def evaluator(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("evaluator")
    terms = {"hate": {"zargle": 0.9, "fnord": 0.6}, "violence": {"blorp": 0.8}}
    (folder / "terms.json").write_text(json.dumps({"format": 1, "terms": terms}))
    header = {
        "name": "markers", "version": "1", "kind": "lexicon", "categories": ["hate", "violence"],
        "languages": ["en"], "normaliser": "web-1", "parameters": {"file": "terms.json"},
    }  # fmt: skip
    bundle.write(folder, header, ["all zargle", "a plain text"])
    return folder


def run(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, dict[str, Any], str]:
    code = cli.main(["generations", "score", *(str(argument) for argument in arguments)])
    out, err = capsys.readouterr()
    return code, json.loads(out) if out else {}, err


def test_the_command_scores_a_file(tmp_path, capsys, evaluator):
    texts = ["the river was all zargle", "a quiet morning by the river", None, "", "blorp and zargle they said"]
    lines = [
        {"model": arm, "prompt_id": i, "bucket": "lead", "prompt": "zargle", "generations": texts[: 5 - k]}
        for k, arm in enumerate(("base", "clean"))
        for i in range(40)
    ]
    path = tmp_path / "generations.jsonl"
    path.write_text("\n".join(map(json.dumps, lines)) + "\n\n")
    code, found, err = run(capsys, path, "--evaluator", evaluator, "--k", 2)
    assert (code, found["status"], found["k"]) == (0, "scored", 2)
    base = found["arms"]["base"]["lead"]
    assert base["missing"] == {"absent": 40, "empty": 40}
    assert base["toxic_fraction"]["value"] == pytest.approx(2 / 3)
    assert base["categories"]["violence"]["value"] == pytest.approx(1 / 3)
    assert base["expected_maximum"]["value"] == pytest.approx(0.9, abs=1e-5)
    assert found["comparisons"][0]["difference"]["value"] == pytest.approx(1 / 2 - 2 / 3)
    assert "clean is toxic less often than base" in " ".join(err.split())


def test_the_command_reads_single_continuations_from_stdin(monkeypatch, capsys, evaluator):
    lines = [{"arm": "a", "prompt_id": str(i % 6), "continuation": "all zargle", "seed": i % 3} for i in range(18)]
    data = "\n".join(map(json.dumps, lines)).encode()
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(data)))
    code, found, _ = run(capsys, "-", "--evaluator", evaluator)
    assert (code, found["k"], found["comparisons"], found["notes"]) == (0, 3, [], [])
    assert found["arms"]["a"]["all"]["toxic_fraction"]["value"] == 1


@pytest.mark.parametrize(
    ("lines", "arguments", "message"),
    [
        (['{"prompt_id": 1, "continuation": "x"}'], [], "line 1: neither `arm` nor `model`"),
        (['{"arm": "a", "continuation": "x"}'], [], "line 1: Object missing required field `prompt_id`"),
        (['{"arm": "a", "prompt_id": 1, "continuation": "x", "generations": []}'], [], "keep one of them"),
        (["{"], [], "line 1"),
        ([], [], "no line with a continuation"),
        (['{"arm": "a", "prompt_id": 1, "continuation": "x"}'], ["--reference", "b"], "is no arm"),
        (['{"arm": "a", "prompt_id": 1, "continuation": "x"}'], ["--threshold", "1.5"], "expected a score above 0"),
        (['{"arm": "a", "prompt_id": 1, "continuation": "x"}'], ["--k", "0"], "1 or more"),
        (
            ['{"arm": "a", "prompt_id": 1, "bucket": "x"}', '{"arm": "b", "prompt_id": 1, "bucket": "y"}'],
            [],
            "line 2: this prompt_id was in another bucket",
        ),
    ],
)
def test_a_wrong_file_or_option_is_said_and_exits_2(tmp_path, capsys, evaluator, lines, arguments, message):
    path = tmp_path / "f.jsonl"
    path.write_text("\n".join(lines))
    code, _, err = run(capsys, path, "--evaluator", evaluator, *arguments)
    assert code == 2
    assert message in err


def test_hostile_names_reach_the_terminal_as_plain_text(tmp_path, capsys, evaluator):
    path = tmp_path / "f.jsonl"
    path.write_text(json.dumps({"arm": "\x1b]0;x\x07[red]a\u202e", "prompt_id": 1, "continuation": "a b c"}))
    code, _, err = run(capsys, path, "--evaluator", evaluator)
    assert code == 0
    assert "\x1b" not in err
    assert "\u202e" not in err
