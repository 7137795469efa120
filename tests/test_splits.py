from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tamis.classifiers.datasets import LabelledSet
from tamis.classifiers.errors import UsageError
from tamis.classifiers.splits import assign, check, decontaminate, group

LONG = "the old lighthouse keeper counted the ships that passed the bay every single evening"
SHARES = {"train": 0.6, "tune": 0.2, "calibrate": 0.2}


def _set(texts, labels=None, groups=()):
    values = np.array(labels if labels is not None else [[1.0]] * len(texts), np.float32)
    return LabelledSet(("hate",), list(texts), values, ["s"] * len(texts), list(groups))


@pytest.mark.parametrize(
    ("first", "second", "together"),
    [
        (LONG, LONG.upper() + "!", True),
        (LONG, LONG + " again", True),
        (LONG, "a recipe for onion soup with a good deal of thyme and white wine", False),
        ("🔪", "🔪", True),
        ("🔪", "🌷", False),
    ],
)
def test_near_duplicates_share_a_group(first, second, together):
    groups = group([first, second])
    assert (groups[0] == groups[1]) == together


def test_declared_groups_are_kept_together():
    assert group(["one thing", "another matter", "a third"], ["x", "", "x"]).tolist() == [0, 1, 0]


def test_no_group_straddles_two_splits_and_a_source_more_moves_no_row():
    texts = [f"{LONG} number {i // 3} {'!' * (i % 3)}" for i in range(60)] + [
        f"text {i} about {i * 7}" for i in range(60)
    ]
    data = _set(texts)
    groups = group(texts)
    found = assign(data, SHARES, seed=1, groups=groups)
    assert all(len(set(found[groups == g])) == 1 for g in np.unique(groups))
    assert set(found) == {0, 1, 2}
    more = assign(_set([*texts, "something else entirely, added later"]), SHARES, seed=1)
    assert (more[:-1] == found).all()


@given(st.lists(st.text(max_size=30), min_size=1, max_size=20))
def test_grouping_takes_any_text(texts):
    groups = group(texts)
    assert (groups <= np.arange(len(texts))).all()
    assert (groups[groups] == groups).all()


def test_shares_must_sum_to_one():
    with pytest.raises(UsageError, match="sum to 1"):
        assign(_set(["a"]), {"train": 0.5, "tune": 0.1, "calibrate": 0.1})


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        ([[np.nan]] * 10, "no labelled row"),
        ([[1.0]] * 10, "10 positive and 0 negative"),
        ([[0.0]] * 10 + [[1.0]] * 3, "3 positive and 10 negative"),
    ],
)
def test_empty_and_one_class_splits_are_refused(labels, message):
    with pytest.raises(UsageError, match=f"split tune: category hate has {message}"):
        check(_set(["x"] * len(labels), labels), "split tune")


def test_overlap_of_eight_words_or_of_a_whole_short_text_is_removed():
    held_out = ["Seven words are here and one more: eight of them.", "kill the lights"]
    texts = [
        "so seven words are here and one more eight yes",
        "seven words are here and one less",
        "Kill the LIGHTS!",
        "lights",
    ]
    assert decontaminate(_set(texts), held_out).tolist() == [False, True, False, True]
