"""Draws the documents of an audit: who is to be labelled, by stratum, and what the annotator gets to see.

Two passes over the stored scores: the first counts documents by side and score, which fixes the strata; the second
keeps those with the lowest permanent random numbers in each. Only then are texts read. Tasks say nothing of stratum,
score or decision, and come in an order of their own; the sealed plan beside them does.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from tamis.classifiers.errors import UsageError
from tamis.interventions import sampling
from tamis.interventions.actions import REMOVING
from tamis.interventions.audit_design import HIT, Counts, Stratum
from tamis.interventions.batch import Batch
from tamis.interventions.measures.histogram import bins
from tamis.interventions.rules import Intervention
from tamis.interventions.verdict import Decisions
from tamis.pipeline import minors
from tamis.pipeline.decided_run import DecidedRun, Page
from tamis.pipeline.wording import nearest

__all__ = ["SALT", "Drawn", "Frame", "categories_of", "draw", "frame", "outcome"]

#: Permanent: the audit of another intervention, or of the next refresh, labels the same documents where it can.
SALT: Final = "audit"


@dataclass(frozen=True, slots=True)
class Frame:
    """The documents that an audit speaks of.

    Attributes:
        counts: The scored documents, by side and score.
        unscored: Documents without a score: no estimate speaks of them.
    """

    counts: Counts
    unscored: int


@dataclass(frozen=True, slots=True)
class Drawn:
    """A document of the sample.

    Attributes:
        shard: Its shard.
        number: Its record in the shard.
        id: Its id.
        key: Hash of its id.
        chars: Length of its text in characters.
        stratum: Index of its stratum.
        sexual: Whether it may be sexual content, see `minors`.
        quarantined: Whether it is in quarantine by a rule.
    """

    shard: str
    number: int
    id: str
    key: int
    chars: int
    stratum: int
    sexual: bool
    quarantined: bool


def categories_of(run: DecidedRun, wanted: str | None = None) -> tuple[str, ...]:
    """Returns the categories that annotators are asked about: those of the classifiers, and of the evaluator.

    Raises:
        UsageError: The one that is wanted is none of them.
    """
    known = run.source.categories()
    found = tuple(dict.fromkeys(category for names in known.values() for category in names))
    if wanted is not None and wanted not in found:
        raise UsageError(f"`--category {wanted}` is not a category of this run{nearest(wanted, found)}")
    return found if wanted is None else (wanted,)


def outcome(intervention: Intervention) -> str:
    """Returns what "hit" means: "removed", or "acted on" where it has none of the actions `REMOVING`."""
    return "removed" if REMOVING & set(intervention.actions) else "acted on"


def frame(run: DecidedRun, intervention: Intervention, categories: Sequence[str]) -> Frame:
    """Counts the documents of a run by side and score."""
    counts, unscored = Counts(), 0
    for page in run.pages(intervention):
        scores, hit = _scores(page.stored.batch, categories), _hit(intervention, page.decided)
        known = ~np.isnan(scores)
        unscored += int((~known).sum())
        counts.add(scores[known], hit[known])
    return Frame(counts, unscored)


def _scores(batch: Batch, categories: Sequence[str]) -> NDArray[np.float32]:
    """Returns the highest score of each document over some categories, by any classifier and the evaluator."""
    columns = [np.full(len(batch), np.nan, np.float32)]
    for scores in (*batch.scores.values(), *([batch.evaluator] if batch.evaluator is not None else [])):
        columns += [scores.document[:, k] for k, one in enumerate(scores.categories) if one in categories]
    return np.asarray(np.fmax.reduce(columns), dtype=np.float32)


def _hit(intervention: Intervention, decided: Decisions) -> NDArray[np.bool_]:
    return decided.removed if outcome(intervention) == "removed" else decided.action > 0


def draw(
    run: DecidedRun, intervention: Intervention, categories: Sequence[str], found: Sequence[Stratum]
) -> list[Drawn]:
    """Draws the documents of each stratum, as many as it has labels.

    Returns:
        The documents, by shard and record.
    """
    best: list[list[tuple[int, Drawn]]] = [[] for _ in found]
    for page in run.pages(intervention):
        scores = _scores(page.stored.batch, categories)
        at, hit = bins(scores), _hit(intervention, page.decided)
        order = sampling.priorities(page.stored.batch.keys, SALT)
        sexual = minors.sexual(page.stored.batch)
        for k, one in enumerate(found):
            inside = (at >= one.first) & (at < one.last) & (hit == (one.side == HIT))
            rows = np.flatnonzero(inside)
            rows = rows[np.argsort(order[rows], kind="stable")[: one.labels]]
            best[k] += [(int(order[i]), _drawn(page, i, k, bool(sexual[i]))) for i in rows.tolist()]
            best[k] = sorted(best[k], key=lambda entry: (entry[0], entry[1].shard, entry[1].number))[: one.labels]
    return sorted((one for part in best for _, one in part), key=lambda one: (one.shard, one.number))


def _drawn(page: Page, i: int, stratum: int, sexual: bool) -> Drawn:
    stored = page.stored
    return Drawn(
        shard=page.shard,
        number=int(stored.numbers[i]),
        id=stored.batch.ids[i],
        key=int(stored.batch.keys[i]),
        chars=int(stored.chars[i]),
        stratum=stratum,
        sexual=sexual,
        quarantined=bool(page.quarantined[i]),
    )
