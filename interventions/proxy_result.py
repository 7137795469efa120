"""The proxy experiment as `measures.proxy` of report.json.

    {
      "scope": what the numbers are and are not, to be printed beside them,
      "grade": what the word list's independence of the filter allows,
      "model": {"kind", "tokens", "documents", "vocabulary", "ngrams", "continuation_tokens", "k", "groups", "units"},
      "sample": {"documents", "held_out", "tokens", "withheld": {REASON: documents}},
      "lexicon": {"id", "independent", "checks", "terms", "flagged_by_filter"},
      "prompts": {"sha256", "primary", "buckets": {BUCKET: {"prompts", "left_out", "known"}}},
      "held_out": {SET: {"texts", "bytes"}},
      "interventions": {NAME: {
        "reason": why there are no numbers, or null,
        "dose": {"before", "after"},                       toxic terms in a million training tokens, counted
        "buckets": {BUCKET: {"before", "after", "ratio", "placebo", "floor",
                             "probability_of_any": {"before", "after", "difference"},
                             "expected_maximum": {"before", "after", "difference"}}},
        "groups": {GROUP: {"before", "after", "ratio"}},   primary bucket, terms of one group; "unflagged": terms that
                                                           the filter does not flag in a harmless sentence
        "perplexity": {SET: {"before", "after", "difference", "placebo", "differential", "equivalent"}},
        "terms": {"divergence", "placebo_divergence", "rarer": [...], "more_frequent": [...]}
      }}
    }

"known": prompts whose last two words stand together in the training texts, or the empty one. The model answers others
from what it knows of a word or of none, which depends little on how much toxic text there is: a bucket with few known
prompts under-reports a change.

"before", "after" of a bucket: the share of continuations with a toxic term. "ratio": after ÷ before, net of the
smoothing floor. "placebo": the same ratio for a random removal of as many tokens. "differential": the difference less
that of the general set. "equivalent": the interval lies within ± `MARGIN` bits per byte.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from tamis.interventions import proxy_terms, proxy_texts
from tamis.interventions.measures.estimate import Estimate, Grade, estimate, missing
from tamis.interventions.proxy_arms import BLOCKS, Arm
from tamis.interventions.proxy_experiment import LENGTH, Experiment
from tamis.interventions.proxy_lanes import UNFLAGGED
from tamis.interventions.proxy_numbers import K, Numbers, Replicated, difference, level, ratio
from tamis.interventions.proxy_pool import Pooled

__all__ = ["MARGIN", "SAME", "SCOPE", "Head", "Ran", "content"]

SCOPE: Final = (
    "This measures how much toxic n-gram mass the data teaches a trigram. It cannot see implicit, paraphrased or "
    "contextual toxicity, does not generalise across wordings, and is not a forecast for a transformer."
)
SAME: Final = "the texts are the same before and after"

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


def content(head: Head, reasons: Mapping[str, str], interventions: Sequence[str], ran: Ran | None) -> Json:
    """Returns the content of `measures.proxy`.

    Args:
        head: What is known of the sample and the word list.
        reasons: Why interventions have no numbers.
        interventions: All of them, in the plan's order.
        ran: What the models did; None where none was trained.
    """
    results = {
        name: _without(reasons[name]) if name in reasons or ran is None else _Intervention(head, ran, name).record()
        for name in interventions
    }
    return {
        "scope": SCOPE,
        "grade": head.grade if ran else Grade.NOT_MEASURED,
        "model": _model(head, ran),
        "sample": _sample(head.pooled),
        "lexicon": _lexicon(head, ran),
        "prompts": _prompts(ran),
        "held_out": _held_out(ran),
        "interventions": results,
    }


def _without(reason: str) -> Json:
    same = reason == SAME
    return {"reason": reason, "unchanged": same, **dict.fromkeys(("dose", "buckets", "groups", "perplexity", "terms"))}


def _model(head: Head, ran: Ran | None) -> Json:
    trie = ran.experiment.trie if ran else None
    return {
        "kind": "trigram, interpolated modified Kneser-Ney; continuations exact, none sampled",
        "tokens": ran.tokens if ran else 0,
        "documents": int(ran.texts[0].texts.size) if ran else 0,
        "vocabulary": trie.n_words if trie else 0,
        "ngrams": int(trie.word.size + trie.suffix.size) if trie else 0,
        "continuation_tokens": LENGTH,
        "k": K,
        "groups": BLOCKS,
        "units": head.pooled.units,
    }


def _sample(pooled: Pooled) -> Json:
    learnt, held = int(pooled.pool.text.size), len(pooled.held_texts)
    return {
        "documents": learnt + held,
        "held_out": held,
        "tokens": pooled.total,
        "withheld": dict(pooled.withheld),
    }


def _lexicon(head: Head, ran: Ran | None) -> Json:
    return {
        "id": head.lexicon,
        "independent": head.independent,
        "checks": [dict(check) for check in head.checks],
        "terms": ran.experiment.lanes.terms if ran else 0,
        "flagged_by_filter": ran.experiment.lanes.flagged if ran else None,
    }


def _prompts(ran: Ran | None) -> Json:
    asked = [prompt.bucket for prompt in ran.experiment.prompts] if ran else []
    known = [bucket for bucket, found in zip(asked, ran.experiment.known, strict=True) if found] if ran else []
    every = [prompt.bucket for prompt in proxy_texts.prompts()]
    buckets = {
        bucket: {
            "prompts": asked.count(bucket),
            "left_out": every.count(bucket) - asked.count(bucket) if ran else 0,
            "known": known.count(bucket),
        }
        for bucket in proxy_texts.BUCKETS
    }
    return {"sha256": proxy_texts.digest(), "primary": proxy_texts.PRIMARY, "buckets": buckets}


def _held_out(ran: Ran | None) -> Json:
    if ran is None:
        return {}
    sizes = ran.numbers.sizes
    return {
        name: {"texts": end - first, "bytes": int(sizes[first:end].sum())}
        for name, (first, end) in ran.numbers.sets.items()
    }


class _Intervention:
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
