"""Folds labels into a run's numbers: the estimates, `labels.json`, and the report with them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from tamis.classifiers.errors import TamisError, UsageError
from tamis.interventions import audit_result, report_html
from tamis.interventions.audit_design import strata
from tamis.interventions.report_labels import fold
from tamis.pipeline import audit_files, audit_sample
from tamis.pipeline.audit_errors import shared_errors
from tamis.pipeline.audit_files import AuditPlan, Item
from tamis.pipeline.canonical import canonical_bytes
from tamis.pipeline.decided_run import DecidedRun

__all__ = ["GOLD", "labelled", "write"]

#: The annotator that a table of labels is.
GOLD: Final = "gold"

Labels = dict[str, Mapping[str, Mapping[str, int] | None]]


def labelled(
    run: DecidedRun, files: Sequence[Path], gold: Path | None, intervention: str | None = None
) -> dict[str, Any]:
    """Returns what labels say of a run; see `interventions.audit_result`.

    Args:
        run: The run.
        files: Label files, one an annotator.
        gold: A table of labels by document id. Without a sample the documents in it are the sample, and labels of all
            documents leave no sampling error but that of documents like these.
        intervention: Without a sample: whose decisions are audited.

    Raises:
        UsageError: There is no sample that the labels could be of, or a file is none.
    """
    plan = audit_files.read_plan(run.store, run.manifest.run_id)
    labels: Labels = {}
    if plan is None:
        if gold is None or files:
            raise UsageError(f"run {run.manifest.run_id} has no sample: `tamis audit sample` draws one")
        plan, by_task = _census(run, gold, intervention)
        labels[GOLD] = by_task
    elif gold is not None:
        labels[GOLD] = _of_sample(run, plan, gold)
    for path in files:
        _take(labels, path, plan)
    items = {item.task: item.stratum for item in plan.items if not item.withheld}
    withheld = [item.stratum for item in plan.items if item.withheld]
    found = audit_result.build(plan.strata, items, withheld, plan.categories, labels)
    facts = {"intervention": plan.intervention, "outcome": plan.outcome, "unscored": plan.unscored}
    facts["errors"] = shared_errors(run, plan, labels)
    return {"run_id": run.manifest.run_id, **facts, **found}


def _take(labels: Labels, path: Path, plan: AuditPlan) -> None:
    found = audit_files.read_labels(path)
    if found.tasks_sha256 and found.tasks_sha256 != plan.tasks_sha256:
        raise UsageError(f"{path}: labels of other tasks than those of this run's sample: label these, or sample anew")
    if found.annotator in labels:
        raise UsageError(f"{path}: a second file of the annotator {found.annotator!r}: name the newer one only")
    labels[found.annotator] = found.labels


def _of_sample(run: DecidedRun, plan: AuditPlan, gold: Path) -> dict[str, dict[str, int]]:
    """Returns the labels of the documents of the sample, by task."""
    by_id = audit_files.read_gold(gold, plan.categories)
    tasks = {f"{key:016x}": by_id[one] for one, key in _ids(run) if one in by_id}
    return {item.task: tasks[item.task] for item in plan.items if item.task in tasks}


def _ids(run: DecidedRun) -> list[tuple[str, int]]:
    name = next(iter(run.interventions))
    return [
        (one, key)
        for page in run.pages(run.interventions[name])
        for one, key in zip(page.stored.batch.ids, page.stored.batch.keys.tolist(), strict=True)
    ]


def _census(run: DecidedRun, gold: Path, name: str | None) -> tuple[AuditPlan, dict[str, dict[str, int]]]:
    """Makes the documents of a table the sample: every document of the run is asked for, some have no label."""
    intervention, categories = run.intervention(name), audit_sample.categories_of(run)
    by_id = audit_files.read_gold(gold, categories)
    categories = tuple(one for one in categories if any(one in labels for labels in by_id.values()))
    frame = audit_sample.frame(run, intervention, categories)
    found = strata(frame.counts, int(frame.counts.documents.sum()))
    drawn = audit_sample.draw(run, intervention, categories, found)
    items = [Item(f"{one.shard}#{one.number}", one.stratum) for one in drawn]
    labels = {f"{one.shard}#{one.number}": by_id[one.id] for one in drawn if one.id in by_id}
    plan = AuditPlan(
        run_id=run.manifest.run_id,
        intervention=intervention.name,
        outcome=audit_sample.outcome(intervention),
        categories=categories,
        strata=found,
        items=items,
        unscored=frame.unscored,
        tasks_sha256="",
    )
    return plan, labels


def write(run: DecidedRun, result: Mapping[str, Any]) -> dict[str, str]:
    """Writes `labels.json` and the report with the labels, beside the run.

    Returns:
        Their paths.
    """
    folder = audit_files.folder(run.manifest.run_id)
    run.store.write(f"{folder}/{audit_files.LABELS}", audit_files.encode(result))
    report = fold(_report(run), result)
    run.store.write(f"{folder}/report/report.json", canonical_bytes(report) + b"\n")
    run.store.write(f"{folder}/report/index.html", report_html.render(report).encode())
    root = f"{run.store.root}/{folder}"
    return {"labels": f"{root}/{audit_files.LABELS}", "report": f"{root}/report/index.html"}


def _report(run: DecidedRun) -> dict[str, Any]:
    path = f"runs/{run.manifest.run_id}/report/report.json"
    data = run.store.read(path)
    if hashlib.sha256(data).hexdigest() != run.manifest.report["report.json"]:
        raise TamisError(f"{run.store.root}/{path}: not the report that the manifest records; see `tamis verify`")
    found: dict[str, Any] = json.loads(data)
    return found
