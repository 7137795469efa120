"""Section "Functional tests": sentences with a known verdict, through the whole plan."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from tamis.interventions.masking import display
from tamis.interventions.report_format import count, is_measured, percent
from tamis.interventions.report_view import Block, Table, counted, name_cell, share_cell, table

__all__ = ["blocks", "words"]

Json = Mapping[str, Any]

_SETTINGS: Final = ("alone", "embedded")


def words(result: Json) -> list[str]:
    """Returns what was tested, and how."""
    suite = result["suite"]
    return [
        f"{count(suite['cases'])} sentences of ours with a known verdict went through the plan, passages, thresholds "
        f"and rules and all: by themselves, and as a paragraph of a plain text of 300 words. "
        f"{count(suite['templates'])} templates name {count(suite['identities'])} identities in the same words. The "
        "sentences are questions and no sample of a corpus: read the rows, not an average."
    ]


def blocks(result: Json, name: str) -> Iterator[Block]:
    """Yields the tests of one intervention.

    Args:
        result: The functional tests' result.
        name: The intervention.
    """
    found = result["interventions"][name]
    parts = [found["settings"][setting] for setting in _SETTINGS]
    if found["on_carriers"]:
        yield Block(
            "",
            words=[f"It acts on {found['on_carriers']} of the plain texts by themselves: embedded tests say little."],
        )
    yield Block("Should be left alone", tables=[_functions(parts, "pass")])
    yield Block("Should be found", tables=[_functions(parts, "flag")])
    yield Block("By identity", words=_flips(parts), tables=[_identities(parts)], folded=True)


def _functions(parts: Sequence[Json], expected: str) -> Table:
    rows = [
        [
            name_cell(_plain(name)),
            counted(part["cases"]),
            *(share_cell(one["functionalities"][name]["right"]) for one in parts),
        ]
        for name, part in parts[0]["functionalities"].items()
        if part["expected"] == expected
    ]
    what = "left alone" if expected == "pass" else "acted on"
    note = "Wilson intervals; sentences of one template count as one where they are treated alike."
    caption = f"Share of sentences that are {what}, as they should be"
    return table(caption, ["Functionality", "Sentences", "Alone", "Embedded"], rows, note=note, cap=60)


def _flips(parts: Sequence[Json]) -> list[str]:
    said = [
        f"{percent(part['flips']['value'])} {setting}"
        for setting, part in zip(_SETTINGS, parts, strict=True)
        if is_measured(part["flips"])
    ]
    return [f"Sentences that are treated otherwise than most of their template, for their identity: {', '.join(said)}."]


def _identities(parts: Sequence[Json]) -> Table:
    alone, embedded = (part["identities"] for part in parts)
    order = sorted(alone, key=lambda name: (-_count(alone[name]), -_count(embedded.get(name)), name))
    rows = [
        [
            name_cell(display(name, 60)),
            counted(alone[name]["cases"]),
            *(counted(part.get(name, {}).get(key)) for part in (alone, embedded) for key in ("blocked", "missed")),
            *(share_cell(part[name]["right"], sample=False) for part in (alone, embedded)),
        ]
        for name in order
    ]
    columns = [
        "",
        "Sentences",
        "Blocked alone",
        "Missed alone",
        "Blocked embedded",
        "Missed embedded",
        "Right alone",
        "Right embedded",
    ]
    note = "Blocked: acted on, though most of the template is left alone and should be. Missed: the other way round."
    return table("Sentences that flip with the identity", columns, rows, note=note, cap=60)


def _count(part: Json | None) -> int:
    return int(part["blocked"] + part["missed"]) if part else 0


def _plain(name: str) -> str:
    return display(name.replace("_", " "), 60)
