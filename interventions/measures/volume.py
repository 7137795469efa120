"""Volume: how much each intervention removes, rewrites and tags, and from where.

A census: every document of the corpus is counted, so the numbers have no sampling error. They hold for the corpus at
hand and say nothing of the next crawl.

A document's *outcome* under an intervention is `removed` (does not reach the output), `rewritten` (reaches it with
another text: redact, control_token), `tagged` (same text, marked), or untouched. kept = seen - removed, and
rewritten, tagged and untouched documents are all kept.

Result (AMOUNTS are {"documents", "words", "bytes"}, estimates are described in `measures.estimate`):

    {
      "grade": "census",
      "seen": AMOUNTS,
      "lengths": ["0", "1-49", …],                     length buckets in words, in order
      "interventions": {
        NAME: {
          "seen": AMOUNTS, "kept": AMOUNTS, "removed": AMOUNTS, "rewritten": AMOUNTS, "tagged": AMOUNTS,
          "cut": AMOUNTS,                              words and bytes redacted from documents that were kept
          "removed_share": {"documents": estimate, "words": estimate, "bytes": estimate},
          "actions": {ACTION: AMOUNTS},                documents by the action that decided ("drop", "tag", …)
          "rules": {LABEL: {"action": ACTION, "decided": AMOUNTS, "fired": AMOUNTS}},
          "categories": {OUTCOME: {CATEGORY: {"decided": AMOUNTS, "fired": AMOUNTS, "alone": AMOUNTS}}},
          "together": {OUTCOME: [{"categories": [CATEGORY, …], …AMOUNTS}]},      largest first
          "by": {
            "source" | "language" | "length": {
              KEY: {"seen": AMOUNTS, "removed": AMOUNTS, "rewritten": AMOUNTS, "tagged": AMOUNTS,
                    "removed_share": {"documents": estimate, "words": estimate, "bytes": estimate}}}
          },
          "domains": {
            "exact": bool,                             false: rare domains share a bucket, see `measures.domains`
            "distinct": int,                           at least so many domains
            "top": [{"domain": str, "seen": AMOUNTS, "removed": AMOUNTS}],       by words removed, at most 20
            "top10_share": estimate                    share of the removed words that the first ten hold
          }
        }
      }
    }

OUTCOME is "removed", "rewritten" or "tagged"; every outcome is always there. CATEGORY is a category of a classifier;
`decided` counts the documents whose deciding comparison was on it, `fired` those on which any of its comparisons held,
`alone` those on which no other category fired. A document that no category decided (a rule on a source, say) counts
under "" in `together` and under no category.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar, Final

import numpy as np
from numpy.typing import NDArray

from tamis.interventions.batch import Batch
from tamis.interventions.measures import counters, volume_result
from tamis.interventions.measures.base import Context, State
from tamis.interventions.measures.effects import Cut, cut
from tamis.interventions.measures.keyed import SEEN, Keyed, merge_keyed
from tamis.interventions.measures.lengths import BUCKETS, bucket
from tamis.interventions.sampling import priorities
from tamis.interventions.verdict import Action, Decisions

__all__ = ["Volume"]

#: Keys that are counted exactly, by the column that they come from.
_LIMITS: Final = {"source": 256, "language": 256, "domain": 1024}

Amounts = NDArray[np.int64]
Rows = NDArray[np.intp]


class Volume:
    """Counts documents, words and bytes by what happened to them."""

    name: ClassVar[str] = "volume"

    def __init__(self, context: Context) -> None:
        self._context = context
        self._keyed = {column: Keyed(limit) for column, limit in _LIMITS.items()}
        self._plain: dict[tuple[str, ...], Amounts] = {}
        self._categories = {name: _category_table(found) for name, found in context.conditions.items()}

    def add(self, batch: Batch, decisions: Mapping[str, Decisions]) -> None:
        """Adds a batch and what each intervention decided on it."""
        if not len(batch):
            return
        page = _Page(batch, self._keyed, self._context.salt)
        self._count_all(("seen",), page.values)
        self._spread(SEEN, page, np.arange(len(batch)))
        for name, decided in decisions.items():
            self._intervention(name, decided, page)
        for keyed in self._keyed.values():
            keyed.flush()

    def _intervention(self, name: str, decided: Decisions, page: _Page) -> None:
        labels = len(self._context.interventions[name])
        acted = np.flatnonzero(decided.action)
        self._count(("of", name, "actions"), decided.action[acted], page.values[acted], len(Action))
        self._count(("of", name, "decided"), decided.rule[acted], page.values[acted], labels)
        hits, fired = np.nonzero(decided.fired)
        self._count(("of", name, "fired"), fired, page.values[hits], labels)
        self._cut(name, cut(page.batch, decided))
        for outcome, chosen in _outcomes(decided):
            self._spread(f"{outcome} {name}", page, chosen)
            self._count_all(("of", name, outcome, "all"), page.values[chosen])
            if chosen.size:
                self._reasons(name, outcome, decided, chosen, page.values)

    def _cut(self, name: str, found: Cut) -> None:
        if found.rows.size:
            values = np.column_stack([np.ones_like(found.words), found.words, found.bytes])
            self._count_all(("of", name, "cut"), values)

    def _reasons(self, name: str, outcome: str, decided: Decisions, chosen: Rows, values: Amounts) -> None:
        """Counts the categories that decided and those that fired, among the documents of an outcome."""
        categories, of_condition = self._categories[name]
        condition = decided.condition[chosen]
        known = condition >= 0
        into = ("of", name, outcome)
        self._count((*into, "by"), of_condition[condition[known]], values[chosen[known]], len(categories))
        bits = np.bitwise_or.reduce(decided.met[chosen] * (1 << of_condition), axis=1)
        for pattern in set(bits.tolist()):
            key = "|".join(one for k, one in enumerate(categories) if pattern >> k & 1)
            self._count_all((*into, "together", key), values[chosen[bits == pattern]])

    def _count_all(self, key: tuple[str, ...], values: Amounts) -> None:
        if len(values):
            found = values.sum(axis=0)
            self._plain[key] = found + self._plain[key] if key in self._plain else found

    def _count(self, key: tuple[str, ...], codes: NDArray[Any], values: Amounts, size: int) -> None:
        """Adds amounts, int64 [m, 3], under a key, by code: int64 [size, 3]."""
        if not codes.size:
            return
        found = np.stack([np.bincount(codes, values[:, unit], size) for unit in range(3)], axis=1).astype(np.int64)
        self._plain[key] = found + self._plain[key] if key in self._plain else found

    def _spread(self, series: str, page: _Page, chosen: Rows) -> None:
        """Adds documents to a series by source, language, domain and length."""
        if not chosen.size:
            return
        values, draws = page.values[chosen], page.draws[chosen]
        for column, keyed in self._keyed.items():
            keyed.add(series, page.codes[column][chosen], values, draws)
        self._count(("length", series), page.lengths[chosen], values, len(BUCKETS))

    def state(self) -> State:
        """Returns the mergeable state so far."""
        found: State = {}
        for key, values in self._plain.items():
            into = found
            for part in key[:-1]:
                into = into.setdefault(part, {})
            into[key[-1]] = values.ravel().tolist()
        keyed = {column: one.state() for column, one in self._keyed.items()}
        return {key: value for key, value in (("counts", counters.strip(found)), ("keyed", _filled(keyed))) if value}

    @staticmethod
    def merge(*states: State) -> State:
        """Merges states."""
        counts = counters.total(state.get("counts", {}) for state in states)
        keyed = {
            column: merge_keyed([state.get("keyed", {}).get(column, {}) for state in states], limit)
            for column, limit in _LIMITS.items()
        }
        return {key: value for key, value in (("counts", counts), ("keyed", _filled(keyed))) if value}

    @staticmethod
    def result(state: State, context: Context) -> dict[str, Any]:
        """Returns the numbers of report.json; the schema stands at the top of the module."""
        return volume_result.build(state, context)


class _Page:
    """Columns of a batch that every series shares."""

    def __init__(self, batch: Batch, keyed: Mapping[str, Keyed], salt: str) -> None:
        self.batch = batch
        self.values = np.column_stack([np.ones(len(batch), np.int64), batch.words, batch.bytes])
        self.draws = (priorities(batch.keys, f"{salt}/keyed") >> np.uint64(32)).astype(np.int64)
        self.lengths = bucket(batch.words)
        columns = {"source": batch.sources, "language": batch.languages, "domain": batch.domains}
        self.codes = {column: keyed[column].codes(values) for column, values in columns.items()}


def _category_table(conditions: tuple[tuple[str, str, float], ...]) -> tuple[list[str], Rows]:
    """Returns the categories of an intervention's conditions , and each condition's index in them."""
    categories = volume_result.categories_of(conditions)
    last = len(categories) - 1
    index = [min(last, categories.index(one.removeprefix("share."))) for _, one, _ in conditions]
    return categories, np.array(index, dtype=np.intp)


def _outcomes(decided: Decisions) -> Iterator[tuple[str, Rows]]:
    yield "removed", np.flatnonzero(decided.removed)
    yield "rewritten", np.flatnonzero(decided.rewritten)
    yield "tagged", np.flatnonzero((decided.action == Action.TAG) & ~decided.rewritten)


def _filled(states: Mapping[str, State]) -> State:
    return {name: state for name, state in states.items() if state}
