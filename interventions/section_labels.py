"""Section "Human labels": what was labelled, what it says, how far annotators agree."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from tamis.interventions.error_correlation import LIMIT
from tamis.interventions.masking import display
from tamis.interventions.report_format import count, is_measured, percent
from tamis.interventions.report_view import (
    Block,
    Cell,
    Table,
    category_name,
    counted,
    missing,
    name_cell,
    ratio_cell,
    share_cell,
    table,
)

__all__ = ["blocks", "words"]

Json = Mapping[str, Any]


def words(result: Json) -> list[str]:
    """Returns what was labelled, in sentences."""
    annotators = len(result["annotators"])
    who = "one annotator" if annotators == 1 else f"{annotators} annotators"
    said = (
        f"{count(result['labelled'])} of {count(result['asked'])} sampled documents were labelled by {who}; they stand "
        f"for {count(result['documents'])} scored documents."
    )
    if result["unscored"]:
        said += f" {count(result['unscored'])} documents without a score are in no number here."
    if result["skipped"] + result["withheld"]:
        said += (
            f" {count(result['skipped'])} were skipped and {count(result['withheld'])} are shown to nobody: they are "
            "in each interval as harmless at its lower end and as harmful at its upper end."
        )
    return [said]


def blocks(result: Json) -> Iterator[Block]:
    """Yields the parts of the section."""
    yield Block("", tables=[_estimates(result)])
    yield Block("Agreement of annotators", tables=[_agreement(result)], folded=len(result["annotators"]) < 2)
    if (result.get("errors") or {}).get("categories"):
        yield Block("Do filter and evaluator err together?", tables=[_errors(result["errors"])])
    yield Block("The sample", tables=[_strata(result)], folded=True)


def _estimates(result: Json) -> Table:
    estimates = ["Prevalence before", "Residual", "Residual ÷ before", "Precision", "Recall"]
    columns = ["Category", *estimates, "Certifies down to"]
    rows = [
        [
            name_cell(category_name(name), f"{found['positive']:g} of {count(found['labels'])} positive"),
            *(share_cell(found[key]) for key in ("before", "residual")),
            ratio_cell(found["ratio"]),
            *(share_cell(found[key]) for key in ("precision", "recall")),
            Cell("–" if found["floor"] is None else percent(found["floor"])),
        ]
        for name, found in result["categories"].items()
    ]
    note = (
        f"Residual: among documents that were not {display(result['outcome'])}. Stratified sample, MOVER over Jeffreys "
        "limits. No audit certifies a residual below three times the share of the lowest band over its labels."
    )
    return table("By human labels, with 95 % intervals", columns, rows, note=note)


def _agreement(result: Json) -> Table:
    rows = [
        [name_cell(category_name(name)), counted(found["agreement"]["items"]), *_agreed(found["agreement"])]
        for name, found in result["categories"].items()
    ]
    return table("Documents labelled twice", ["Category", "Documents", "Equal labels", "Krippendorff’s alpha"], rows)


def _agreed(found: Json) -> list[Cell]:
    equal = Cell("–" if found["equal"] is None else percent(found["equal"]))
    alpha = found["alpha"]
    if not is_measured(alpha):
        return [equal, missing(alpha)]
    return [equal, Cell(f"{alpha['value']:.2f}", f"{alpha['low']:.2f}–{alpha['high']:.2f}")]


def _errors(result: Json) -> Table:
    rows = [
        [name_cell(category_name(name)), *(_correlation(found[key]) for key in ("clean", "harmful"))]
        for name, found in result["categories"].items()
    ]
    verdict = {True: "passed", False: "not passed", None: "too few labels to tell"}[result["passed"]]
    note = (
        "Correlation of the two scores among documents that people label alike: about 0 where errors are independent. "
        f"The check asks that every interval lie below {LIMIT}: {verdict}."
    )
    return table("Correlation of errors", ["Category", "Labelled harmless", "Labelled harmful"], rows, note=note)


def _correlation(found: Json) -> Cell:
    if not is_measured(found):
        return missing(found)
    return Cell(f"{found['value']:.2f}", f"{found['low']:.2f} to {found['high']:.2f} · n\u202f{count(found['n'])}")


def _strata(result: Json) -> Table:
    rows = [
        [
            name_cell(result["outcome"] if one["side"] == "hit" else f"not {result['outcome']}"),
            Cell(f"{one['low']:.4f}–{one['high']:.4f}"),
            counted(one["documents"]),
            counted(one["planned"]),
            counted(one["labelled"]),
        ]
        for one in result["strata"]
    ]
    return table("Strata by score", ["Side", "Score", "Documents", "To be labelled", "Labelled"], rows)
