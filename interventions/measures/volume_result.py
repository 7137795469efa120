"""The numbers of `measures.volume` from its state."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final

from tamis.interventions.measures.base import Context, State
from tamis.interventions.measures.estimate import AMOUNTS, Estimate, Grade, amounts, census, missing
from tamis.interventions.measures.keyed import SEEN, rows
from tamis.interventions.measures.lengths import BUCKETS
from tamis.interventions.verdict import Action

__all__ = ["OUTCOMES", "build", "categories_of"]

OUTCOMES: Final = ("removed", "rewritten", "tagged")
_TOP: Final = 20

Three = Sequence[int]
_ZERO: Final = (0, 0, 0)


def build(state: State, context: Context) -> dict[str, Any]:
    """Returns the result of `Volume`; the schema stands at the top of `measures.volume`."""
    return {
        "grade": Grade.CENSUS,
        "seen": amounts(_seen(state)),
        "lengths": list(BUCKETS),
        "interventions": {name: _intervention(name, state, context) for name in context.interventions},
    }


def categories_of(conditions: Iterable[tuple[str, str, float]]) -> list[str]:
    """Returns the categories that an intervention looks at; their patterns fit into the bits of an int64."""
    found = dict.fromkeys(category.removeprefix("share.") for _, category, _ in conditions)
    return list(found)[:62]


def _seen(state: State) -> Three:
    return tuple(state.get("counts", {}).get("seen", _ZERO))


def _intervention(name: str, state: State, context: Context) -> dict[str, Any]:
    own = state.get("counts", {}).get("of", {}).get(name, {})
    seen, totals = _seen(state), {outcome: _total(own, outcome) for outcome in OUTCOMES}
    removed = totals["removed"]
    actions = _table(own.get("actions"), len(Action))
    return {
        "seen": amounts(seen),
        "kept": amounts([s - r for s, r in zip(seen, removed, strict=True)]),
        **{outcome: amounts(found) for outcome, found in totals.items()},
        "cut": amounts(own.get("cut", _ZERO)),
        "removed_share": _shares(removed, seen),
        "actions": {one.name.lower(): amounts(actions[one]) for one in Action if any(actions[one])},
        "rules": _rules(own, name, context),
        "categories": {outcome: _categories(own.get(outcome, {}), name, context) for outcome in OUTCOMES},
        "together": {outcome: _together(own.get(outcome, {})) for outcome in OUTCOMES},
        "by": {
            "source": _by_key("source", name, state),
            "language": _by_key("language", name, state),
            "length": _by_length(name, state),
        },
        "domains": _domains(name, state, removed),
    }


def _total(own: State, outcome: str) -> Three:
    return tuple(own.get(outcome, {}).get("all", _ZERO))


def _table(flat: Sequence[int] | None, size: int) -> list[Three]:
    return [tuple(flat[3 * k : 3 * k + 3]) for k in range(size)] if flat else [_ZERO] * size


def _shares(part: Three, whole: Three) -> dict[str, Estimate]:
    return {
        unit: census(p / w, n=whole[0]) if w else missing("no such text", grade=Grade.NOT_MEASURED)
        for unit, p, w in zip(AMOUNTS, part, whole, strict=True)
    }


def _rules(own: State, name: str, context: Context) -> dict[str, Any]:
    labels = context.interventions[name]
    decided, fired = (_table(own.get(key), len(labels)) for key in ("decided", "fired"))
    actions = context.actions.get(name, (None,) * len(labels))
    return {
        label: {"action": actions[k], "decided": amounts(decided[k]), "fired": amounts(fired[k])}
        for k, label in enumerate(labels)
    }


def _categories(own: State, name: str, context: Context) -> dict[str, Any]:
    names = categories_of(context.conditions.get(name, ()))
    decided = _table(own.get("by"), len(names))
    found = {}
    for k, category in enumerate(names):
        fired, alone = list(_ZERO), list(_ZERO)
        for pattern, counted in own.get("together", {}).items():
            if category in pattern.split("|"):
                fired = [a + b for a, b in zip(fired, counted, strict=True)]
                alone = list(counted) if pattern == category else alone
        found[category] = {"decided": amounts(decided[k]), "fired": amounts(fired), "alone": amounts(alone)}
    return found


def _together(own: State) -> list[dict[str, Any]]:
    found = sorted(own.get("together", {}).items(), key=lambda item: (-item[1][0], item[0]))
    return [{"categories": pattern.split("|") if pattern else [], **amounts(counted)} for pattern, counted in found]


def _slice(seen: Three, removed: Three, rewritten: Three, tagged: Three) -> dict[str, Any]:
    return {
        "seen": amounts(seen),
        "removed": amounts(removed),
        "rewritten": amounts(rewritten),
        "tagged": amounts(tagged),
        "removed_share": _shares(removed, seen),
    }


def _by_key(column: str, name: str, state: State) -> dict[str, Any]:
    keyed = state.get("keyed", {}).get(column, {})
    seen = rows(keyed, SEEN)
    outcomes = [rows(keyed, f"{outcome} {name}") for outcome in OUTCOMES]
    largest = sorted(seen.items(), key=lambda item: (-item[1][1][1], item[1][0]))
    found: dict[str, Any] = {}
    for key, (label, counted) in largest:
        parts = [part.get(key, ("", _ZERO))[1] for part in outcomes]
        found[label] = _slice(counted, parts[0], parts[1], parts[2])
    return found


def _by_length(name: str, state: State) -> dict[str, Any]:
    lengths = state.get("counts", {}).get("length", {})
    size = len(BUCKETS)
    seen = _table(lengths.get(SEEN), size)
    parts = [_table(lengths.get(f"{outcome} {name}"), size) for outcome in OUTCOMES]
    return {label: _slice(seen[k], parts[0][k], parts[1][k], parts[2][k]) for k, label in enumerate(BUCKETS)}


def _domains(name: str, state: State, removed: Three) -> dict[str, Any]:
    keyed = state.get("keyed", {}).get("domain", {})
    seen, gone = rows(keyed, SEEN), rows(keyed, f"removed {name}")
    order = sorted((key for key, (label, _) in gone.items() if label), key=lambda key: (-gone[key][1][1], key))
    top = [
        {"domain": gone[key][0], "seen": amounts(seen[key][1]), "removed": amounts(gone[key][1])}
        for key in order[:_TOP]
    ]
    held = sum(gone[key][1][1] for key in order[:10])
    share = census(held / removed[1], n=removed[0]) if removed[1] else missing("nothing was removed")
    if not order and removed[1]:
        share = missing("no removed document has a domain", n=removed[0], grade=Grade.NOT_MEASURED)
    return {
        "exact": "buckets" not in keyed,
        "distinct": sum(1 for label, _ in seen.values() if label),
        "top": top,
        "top10_share": share,
    }
