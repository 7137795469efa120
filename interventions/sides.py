"""Several runs side by side: what each did, whether they can be compared, and which differences are there.

`build` gives the content of a comparison's JSON:

    {
      "schema": 1, "kind": "comparison",
      "order": [NAME, …],                          reading order, as in report.json
      "sides": [SIDE, …],
      "checks": [{"what", "same", "found": {LABEL: words}, "means"}],   what must agree, and what follows
      "pairs": [{"first", "second", "basis": "paired" | "unpaired" | "none", "reason"}],
      "paired": differences on the same documents, see `comparison.compare`, or null
      "unpaired": differences of effects, see `unpaired.compare`, or null
      "banners": [{"level", "code", "text"}]
    }

    SIDE = {"label", "name", "run": {…}, "intervention", "lead", "published", "removed", "removed_share", "rewritten",
            "tagged", "verdict", "headline", "evaluated", "more": {…, see `sides_more`}, "provenance"}

A side is one intervention of one run. Its label is a letter; its name in sentences is "A (drop-severe)". It holds no
clock and no path of a machine: the same runs give the same bytes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from tamis.interventions import comparison, sides_checks, unpaired
from tamis.interventions.comparison import Arm, Pairs
from tamis.interventions.report_parts import result_of
from tamis.interventions.sides_checks import NONE, PAIRED, UNPAIRED, Ruler
from tamis.interventions.sides_more import more
from tamis.interventions.unpaired import Effects

__all__ = ["SCHEMA", "Side", "build", "label"]

SCHEMA: Final = 1

Json = dict[str, Any]


@dataclass(frozen=True)
class Side:
    """One intervention of one run.

    Attributes:
        report: The content of the run's report.json.
        intervention: The intervention.
        ruler: What it was measured on, and with.
        arm: Its counts by cluster group; None where no evaluator looked.
    """

    report: Mapping[str, Any]
    intervention: str
    ruler: Ruler
    arm: Arm | None


def label(index: int) -> str:
    """Returns the letter of a side: A to Z, then A2 and so on."""
    letter = chr(ord("A") + index % 26)
    return letter if index < 26 else f"{letter}{index // 26 + 1}"


def build(sides: Sequence[Side]) -> Json:
    """Returns the content of a comparison; see the top of the module.

    Args:
        sides: At least two, the one that the others are compared with first.
    """
    names = [f"{label(k)} ({side.intervention})" for k, side in enumerate(sides)]
    places = comparison.all_pairs(len(sides))
    bases = [sides_checks.basis(sides[i].ruler, sides[j].ruler, sides[i].arm, sides[j].arm) for i, j in places]
    checks = sides_checks.checks({label(k): side.ruler for k, side in enumerate(sides)})
    told = [
        {"first": names[i], "second": names[j], "basis": found, "reason": reason}
        for (i, j), (found, reason) in zip(places, bases, strict=True)
    ]
    return {
        "schema": SCHEMA,
        "kind": "comparison",
        "order": list(dict.fromkeys(name for side in sides for name in side.report["order"])),
        "sides": [_side(side, label(k), name) for k, (side, name) in enumerate(zip(sides, names, strict=True))],
        "checks": checks,
        "pairs": told,
        "paired": _paired(sides, names, _of(PAIRED, places, bases)),
        "unpaired": _unpaired(sides, names, _of(UNPAIRED, places, bases)),
        "banners": _banners(sides, told),
    }


def _of(kind: str, places: Pairs, bases: Sequence[tuple[str, str]]) -> Pairs:
    return [pair for pair, (found, _) in zip(places, bases, strict=True) if found == kind]


def _side(side: Side, letter: str, name: str) -> Json:
    report, found = side.report, side.report["interventions"][side.intervention]
    run = report["run"]
    return {
        "label": letter,
        "name": name,
        "run": {key: run.get(key) for key in ("id", "name", "version", "fingerprint", "status", "counts", "shards")},
        "intervention": side.intervention,
        "lead": side.intervention == report["lead"],
        "published": found["published"],
        **{key: found.get(key) for key in ("seen", "removed", "removed_share", "rewritten", "tagged")},
        "verdict": found["verdict"],
        "headline": found["headline"],
        "evaluated": (report["measures"].get("prevalence") or {}).get("evaluated"),
        "more": more(report, side.intervention),
        "provenance": {key: report["provenance"].get(key) for key in ("bundles", "evaluator", "salt", "sample_level")},
    }


def _paired(sides: Sequence[Side], names: Sequence[str], among: Pairs) -> Json | None:
    if not among:
        return None
    arms = {
        k: replace(side.arm, name=name) for k, (side, name) in enumerate(zip(sides, names, strict=True)) if side.arm
    }
    place = {k: at for at, k in enumerate(arms)}
    return comparison.compare(list(arms.values()), [(place[i], place[j]) for i, j in among])


def _unpaired(sides: Sequence[Side], names: Sequence[str], among: Pairs) -> Json | None:
    if not among:
        return None
    return unpaired.compare([_effects(side, name) for side, name in zip(sides, names, strict=True)], among)


def _effects(side: Side, name: str) -> Effects:
    found = side.report["interventions"][side.intervention]
    residual = {row["category"]: row["ratio"] for row in found["headline"]}
    collateral = result_of(side.report, "collateral", side.intervention)
    clean = (collateral.get("benign") or {}).get("of_clean") or {}
    return Effects(name, residual, clean, (found.get("removed_share") or {}).get("words") or {})


def _banners(sides: Sequence[Side], pairs: Sequence[Json]) -> list[Json]:
    found = []
    relative = [label(k) for k, side in enumerate(sides) if _grade(side) == "relative"]
    if relative:
        text = (
            f"The evaluator is not independent of the filter in {', '.join(relative)}: differences that rest on it are "
            "changes by that evaluator, not in prevalence."
        )
        found.append({"level": "red", "code": "not-independent", "text": text})
    for basis, level in ((NONE, "red"), (UNPAIRED, "amber")):
        reasons = list(dict.fromkeys(pair["reason"] for pair in pairs if pair["basis"] == basis))
        found += [{"level": level, "code": f"basis-{basis}", "text": reason} for reason in reasons]
    return found


def _grade(side: Side) -> str:
    return str(side.report["interventions"][side.intervention]["verdict"]["grade"])
