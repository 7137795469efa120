"""The proxy's sample, sorted: what models are trained on, what is held out, and what each intervention did to it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tamis.interventions import proxy_arms, proxy_held_out, sampling
from tamis.interventions.proxy_arms import Arm, Pool
from tamis.interventions.proxy_experiment import Words
from tamis.interventions.proxy_sample import SALT, SampledDocument

__all__ = ["Pooled"]

Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Pooled:
    """A sample that arms can be made of; the same for the same documents, whatever their order.

    Attributes:
        words: All texts as words: the documents' own, then what interventions made of them.
        pool: The documents to train on.
        after: By intervention, index of each document's text afterwards, -1 where it is removed, int64 [n].
        placebo: The same of a random removal of as many tokens.
        held_texts: Texts of the documents that are held out.
        units: What the jackknife leaves out: "hosts" or "documents".
        withheld: Documents whose text was not copied, by reason.
    """

    words: Words
    pool: Pool
    after: Mapping[str, Ints]
    placebo: Mapping[str, Ints]
    held_texts: Sequence[str]
    units: str
    withheld: Mapping[str, int]

    @staticmethod
    def of(documents: Sequence[SampledDocument], interventions: Sequence[str]) -> Pooled:
        """Sorts a sample."""
        rows = [document for document in documents if not document.withheld]
        keys = sampling.keys(document.id for document in rows) if rows else np.zeros(0, np.uint64)
        order = np.lexsort((keys, sampling.priorities(keys, SALT)))
        rows, keys = [rows[i] for i in order.tolist()], keys[order]
        domains = np.array([document.domain for document in rows], np.int64)
        block, units = proxy_arms.blocks(keys, domains)
        apart = proxy_held_out.chosen(keys, domains if units == "hosts" else np.zeros_like(domains))
        texts = [document.text for document in rows]
        after = {name: _after(rows, texts, name) for name in interventions}
        words = Words.of(texts)
        strata = proxy_arms.strata([document.source for document in rows], words.tokens.lengths[: len(rows)])
        learnt = np.flatnonzero(~apart)
        pool = Pool(keys[learnt], learnt, block[learnt], strata[learnt], words.tokens.lengths)
        found = {name: one[learnt] for name, one in after.items()}
        placebo = {name: proxy_arms.placebo(pool, one, name) for name, one in found.items()}
        held = [texts[i] for i in np.flatnonzero(apart).tolist()]
        why = Counter(document.withheld for document in documents if document.withheld)
        return Pooled(words, pool, found, placebo, held, units, dict(sorted(why.items())))

    def changed(self, name: str) -> bool:
        """Whether an intervention does anything to the documents to train on."""
        return bool((self.after[name] != self.pool.text).any())

    def left(self, name: str) -> int:
        """Returns how many tokens an intervention leaves."""
        after = self.after[name]
        return int(self.words.tokens.lengths[after[after >= 0]].sum())

    @property
    def total(self) -> int:
        """Tokens to train on, before anything is done."""
        return int(self.words.tokens.lengths[self.pool.text].sum())

    def arms(self, tested: Sequence[str], most: int) -> tuple[list[Arm], int]:
        """Returns the arms (before, then after and placebo of each intervention) and the tokens of each."""
        choices = [self.pool.text, *(part[name] for name in tested for part in (self.after, self.placebo))]
        return proxy_arms.equal(self.pool, choices, most)


def _after(rows: Sequence[SampledDocument], texts: list[str], name: str) -> Ints:
    """Returns the index of each document's text after an intervention; adds the texts that it made."""
    found = np.arange(len(rows), dtype=np.int64)
    for i, document in enumerate(rows):
        if name in document.changes:
            text = document.changes[name]
            found[i] = -1 if text is None else len(texts)
            texts += [] if text is None else [text]
    return found
