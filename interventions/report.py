"""The report's numbers: every measure's result, and from them the headline, the verdict and the warnings.

`build` gives the content of report.json:

    {
      "schema": 1,
      "order": [NAME, …],                              names of the run in reading order, see `report_order`
      "run": {"id", "name", "version", "fingerprint", "status", "published", "counts", "shards", "gate"},
      "provenance": {"plan": YAML, "bundles", "evaluator", "packages", "salt", "command", …notes of the context},
      "banners": [{"level": "red" | "amber", "code", "text"}],
      "lead": NAME,                                    the published intervention, else the plan's first
      "verdict": {"sentence", "grade"},                of the lead
      "headline": [ROW, …],                            of the lead
      "interventions": {NAME: {"published", "removed", "rewritten", "tagged", "removed_share",
                               "verdict", "headline": [ROW, …]}},
      "measures": {MEASURE: result},                   each measure's module describes its own
      "not_measured": [{"what", "reason"}]
    }

    ROW = {"category", "grade", "before", "after", "ratio", "flagged", "caught",
           "removed": AMOUNTS | None, "rewritten": AMOUNTS | None}

Estimates are described in `measures.estimate`: what was not measured is null with a reason, never 0. The page and
the terminal table are made of this content and of nothing else. It holds no clock and no path of a machine: the same
run gives the same bytes.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import yaml

from tamis.interventions import comparison, verdict_text
from tamis.interventions.masking import display
from tamis.interventions.measures import placebo
from tamis.interventions.measures.base import Context, State
from tamis.interventions.measures.estimate import Grade, missing
from tamis.interventions.measures.table import MEASURES
from tamis.interventions.report_banners import banners
from tamis.interventions.report_gaps import gaps
from tamis.interventions.report_labels import fold
from tamis.interventions.report_order import reading_order

__all__ = ["SCHEMA", "assemble", "build", "results"]

SCHEMA: Final = 1

_RUN = ("name", "version", "fingerprint", "status", "counts", "shards", "gate")
_PROVENANCE = ("bundles", "evaluator", "packages")

Json = dict[str, Any]


def build(
    record: Mapping[str, Any],
    states: Mapping[str, State],
    context: Context,
    more: Mapping[str, Json] | None = None,
    labels: Mapping[str, Any] | None = None,
) -> Json:
    """Returns the content of report.json.

    Args:
        record: The run: `run_id`, `name`, `version`, `fingerprint`, `status`, `bundles` (ids by name),
            `evaluator`, `packages`, `plan`, `counts`, `shards` and `gate` (checks with their sentences).
        states: Merged state of each measure, by name.
        context: What the measures must know about the run.
        more: Results of measures that were made otherwise, by name.
        labels: What human labels say, see `report_labels.fold`.
    """
    report = assemble(record, {**results(states, context), **(more or {})}, context)
    return report if labels is None else fold(report, labels)


def results(states: Mapping[str, State], context: Context) -> dict[str, Json]:
    """Returns the result of each measure, and what is made of several, by name."""
    found = {name: MEASURES[name].result(state, context) for name, state in sorted(states.items())}
    # A measure that the plan did not ask for has no result.
    return {**{name: result for name, result in found.items() if result}, **_joined(found, states, context)}


def _joined(results: Mapping[str, Json], states: Mapping[str, State], context: Context) -> dict[str, Json]:
    """Returns what is made of several measures, or of several interventions."""
    found: dict[str, Json] = {}
    if {"placebo", "prevalence"} <= results.keys():
        found["placebo"] = placebo.beyond(results["placebo"], results["prevalence"])
    if "prevalence" in states and len(context.interventions) > 1:
        found["comparison"] = comparison.build(states["prevalence"], context)
    return found


def assemble(record: Mapping[str, Any], measures: Mapping[str, Json], context: Context) -> Json:
    """Returns the content of report.json from results that are there already; see `build`."""
    written = context.published if record.get("status", "published") == "published" else None
    interventions = {name: _intervention(name, measures, context, name == written) for name in context.interventions}
    lead = context.lead
    report = {
        "schema": SCHEMA,
        "order": reading_order(context),
        "run": {"id": record.get("run_id"), "published": context.published, **_only(record, _RUN)},
        "provenance": _provenance(record, context),
        "lead": lead,
        "verdict": interventions.get(lead, {}).get("verdict"),
        "headline": interventions.get(lead, {}).get("headline", []),
        "interventions": interventions,
        "measures": dict(measures),
        "not_measured": gaps(measures, context),
    }
    return {**report, "banners": banners(report, context)}


def _provenance(record: Mapping[str, Any], context: Context) -> Json:
    plan = yaml.safe_dump(record.get("plan") or {}, sort_keys=False, allow_unicode=True, width=100)
    return {
        **_only(record, _PROVENANCE),
        "plan": plan,
        "salt": context.salt,
        "command": "tamis run plan.yaml",
        **context.notes,
    }


def _only(record: Mapping[str, Any], keys: tuple[str, ...]) -> Json:
    return {key: record.get(key) for key in keys}


def _intervention(name: str, measures: Mapping[str, Json], context: Context, written: bool) -> Json:
    volume = _of(measures, "volume", name)
    rows = [_row(name, category, measures, context) for category in _categories(measures, context)]
    return {
        "published": written,
        **{key: volume.get(key) for key in ("seen", "removed", "rewritten", "tagged", "removed_share")},
        "verdict": verdict_text.verdict(display(name), rows, volume, written),
        "headline": rows,
    }


def _categories(measures: Mapping[str, Json], context: Context) -> list[str]:
    """The evaluator's categories and "any"; without an evaluator those of the filter."""
    found = measures.get("prevalence", {}).get("categories")
    if found:
        return list(found)
    return list(dict.fromkeys(category for names in context.classifiers.values() for category in names))


def _row(name: str, category: str, measures: Mapping[str, Json], context: Context) -> Json:
    found = _of(measures, "prevalence", name).get(category, {})
    row = {
        "category": category,
        **{key: found.get(key) or _absent(context) for key in ("before", "after", "ratio", "caught")},
        "flagged": found.get("flagged"),
        "removed": _amounts(name, category, "removed", measures),
        "rewritten": _amounts(name, category, "rewritten", measures),
    }
    return {**row, "grade": verdict_text.grade(row, context.independent)}


def _amounts(name: str, category: str, outcome: str, measures: Mapping[str, Json]) -> Json | None:
    """Amounts removed or rewritten for a category; None where no rule of the filter looks at it."""
    volume = _of(measures, "volume", name)
    if category == "any":
        amounts: Json | None = volume.get(outcome)
        return amounts
    decided: Json | None = volume.get("categories", {}).get(outcome, {}).get(category, {}).get("decided")
    return decided


def _of(measures: Mapping[str, Json], measure: str, name: str) -> Json:
    """The part of a measure's result that is about one intervention."""
    found: Json = measures.get(measure, {}).get("interventions", {}).get(name, {})
    return found


def _absent(context: Context) -> Json:
    reason = "the evaluator scored no document" if context.evaluator else "the plan names no evaluator"
    return missing(reason, grade=Grade.NOT_MEASURED)
