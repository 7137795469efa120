"""`tamis audit sample|label|import`: human labels, from a plan to certified numbers."""

from __future__ import annotations

import argparse
import json
import webbrowser
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import msgspec

from tamis.classifiers.errors import UsageError
from tamis.pipeline.command_verify import RUN_HELP, locate

if TYPE_CHECKING:
    from tamis.pipeline.decided_run import DecidedRun
from tamis.pipeline.wording import say

__all__ = ["add_arguments", "main"]

PAGE: Final = "label.html"
SCORES_HELP: Final = "the run with the scores, where RUN was applied to another's"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the sub-commands."""
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    for name, text, add in (
        ("sample", "draw what is to be labelled, and say what it will tell", _sample_options),
        ("label", "make the page to label on, a file that loads nothing", _label_options),
        ("import", "fold labels in: certified numbers, and a report with them", _import_options),
    ):
        add(actions.add_parser(name, help=text, description=f"{text[0].upper()}{text[1:]}.", allow_abbrev=False))


def _sample_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("run", metavar="RUN", help=RUN_HELP)
    parser.add_argument("--labels", metavar="N", type=int, required=True, help="documents to be labelled")
    parser.add_argument("--category", metavar="NAME", help="ask about this category only, and sample for it")
    parser.add_argument("--intervention", metavar="NAME", help="whose decisions; default: the published one's")
    parser.add_argument("--input", metavar="ROOT", help="read the corpus from here instead of the plan's root")
    parser.add_argument("--scores", metavar="RUN", help=SCORES_HELP)
    parser.add_argument("--dry_run", action="store_true", help="say what the labels would tell; no write")


def _label_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("tasks", metavar="TASKS", help="the tasks.jsonl that `tamis audit sample` wrote")
    parser.add_argument("--output", metavar="FILE", help=f"where the page is written; default: {PAGE} beside the tasks")
    parser.add_argument("--open", action="store_true", help="open it in the browser")


def _import_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("run", metavar="RUN", help=RUN_HELP)
    parser.add_argument("labels", metavar="LABELS", nargs="*", help="files that the label page saved, one an annotator")
    parser.add_argument("--gold", metavar="CSV", help="labels by document: columns `id` and categories, 0 or 1")
    parser.add_argument("--intervention", metavar="NAME", help="with --gold and no sample: whose decisions")
    parser.add_argument("--scores", metavar="RUN", help=SCORES_HELP)


def main(options: argparse.Namespace, _: list[str]) -> int:
    """Runs the chosen action; returns 0."""
    return _ACTIONS[options.action](options)


def _open(options: argparse.Namespace) -> DecidedRun:
    from tamis.pipeline.decided_run import DecidedRun

    return DecidedRun.open(*locate(options.run), scores=locate(options.scores) if options.scores else None)


def _sample(options: argparse.Namespace) -> int:
    from tamis.interventions.audit_design import strata
    from tamis.pipeline import audit_sample, audit_tasks, audit_words

    if options.labels < 1:
        raise UsageError(f"`--labels {options.labels}`: write 1 or more")
    run = _open(options)
    intervention, categories = run.intervention(options.intervention), audit_sample.categories_of(run, options.category)
    frame = audit_sample.frame(run, intervention, categories)
    found, outcome = strata(frame.counts, options.labels), audit_sample.outcome(intervention)
    rows = audit_words.widths(frame, options.labels)
    _say(audit_words.plan_lines(found, frame, rows, outcome))
    facts: dict[str, Any] = {
        "run_id": run.manifest.run_id,
        "intervention": intervention.name,
        "expected": audit_words.brief(rows),
    }
    if options.dry_run:
        print(json.dumps({"status": "dry_run", **facts}))
        return 0
    corpus = run.manifest.spec.plan.corpus
    if options.input is not None:
        corpus = msgspec.structs.replace(corpus, root=options.input)
    tasks, paths = audit_tasks.write(run, intervention, categories, frame, found, corpus)
    _say([f"{tasks:,} tasks: {paths['tasks']}", f"next: tamis audit label {paths['tasks']} --open"])
    print(json.dumps({"status": "sampled", **facts, "count": tasks, **paths}))
    return 0


def _label(options: argparse.Namespace) -> int:
    from tamis.interventions.label_page import render
    from tamis.pipeline import audit_files

    path = Path(options.tasks)
    tasks, sha256 = audit_files.read_tasks(path)
    if not tasks:
        raise UsageError(f"{path}: holds no task")
    page = Path(options.output) if options.output else path.with_name(PAGE)
    page.write_text(render([(task.task, task.text) for task in tasks], tasks[0].categories, sha256), encoding="utf-8")
    _say([f"{len(tasks):,} tasks on {page}: it sends nothing, and the browser keeps the labels until they are saved"])
    if options.open:
        webbrowser.open(page.resolve().as_uri())
    print(json.dumps({"status": "page", "tasks": len(tasks), "page": str(page)}))
    return 0


def _import(options: argparse.Namespace) -> int:
    from tamis.pipeline import audit_import, audit_words

    if not options.labels and options.gold is None:
        raise UsageError("no labels: name files that the label page saved, or a table with `--gold CSV`")
    run = _open(options)
    gold = None if options.gold is None else Path(options.gold)
    result = audit_import.labelled(run, [Path(one) for one in options.labels], gold, options.intervention)
    _say(audit_words.result_lines(result))
    paths = audit_import.write(run, result)
    _say([f"labels: {paths['labels']}", f"report: {paths['report']}"])
    print(json.dumps({"status": "imported", "run_id": run.manifest.run_id, **paths}))
    return 0


def _say(lines: Iterable[str]) -> None:
    for line in lines:
        say(line)


_ACTIONS: Final = {"sample": _sample, "label": _label, "import": _import}
