"""The files of an audit: tasks for annotators, the sealed plan, and the labels that come back.

    <output>/audits/<run_id>/tasks.jsonl      {"task", "id", "text", "categories"}: what is to be labelled, and no more
                             plan.json        strata, weights and decisions; not to be read before the labels are in
                             labels.json      what the labels say
                             report/          the run's report with it

They lie beside the run, which never changes. A label file is what the label page exports:

    {"format": 1, "tasks_sha256": …, "annotator": NAME, "labels": {TASK: {CATEGORY: 0 | 1} | null}}

null says that the annotator skipped the task; a category that is not there was not asked for.
"""

from __future__ import annotations

import csv
import hashlib
import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Final

import msgspec

from tamis.classifiers.errors import TamisError, UsageError
from tamis.interventions.audit_design import Stratum
from tamis.pipeline.canonical import canonical_bytes
from tamis.pipeline.storage import Store

__all__ = [
    "LABELS",
    "PLAN",
    "TASKS",
    "AuditPlan",
    "Item",
    "LabelFile",
    "Task",
    "digest",
    "encode",
    "encode_tasks",
    "folder",
    "read_gold",
    "read_labels",
    "read_plan",
    "read_tasks",
    "write_plan",
]

TASKS: Final = "tasks.jsonl"
PLAN: Final = "plan.json"
LABELS: Final = "labels.json"


class Task(msgspec.Struct, frozen=True):
    """What an annotator sees of a document."""

    task: str
    id: str
    text: str
    categories: tuple[str, ...]


class Item(msgspec.Struct, frozen=True):
    """A document of the plan.

    Attributes:
        task: Its task.
        stratum: Index of its stratum.
        withheld: Whether it is shown to nobody, so that it has no task.
    """

    task: str
    stratum: int
    withheld: bool = False


class AuditPlan(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which documents stand for which others.

    Attributes:
        run_id: The run.
        intervention: The intervention whose decisions are audited.
        outcome: What "hit" means: "removed" or "acted on".
        categories: The categories that are asked for.
        strata: The strata.
        items: The documents.
        unscored: Documents without a score, of which no estimate speaks.
        tasks_sha256: Digest of the tasks.
    """

    run_id: str
    intervention: str
    outcome: str
    categories: tuple[str, ...]
    strata: list[Stratum]
    items: list[Item]
    unscored: int
    tasks_sha256: str
    format: int = 1


class _Sealed(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    plan: msgspec.Raw
    sha256: str


class LabelFile(msgspec.Struct, frozen=True):
    """The labels of one annotator."""

    annotator: str
    labels: dict[str, dict[str, int] | None]
    tasks_sha256: str = ""
    format: int = 1


def folder(run_id: str) -> str:
    """Returns the folder of a run's audit under the output root."""
    return f"audits/{run_id}"


def digest(data: bytes) -> str:
    """Returns the sha256 of a task file."""
    return hashlib.sha256(data).hexdigest()


def encode_tasks(tasks: Iterable[Task]) -> bytes:
    """Returns the bytes of a task file."""
    return b"".join(canonical_bytes(msgspec.to_builtins(task)) + b"\n" for task in tasks)


def read_tasks(path: Path) -> tuple[list[Task], str]:
    """Reads a task file; returns the tasks and its digest.

    Raises:
        UsageError: It is none.
    """
    data = _read(path, "a task file that `tamis audit sample` wrote")
    try:
        tasks = [msgspec.json.decode(line, type=Task) for line in data.splitlines()]
    except msgspec.DecodeError as error:
        raise UsageError(f"{path}: not a task file ({error}); expected one that `tamis audit sample` wrote") from None
    return tasks, digest(data)


def write_plan(store: Store, run_id: str, plan: AuditPlan) -> None:
    """Writes the sealed plan: whoever alters it breaks the seal."""
    content = canonical_bytes(msgspec.to_builtins(plan))
    sealed = b'{"plan":%b,"sha256":"%b"}\n' % (content, hashlib.sha256(content).hexdigest().encode())
    store.write(f"{folder(run_id)}/{PLAN}", sealed)


def read_plan(store: Store, run_id: str) -> AuditPlan | None:
    """Reads the plan of a run's audit, None where there is none.

    Raises:
        TamisError: It was altered.
    """
    path = f"{folder(run_id)}/{PLAN}"
    try:
        data = store.read(path)
    except FileNotFoundError:
        return None
    try:
        sealed = msgspec.json.decode(data, type=_Sealed)
        if hashlib.sha256(sealed.plan).hexdigest() != sealed.sha256:
            raise TamisError(f"{store.root}/{path}: the plan was altered since it was sealed: sample anew")
        return msgspec.json.decode(sealed.plan, type=AuditPlan)
    except msgspec.DecodeError as error:
        raise TamisError(f"{store.root}/{path}: not a plan ({error}): sample anew") from None


def read_labels(path: Path) -> LabelFile:
    """Reads the labels that an annotator exported.

    Raises:
        UsageError: The file is none, or holds a label other than 0 and 1.
    """
    try:
        found = msgspec.json.decode(_read(path, "a file that the label page exported"), type=LabelFile)
    except msgspec.DecodeError as error:
        raise UsageError(f"{path}: not a label file ({error}); expected one that the label page exported") from None
    for task, labels in found.labels.items():
        _check(path, task, (labels or {}).values())
    return found


def read_gold(path: Path, categories: Sequence[str]) -> dict[str, dict[str, int]]:
    """Reads labels by document id: a CSV file with the column `id` and one for each category, 0 or 1; empty = none.

    Raises:
        UsageError: It has no such column, or another value.
    """
    text = _read(path, "a CSV file of labels").decode("utf-8", "replace")
    rows = csv.DictReader(text.splitlines())
    known = [category for category in categories if category in (rows.fieldnames or ())]
    if "id" not in (rows.fieldnames or ()) or not known:
        raise UsageError(f"{path}: expected the column `id` and at least one of {', '.join(categories)}")
    found: dict[str, dict[str, int]] = {}
    for row in rows:
        values = {category: row[category].strip() for category in known if (row[category] or "").strip()}
        _check(path, f"line {rows.line_num}", values.values())
        found[row["id"]] = {category: int(value) for category, value in values.items()}
    return found


def _check(path: Path, where: str, values: Iterable[Any]) -> None:
    for value in values:
        if value not in (0, 1, "0", "1"):
            raise UsageError(f"{path}: {where}: expected the labels 0 and 1, found another")


def _read(path: Path, expected: str) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise UsageError(f"{path}: cannot be read ({error.strerror}); expected {expected}") from None


def encode(content: Any) -> bytes:
    """Returns the bytes of `labels.json`."""
    return json.dumps(content, indent=1, ensure_ascii=True).encode() + b"\n"
