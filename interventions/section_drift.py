"""Section "Since the run before": what changed, and whether the web changed it or the bundle."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from tamis.interventions.drift_limits import NOISES, beyond_noise, worst_psi
from tamis.interventions.masking import display
from tamis.interventions.report_format import DASH, count, percent
from tamis.interventions.report_view import Block, Cell, Table, category_name, name_cell, number_cell, share_cell, table

__all__ = ["blocks", "line", "words"]

Json = Mapping[str, Any]

_NOISE_NOTE = (
    "Population stability index on 20 fixed bins of logits. Noise is its mean between two samples of one population of "
    f"this size; a difference counts from {NOISES:g} times that on."
)


def line(result: Json) -> str:
    """Returns the comparison in one line."""
    shards, documents = result["shards"], result["documents"]
    kinds = ", ".join(f"{count(shards[name])} {name}" for name in ("new", "changed", "retired", "unchanged"))
    worst = worst_psi(result["scores"])
    told = ""
    if worst is not None:
        sure = "" if beyond_noise(worst[1]) else ", within noise"
        told = f"; scores moved most in {display(worst[0], 60)} (PSI {worst[1]['psi']:.3g}{sure})"
    return (
        f"since run {display(result['previous'], 40)}: shards {kinds}; documents {count(documents['then'])} → "
        f"{count(documents['now'])}{told}"
    )


def words(result: Json) -> list[str]:
    """Returns what the section begins with."""
    said = line(result)
    found = [f"{said[0].upper()}{said[1:]}."]
    if result["instruments"]:
        changes = "; ".join(
            f"{display(one['what'], 40)} was {display(one['then'], 80)} and is {display(one['now'], 80)}"
            for one in result["instruments"]
        )
        found.append(
            f"The instrument changed too: {changes}. Numbers of the two runs differ by that as well; the blocks below "
            "tell apart what the bundle and what the web changed."
        )
    if result["rules_changed"]:
        found.append("The interventions or what is published were others in the run before.")
    return found


def blocks(result: Json) -> Iterator[Block]:
    """Yields the tables: both runs, then the same documents, then documents that are new."""
    yield Block("This run and the one before", tables=list(_tables(result)))
    yield _part("What the bundle changed", "The same documents, scored then and now.", result["bundle"])
    yield _part(
        "What the web changed",
        "Documents that the run before saw (then) beside new or changed ones (now), scored by the same bundles.",
        result["web"],
    )


def _part(heading: str, meaning: str, part: Json) -> Block:
    if part["reason"]:
        return Block(heading, [f"Not compared: {display(part['reason'], 200)}."])
    shards = part["shards"]
    said = f"{meaning} {count(shards['then'])} and {count(shards['now'])} shards were looked at."
    return Block(heading, [said], tables=list(_tables(part)), folded=True)


def _tables(found: Json) -> Iterator[Table]:
    yield table("Documents", ["", "Then", "Now", "Change"], list(_totals(found)))
    prevalence = found["prevalence"]
    for key, caption in (("corpus", "Flagged by the evaluator, before"), ("published", "Flagged in what is published")):
        rows = [_change(category_name(name), row) for name, row in prevalence[key].items()]
        if rows:
            note = "The intervals of the changes hold for all categories together."
            yield table(caption, ["", "Then", "Now", "Change"], rows, note=note)
    rows = [_scores(name, row) for name, row in found["scores"].items()]
    if rows:
        yield table(
            "Scores of the filter", ["", "PSI", "Noise", "Documents then", "Documents now"], rows, note=_NOISE_NOTE
        )


def _totals(found: Json) -> Iterator[list[Cell]]:
    documents, rate = found["documents"], found["drop_rate"]
    yield [name_cell("Documents"), *(Cell(count(documents[key])) for key in ("then", "now")), Cell(DASH)]
    shares = (Cell(percent(rate[key])) for key in ("then", "now"))
    yield [name_cell("Dropped"), *shares, Cell(DASH if rate["change"] is None else _points(rate["change"]))]


def _points(value: float) -> str:
    return f"{100 * value:+.3g} points"


def _change(name: str, row: Json) -> list[Cell]:
    return [name_cell(name), share_cell(row["then"]), share_cell(row["now"]), number_cell(row["change"], _points)]


def _scores(name: str, row: Json) -> list[Cell]:
    sub = "beyond noise" if beyond_noise(row) else ""
    numbers = (Cell(count(row[key])) for key in ("then", "now"))
    return [name_cell(display(name, 80)), Cell(f"{row['psi']:.3g}", sub), Cell(f"{row['noise']:.2g}"), *numbers]
