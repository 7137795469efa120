"""Section "What was removed": volumes, by action, rule, category, source, language, length and domain."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from tamis.interventions import plot_bars
from tamis.interventions.masking import display, domain
from tamis.interventions.report_format import DASH, count, percent, several, size
from tamis.interventions.report_view import Block, Cell, Table, counted, name_cell, rate, share_cell, table

__all__ = ["blocks", "flow", "slices"]

Json = Mapping[str, Any]

#: Values of a slice that a plot shows; its table shows more.
_BARS = 12


def blocks(found: Json, lengths: Sequence[str], ident: str) -> Iterator[Block]:
    """Yields the parts of the section for one intervention.

    Args:
        found: The intervention's part of the volume measure's result.
        lengths: Length buckets in order.
        ident: Unique word for plot ids.
    """
    yield flow(found, ident)
    yield Block("By rule", tables=[_rules(found)])
    yield Block("By category", tables=list(_categories(found)))
    yield from slices(found, lengths, ident)
    yield Block("By domain", tables=[_domains(found)], folded=True)


def flow(found: Json, ident: str) -> Block:
    """Returns the volumes before and after in documents, words and bytes."""
    parts = [_part(unit, found) for unit in ("documents", "words", "bytes") if found["seen"][unit]]
    plot = plot_bars.shares(f"{ident}-flow", "Kept and removed, by documents, words and bytes", parts)
    return Block("", plots=[plot], tables=[_volumes(found)], legend="kept-removed")


def slices(found: Json, lengths: Sequence[str], ident: str) -> Iterator[Block]:
    """Yields removal rates by source, language and length."""
    overall = _share(found, "documents")
    for key, heading in (("source", "By source"), ("language", "By language"), ("length", "By length in words")):
        rows = _named(_ordered(found["by"].get(key, {}), lengths if key == "length" else ()), key)
        parts = [_bar(name, part) for name, part in rows[:_BARS]]
        title = f"Share of documents removed, {heading.lower()}"
        plot = plot_bars.rates(f"{ident}-{key}", title, parts, overall)
        numbers = Block(f"Numbers {heading.lower()}", tables=[_slice(heading, rows)], folded=True, numbers=True)
        if len(parts) > 1:
            yield Block(heading, plots=[plot], blocks=[numbers])
        elif parts:
            yield Block(heading, tables=numbers.tables)


def _part(unit: str, found: Json) -> plot_bars.Part:
    shown = size if unit == "bytes" else count
    seen, kept = found["seen"][unit], found["kept"][unit]
    return plot_bars.Part(unit, 1 - kept / seen, f"{shown(seen)} → {shown(kept)}")


def _volumes(found: Json) -> Table:
    columns = ["", "Before", "After", "Removed", "Share removed", "Redacted", "Rewritten", "Tagged"]
    rows = []
    for unit in ("documents", "words", "bytes"):
        shown = size if unit == "bytes" else count
        amounts = [Cell(shown(found[key][unit])) for key in ("seen", "kept", "removed")]
        others = [Cell(shown(found[key][unit])) for key in ("cut", "rewritten", "tagged")]
        rows.append([name_cell(unit), *amounts, share_cell(found["removed_share"][unit]), *others])
    note = (
        "Redacted: taken out of documents that were kept. Rewritten and tagged documents are kept, and counted whole."
    )
    return table("Volumes: a count over all documents, without sampling error", columns, rows, note=note)


def _rules(found: Json) -> Table:
    columns = ["Rule", "Action", "Fired on", "Decided", "Words decided"]
    rows = [
        [
            name_cell(display(label)),
            Cell(display(rule["action"] or DASH), kind="text"),
            counted(rule["fired"]["documents"]),
            counted(rule["decided"]["documents"]),
            counted(rule["decided"]["words"]),
        ]
        for label, rule in found["rules"].items()
    ]
    note = "Where several rules fire on a document, the strongest action decides it."
    return table("Documents by rule", columns, rows, note=note)


def _categories(found: Json) -> Iterator[Table]:
    for outcome in ("removed", "rewritten", "tagged"):
        amounts = found["categories"].get(outcome, {})
        rows = [_category(name, part) for name, part in amounts.items() if part["fired"]["documents"]]
        if rows:
            columns = ["Category", "Decided", "Fired on", "Alone", "Words decided"]
            note = "“Alone”: no other category fired on the document."
            yield table(f"Documents {outcome}, by category", columns, rows, note=note)
    together = found["together"].get("removed", ())
    if any(len(item["categories"]) > 1 for item in together):
        yield _together(together)


def _category(name: str, part: Json) -> list[Cell]:
    numbers = [counted(part[key]["documents"]) for key in ("decided", "fired", "alone")]
    return [name_cell(display(name)), *numbers, counted(part["decided"]["words"])]


def _together(items: Sequence[Json]) -> Table:
    rows = [
        [
            name_cell(" + ".join(display(name) if name else "no category" for name in item["categories"])),
            counted(item["documents"]),
            counted(item["words"]),
        ]
        for item in items
    ]
    return table("Categories that fired together on removed documents", ["Categories", "Documents", "Words"], rows, 12)


def _slice(heading: str, rows: Sequence[tuple[str, Json]]) -> Table:
    columns = ["", "Documents", "Removed", "Words removed", "Rewritten", "Tagged"]
    cells = [
        [
            name_cell(name),
            counted(part["seen"]["documents"]),
            rate(part["removed"]["documents"], part["seen"]["documents"]),
            rate(part["removed"]["words"], part["seen"]["words"]),
            counted(part["rewritten"]["documents"]),
            counted(part["tagged"]["documents"]),
        ]
        for name, part in rows
    ]
    return table(heading, columns, cells)


def _bar(name: str, part: Json) -> plot_bars.Part:
    seen, removed = part["seen"]["documents"], part["removed"]["documents"]
    share = removed / seen if seen else 0.0
    return plot_bars.Part(name, share, f"{percent(share)} of {count(seen)}")


def _ordered(parts: Json, order: Sequence[str]) -> list[tuple[str, Json]]:
    """Slices by size, largest first; by `order` where there is one."""
    present = [(name, part) for name, part in parts.items() if part["seen"]["documents"]]
    if order:
        place = {name: index for index, name in enumerate(order)}
        return sorted(present, key=lambda item: place.get(item[0], len(place)))
    return sorted(present, key=lambda item: (-item[1]["seen"]["documents"], item[0]))


def _named(rows: Sequence[tuple[str, Json]], key: str) -> list[tuple[str, Json]]:
    """Slices with their names as a reader may see them."""
    special = {"": "(none named)", "und": "undetermined"} if key == "language" else {"": "(none named)"}
    return [(special.get(name) or display(name), part) for name, part in rows]


def _share(found: Json, unit: str) -> float | None:
    value = found["removed_share"][unit].get("value")
    return None if value is None else float(value)


def _domains(found: Json) -> Table:
    columns = ["Domain", "Documents", "Removed", "Words removed"]
    rows = [
        [
            name_cell(domain(item["domain"]) if item["domain"] else "(none named)"),
            counted(item["seen"]["documents"]),
            rate(item["removed"]["documents"], item["seen"]["documents"]),
            rate(item["removed"]["words"], item["seen"]["words"]),
        ]
        for item in found["domains"]["top"]
    ]
    return table("Domains by words removed", columns, rows, note=_domain_note(found["domains"]))


def _domain_note(found: Json) -> str:
    share = found["top10_share"].get("value")
    head = f"The first ten hold {percent(share)} of the removed words. " if share is not None else ""
    exact = "" if found["exact"] else " Rare domains share a bucket: small counts are upper bounds."
    return f"{head}At least {several(found['distinct'], 'domain')} in the corpus.{exact}"
