"""Folds human labels into a report: certified numbers take the place of the evaluator's where there are any.

What labels say of an intervention that removes documents is its headline: prevalence before, residual after, their
ratio and the recall, each with its own interval and the grade "certified". Of one that removes nothing they give the
prevalence before and the recall; what it changed stays the evaluator's to tell. Other interventions keep their numbers.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from tamis.interventions import report_gaps, verdict_text
from tamis.interventions.error_correlation import LIMIT
from tamis.interventions.masking import display
from tamis.interventions.measures.estimate import Grade
from tamis.interventions.report_format import is_measured

__all__ = ["DISAGREEMENT", "fold"]

#: Krippendorff's alpha below which labels are no ground to stand on (Krippendorff 2004).
DISAGREEMENT: Final = 0.667

Json = dict[str, Any]


def fold(report: Mapping[str, Any], labels: Mapping[str, Any]) -> Json:
    """Returns a report with the labels' numbers.

    Args:
        report: The content of report.json.
        labels: What `audit_result.build` made of the labels, with `intervention`, `outcome` and `unscored`.
    """
    name = str(labels["intervention"])
    interventions = dict(report["interventions"])
    shared = _shared(labels)
    if shared:
        interventions = {key: _relative(found, key) for key, found in interventions.items()}
    if name in interventions:
        interventions[name] = _with(interventions[name], name, labels)
    found = {
        **report,
        "interventions": interventions,
        "measures": {**report["measures"], "labels": dict(labels)},
        "not_measured": [gap for gap in report["not_measured"] if gap["what"] != report_gaps.LABELS],
        "banners": [*_shared_banner(shared), *report["banners"], *_banners(labels)],
    }
    lead = interventions.get(report["lead"])
    if lead is not None:
        found |= {"verdict": lead["verdict"], "headline": lead["headline"]}
    return found


def _shared(labels: Mapping[str, Any]) -> list[str]:
    """Returns the categories in which filter and evaluator are seen to err together."""
    return [
        name
        for name, found in ((labels.get("errors") or {}).get("categories") or {}).items()
        if any(is_measured(one) and one["value"] >= LIMIT and one["low"] > 0 for one in found.values())
    ]


def _shared_banner(shared: Sequence[str]) -> list[dict[str, str]]:
    if not shared:
        return []
    text = (
        f"By the labels, filter and evaluator err together ({', '.join(map(display, shared))}): the evaluator is not "
        "independent, whatever the bundles declare. Its numbers are changes by that evaluator, not in prevalence."
    )
    return [{"level": "red", "code": "shared-errors", "text": text}]


def _relative(intervention: Mapping[str, Any], name: str) -> Json:
    """Returns an intervention whose evaluator turned out not to be independent."""
    changed = {"estimated": Grade.RELATIVE}
    rows = [{**row, "grade": changed.get(row["grade"], row["grade"])} for row in intervention["headline"]]
    return _told(intervention, name, rows)


def _with(intervention: Mapping[str, Any], name: str, labels: Mapping[str, Any]) -> Json:
    return _told(intervention, name, [_row(row, labels) for row in intervention["headline"]])


def _told(intervention: Mapping[str, Any], name: str, rows: list[Json]) -> Json:
    told = verdict_text.verdict(display(name), rows, intervention, bool(intervention["published"]))
    return {**intervention, "headline": rows, "verdict": told}


def _row(row: Mapping[str, Any], labels: Mapping[str, Any]) -> Json:
    found = labels["categories"].get(row["category"])
    if found is None:
        return dict(row)
    if labels["outcome"] != "removed":
        return {**row, **_taken({"before": found["before"], "caught": found["recall"]})}
    parts = {"before": found["before"], "after": found["residual"], "ratio": found["ratio"], "caught": found["recall"]}
    taken = {**row, **parts}
    grade = verdict_text.grade({**taken, "grade": Grade.CERTIFIED}, independent=True)
    return {**taken, "grade": grade}


def _taken(parts: Mapping[str, Any]) -> Json:
    return {key: estimate for key, estimate in parts.items() if is_measured(estimate)}


def _banners(labels: Mapping[str, Any]) -> list[dict[str, str]]:
    low = [
        f"{display(name)} {found['agreement']['alpha']['value']:.2f}"
        for name, found in labels["categories"].items()
        if is_measured(found["agreement"]["alpha"]) and found["agreement"]["alpha"]["value"] < DISAGREEMENT
    ]
    if not low:
        return []
    text = (
        f"Annotators disagree (Krippendorff’s alpha under {DISAGREEMENT}): {', '.join(low)}. "
        "Intervals of prevalence are widened by how much more some find than others; what the category means is not."
    )
    return [{"level": "amber", "code": "disagreement", "text": text}]
