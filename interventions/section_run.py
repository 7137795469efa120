"""Sections about the run itself: provenance, methods and limits, what was not measured."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tamis.interventions.masking import display, verbatim
from tamis.interventions.report_format import DASH, count, several
from tamis.interventions.report_view import Block, Cell, Table, name_cell, table
from tamis.interventions.verdict_text import GRADES

__all__ = ["code", "facts", "independence", "limits", "not_measured", "provenance"]

Json = Mapping[str, Any]
Listing = Sequence[tuple[str, str]]

_LIMITS = (
    (
        "Evaluator",
        "A share flagged by an evaluator is not the share of harmful documents: it holds the evaluator’s false alarms "
        "and lacks what it misses. The ratio after ÷ before is safer than either level, and even it can be off in both "
        "directions. Human labels on the survivors are the anchor.",
    ),
    ("Same documents", "Before and after are the same documents under two policies, never two samples."),
    (
        "Intervals",
        "95 %. Each estimate names its method in report.json. Intervals hold for documents like these; they do not "
        "cover a change of the web, of the policy or of the annotators.",
    ),
    ("Volumes", "Counted over all documents: no sampling error, and no claim about the next crawl."),
    (
        "Unscored",
        "Documents without a score (language not covered, empty, failed) are kept, counted apart, and are in no "
        "prevalence; the numbers say nothing about them.",
    ),
    (
        "Removed for",
        "A document counts under the category of the comparison that decided. A document that was removed by a rule on "
        "other fields counts under “any” alone.",
    ),
)


def facts(report: Json) -> list[str]:
    """Returns the line under the title: run, status, size."""
    run = report["run"]
    counts = run.get("counts") or {}
    return [
        f"run {display(run.get('id') or DASH, 40)}",
        f"status: {display(run.get('status') or DASH, 40)}",
        several(counts.get("seen"), "document"),
        several(run.get("shards"), "shard"),
        f"tamis {display(run.get('version') or DASH, 40)}",
    ]


def provenance(report: Json) -> Listing:
    """Returns what identifies the run."""
    run, source = report["run"], report["provenance"]
    counts = run.get("counts") or {}
    level = source.get("sample_level")
    return [
        ("Run", display(run.get("id") or DASH)),
        ("Plan fingerprint", display(run.get("fingerprint") or DASH)),
        ("Records", ", ".join(f"{display(name)} {count(number)}" for name, number in counts.items()) or DASH),
        (
            "Gate",
            "; ".join(display(check.get("sentence", ""), 200) for check in run.get("gate") or ()) or "no condition",
        ),
        *[
            (f"Classifier {display(name)}", display(identity))
            for name, identity in (source.get("bundles") or {}).items()
        ],
        ("Evaluator", display(source.get("evaluator") or "none")),
        ("Evaluation sample", _sampling(level)),
        ("Sampling salt", display(source.get("salt") or DASH)),
        ("Software", ", ".join(f"{display(name)} {display(v)}" for name, v in _versions(report).items())),
    ]


def code(report: Json) -> list[tuple[str, str]]:
    """Returns the plan as YAML and the commands that reproduce the run."""
    version = display(report["run"].get("version") or "", 40)
    commands = (
        f"pip install tamis=={version}\n"
        "# save the plan below as plan.yaml and set corpus.root and output to your paths\n"
        f"{display(report['provenance'].get('command') or '', 400)}"
    )
    return [
        ("Reproduce this run", commands),
        ("Plan, with every default spelled out", verbatim(report["provenance"].get("plan") or "")),
    ]


def independence(report: Json) -> Block:
    """Returns the certificate of the evaluator's independence."""
    found = report["provenance"].get("independence") or {}
    rows = [
        [
            name_cell(display(check.get("check", ""))),
            Cell("passed" if check.get("passed") else "failed", kind="text"),
            Cell(display(check.get("finding", ""), 240), kind="text wrap"),
        ]
        for check in found.get("checks") or ()
    ]
    note = "Checked in code from what the bundles declare; whether they err together is measured on labels."
    return Block("Is the evaluator independent?", tables=[_certificate(rows, note)])


def limits() -> Listing:
    """Returns how to read the numbers, and the meaning of the grades."""
    return [*_LIMITS, *((f"Grade: {name}", f"{meaning}.") for name, meaning in GRADES.items())]


def not_measured(report: Json) -> Listing:
    """Returns what the report does not say, and why."""
    return [(display(item["what"], 200), display(item["reason"], 400)) for item in report.get("not_measured") or ()]


def _certificate(rows: Sequence[Sequence[Cell]], note: str) -> Table:
    return table("Independence of the evaluator from the filter", ["Check", "Result", "Finding"], rows, note=note)


def _versions(report: Json) -> dict[str, str]:
    return {"tamis": report["run"].get("version") or DASH, **(report["provenance"].get("packages") or {})}


def _sampling(level: object) -> str:
    if not isinstance(level, int):
        return "none"
    return "every document" if level == 0 else f"1 document in {count(2**level)}, by hash of its id"
