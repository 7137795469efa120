"""Score histograms: the bins are exact at their edges."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tamis.interventions.measures import histogram
from tamis.interventions.measures.histogram import BINS, COARSE, bins, centres, coarsen

EDGES = histogram.EDGES


def test_edges_rise() -> None:
    assert (np.diff(EDGES[1:-1]) > 0).all()
    assert EDGES[BINS // 2] == 0.5


@given(st.lists(st.floats(0, 1, width=32), min_size=1, max_size=50))
def test_a_score_lies_between_the_edges_of_its_bin(scores: list[float]) -> None:
    values = np.array(scores, dtype=np.float32)
    found = bins(values)
    assert (EDGES[found] <= values).all()
    assert (values < EDGES[found + 1]).all()


def test_every_edge_and_its_neighbours_are_binned_exactly() -> None:
    inner = EDGES[1:-1]
    values = np.concatenate([inner, np.nextafter(inner, np.float32(0)), np.nextafter(inner, np.float32(1))])
    assert (bins(values) == np.searchsorted(EDGES, values, side="right") - 1).all()


def test_ends_and_unscored() -> None:
    values = np.array([[0.0, 1.0], [np.nan, 0.5]], dtype=np.float32)
    assert bins(values).tolist() == [[0, BINS - 1], [-1, BINS // 2]]


def test_coarse_bins_keep_the_count() -> None:
    counts = np.arange(BINS)
    assert len(coarsen(counts)) == COARSE
    assert sum(coarsen(counts)) == counts.sum()
    assert centres(2).tolist() == pytest.approx([-6, 6])
