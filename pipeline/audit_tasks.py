"""Writes a drawn sample: the tasks, blind to what the plan knows, and the sealed plan."""

from __future__ import annotations

from collections.abc import Sequence

from tamis.interventions.audit_design import Stratum
from tamis.interventions.label_page import CAP
from tamis.interventions.rules import Intervention
from tamis.pipeline import audit_files, audit_sample, minors
from tamis.pipeline.audit_files import AuditPlan, Item, Task
from tamis.pipeline.audit_sample import Drawn, Frame
from tamis.pipeline.decided_run import DecidedRun
from tamis.pipeline.excerpts import texts
from tamis.pipeline.plan import Corpus

__all__ = ["write"]


def write(
    run: DecidedRun,
    intervention: Intervention,
    categories: tuple[str, ...],
    frame: Frame,
    found: Sequence[Stratum],
    corpus: Corpus,
) -> tuple[int, dict[str, str]]:
    """Draws the documents of a plan, and writes tasks and plan.

    Args:
        run: The run.
        intervention: Whose decisions are audited.
        categories: What is asked for.
        frame: The documents that the sample stands for.
        found: Strata with their numbers of labels.
        corpus: Where the texts are.

    Returns:
        The number of tasks, and the paths of tasks and plan.

    Raises:
        ShardError: The corpus is not the one that was scored.
    """
    tasks, items = _tasks(corpus, audit_sample.draw(run, intervention, categories, found), categories)
    data, folder = audit_files.encode_tasks(tasks), audit_files.folder(run.manifest.run_id)
    run.store.write(f"{folder}/{audit_files.TASKS}", data)
    plan = AuditPlan(
        run_id=run.manifest.run_id,
        intervention=intervention.name,
        outcome=audit_sample.outcome(intervention),
        categories=categories,
        strata=list(found),
        items=items,
        unscored=frame.unscored,
        tasks_sha256=audit_files.digest(data),
    )
    audit_files.write_plan(run.store, run.manifest.run_id, plan)
    root = f"{run.store.root}/{folder}"
    return len(tasks), {"tasks": f"{root}/{audit_files.TASKS}", "plan": f"{root}/{audit_files.PLAN}"}


def _tasks(corpus: Corpus, drawn: Sequence[Drawn], categories: tuple[str, ...]) -> tuple[list[Task], list[Item]]:
    """Reads the texts of a sample; returns the tasks in an order of their own, and the plan's items."""
    tasks: list[Task] = []
    items: list[Item] = []
    names: dict[str, int] = {}
    for one, text in texts(corpus, drawn):
        name = _name(one.key, names)
        withheld = one.quarantined or (one.sexual and minors.names_a_minor(text))
        items.append(Item(name, one.stratum, withheld))
        if not withheld:
            tasks.append(Task(name, one.id, text[:CAP], categories))
    # A name is a hash: from its end it orders by chance, and the same way again.
    return sorted(tasks, key=lambda task: task.task[::-1]), sorted(items, key=lambda item: item.task)


def _name(key: int, names: dict[str, int]) -> str:
    """Returns the name of a task: the hash of the document's id, numbered where an id stands twice."""
    name = f"{key:016x}"
    names[name] = names.get(name, 0) + 1
    return name if names[name] == 1 else f"{name}-{names[name]}"
