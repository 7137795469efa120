"""Distribution shift: how far an intervention moves the mix of words, and which part of the vocabulary it loses.

Words are those of the normaliser web-1, on the documents that the evaluator is asked about, or one document in
2**`LEVEL` by hash where the plan has no evaluator. No word is kept: the mix is counted in `shift_kernel.BUCKETS`
buckets of a hash, and the vocabulary is a sample of `TYPES` different words, those with the lowest hashes. Both add up,
so that receipts merge.

Any removal moves the mix a little, so each number stands beside that of a *placebo*: a removal of documents at random,
of the same share of the words. It needs no random numbers. With c_dw the occurrences of bucket w in document d, n_d its
words, N all words and p_w = c_w/N, dropping each document with probability r moves p_w with

    variance  s_w^2 = r/(1-r) * sum over d of (c_dw - p_w n_d)^2 / N^2,

which is that of a bucket whose words stand in m_w = p_w^2/s_w^2 * r/(1-r) documents, equally many in each. The expected
divergence is taken over the binomial number of those that stay; for large m_w it is the sum of s_w^2/(8 p_w) nats.
Everything in it is a sum over documents. What exceeds the placebo is systematic: its interval takes buckets as
independent. A word in k documents is lost by the placebo with probability r^k.

Result:

    {
      "documents": int, "words": int,                  counted
      "buckets": int, "types": int,
      "note": str | null,                              why nothing was counted
      "interventions": {NAME: {
        "removed_words": float,                        share of the words counted
        "divergence": estimate,                        Jensen-Shannon, before against after, in bits
        "placebo": estimate,                           the same of a random removal; its interval is its 95 % range
        "excess": estimate,                            divergence less that of the placebo
        "vocabulary_lost": estimate,                   share of the words that stood at least `OFTEN` times and are gone
        "vocabulary_lost_placebo": estimate
      }}
    }
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Final

import numpy as np
from numpy.typing import NDArray

from tamis.interventions.batch import Batch
from tamis.interventions.measures import counters
from tamis.interventions.measures.base import Context, State
from tamis.interventions.measures.shift_kernel import BUCKETS, tally
from tamis.interventions.measures.shift_result import SMALLEST, SUMS, Moved
from tamis.interventions.report_format import several
from tamis.interventions.sampling import sampled
from tamis.interventions.verdict import Action, Decisions

__all__ = ["TYPES", "Shift"]

#: Different words that the sample of the vocabulary holds.
TYPES: Final = 512
#: The sample without an evaluator's: one document in 2**LEVEL.
LEVEL: Final = 3

_SALT: Final = "shift"
_NORMALISER: Final = "web-1"
_MOST: Final = 64

Ints = NDArray[np.int64]


class Shift:
    """Counts hashed words before each intervention, and those that it takes out."""

    name: ClassVar[str] = "shift"

    def __init__(self, context: Context) -> None:
        self._names = list(context.interventions)[:_MOST]
        self._evaluated = context.notes.get("sample_level") is not None
        self._sums = np.zeros((len(SUMS), BUCKETS), np.int64)
        self._gone = np.zeros((len(self._names), BUCKETS), np.int64)
        self._totals = np.zeros(3, np.int64)
        self._keys = np.zeros(0, np.uint64)
        self._rows = np.zeros((0, 2 + len(self._names)), np.int64)
        self._below = np.uint64(2**63)

    def add(self, batch: Batch, decisions: Mapping[str, Decisions]) -> None:
        """Adds a batch; one whose texts are not there is passed over."""
        chosen = batch.evaluated if self._evaluated else sampled(batch.keys, _SALT, LEVEL)
        # A document without text counts in no batch, so it may not count in some.
        chosen = chosen & (np.diff(batch.passages.document) > 0)
        if not batch.passages.data.size or not chosen.any():
            return
        lost = np.zeros(len(batch.passages), np.uint64)
        for k, name in enumerate(self._names):
            lost |= _taken_out(batch, decisions[name]).astype(np.uint64) << np.uint64(k)
        passages, document = batch.passages, batch.passages.document
        if 2 * int(chosen.sum()) < len(batch) and not passages.has(_NORMALISER):
            # The rest need not be normalised for this.
            lost = lost[np.repeat(chosen, np.diff(document))]
            passages = passages.part(chosen)
            document, chosen = passages.document, np.ones(len(passages.texts), np.bool_)
        data, bounds = passages.buffer(_NORMALISER)
        n = len(self._names)
        lengths, hashes, owners, bits = tally(
            data, bounds, document, chosen, lost, n, self._below, self._sums, self._gone
        )
        self._totals += np.array([int(chosen.sum()), int(lengths.sum()), int((lengths**2).sum())])
        self._list(hashes, owners, bits)

    def _list(self, hashes: NDArray[np.uint64], owners: Ints, bits: NDArray[np.uint64]) -> None:
        """Adds occurrences of sampled words: [documents, occurrences, then those that each intervention takes out]."""
        keys, index = np.unique(hashes, return_inverse=True)
        # One number a pair of word and document: rows sort ten times slower.
        width = int(owners.max(initial=0)) + 1
        pairs = np.unique(index * width + owners) // width
        columns = [np.bincount(pairs, minlength=keys.size), np.bincount(index, minlength=keys.size)]
        for k in range(len(self._names)):
            out = (bits >> np.uint64(k) & np.uint64(1)).astype(np.float64)
            columns.append(np.bincount(index, out, minlength=keys.size).astype(np.int64))
        self._add_rows(keys, np.column_stack(columns).astype(np.int64))

    def _add_rows(self, keys: NDArray[np.uint64], rows: Ints) -> None:
        """Adds counts of words to what there is of them; keeps the lowest, sorted."""
        self._keys, index = np.unique(np.concatenate([self._keys, keys]), return_inverse=True)
        total = np.zeros((self._keys.size, rows.shape[1]), np.int64)
        np.add.at(total, index, np.concatenate([self._rows, rows]))
        self._rows = total
        if self._keys.size > 2 * TYPES:
            self._keys, self._rows = self._keys[:TYPES], self._rows[:TYPES]
            self._below = self._keys[-1] + np.uint64(1)

    def state(self) -> State:
        """Returns the state so far: see `SUMS`; "lost" by intervention; "types"."""
        sums = {name: row.tolist() for name, row in zip(SUMS, self._sums, strict=True)}
        gone = {name: row.tolist() for name, row in zip(self._names, self._gone, strict=True)}
        listed = zip(self._keys[:TYPES].tolist(), self._rows[:TYPES].tolist(), strict=True)
        types = {str(key): row for key, row in listed}
        totals = dict(zip(("documents", "words", "word_squares"), self._totals.tolist(), strict=True))
        return counters.strip({**totals, **sums, "lost": gone, "types": types})

    @staticmethod
    def merge(*states: State) -> State:
        """See `Measure.merge`."""
        found = counters.total(states)
        return {**found, "types": _lowest(found["types"])} if "types" in found else found

    @staticmethod
    def result(state: State, context: Context) -> dict[str, Any]:
        """See the top of the module."""
        documents, words = int(state.get("documents", 0)), int(state.get("words", 0))
        note = None
        if documents < SMALLEST or not words:
            note = f"{several(documents, 'document')} counted, at least {SMALLEST} are needed"
            note = note if documents else "no document whose text is at hand was in the sample"
        found = {name: Moved(state, name, k, note) for k, name in enumerate(list(context.interventions)[:_MOST])}
        return {
            "documents": documents,
            "words": words,
            "buckets": BUCKETS,
            "types": len(state.get("types", {})),
            "note": note,
            "interventions": {name: one.record() for name, one in found.items()},
        }


def _taken_out(batch: Batch, decided: Decisions) -> NDArray[np.bool_]:
    """Says which passages do not reach the output, bool [n_passages]."""
    owners = np.repeat(decided.removed, np.diff(batch.passages.document))
    return np.asarray(owners | (decided.passages == Action.REDACT))


def _lowest(types: Mapping[str, list[int]]) -> dict[str, list[int]]:
    """Returns the `TYPES` words with the lowest hashes, by hash."""
    return {key: types[key] for key in sorted(types, key=int)[:TYPES]}
