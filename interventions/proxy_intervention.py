"""What the proxy models say of one intervention, as the part of `measures.proxy` that is about it.

`Head` and `Ran` are what it is made of; `proxy_result` describes the content.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from tamis.interventions import proxy_terms, proxy_texts
from tamis.interventions.measures.estimate import Estimate, Grade, estimate, missing
from tamis.interventions.proxy_arms import BLOCKS, Arm
from tamis.interventions.proxy_experiment import Experiment
from tamis.interventions.proxy_lanes import UNFLAGGED
from tamis.interventions.proxy_numbers import Numbers, Replicated, difference, level, ratio
from tamis.interventions.proxy_pool import Pooled

__all__ = ["MARGIN", "Head", "Intervention", "Ran"]

#: Bits per byte within which two models count as equal.
MARGIN: Final = 0.005
#: Documents with a toxic term before, below which a ratio says nothing.
MINIMUM: Final = 10

_BPB: Final = "bits per byte"

Json = dict[str, Any]
Key = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Head:
    """What is known before a model is trained."""

    lexicon: str
    independent: bool
    checks: Sequence[Mapping[str, Any]]
    pooled: Pooled

    @property
    def grade(self) -> str:
        """The grade of the numbers."""
        return Grade.ESTIMATED if self.independent else Grade.RELATIVE


@dataclass(frozen=True, slots=True)
class Ran:
    """What the models did.

    Attributes:
        experiment: What all of them share.
        numbers: What is read off an outcome.
        arms: Numbers by (kind, intervention); kinds are "before", "after", "placebo".
        floors: Numbers of each arm with its toxic terms unlearnt, in the arms' order.
        texts: Texts of each arm, in the same order.
        tokens: Tokens of each arm.
    """

    experiment: Experiment
    numbers: Numbers
    arms: Mapping[tuple[str, str], Replicated]
    floors: Sequence[Mapping[Key, float]]
    texts: Sequence[Arm]
    tokens: int

    def index(self, kind: str, name: str) -> int:
        """Returns the place of an arm."""
        return list(self.arms).index((kind, name))


class Intervention:
    """The numbers of one intervention."""

    def __init__(self, head: Head, ran: Ran, name: str) -> None:
        self._head, self._ran, self._name = head, ran, name
        self._arms = {kind: ran.arms[kind, name if kind != "before" else ""] for kind in ("before", "after", "placebo")}
        self._at = {kind: ran.index(kind, name if kind != "before" else "") for kind in self._arms}
        self._n = int(ran.texts[0].texts.size)
        self._documents = {
            lane: self._dose(self._at["before"], column)[1] for column, lane in enumerate(ran.numbers.lanes)
        }
        self._method = f"exact for the model; jackknife 95 %, {BLOCKS} groups of {head.pooled.units}, fixed prompts"

    def record(self) -> Json:
        """Returns them."""
        return {
            "reason": None,
            "unchanged": False,
            "dose": {
                kind: self._dose(self._at[kind], self._ran.numbers.toxic)[0] / self._ran.tokens * 1e6
                for kind in ("before", "after")
            },
            "buckets": {bucket: self._bucket(bucket) for bucket in self._ran.numbers.buckets},
            "groups": {lane: self._group(lane) for lane in self._ran.numbers.lanes if "@" not in lane},
            "perplexity": {name: self._perplexity(name) for name in self._ran.numbers.sets},
            "terms": self._terms(),
        }

    def _dose(self, at: int, lane: int) -> tuple[int, int]:
        """Counts the terms of a lane in an arm, and the documents that hold one."""
        trie, hits = self._ran.experiment.trie, self._ran.experiment.lanes.hits.bigrams[:, lane]
        sums = np.concatenate([[0], np.cumsum(hits[trie.bigram])])
        terms = np.diff(sums[trie.bounds])[self._ran.experiment.chosen(self._ran.texts[at])]
        return int(terms.sum()), int((terms > 0).sum())

    def _estimate(self, found: tuple[float, tuple[float, float]], unit: str = "share") -> Estimate:
        value, (low, high) = found
        if unit in ("share", "score"):
            high = min(1.0, high)
        return estimate(
            value, min(low, value), max(high, value), n=self._n, method=self._method, unit=unit, grade=self._head.grade
        )

    def _level(self, kind: str, key: Key, unit: str = "share") -> Estimate:
        lane = key[2] if key[0] == "q" else self._ran.numbers.lanes[self._ran.numbers.toxic]
        if unit != _BPB and not self._documents[lane]:
            return missing("no document that a model is trained on holds such a term", n=self._n, unit=unit)
        return self._estimate(level(self._arms[kind], key), unit)

    def _ratio(self, kind: str, key: Key) -> Estimate:
        documents = self._documents[key[2]]
        if documents < MINIMUM:
            reason = f"{documents} of the documents that a model is trained on hold a toxic term, {MINIMUM} are needed"
            return missing(reason, n=self._n, unit="ratio")
        floors = self._ran.floors[self._at["before"]][key], self._ran.floors[self._at[kind]][key]
        if self._arms["before"].full[key] <= 1.5 * floors[0]:
            return missing("the model before says no more than the smoothing floor", n=self._n, unit="ratio")
        return self._estimate(ratio(self._arms["before"], self._arms[kind], key, floors), "ratio")

    def _difference(self, key: Key, unit: str, kind: str = "after", reference: str | None = None) -> Estimate:
        found = difference(self._arms["before"], self._arms[kind], key, self._ran.numbers, reference)
        method = self._method if unit != _BPB else f"{self._method}; variance between held-out texts added"
        return {**self._estimate(found, f"{unit} difference" if unit != _BPB else unit), "method": method}

    def _bucket(self, bucket: str) -> Json:
        numbers = self._ran.numbers
        key = ("q", bucket, numbers.lanes[numbers.toxic])
        maxima = {"probability_of_any": (("tp", bucket), "share"), "expected_maximum": (("emt", bucket), "score")}
        return {
            "before": self._level("before", key),
            "after": self._level("after", key),
            "ratio": self._ratio("after", key),
            "placebo": self._ratio("placebo", key),
            "floor": self._ran.floors[self._at["before"]][key],
            **{
                name: {
                    "before": self._level("before", other, unit),
                    "after": self._level("after", other, unit),
                    "difference": self._difference(other, unit),
                }
                for name, (other, unit) in maxima.items()
            },
        }

    def _group(self, lane: str) -> Json:
        key = ("q", proxy_texts.PRIMARY, lane)
        found = {
            "before": self._level("before", key),
            "after": self._level("after", key),
            "ratio": self._ratio("after", key),
        }
        # The filter was not made to find these, whatever the list as a whole shares with it.
        independent = lane == UNFLAGGED and self._head.grade == Grade.RELATIVE
        return {
            name: {**one, "grade": Grade.ESTIMATED} if independent and one["value"] is not None else one
            for name, one in found.items()
        }

    def _perplexity(self, name: str) -> Json:
        key = ("bpb", name)
        change = self._difference(key, _BPB)
        reference = "corpus general" if name.startswith("corpus ") else "general"
        other = name != reference and reference in self._ran.numbers.sets
        return {
            "before": self._level("before", key, _BPB),
            "after": self._level("after", key, _BPB),
            "difference": change,
            "placebo": self._difference(key, _BPB, "placebo"),
            "differential": self._difference(key, _BPB, reference=reference) if other else None,
            "equivalent": bool(change["low"] > -MARGIN and change["high"] < MARGIN),
        }

    def _terms(self) -> Json:
        """The words behind the shift, over all documents of the sample that models may be trained on."""
        pooled, n_words = self._head.pooled, len(self._head.pooled.words.known)
        before = proxy_terms.counts(pooled.words.only(pooled.pool.text), n_words)
        after, placebo = (
            proxy_terms.counts(pooled.words.only(choice[choice >= 0]), n_words)[0]
            for choice in (pooled.after[self._name], pooled.placebo[self._name])
        )
        return {
            "divergence": proxy_terms.divergence(before[0], after),
            "placebo_divergence": proxy_terms.divergence(before[0], placebo),
            **proxy_terms.shifted(list(pooled.words.known), before, after, self._ran.experiment.toxic),
        }
