"""Reading order. Canonical JSON sorts its keys; a reader expects the plan's order of rules and categories.

report.json lists its names once, in reading order, under `order`; page and table put every object's keys in that
order before they show it, so that they come out the same from a report just built and from its file.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from tamis.interventions.measures.base import Context

__all__ = ["ordered", "reading_order"]

#: Outcomes of records, in the order in which a reader adds them up.
_COUNTS: Final = ("seen", "kept", "dropped", "quarantined", "tagged", "rewritten")


def reading_order(context: Context) -> list[str]:
    """Returns every name of a run, in the plan's and the bundles' order."""
    return list(dict.fromkeys(_names(context)))


def _names(context: Context) -> Iterator[str]:
    yield from context.interventions
    for labels in context.interventions.values():
        yield from labels
    yield from context.evaluator
    for name, categories in context.classifiers.items():
        yield name
        yield from categories
        yield from (f"{name}.{category}" for category in categories)
    yield from ("any", *_COUNTS)


class _InOrder(dict[str, Any]):
    """A report that is in reading order already: what shows it need not sort it again."""


def ordered(report: Mapping[str, Any]) -> dict[str, Any]:
    """Returns a report with the keys of all its objects in reading order, and those that have none by name."""
    if isinstance(report, _InOrder):
        return report
    place = {name: index for index, name in enumerate(report.get("order") or ())}
    return _InOrder(_ordered(report, place))


def _ordered(value: Any, place: Mapping[str, int]) -> Any:
    if isinstance(value, Mapping):
        keys = sorted(value, key=lambda key: (place.get(key, len(place)), key))
        return {key: _ordered(value[key], place) for key in keys}
    if isinstance(value, list | tuple):
        return [_ordered(item, place) for item in value]
    return value
