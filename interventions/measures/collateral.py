"""Collateral damage: whose documents an intervention removes more often than it removes others.

Three tiers, never merged into one number:

1. Removal rates by identity group that documents name, by topic and by dialect, as ratios to a reference, raw and
   standardised over source and length. They are counted, and confounded: a group that is talked about in hateful
   documents loses more of them to a filter of hate.
2. The same among the documents that the evaluator finds clean, and how many of those are removed: what an evaluator
   says of whether a removal was justified. Labels say it better.
3. Sentences that differ in nothing but the identity they name: `functional_policy`, beside the corpus.

Where an intervention drops or thins out, what is counted is removals; where it only redacts, tags or marks, it is
documents that it acts on.

Result (estimates are described in `measures.estimate`):

    {
      "grade", "reason",                               of what rests on the evaluator
      "documents": int,                                looked at: in English or in no language that could be told
      "reference": int,                                … of them that name none of the groups
      "axes": {GROUP: AXIS},
      "note": str | null,                              why nothing was counted
      "interventions": {
        NAME: {
          "outcome": "removed" | "acted on",
          "groups": {GROUP: ROW},                      compared with documents that name no group
          "topics": {TOPIC: ROW},                      compared with documents of no topic or another
          "dialects": {DIALECT: ROW},                  a sample; compared with white-aligned English
          "flagged": [GROUP | DIALECT, …],             see `FLAG`; the worst first
          "benign": {
            "removed": {"documents": int, "words": int},   evaluated, removed, and clean by the evaluator
            "of_removed": estimate,                    share of the removed documents that are clean
            "of_clean": estimate,                      share of the clean documents that are removed
            "random": estimate                         … under a random removal of as many documents
          }
        }
      }
    }

    ROW = {
      "documents": int, "hit": int, "rate": estimate,  share of the row's documents that are hit
      "reference_rate": estimate,
      "raw": estimate, "katz": estimate,               ratio of the two rates; the latter as if independent
      "random": estimate,                              the raw ratio under a random removal within strata
      "ratio": estimate,                               standardised over source and length
      "clean": estimate,                               … among documents that the evaluator finds clean
      "p": number | null                               of a ratio of at most 1, adjusted for the number of rows (Holm)
    }

A ratio is "not resolvable" where its interval holds 1 and there are too few documents to see a doubling.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Final

import numpy as np
from numpy.typing import NDArray

from tamis.interventions import mentions
from tamis.interventions.batch import Batch
from tamis.interventions.dialect import NAMES
from tamis.interventions.measures import collateral_result, counters, strata
from tamis.interventions.measures.base import Context, State
from tamis.interventions.measures.clusters import GROUPS, groups
from tamis.interventions.measures.collateral_kernel import count, weigh
from tamis.interventions.measures.judged import judge
from tamis.interventions.sampling import Keys, sampled
from tamis.interventions.stored import StoredPassages
from tamis.interventions.verdict import Decisions

__all__ = ["Collateral", "dialect_sample"]

_SALT: Final = "dialect"
#: Dialects take several times as long to look at as all the rest: one document in 2**level is enough.
_LEAST_SPARSE, _MOST_SPARSE = 2, 5

Ints = NDArray[np.int64]


class Collateral:
    """Counts what interventions hit, by what documents are about, cluster group and stratum."""

    name: ClassVar[str] = "collateral"

    def __init__(self, context: Context) -> None:
        self._context = context
        self._removes = [collateral_result.removes(name, context) for name in context.interventions]
        width, rows = 1 + len(context.interventions), len(collateral_result.entities())
        self._clusters = np.zeros((rows, GROUPS, width), np.int64)
        self._strata = np.zeros((rows, strata.COUNT, 2 * width), np.int64)
        self._words = np.zeros((rows, width), np.int64)
        self._dialect_clusters = np.zeros((len(NAMES), GROUPS, width), np.int64)
        self._dialect_strata = np.zeros((len(NAMES), strata.COUNT, width), np.int64)
        self._benign = np.zeros((GROUPS, 2 * width), np.int64)
        self._benign_words = np.zeros(width, np.int64)

    def add(self, batch: Batch, decisions: Mapping[str, Decisions]) -> None:
        """Adds a batch and what each intervention decided on it."""
        if not len(batch):
            return
        hits = _hits(decisions, self._removes)
        cluster = groups(batch).astype(np.int64)
        judged = judge(batch, self._context.evaluator_thresholds)
        scored, clean = judged.scored, judged.clean
        self._add_benign(batch, hits, cluster, scored, clean)
        found = self._mentions(batch)
        if found is None:
            return
        stratum = strata.strata(batch)
        count(
            found.groups, found.topics, found.eligible, len(mentions.group_names()), stratum, cluster, batch.words,
            hits, clean, self._clusters, self._strata, self._words,
        )  # fmt: skip
        weights = np.rint(np.nan_to_num(found.dialects) * collateral_result.UNIT).astype(np.int64)
        weigh(weights, stratum, cluster, hits, self._dialect_clusters, self._dialect_strata)

    def _mentions(self, batch: Batch) -> mentions.Mentions | None:
        if batch.mentions is not None or isinstance(batch.passages, StoredPassages):
            return batch.mentions
        return mentions.look(batch, dialect_sample(batch.keys, self._context))

    def _add_benign(
        self, batch: Batch, hits: NDArray[np.uint8], cluster: Ints, scored: NDArray[np.bool_], clean: NDArray[np.bool_]
    ) -> None:
        """Counts evaluated and clean documents, and of both those that were hit, by cluster group."""
        every = np.column_stack([np.ones(len(batch), np.uint8), hits])
        columns = np.concatenate([every * scored[:, None], every * clean[:, None]], axis=1)
        for column, into in zip(columns.T, self._benign.T, strict=True):
            into += np.bincount(cluster[column.nonzero()[0]], minlength=GROUPS)
        self._benign_words += batch.words @ (every * clean[:, None]).astype(np.int64)

    def state(self) -> State:
        """Returns the mergeable state so far."""
        return counters.strip(
            {
                "of": {name: self._entity(row) for row, name in enumerate(collateral_result.entities())},
                "dialects": {name: self._dialect(row) for row, name in enumerate(NAMES)},
                "benign": {"documents": self._benign.ravel().tolist(), "words": self._benign_words.tolist()},
            }
        )

    def _entity(self, row: int) -> State:
        return {
            "groups": self._clusters[row].ravel().tolist(),
            "strata": strata.sparse(self._strata[row]),
            "words": self._words[row].tolist(),
        }

    def _dialect(self, row: int) -> State:
        return {
            "groups": self._dialect_clusters[row].ravel().tolist(),
            "strata": strata.sparse(self._dialect_strata[row]),
        }

    @staticmethod
    def merge(*states: State) -> State:
        """Merges states."""
        return counters.total(states)

    @staticmethod
    def result(state: State, context: Context) -> dict[str, Any]:
        """Returns the numbers of report.json; the schema stands at the top of the module."""
        return collateral_result.build(state, context)


def dialect_sample(keys: Keys, context: Context) -> NDArray[np.bool_]:
    """Says which documents' dialect is looked at, bool [n]: fewer where the evaluator is asked about fewer."""
    asked = context.notes.get("sample_level")
    level = _MOST_SPARSE if asked is None else min(_MOST_SPARSE, _LEAST_SPARSE + 2 * int(asked))
    return sampled(keys, f"{context.salt}/{_SALT}", level)


def _hits(decisions: Mapping[str, Decisions], removes: list[bool]) -> NDArray[np.uint8]:
    """Returns what each intervention did something to, uint8 [n, n_interventions]."""
    columns = [
        decided.removed if removed else decided.action > 0
        for decided, removed in zip(decisions.values(), removes, strict=True)
    ]
    return np.column_stack(columns).astype(np.uint8)
