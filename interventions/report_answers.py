"""The four questions of the first screen: safety, utility, who bears it, how sure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tamis.interventions.masking import display
from tamis.interventions.report_format import (
    THIN,
    change,
    is_measured,
    percent,
    ratio,
    ratio_interval,
    several,
    size,
)
from tamis.interventions.report_parts import any_row, result_of
from tamis.interventions.section_collateral import rows_of
from tamis.interventions.verdict_text import effect

__all__ = ["Answer", "answers"]

Json = Mapping[str, Any]

#: Documents that a source must have before its removal rate is worth a headline.
_ENOUGH = 100


@dataclass(frozen=True, slots=True)
class Answer:
    """One of the four answers: a question, the answer in a few characters, and what it rests on."""

    question: str
    big: str
    why: str


def answers(report: Json) -> list[Answer]:
    """Returns the answers about the lead intervention, in reading order."""
    lead = report["interventions"].get(report["lead"]) or {}
    volume = result_of(report, "volume", report["lead"])
    return [_safety(lead), _utility(volume, _quality(report)), _borne(report, volume), _sure(report)]


def _safety(lead: Json) -> Answer:
    question = "What did it do to safety?"
    row = any_row(lead.get("headline"))
    if not is_measured(row.get("ratio")):
        reason = (row.get("ratio") or {}).get("reason") or "no evaluator looked"
        return Answer(question, "not measured", f"{display(reason, 200)}.")
    if row["grade"] == "relative":
        return Answer(
            question, "cannot be said", "The evaluator is not independent of the filter; its own changes are below."
        )
    words = {"unknown": "not resolvable", "no change": "no detectable change"}
    big = words.get(effect(row["ratio"]), change(row["ratio"]))
    return Answer(
        question, big, f"documents flagged in any category, ×{ratio_interval(row['ratio'])} (95{THIN}% interval)."
    )


def _quality(report: Json) -> str:
    """Says what the proxy model and the shift of words say of utility, or that nobody looked."""
    shift, proxy = (result_of(report, measure, report["lead"]) for measure in ("shift", "proxy"))
    said = []
    if is_measured(shift.get("vocabulary_lost")):
        lost, random = (percent(shift[key]["value"], 2) for key in ("vocabulary_lost", "vocabulary_lost_placebo"))
        said.append(f"{lost} of different words are gone ({random} at random).")
    general = (proxy.get("perplexity") or {}).get("corpus general") or {}
    if is_measured(general.get("difference")):
        change, same = general["difference"], general["equivalent"]
        words = "held-out text is predicted as well as before" if same else "held-out text: no equal prediction shown"
        said.append(f"Proxy model: {words} ({change['low']:+.4f} to {change['high']:+.4f} bits per byte).")
    return " ".join(said) or "Vocabulary and perplexity: not measured."


def _utility(volume: Json, quality: str) -> Answer:
    question = "What did it cost?"
    if not volume:
        return Answer(question, "not measured", "Nothing was counted.")
    seen, kept = volume["seen"], volume["kept"]
    gone = seen["words"] - kept["words"] + volume["cut"]["words"]
    share = gone / seen["words"] if seen["words"] else 0.0
    amount = f"of words removed; {several(kept['documents'], 'document')} and {size(kept['bytes'])} are left."
    return Answer(question, percent(share), f"{amount} {quality}")


def _borne(report: Json, volume: Json) -> Answer:
    question = "Who bears it?"
    collateral = result_of(report, "collateral", report["lead"])
    if not collateral:
        return _by_source(question, volume, "Identity groups, dialects and topics: not measured.")
    rows = rows_of(collateral)
    if not rows:
        return _by_source(question, volume, "Too few documents name a group to compare.")
    flagged = [(name, row) for name, row in rows if name in collateral["flagged"]]
    name, row = (flagged or rows)[0]
    what = f"{display(name, 60)}, ×{ratio_interval(row['ratio'])} (95{THIN}% interval)"
    if flagged:
        others = len(flagged) - 1
        more = f", and {others} more group{'s' if others > 1 else ''}" if others else ""
        done = collateral["outcome"]
        return Answer(question, ratio(row["ratio"]["value"]), f"as often {done}: documents that name {what}{more}.")
    return Answer(question, "no group beyond doubt", f"Of {len(rows)} groups with enough documents the most: {what}.")


def _by_source(question: str, volume: Json, unseen: str) -> Answer:
    parts = {name: part for name, part in (volume.get("by") or {}).get("source", {}).items() if _enough(part)}
    overall = (volume.get("removed_share") or {}).get("documents") or {}
    if len(parts) < 2 or not overall.get("value"):
        return Answer(question, "not measured", f"No two sources of {_ENOUGH} documents to compare. {unseen}")
    name, part = max(parts.items(), key=lambda item: (_rate(item[1]), item[0]))
    where = (
        f"of the source “{display(name or '(none named)', 40)}” removed, against {percent(overall['value'])} overall."
    )
    return Answer(question, percent(_rate(part)), f"{where} {unseen}")


def _sure(report: Json) -> Answer:
    question = "How sure are we?"
    prevalence = report["measures"].get("prevalence") or {}
    documents = (prevalence.get("evaluated") or {}).get("documents") or 0
    grade = str((report.get("verdict") or {}).get("grade", "not measured"))
    coverage = (report["measures"].get("coverage") or {}).get("evaluator") or {}
    share = (coverage.get("share_unscored") or {}).get("value")
    unscored = "" if share is None else f", {percent(share)} of those asked unscored"
    labels = _labels(report["measures"].get("labels"), report["lead"])
    return Answer(question, display(grade, 40), f"{several(documents, 'document')} evaluated{unscored}. {labels}")


def _labels(found: Json | None, lead: str) -> str:
    """Says how many human labels there are of an intervention, and below which residual they certify nothing."""
    if not found or found["intervention"] != lead:
        return "No human labels."
    floors = [part["floor"] for part in found["categories"].values() if part["floor"] is not None]
    floor = f"; they certify no residual below {percent(max(floors))}" if floors else ""
    return f"{several(found['labelled'], 'human label')}{floor}."


def _enough(part: Json) -> bool:
    return bool(part["seen"]["documents"] >= _ENOUGH)


def _rate(part: Json) -> float:
    return float(part["removed"]["documents"] / part["seen"]["documents"])
