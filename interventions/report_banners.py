"""Banners: what must be known before any number of the report is believed.

Red: the headline may mislead. Amber: it holds, with a reservation.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from tamis.interventions.drift_limits import MUCH, beyond_noise, worst_psi
from tamis.interventions.masking import display
from tamis.interventions.measures.base import Context
from tamis.interventions.measures.collateral_result import FLAG
from tamis.interventions.report_format import count, is_measured, percent, several
from tamis.interventions.section_collateral import sentence

__all__ = ["FEW_DOCUMENTS", "FEW_FLAGGED", "UNSCORED", "banners"]

#: Share of unscored documents beyond which coverage is low.
UNSCORED: Final = 0.2
#: Evaluated documents below which a sample is small.
FEW_DOCUMENTS: Final = 1000
#: Flagged documents before the intervention below which a ratio says little.
FEW_FLAGGED: Final = 30

Banner = dict[str, str]


def banners(report: Mapping[str, Any], context: Context) -> list[Banner]:
    """Returns the banners of a report, red before amber.

    Args:
        report: The content of report.json without its banners.
        context: What the measures knew about the run.
    """
    found = [*_gate(report), *_evaluator(report, context), *_coverage(report), *_small(report), *_reservations(report)]
    found += _drift(report)
    return sorted([*found, *_collateral(report)], key=lambda banner: banner["level"] != "red")


def _collateral(report: Mapping[str, Any]) -> Iterable[Banner]:
    """Red where the removals look unjustified too, or where no independent evaluator can say."""
    collateral = report["measures"].get("collateral") or {}
    found = (collateral.get("interventions") or {}).get(report["lead"])
    if not found or not found["flagged"]:
        return
    rows = {**found["groups"], **found["dialects"]}
    flagged = [(name, rows[name]) for name in found["flagged"]]
    said = " ".join(sentence(name, row, found["outcome"]) for name, row in flagged[:3])
    more = f" And {len(flagged) - 3} more." if len(flagged) > 3 else ""
    text = f"Collateral damage: {said}{more}"
    unjustified = collateral.get("grade") != "estimated" or any(_clean_too(row) for _, row in flagged)
    yield _red("collateral", text) if unjustified else _amber("collateral", text)


def _clean_too(row: Mapping[str, Any]) -> bool:
    return is_measured(row["clean"]) and row["clean"]["low"] > FLAG


def _drift(report: Mapping[str, Any]) -> Iterable[Banner]:
    """Says where the run differs from the one before by more than chance, and by the customary measure much."""
    found = report["measures"].get("drift")
    if not found:
        return
    if found["instruments"]:
        names = ", ".join(display(one["what"], 40) for one in found["instruments"])
        yield _amber(
            "instrument", f"Since the run before the instrument changed too: {names}. What it did is told apart."
        )
    kinds = {"": "The scores moved since the run before", "web": "New and changed shards score unlike the others"}
    for part, said in kinds.items():
        worst = worst_psi((found[part] if part else found).get("scores") or {})
        if worst is not None and beyond_noise(worst[1]) and worst[1]["psi"] > MUCH:
            yield _amber("drift", f"{said}, most in {display(worst[0], 60)}: PSI {worst[1]['psi']:.2g}.")


def _gate(report: Mapping[str, Any]) -> Iterable[Banner]:
    if report["run"].get("status") != "refused":
        return
    broken = [
        display(check.get("sentence", "")) for check in report["run"].get("gate") or () if not check.get("passed")
    ]
    reasons = "; ".join(broken) or "see the gate's checks"
    yield _red("refused", f"The gate refused this run and nothing was published: {reasons}.")


def _evaluator(report: Mapping[str, Any], context: Context) -> Iterable[Banner]:
    if not context.evaluator:
        yield _red("no-evaluator", "No evaluator: what this intervention did to safety was not measured.")
    elif not _evaluated(report):
        yield _red("nothing-evaluated", "The evaluator scored no document: the effect on safety was not measured.")
    elif not context.independent:
        yield _red(
            "not-independent",
            "The evaluator is not independent of the filter: it shares the filter’s errors, so it sees what the "
            "filter removed and little of what the filter missed. Its changes are not changes in prevalence."
            f"{_failed(context)}",
        )


def _failed(context: Context) -> str:
    checks = (context.notes.get("independence") or {}).get("checks") or ()
    failed = [display(check.get("finding", ""), 200) for check in checks if not check.get("passed")]
    return f" Found: {'; '.join(failed)}." if failed else ""


def _coverage(report: Mapping[str, Any]) -> Iterable[Banner]:
    low = []
    for who, part in _scored(report):
        share = part.get("share_unscored") or {}
        if is_measured(share) and share["value"] > UNSCORED:
            low.append(f"{who} {percent(share['value'])}{_reasons(part)}")
    if low:
        yield _red(
            "low-coverage",
            f"Low coverage. Share of documents left unscored: {'; '.join(low)}. No rule on a score removed them and no "
            "prevalence counts them; that does not make them clean.",
        )


_OF_TEXTS = "distribution shift and vocabulary, functional tests, the proxy model, excerpts"


def _scored(report: Mapping[str, Any]) -> Iterable[tuple[str, Mapping[str, Any]]]:
    coverage = report["measures"].get("coverage") or {}
    for name, part in (coverage.get("classifiers") or {}).items():
        yield f"classifier {display(name)}", part
    if coverage.get("evaluator"):
        yield "evaluator", coverage["evaluator"]


def _reasons(part: Mapping[str, Any]) -> str:
    counts = {name: item["documents"] for name, item in (part.get("reasons") or {}).items() if item["documents"]}
    said = {"language": "in a language it does not cover", "empty": "empty", "failed": "failed"}
    parts = [f"{count(number)} {said.get(name, display(name))}" for name, number in counts.items()]
    return f" ({', '.join(parts)})" if parts else ""


def _small(report: Mapping[str, Any]) -> Iterable[Banner]:
    documents = _evaluated(report)
    flagged = _flagged(report)
    if documents and (documents < FEW_DOCUMENTS or (flagged.get("any") or 0) < FEW_FLAGGED):
        yield _red(
            "small-n",
            f"Small sample: {several(documents, 'document')} evaluated, {count(flagged.get('any', 0))} of them flagged "
            "before the intervention. Read the intervals, not the values.",
        )


def _reservations(report: Mapping[str, Any]) -> Iterable[Banner]:
    few = [f"{display(name)} ({count(number)})" for name, number in _flagged(report).items() if number < FEW_FLAGGED]
    if few and _evaluated(report):
        yield _amber(
            "few-flagged", f"Fewer than {FEW_FLAGGED} flagged documents before the intervention: {', '.join(few)}."
        )
    counts = report["run"].get("counts") or {}
    withheld = counts.get("withheld", 0)
    lost = counts.get("quarantined", 0) - withheld
    if withheld:
        yield _amber(
            "withheld",
            f"{count(withheld)} documents are in quarantine by a rule: they left the corpus, quarantine/ has their "
            "hashes, and their text is shown nowhere."
            if withheld > 1
            else "1 document is in quarantine by a rule: it left the corpus, quarantine/ has its hash, and its text is "
            "shown nowhere.",
        )
    if lost:
        yield _amber(
            "quarantined",
            f"{count(lost)} records could not be read and are in quarantine: they are in no number here."
            if lost > 1
            else "1 record could not be read and is in quarantine: it is in no number here.",
        )
    source = (report.get("provenance") or {}).get("scores")
    if source is not None:
        yield _amber(
            "applied",
            f"Decided from the stored scores of run {display(source, 40)}, without texts and without a classifier. "
            f"What needs either was not measured: {_OF_TEXTS}. `tamis run` measures it.",
        )
    if report["run"].get("published") is None:
        yield _amber("shadow", "The plan publishes no intervention: all of them were measured, none was written.")


def _evaluated(report: Mapping[str, Any]) -> int:
    return int(((report["measures"].get("prevalence") or {}).get("evaluated") or {}).get("documents") or 0)


def _flagged(report: Mapping[str, Any]) -> dict[str, int]:
    rows = report.get("headline") or ()
    return {row["category"]: int(row["flagged"]["before"]) for row in rows if row.get("flagged")}


def _red(code: str, text: str) -> Banner:
    return {"level": "red", "code": code, "text": text}


def _amber(code: str, text: str) -> Banner:
    return {"level": "amber", "code": code, "text": text}
