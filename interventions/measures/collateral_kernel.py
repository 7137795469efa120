"""Counting by identity group, topic, cluster group and stratum, in machine code."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tamis.classifiers.compiled import kernel

__all__ = ["count", "weigh"]

Ints = NDArray[np.int64]
Bytes = NDArray[np.uint8]


@kernel
def count(
    named: NDArray[np.uint64], topics: Bytes, eligible: NDArray[np.bool_], n_groups: int, strata: Ints, clusters: Ints,
    words: Ints, hits: Bytes, clean: NDArray[np.bool_], by_cluster: Ints, by_stratum: Ints, by_words: Ints,
) -> None:  # fmt: skip
    """Adds documents to the counts of everything that they belong to.

    What documents belong to, by row: 0 all of them, 1 those that name no group, from 2 on the groups, then the topics.

    Args:
        named: Bits of the groups that each document names, uint64 [n].
        topics: Topic of each document, from 1; 0 for none, uint8 [n].
        eligible: Documents that are counted, bool [n].
        n_groups: Number of groups.
        strata: Stratum of each document, int64 [n].
        clusters: Cluster group of each document, int64 [n].
        words: Words of each document, int64 [n].
        hits: What each intervention did something to, uint8 [n, n_interventions].
        clean: What the evaluator found clean, bool [n].
        by_cluster: Updated, int64 [n_rows, GROUPS, 1 + n_interventions]: documents, hits of each intervention.
        by_stratum: Updated, int64 [n_rows, COUNT, 2 * (1 + n_interventions)]: the same, then of the clean ones.
        by_words: Updated, int64 [n_rows, 1 + n_interventions]: words.
    """
    width = hits.shape[1] + 1
    rows = np.empty(n_groups + 3, np.int64)
    for document in range(named.size):
        if not eligible[document]:
            continue
        rows[0], rows[1], n = 0, 1, 2
        if named[document]:
            n = 1
            for group in range(n_groups):
                if named[document] >> np.uint64(group) & np.uint64(1):
                    rows[n] = 2 + group
                    n += 1
        if topics[document]:
            rows[n] = 1 + n_groups + topics[document]
            n += 1
        cluster, stratum = clusters[document], strata[document]
        for i in range(n):
            row = rows[i]
            by_cluster[row, cluster, 0] += 1
            by_stratum[row, stratum, 0] += 1
            by_words[row, 0] += words[document]
            if clean[document]:
                by_stratum[row, stratum, width] += 1
            for k in range(width - 1):
                if hits[document, k]:
                    by_cluster[row, cluster, 1 + k] += 1
                    by_stratum[row, stratum, 1 + k] += 1
                    by_words[row, 1 + k] += words[document]
                    if clean[document]:
                        by_stratum[row, stratum, width + 1 + k] += 1


@kernel
def weigh(weights: Ints, strata: Ints, clusters: Ints, hits: Bytes, by_cluster: Ints, by_stratum: Ints) -> None:
    """Adds weights of documents, where there is one.

    Args:
        weights: Weight of each document in each part, int64 [n, n_parts].
        strata: Stratum of each document, int64 [n].
        clusters: Cluster group of each document, int64 [n].
        hits: What each intervention did something to, uint8 [n, n_interventions].
        by_cluster: Updated, int64 [n_parts, GROUPS, 1 + n_interventions].
        by_stratum: Updated, int64 [n_parts, COUNT, 1 + n_interventions].
    """
    for document in range(weights.shape[0]):
        for part in range(weights.shape[1]):
            weight = weights[document, part]
            if weight:
                by_cluster[part, clusters[document], 0] += weight
                by_stratum[part, strata[document], 0] += weight
                for k in range(hits.shape[1]):
                    if hits[document, k]:
                        by_cluster[part, clusters[document], 1 + k] += weight
                        by_stratum[part, strata[document], 1 + k] += weight
