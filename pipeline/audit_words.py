"""What `tamis audit` tells people: the plan before labelling, what the labels say after it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from tamis.interventions.audit_design import HIT, Stratum, labels_for, strata
from tamis.interventions.audit_estimates import expected
from tamis.interventions.masking import terminal
from tamis.interventions.measures.histogram import EDGES
from tamis.interventions.report_format import several
from tamis.pipeline.audit_sample import Frame

__all__ = ["brief", "plan_lines", "result_lines", "widths"]

_KEYS: Final = ("before", "residual", "precision", "recall")
_NAMES: Final = {
    "before": "prevalence",
    "residual": "residual",
    "precision": "precision",
    "recall": "recall",
    "ratio": "after/before",
}


def widths(found: Frame, labels: int) -> list[dict[str, Any]]:
    """Returns what half, as many, twice and four times as many labels would give, by the scores."""
    documents = int(found.counts.documents.sum())
    wanted = dict.fromkeys(min(documents, one) for one in (labels // 2, labels, 2 * labels, 4 * labels) if one)
    return [{"labels": number, **expected(strata(found.counts, number))} for number in wanted]


def brief(rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Returns the intervals of `widths` for programs: [low, high] by what they are of."""
    return [
        {"labels": row["labels"], "floor": row["floor"]}
        | {_NAMES[key]: [row[key]["low"], row[key]["high"]] for key in _KEYS}
        for row in rows
    ]


def plan_lines(
    found: Sequence[Stratum], frame: Frame, rows: Sequence[Mapping[str, Any]], outcome: str
) -> Iterator[str]:
    """Yields the plan of an audit, for people."""
    total = sum(one.documents for one in found)
    unscored = f"; {frame.unscored:,} without a score are in no estimate" if frame.unscored else ""
    yield f"{several(total, 'scored document')}{unscored}"
    for one in found:
        side = outcome if one.side == HIT else f"not {outcome}"
        low, high = (min(max(float(EDGES[k]), 0.0), 1.0) for k in (one.first, one.last))
        yield f"  {side:<14} score {low:.4f} to {high:.4f}: {one.documents:>11,} documents, {one.labels:>6,} labels"
    yield "what the labels would give, were the scores the truth (95 % intervals):"
    yield f"  {'labels':>7}  " + "  ".join(f"{_NAMES[key]:>16}" for key in _KEYS) + "  certifies down to"
    for row in rows:
        floor = "" if row["floor"] is None else f"{100 * row['floor']:.3g}%"
        yield f"  {row['labels']:>7,}  " + "  ".join(f"{_interval(row[key]):>16}" for key in _KEYS) + f"  {floor:>17}"
    need = labels_for(found)
    if need["random"] and need["stratified"]:
        yield (
            f"for the prevalence to within a fifth: {need['random']:,} random labels, or {need['stratified']:,} in "
            "these strata if none had to certify a floor"
        )


def _interval(estimate: Mapping[str, Any]) -> str:
    if estimate.get("value") is None:
        return "not resolvable"
    return f"{100 * estimate['low']:.3g} to {100 * estimate['high']:.3g}%"


def result_lines(result: Mapping[str, Any]) -> Iterator[str]:
    """Yields what labels say, for people."""
    yield (
        f"{result['labelled']:,} of {result['asked']:,} documents labelled by {len(result['annotators'])}; "
        f"{result['skipped']:,} skipped, {result['withheld']:,} shown to nobody: they are in the intervals as 0 and 1"
    )
    for name, found in result["categories"].items():
        yield f"{terminal(name, 30)}: {found['positive']:g} of {found['labels']:,} labels positive"
        for key in (*_KEYS, "ratio"):
            yield f"  {_NAMES[key]:<13} {_told(found[key], key)}"
        if found["floor"] is not None:
            yield f"  these labels certify no residual below {100 * found['floor']:.3g}%"
        yield from _agreement(found["agreement"])


def _told(estimate: Mapping[str, Any], key: str) -> str:
    if estimate["value"] is None:
        return f"not resolvable: {terminal(estimate['reason'], 100)}"
    if key == "ratio":
        return f"{estimate['value']:.3g} [{estimate['low']:.3g} to {estimate['high']:.3g}]"
    return f"{100 * estimate['value']:.3g}% [{_interval(estimate)}]"


def _agreement(found: Mapping[str, Any]) -> Iterator[str]:
    if not found["items"]:
        return
    said = [f"alpha {_number(found['alpha'])}"]
    for pair in found["kappa"]:
        names = " and ".join(terminal(one, 30) for one in pair["annotators"])
        said.append(f"kappa of {names} {_number(pair['estimate'])}")
    yield f"  agreement on {found['items']:,} documents: {100 * found['equal']:.3g}% equal; {'; '.join(said)}"


def _number(estimate: Mapping[str, Any]) -> str:
    if estimate["value"] is None:
        return "not resolvable"
    return f"{estimate['value']:.2f} [{estimate['low']:.2f} to {estimate['high']:.2f}]"
