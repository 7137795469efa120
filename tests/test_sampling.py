"""Permanent random numbers: known values, uniformity, nesting, bottom-k that merges."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tamis.interventions.sampling import bottom, keys, level_for, merge_bottom, priorities, sampled, uniforms

IDS = [f"doc-{i}" for i in range(20_000)]


def test_a_key_is_the_first_eight_bytes_of_blake2b() -> None:
    expected = int.from_bytes(hashlib.blake2b(b"doc-0", digest_size=8).digest(), "big")
    assert keys(["doc-0"]).tolist() == [expected]
    assert keys([]).shape == (0,)


def test_numbers_never_change() -> None:
    # These values stand in every published run: a change would redraw every sample.
    assert keys(["a", "é", "\ud800"]).tolist() == [4681665781835383343, 14635220546840893743, 4758185216457903464]
    assert priorities(keys(["a"]), "tamis").tolist() == [7107529742494734121]


@pytest.mark.parametrize("salt", ["", "tamis", "tamis/downsample"])
def test_numbers_are_uniform(salt: str) -> None:
    draws = uniforms(keys(IDS), salt)
    assert 0 <= draws.min() < draws.max() < 1
    counts = np.bincount((draws * 20).astype(int), minlength=20)
    assert ((counts - 1000) ** 2 / 1000).sum() < 43.8  # chi-square, 19 degrees, 0.1 %


def test_salts_are_independent() -> None:
    first, second = (uniforms(keys(IDS), salt) for salt in ("a", "b"))
    assert abs(np.corrcoef(first, second)[0, 1]) < 0.03


def test_samples_are_nested_and_of_their_rate() -> None:
    document_keys = keys(IDS)
    previous = sampled(document_keys, "s", 0)
    assert previous.all()
    for level in range(1, 6):
        chosen = sampled(document_keys, "s", level)
        assert not (chosen & ~previous).any()
        assert chosen.mean() == pytest.approx(2.0**-level, rel=0.15)
        previous = chosen


@pytest.mark.parametrize(("total", "wanted", "level"), [(0, 10, 0), (10, 10, 0), (11, 10, 1), (40, 10, 2), (41, 10, 3)])
def test_level_for_is_the_smallest_that_fits(total: int, wanted: int, level: int) -> None:
    assert level_for(total, wanted) == level


@given(st.lists(st.integers(0, 500), max_size=60), st.integers(0, 60), st.integers(1, 20))
def test_bottom_k_of_the_parts_is_bottom_k_of_the_whole(numbers: list[int], cut: int, k: int) -> None:
    ids = [f"d{number}" for number in numbers]
    drawn = priorities(keys(ids), "x")
    whole = bottom(k, drawn, ids)
    left, right = bottom(k, drawn[:cut], ids[:cut]), bottom(k, drawn[cut:], ids[cut:])
    assert merge_bottom(k, left, right) == merge_bottom(k, right, left) == whole
    assert merge_bottom(k, whole, left) == whole
    assert bottom(k, drawn[cut:], ids[cut:], left) == whole
