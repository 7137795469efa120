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
that of the general set. "equivalent": the interval lies within ± `proxy_intervention.MARGIN` bits per byte.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from tamis.interventions import proxy_texts
from tamis.interventions.measures.estimate import Grade
from tamis.interventions.proxy_arms import BLOCKS
from tamis.interventions.proxy_experiment import LENGTH
from tamis.interventions.proxy_intervention import Head, Intervention, Ran
from tamis.interventions.proxy_numbers import K
from tamis.interventions.proxy_pool import Pooled

__all__ = ["SAME", "SCOPE", "content"]

SCOPE: Final = (
    "This measures how much toxic n-gram mass the data teaches a trigram. It cannot see implicit, paraphrased or "
    "contextual toxicity, does not generalise across wordings, and is not a forecast for a transformer."
)
SAME: Final = "the texts are the same before and after"

Json = dict[str, Any]


def content(head: Head, reasons: Mapping[str, str], interventions: Sequence[str], ran: Ran | None) -> Json:
    """Returns the content of `measures.proxy`.

    Args:
        head: What is known of the sample and the word list.
        reasons: Why interventions have no numbers.
        interventions: All of them, in the plan's order.
        ran: What the models did; None where none was trained.
    """
    results = {
        name: _without(reasons[name]) if name in reasons or ran is None else Intervention(head, ran, name).record()
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
