"""Conditions: the grammar, its errors, and three-valued truth on batches."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tamis.classifiers.errors import ShardError, UsageError
from tamis.interventions.batch import Batch
from tamis.interventions.columns import Columns
from tamis.interventions.conditions import All, Drawn, ScoreTest, Some, leaves, truth
from tamis.interventions.grammar import parse
from tamis.interventions.scope import Scope
from tamis.interventions.testing import make_batch, random_batch

NAN = math.nan
SCOPE = Scope(
    {"policy": ("hate", "violence/graphic"), "spam": ("spam", "ads")},
    lambda classifier, category, kind, level: {"precision": 0.9, "recall": 0.3, "fpr": 0.7}[kind],
    ("year", "tag", "checked"),
)


def _batch() -> Batch:
    """Five documents: hateful, mild, unscored, graphic and spam, with the second passage of two scored apart."""
    return make_batch(
        ["one " * 60 + "\n\n" + "two " * 140, "calm", "…", "red", ""],
        {
            "policy": {"hate": [0.1, 0.92, 0.2, NAN, 0.4], "violence/graphic": [0.0, 0.0, 0.0, NAN, 0.7]},
            "spam": {"spam": [0.0, 0.0, 0.3, 0.5, 0.99], "ads": [0.1, 0.2, 0.0, NAN, NAN]},
        },
        sources=["forum", "news", "forum", "", "wiki"],
        domains=["a.example", "", "b.example", "", ""],
        languages=["en", "en", "de", "und", "en"],
        fields={
            "year": [2001, None, 1999.5, "2001", True],
            "tag": ["x", "y", None, 3, ""],
            "checked": [True, False, None, 1, 0],
        },
    )


def holds(when: str, batch: Batch | None = None) -> list[int]:
    """Returns the documents on which a condition is true."""
    batch = batch or _batch()
    node = parse(when, SCOPE)
    columns = Columns(batch, "salt")
    return np.flatnonzero(truth(node, {leaf: leaf.holds(columns) for leaf in leaves(node)})).tolist()


@pytest.mark.parametrize(
    ("when", "documents"),
    [
        ("hate >= 0.9", [0]),
        ("hate > 0.92", []),
        ("hate >= 0.92", [0]),
        ("hate < 0.5", [1, 3]),
        ("hate == 0.2", [1]),
        ("hate != 0.2", [0, 3]),
        ("policy.hate >= 0.9", [0]),
        ("violence/graphic >= 0.5", [3]),
        ("not (hate >= 0.9)", [1, 3]),
        ("not not hate >= 0.9", [0]),
        ("hate >= 0.9 or violence/graphic >= 0.5", [0, 3]),
        ("hate < 0.9 and source == 'forum'", []),
        ("any >= 0.5", [0, 2, 3]),
        ("not any >= 0.5", [1]),
        ("any < 0.5", [1]),
        ("policy.any >= 0.9", [0]),
        ("any >= precision(0.95)", [0, 3]),
        ("hate >= recall(0.9)", [0, 3]),
        ("passage.hate >= 0.9", [0]),
        ("passage.hate < 0.9", [1, 3]),
        ("share.hate >= 0.69", [0]),
        ("share.hate > 0.7", []),
        ("share.hate == 0", [1, 3]),
        ("share.any >= 0.5", [0, 2, 3]),
        ("unscored", [4]),
        ("not unscored", [0, 1, 2, 3]),
        ("policy.unscored", [2, 4]),
        ("not policy.unscored and hate < 2e-1", []),
        ("words >= 200", [0]),
        ("words == 1 and bytes > 3", [1]),
        ("random < 1", [0, 1, 2, 3, 4]),
        ("random < 0", []),
        ("source == 'forum'", [0, 2]),
        ("source != 'forum'", [1, 4]),
        ("not source == 'forum'", [1, 4]),
        ("source in ['forum', \"wiki\"]", [0, 2, 4]),
        ("source not in ['forum']", [1, 4]),
        ("not source not in ['forum']", [0, 2]),
        ("domain matches '^a'", [0]),
        ("domain not matches '^a'", [2]),
        ("language == 'und'", [3]),
        ("field.year >= 2000", [0]),
        ("field.year < 2000", [2]),
        ("field.tag == 'x'", [0]),
        ("field.tag in ['x', '']", [0, 4]),
        ("field.tag not matches 'x'", [1, 4]),
        ("field.checked == true", [0]),
        ("not field.checked == true", [1]),
        ("hate>=0.9or(source=='news'and not unscored)", [0, 1]),
    ],
)
def test_what_is_true_and_what_is_unknown(when: str, documents: list[int]) -> None:
    assert holds(when) == documents


@pytest.mark.parametrize(
    ("when", "column", "words"),
    [
        ("hat >= 0.5", 1, ["`hat`", "did you mean `hate`"]),
        ("policy.hatred >= 0.5", 1, ["`policy.hatred`", "`hate`"]),
        ("polcy.hate >= 0.5", 1, ["`polcy` is not a classifier", "`policy`"]),
        ("hate >= 1.5", 9, ["`1.5`", "0 to 1"]),
        ("hate >= -0.5", 9, ["`-0.5`"]),
        ("hate = 0.5", 6, ["`==`"]),
        ("hate >= 0.5 && spam >= 0.5", 13, ["`and`"]),
        ("hate ≥ 0.5", 6, ["`>=`"]),
        ("hate >= recal(0.5)", 9, ["`recal`", "did you mean `recall`"]),
        ("hate >= recall 0.5", 16, ["`(`"]),
        ("hate >= recall(0.5", 19, ["found the end", "`)`"]),
        ("hate >= 'x'", 9, ["is a score"]),
        ("hate", 5, ["found the end", "comparison of `hate`"]),
        ("share.hate >= precision(0.9)", 15, ["a number from 0 to 1"]),
        ("(hate >= 0.5", 13, ["`)`"]),
        ("hate >= 0.5 source", 13, ["`source`", "`and`"]),
        ("", 1, ["found the end"]),
        ("and hate >= 0.5", 1, ["`and`"]),
        ("source == forum", 11, ["`forum`", "in quotes"]),
        ("source == 'forum", 11, ["does not end"]),
        ("source in 'forum'", 11, ["a list"]),
        ("source in ['a' 'b']", 16, ["`,` or `]`"]),
        ("source matches '(a'", 16, ["RE2", "missing"]),
        ("source matches '(?=a)'", 16, ["RE2"]),
        ("source >= 'a'", 8, ["comparison of `source`"]),
        ("words >= many", 10, ["a number of words"]),
        ("field.yeer > 3", 1, ["`field.yeer`", "did you mean `year`"]),
        ("field.year > yes", 14, ["`yes`"]),
        ("random and hate >= 0.5", 1, ["stands alone"]),
        ("not random", 5, ["stands alone"]),
    ],
)
def test_errors_say_where_and_what(when: str, column: int, words: list[str]) -> None:
    with pytest.raises(UsageError) as error:
        parse(when, SCOPE)
    message = str(error.value)
    assert f"column {column}:" in message
    for word in words:
        assert word in message


def test_a_category_of_two_classifiers_needs_its_owner() -> None:
    scope = Scope({"a": ("hate",), "b": ("hate",)})
    with pytest.raises(UsageError, match=r"write `a\.hate` or `b\.hate`"):
        parse("hate >= 0.5", scope)
    assert parse("b.hate >= 0.5", scope) == ScoreTest("document", "b", "hate", ">=", 0.5)
    assert len(leaves(parse("any >= 0.5", scope))) == 2


def test_operating_points_are_looked_up_once_and_kept() -> None:
    assert parse("hate >= precision(0.95)", SCOPE) == ScoreTest("document", "policy", "hate", ">=", 0.9)
    with pytest.raises(UsageError, match="needs a bundle"):
        parse("hate >= precision(0.95)", Scope({"policy": ("hate",)}))

    def refuse(*_: object) -> float:
        raise UsageError("the bundle has precision(0.9) and precision(0.95)")

    with pytest.raises(UsageError, match=r"column 1: the bundle has"):
        parse("hate >= precision(0.5)", Scope({"policy": ("hate",)}, refuse))


def test_negation_is_pushed_to_the_leaves() -> None:
    node = parse("not (hate >= 0.5 and (spam < 0.5 or words == 3))", SCOPE)
    assert isinstance(node, Some)
    assert [leaf.op for leaf in leaves(node)] == ["<", ">=", "!="]  # type: ignore[attr-defined]
    assert isinstance(node.parts[1], All)
    assert parse("hate >= 0.5", SCOPE, negate=True) == parse("not hate >= 0.5", SCOPE)
    assert parse("random", SCOPE) == Drawn()


def test_depth_and_length_are_limited() -> None:
    with pytest.raises(UsageError, match="nested more than"):
        parse("(" * 500 + "hate >= 0.5" + ")" * 500, SCOPE)
    with pytest.raises(UsageError, match="nested more than"):
        parse("not " * 500 + "hate >= 0.5", SCOPE)
    with pytest.raises(UsageError, match="too long"):
        parse(" or ".join(["hate >= 0.5"] * 1000), SCOPE)


def test_a_classifier_cannot_have_the_name_of_a_word() -> None:
    with pytest.raises(UsageError, match="cannot be called `passage`"):
        Scope({"passage": ("hate",)})


def test_a_field_that_was_not_read_fails_the_shard() -> None:
    with pytest.raises(ShardError, match=r"field\.tag"):
        holds("field.tag == 'x'", random_batch(3, 0))


def test_strings_keep_their_backslashes() -> None:
    batch = make_batch(["a", "b"], {"policy": {"hate": [0.1, 0.1]}}, sources=["x1", 'say "x"'])
    assert holds(r'source matches "x\d"', batch) == [0]
    assert holds(r'source == "say \"x\""', batch) == [1]


@st.composite
def _conditions(draw: st.DrawFn, depth: int = 3) -> str:
    if depth == 0 or draw(st.booleans()):
        name = draw(st.sampled_from(["hate", "sexual", "any", "passage.hate", "share.sexual"]))
        op = draw(st.sampled_from([">=", "<", ">", "<=", "==", "!="]))
        return f"{name} {op} {draw(st.sampled_from([0.1, 0.5, 0.9]))}"
    if draw(st.booleans()):
        return f"not ({draw(_conditions(depth - 1))})"
    return f"({draw(_conditions(depth - 1))} {draw(st.sampled_from(['and', 'or']))} {draw(_conditions(depth - 1))})"


@settings(max_examples=60, deadline=None)
@given(_conditions())
def test_a_condition_and_its_negation_are_never_both_true_and_one_is_where_all_is_known(when: str) -> None:
    batch = random_batch(60, 3)
    scope = Scope({"policy": ("sexual", "hate", "harassment")})
    columns = Columns(batch, "s")
    yes, no = (
        truth(node, {leaf: leaf.holds(columns) for leaf in leaves(node)})
        for node in (parse(when, scope), parse(when, scope, negate=True))
    )
    scored = batch.scores["policy"].unscored == 0
    assert not (yes & no).any()
    assert (yes | no)[scored].all()
    assert not (yes | no)[~scored].any()


def test_a_pattern_meets_a_lone_surrogate_without_an_error() -> None:
    batch = make_batch(["a"], {"policy": {"hate": [0.1]}}, sources=["x\ud800y"])
    assert holds("source matches 'x.y'", batch) == [0]
