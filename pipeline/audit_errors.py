"""Do filter and evaluator err together? Asked of the scores that a run has kept of documents that people labelled."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from tamis.classifiers.base import BatchScores
from tamis.interventions.error_correlation import error_correlation, passed
from tamis.pipeline.audit_files import AuditPlan
from tamis.pipeline.decided_run import DecidedRun

__all__ = ["shared_errors"]

Labels = Mapping[str, Mapping[str, Mapping[str, int] | None]]


def shared_errors(run: DecidedRun, plan: AuditPlan, labels: Labels) -> dict[str, Any]:
    """Returns how filter and evaluator err together; see `interventions.error_correlation`.

    Args:
        run: The run.
        plan: The sample; what it withholds has no label.
        labels: Annotator -> task -> category -> label; None where the annotator skipped the task.

    Returns:
        {"passed": bool or None, "categories": {CATEGORY: {"clean": estimate, "harmful": estimate}}}, of categories that
        both score.
    """
    given = {task for rows in labels.values() for task, row in rows.items() if row is not None}
    strata = {item.task: item.stratum for item in plan.items if item.task in given and not item.withheld}
    counts = np.bincount(list(strata.values()), minlength=len(plan.strata))
    pairs = dict(_pairs(run, plan, set(strata)))
    weights = {task: plan.strata[k].documents / counts[k] for task, k in strata.items()}
    found = {}
    for category in plan.categories:
        rows = [(*pairs[task][category], _mean(labels, task, category), weights[task]) for task in pairs
                if category in pairs[task]]  # fmt: skip
        if rows:
            found[category] = error_correlation(*np.array(rows, np.float64).T)
    return {"passed": passed(list(found.values())), "categories": found}


def _mean(labels: Labels, task: str, category: str) -> float:
    """Returns the label that all annotators give, NaN where they differ or none does."""
    given = {row[category] for rows in labels.values() if (row := rows.get(task)) is not None and category in row}
    return float(given.pop()) if len(given) == 1 else float("nan")


def _pairs(run: DecidedRun, plan: AuditPlan, wanted: set[str]) -> Iterator[tuple[str, dict[str, tuple[float, float]]]]:
    """Yields the scores of filter and evaluator by category, of each task whose document the evaluator scored."""
    for page in run.pages(run.interventions[plan.intervention]):
        batch = page.stored.batch
        if batch.evaluator is None:
            return
        for i, (key, number) in enumerate(zip(batch.keys.tolist(), page.stored.numbers.tolist(), strict=True)):
            for task in (f"{key:016x}", f"{page.shard}#{number}"):
                if task in wanted and batch.evaluated[i]:
                    yield task, _scores(batch.scores, batch.evaluator, i, plan.categories)


def _scores(
    filters: Mapping[str, BatchScores], evaluator: BatchScores, i: int, categories: tuple[str, ...]
) -> dict[str, tuple[float, float]]:
    found = {}
    for category in categories:
        own = [float(one.document[i, one.categories.index(category)]) for one in filters.values()
               if category in one.categories]  # fmt: skip
        if own and category in evaluator.categories:
            found[category] = (
                float(np.fmax.reduce(own)),
                float(evaluator.document[i, evaluator.categories.index(category)]),
            )
    return found
