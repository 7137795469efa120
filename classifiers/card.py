"""The model card of a bundle, in Markdown, rendered from bundle.json alone."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from tamis.classifiers import bundle as bundles
from tamis.classifiers.card_comparisons import random_sample, single_sources
from tamis.classifiers.evaluation_report import ranking_table, reliability_svg, span, table
from tamis.classifiers.taxonomy import DESCRIPTIONS

__all__ = ["finish", "render", "render_header"]

_LIMITS: Final = """\
- It reads words, not situations: irony, allusion, and what only the context makes a violation are missed.
- Scores are probabilities at the declared base rates and for English passages of some hundred characters. On a corpus
  with other rates, or other text, calibrate it again (`tamis classifier calibrate`).
- Thin labels: self-harm, violence and sexual rest on machine or rule-made labels beside those that the maintainers
  of tamis made by reading; see the sources. `sexual/minors` is not trained, on purpose.
- It is a filter for data, not a judge of persons: do not use it to moderate or to profile people.
"""


def render(bundle: bundles.Bundle) -> str:
    """The card of a bundle.

    Returns:
        Markdown: what it is for, sources with licences, operating points with intervals, calibration, evaluation
        (where `metrics` has one), limits, and how to rebuild it.
    """
    header = json.loads((bundle.folder / bundles.HEADER).read_text("utf-8"))
    return render_header(header)


def finish(folder: str | Path, metrics: Mapping[str, Any]) -> bundles.Bundle:
    """Adds metrics to a bundle, and renders its card anew.

    Raises:
        BundleError: The bundle is damaged.
    """
    old = bundles.load(str(folder))
    header = json.loads((old.folder / bundles.HEADER).read_text("utf-8"))
    header["metrics"] = {**header.get("metrics", {}), **metrics}
    rest = {key: value for key, value in header.items() if key not in {"format", "files"}}
    golden = [json.loads(line)["text"] for line in (old.folder / bundles.GOLDEN).read_text("utf-8").splitlines()]
    return bundles.write(old.folder, rest, golden, render_header(header))


def render_header(header: Mapping[str, Any]) -> str:
    """The card, from the content of bundle.json, whatever the order of its keys."""
    header = json.loads(json.dumps(header, sort_keys=True))
    parts = [
        f"# {header['name']}, version {header['version']}\n",
        f"A {header['kind']} classifier of {', '.join(header['languages'])} passages{_members(header)}.",
        f"It reads `{header['normaliser']}` text.\n",
        table(("category", "what counts", "declared base rate"), [
            (name, DESCRIPTIONS.get(name), header["base_rates"].get(name)) for name in header["categories"]
        ]),
        *_terms(header), *_points(header), *_sources(header["training"]), *_metrics(header.get("metrics", {})),
        "## Limits\n", _LIMITS, *_rebuild(header["training"]),
    ]  # fmt: skip
    return "\n".join(parts)


def _members(header: Mapping[str, Any]) -> str:
    members = header["parameters"].get("members", ()) if header["kind"] == "combination" else ()
    return f", of {len(members)} members: {', '.join(member['kind'] for member in members)}" if members else ""


def _terms(header: Mapping[str, Any]) -> list[str]:
    """How many terms a word list has, by category; not which ones: they are not fit for every reader."""
    parameters = header["parameters"]
    found = [part["parameters"] for part in parameters.get("members", ())] if _members(header) else [parameters]
    rows = [(c, n) for part in found for c, n in sorted(part.get("terms", {}).items())]
    note = "A score is the severity of the severest term in the passage, before calibration.\n"
    return ["## Word list\n", note, table(("category", "terms"), rows)] if rows else []


def _points(header: Mapping[str, Any]) -> list[str]:
    rows = [
        (category, name, point["threshold"], f"{point['low']}–{point['high']}" if "low" in point else None)
        for category in header["categories"]
        for name, point in sorted(header["operating_points"].get(category, {}).items())
    ]
    note = (
        "Precision is stated at the declared base rate; a point that the calibration set cannot reach is left out. "
        "The interval is a bootstrap over the calibration set. `default` is precision(0.8).\n"
    )
    return ["## Operating points\n", note, table(("category", "point", "threshold", "95 % interval"), rows)]


def _sources(training: Mapping[str, Any]) -> list[str]:
    rows = [
        (s["name"], s["rows"], s["licence"], ", ".join(s["families"]) or "nobody: taken as benign", s["sha256"][:12])
        for s in training.get("sources", ())
    ]
    removed = training.get("removed_by_overlap", 0)
    shares = ", ".join(f"{name} {count}" for name, count in sorted(training.get("rows", {}).items()))
    note = (
        f"Equal texts are joined, near-duplicates stay in one split ({shares} rows), and {removed} rows that share "
        "a run of eight words with an evaluation set were removed.\n"
    )
    return ["## Training data\n", table(("source", "rows", "licence", "labelled by", "sha256"), rows), note]


def _metrics(metrics: Mapping[str, Any]) -> list[str]:
    parts: list[str] = []
    if found := metrics.get("calibrate"):
        rows = [(c, m["positives"], m["negatives"], m["auroc"], m["auprc"]) for c, m in found.items()]
        parts += [
            "## On the calibration split\n",
            table(("category", "positives", "negatives", "AUROC", "AUPRC"), rows),
        ]
        errors = [(c, m["reliability"]["ece"]) for c, m in sorted(found.items()) if "reliability" in m]
        parts.append(table(("category", "expected calibration error at the base rate"), errors))
        parts += [reliability_svg(m["reliability"], c) + "\n" for c, m in sorted(found.items()) if "reliability" in m]
    if found := metrics.get("evaluation"):
        parts += _evaluation(found)
    return parts


def _evaluation(found: Mapping[str, Any]) -> list[str]:
    notes = "".join(f"- {note}\n" for note in found.get("notes", ()))
    parts = ["## What to know\n", notes] if notes else []
    parts += ["## On evaluation sets that training never saw\n", ranking_table(found["sets"])]
    parts += random_sample(found.get("random"))
    if found.get("disguise"):
        parts.append("Violations of the functional suite found at precision(0.5), plain and disguised:\n")
        parts.append(table(("words", "found"), list(found["disguise"].items())))
    if baselines := found.get("baselines"):
        parts += single_sources(baselines)
    bias = [
        (name, category, point, v["median"], v["largest"], v["term"])
        for name, categories in found["sets"].items() for category, values in categories.items()
        for point, v in values.get("identity_fpr", {}).items()
    ]  # fmt: skip
    if bias:
        parts += [
            "### False positives by identity term\n",
            "Benign sentences that mention a term: the share flagged.\n",
        ]
        parts.append(table(("set", "category", "point", "median of the terms", "largest", "of"), bias))
    for name, suite in found["suites"].items():
        rows = [(n, v["cases"], v["expected"], v["flagged"]) for n, v in suite.items()]
        parts += [f"### Functional suite {name}, at the default points\n"]
        parts.append(table(("functionality", "cases", "expected", "share flagged"), rows))
    if found["ordinary"]:
        parts += ["### Share of ordinary text flagged\n", "Documents that do violate the policy are among them.\n"]
    for name, text in found["ordinary"].items():
        rows = [
            (category, point, span(value["documents"], True), span(value["passages"], True))
            for category, points in text["flagged"].items() for point, value in points.items()
        ]  # fmt: skip
        parts += [f"{name}: {text['documents']} documents, {text['passages']} passages.\n"]
        parts.append(table(("category", "point", "documents", "passages"), rows))
    return parts


def _rebuild(training: Mapping[str, Any]) -> list[str]:
    chosen = json.dumps(training.get("hyper_parameters", {}), sort_keys=True)
    return [
        "## Rebuilding it\n",
        f"    {training.get('command') or 'tamis classifier train CONFIG'}\n",
        f"Hyper-parameters: `{chosen}`, seed {training.get('seed')}.\n",
    ]
