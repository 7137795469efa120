"""The documents that the proxy model learns from: a small sample by permanent random numbers, and what became of each.

It is the one place where text leaves a shard, so it is small, its size is fixed before the run starts, and it lies in
the run's folder beside the documents, never in a receipt or a log. Kept out of it, and counted, are documents in other
languages (the prompts, the terms and the held-out texts are English), and documents that may be sexual content about
minors, whose text is copied nowhere.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np

from tamis.interventions import rewriting, sampling
from tamis.interventions.batch import Batch
from tamis.interventions.rules import Intervention
from tamis.interventions.verdict import Action, Decisions

__all__ = ["SALT", "TEXT_CAP", "SampledDocument", "level_for_tokens", "sample"]

SALT: Final = "proxy"
#: Characters of a document that the sample holds at most, whole passages: one book must not be the corpus.
TEXT_CAP: Final = 20_000
#: Words of the model for one white-space separated word: punctuation stands alone.
TOKENS_PER_WORD: Final = 1.2

_LANGUAGES: Final = frozenset(("en", "und"))
_NEVER: Final = "sexual/minors"
_FLAGGED: Final = 0.5


@dataclass(frozen=True, slots=True)
class SampledDocument:
    """A document of the sample.

    Attributes:
        id: Its id.
        text: Its text, at most `TEXT_CAP` characters; "" where it is withheld.
        source: Its source.
        domain: CRC-32 of its url's host, 0 where it has none.
        changes: By intervention: None where it removes the document, its text afterwards where that is another one;
            absent where the document stays as it is. Control tokens are no change here.
        withheld: Why the text is not there: "language", "sexual/minors", "quarantine", or "".
    """

    id: str
    text: str
    source: str = ""
    domain: int = 0
    changes: Mapping[str, str | None] = field(default_factory=dict)
    withheld: str = ""


def level_for_tokens(words: float, wanted: int) -> int:
    """Returns the sampling level for a corpus of so many words; the sample holds `wanted` to twice as many tokens.

    Up to half of it may be removed, and what is left still makes `wanted` tokens.
    """
    return sampling.level_for(round(words * TOKENS_PER_WORD), 2 * wanted)


def sample(
    batch: Batch,
    decisions: Mapping[str, Decisions],
    interventions: Mapping[str, Intervention],
    level: int,
    hidden: Callable[[int], bool] = lambda _: False,
) -> Iterator[SampledDocument]:
    """Yields the documents of a batch that are in the sample.

    Args:
        batch: The documents.
        decisions: What each intervention decided on them.
        interventions: The interventions, by name.
        level: One document in 2**level is in the sample.
        hidden: Says of a document, by its index, whether its text must not be copied; a flag of a classifier of
            sexual content about minors is obeyed in any case.
    """
    never, quarantined = _never(batch), _quarantined(decisions, len(batch))
    for i in np.flatnonzero(sampling.sampled(batch.keys, SALT, level)).tolist():
        why = _NEVER if never[i] or hidden(i) else "quarantine" if quarantined[i] else ""
        why = why or ("" if batch.languages[i] in _LANGUAGES else "language")
        if why:
            yield SampledDocument(batch.ids[i], "", withheld=why)
            continue
        end, host = _end(batch, i), batch.domains[i]
        yield SampledDocument(
            id=batch.ids[i],
            text=batch.texts[i][:end],
            source=batch.sources[i],
            domain=zlib.crc32(host.encode("utf-8", "replace")) if host else 0,
            changes=dict(_changes(batch, decisions, interventions, i, end)),
        )


def _never(batch: Batch) -> Any:
    """Says which documents' text must not be copied, bool [n]."""
    found = np.zeros(len(batch), np.bool_)
    for scores in (*batch.scores.values(), *([batch.evaluator] if batch.evaluator is not None else [])):
        if _NEVER in scores.categories:
            found |= scores.document[:, scores.categories.index(_NEVER)] >= _FLAGGED
    return found


def _quarantined(decisions: Mapping[str, Decisions], count: int) -> Any:
    """Says which documents an intervention quarantines, bool [count]."""
    return np.logical_or.reduce(
        [np.zeros(count, np.bool_), *(d.action == Action.QUARANTINE for d in decisions.values())]
    )


def _end(batch: Batch, i: int) -> int:
    """Returns where the copy of a document's text ends: after the last passage within the cap, but the first."""
    first, last = batch.passages.document[i : i + 2].tolist()
    ends = batch.passages.end[first:last]
    return int(ends[max(int((ends <= TEXT_CAP).sum()), 1) - 1]) if ends.size else 0


def _changes(
    batch: Batch, decisions: Mapping[str, Decisions], interventions: Mapping[str, Intervention], i: int, end: int
) -> Iterator[tuple[str, str | None]]:
    for name, decided in decisions.items():
        if decided.removed[i]:
            yield name, None
        elif decided.rewritten[i]:
            marks = [mark for mark in rewriting.marks(batch, decided, i) if mark[1] <= end]
            if any(code == Action.REDACT for _, _, code in marks):
                yield (
                    name,
                    rewriting.rewrite(batch.texts[i][:end], marks, _replacement(interventions[name]), None, None),
                )


def _replacement(intervention: Intervention) -> str:
    rules: Sequence[Any] = intervention.rules
    return next((str(rule.options["replace"]) for rule in rules if rule.action == "redact"), "")
