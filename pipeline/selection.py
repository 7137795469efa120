"""Which documents of a run are read: by what was decided on them, in an order that nobody can choose."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from tamis.classifiers.errors import UsageError
from tamis.interventions import sampling
from tamis.interventions.batch import Batch
from tamis.interventions.rules import Intervention
from tamis.interventions.verdict import Action, Decisions
from tamis.pipeline.decided_run import DecidedRun, Page
from tamis.pipeline.finding import Finding, Highest, findings
from tamis.pipeline.wording import nearest

__all__ = ["ACTIONS", "WINDOW", "Selection", "find"]

#: Actions by the names that a reader gives them.
ACTIONS: Final = {one.name.lower(): one for one in Action}

#: Half the width of `near`, in logits: odds within a factor of 1.65 of those of the threshold.
WINDOW: Final = 0.5

_SALT: Final = "inspect"


@dataclass(frozen=True, slots=True)
class Selection:
    """What is looked for; None = anything.

    Attributes:
        category: The category that decided, or for documents that no score decided, that of the highest score.
        rule: Label of the rule that decided, or its number from 1.
        source: Source of the document.
        action: What was done; None = something.
        near: Documents whose highest score, of the category if there is one, is about this; whatever was done to them.
        limit: Most documents.
    """

    category: str | None = None
    rule: str | None = None
    source: str | None = None
    action: str | None = None
    near: float | None = None
    limit: int = 20


def find(run: DecidedRun, intervention: Intervention, wanted: Selection) -> tuple[int, list[Finding]]:
    """Finds documents, in the order of a hash of their ids.

    Args:
        run: The run.
        intervention: The intervention whose decisions are asked for.
        wanted: What is looked for.

    Returns:
        How many there are, and the first of them.

    Raises:
        UsageError: Nothing can be found so: there is no such category, rule or action.
    """
    rule = _rule(intervention, wanted.rule)
    _check(wanted)
    count, found = 0, list[tuple[int, Finding]]()
    for page in run.pages(intervention):
        top = Highest(page.stored.batch, wanted.category)
        rows = np.flatnonzero(_mask(page, top, intervention, wanted, rule))
        count += rows.size
        order = sampling.priorities(page.stored.batch.keys[rows], _SALT)
        first = np.argsort(order, kind="stable")[: wanted.limit]
        told = findings(page, rows[first].tolist(), intervention, None if wanted.near is None else top)
        found += zip(order[first].tolist(), told, strict=True)
        found = sorted(found, key=lambda one: (one[0], one[1].shard, one[1].number))[: wanted.limit]
    return count, [one for _, one in found]


def _check(wanted: Selection) -> None:
    if wanted.action is not None and wanted.action not in ACTIONS:
        raise UsageError(f"`--action {wanted.action}` is not an action{nearest(wanted.action, ACTIONS)}")
    if wanted.near is not None and not 0 < wanted.near < 1:
        raise UsageError(f"`--near {wanted.near:g}`: write a score between 0 and 1")
    if wanted.limit < 1:
        raise UsageError(f"`--limit {wanted.limit}`: write 1 or more")


def _rule(intervention: Intervention, wanted: str | None) -> int | None:
    if wanted is None:
        return None
    if wanted in intervention.labels:
        return intervention.labels.index(wanted)
    if wanted.isdecimal() and 1 <= int(wanted) <= len(intervention.labels):
        return int(wanted) - 1
    raise UsageError(
        f"`--rule {wanted}` is not a rule of {intervention.name}{nearest(wanted, intervention.labels)}; "
        f"or write its number, 1 to {len(intervention.labels)}"
    )


def _mask(
    page: Page, top: Highest, intervention: Intervention, wanted: Selection, rule: int | None
) -> NDArray[np.bool_]:
    batch, decided = page.stored.batch, page.decided
    mask = np.ones(len(batch), np.bool_)
    if wanted.action is not None:
        mask &= decided.action == ACTIONS[wanted.action]
    elif wanted.near is None:
        mask &= decided.action != Action.KEEP
    if rule is not None:
        mask &= decided.rule == rule
    if wanted.source is not None:
        mask &= np.fromiter((one == wanted.source for one in batch.sources), np.bool_, len(batch))
    if wanted.near is not None:
        mask &= _near(top.scores, wanted.near)
    elif wanted.category is not None:
        mask &= _category_is(batch, decided, intervention, wanted.category)
    return mask


def _near(scores: NDArray[np.float32], threshold: float) -> NDArray[np.bool_]:
    with np.errstate(invalid="ignore", divide="ignore"):
        distance = _logit(scores.astype(np.float64)) - _logit(np.float64(threshold))
        return np.asarray(np.abs(distance) <= WINDOW)


def _logit(scores: NDArray[np.float64] | np.float64) -> NDArray[np.float64]:
    return np.asarray(np.log(scores) - np.log1p(-scores))


def _category_is(batch: Batch, decided: Decisions, intervention: Intervention, category: str) -> NDArray[np.bool_]:
    """Says where a category decided; where no score did, where it is that of the document's highest score."""
    deciding = [one.removeprefix("share.") == category for _, one, _ in intervention.conditions]
    every = Highest(batch)
    own = np.array([one == category for _, one in every.pairs])[every.column] & ~np.isnan(every.scores)
    return np.where(decided.condition >= 0, np.array([*deciding, False])[decided.condition], own)
