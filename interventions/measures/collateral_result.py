"""The numbers of `measures.collateral` from its state."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any, Final

import numpy as np

from tamis.interventions.actions import REMOVING
from tamis.interventions.dialect import NAMES
from tamis.interventions.measures import strata
from tamis.interventions.measures.base import Context, State
from tamis.interventions.measures.clusters import GROUPS, Before, level
from tamis.interventions.measures.estimate import Estimate, Grade, estimate, missing
from tamis.interventions.measures.prevalence_result import grade_of
from tamis.interventions.measures.rates import Rates, at_random, compare, effect_of, independent, raw, share
from tamis.interventions.mentions import axes, group_names, topic_names
from tamis.interventions.risk import holm

__all__ = ["FLAG", "LEVEL", "build", "entities", "removes"]

#: A group is flagged where the lower limit of its ratio is above this, and its p-value, adjusted, is below 5 %.
FLAG: Final = 1.25
LEVEL: Final = 0.05

_EVERY: Final = "every"
_NOBODY: Final = "none"

#: Shares of documents are added up as integers, in units of 2**-20, so that no order of addition changes the sum.
UNIT: Final = 2**20

Row = dict[str, Any]


@cache
def entities() -> tuple[str, ...]:
    """Returns what documents can belong to, in the order of `collateral_kernel.count`."""
    groups, topics = (f"group/{name}" for name in group_names()), (f"topic/{name}" for name in topic_names())
    return (_EVERY, _NOBODY, *groups, *topics)


def removes(name: str, context: Context) -> bool:
    """Says whether an intervention is measured by what it removes, see `actions.REMOVING`."""
    return not REMOVING.isdisjoint(context.actions.get(name, ("drop",)))


def build(state: State, context: Context) -> dict[str, Any]:
    """Returns the result of `Collateral`; the schema stands at the top of `measures.collateral`."""
    grade, reason = grade_of(context)
    of = state.get("of", {})
    documents, reference = (_documents(of.get(name, {}), context) for name in (_EVERY, _NOBODY))
    return {
        "grade": grade,
        "reason": reason,
        "documents": documents,
        "reference": reference,
        "axes": axes(),
        "note": None if documents else "no document in English was looked at",
        "interventions": {
            name: _intervention(k, name, state, context, grade) for k, name in enumerate(context.interventions)
        },
    }


def _documents(state: State, context: Context) -> int:
    width = 1 + len(context.interventions)
    return sum(state.get("groups", ())[::width])


class _Reader:
    """Reads the counts of one intervention out of a state."""

    def __init__(self, state: State, k: int, context: Context) -> None:
        self._state, self._k, self._width = state, k, 1 + len(context.interventions)

    def entity(self, name: str, clean: bool = False) -> Rates:
        """Returns the counts of something that documents belong to, of all or of the clean ones."""
        found = self._state.get("of", {}).get(name, {})
        table = strata.dense(found.get("strata", {}), 2 * self._width)
        return self._rates(table[:, self._width :] if clean else table, found, 1)

    def dialect(self, name: str) -> Rates:
        """Returns the counts of a dialect, in documents."""
        found = self._state.get("dialects", {}).get(name, {})
        return self._rates(strata.dense(found.get("strata", {}), self._width), found, UNIT)

    def benign(self) -> np.ndarray[Any, np.dtype[np.int64]]:
        """Returns evaluated documents, evaluated and hit, clean, clean and hit, by cluster group, int64 [4, GROUPS]."""
        found = self._state.get("benign", {}).get("documents") or [0] * (2 * self._width * GROUPS)
        table = np.array(found, np.int64).reshape(GROUPS, 2 * self._width)
        return table[:, [0, 1 + self._k, self._width, self._width + 1 + self._k]].T

    def benign_words(self) -> int:
        """Returns the words of documents that are clean and hit."""
        found = self._state.get("benign", {}).get("words") or [0] * self._width
        return int(found[1 + self._k])

    def _rates(self, table: Any, found: State, unit: int) -> Rates:
        flat = found.get("groups") or [0] * (GROUPS * self._width)
        clusters = np.array(flat, np.int64).reshape(GROUPS, self._width)
        columns = (table[:, 0], table[:, 1 + self._k], clusters[:, 0], clusters[:, 1 + self._k])
        return Rates(*(column / unit for column in columns))


def _intervention(k: int, name: str, state: State, context: Context, grade: str) -> Row:
    reader = _Reader(state, k, context)
    groups = {group: _row(reader, f"group/{group}", _NOBODY, grade) for group in group_names()}
    topics = {topic: _row(reader, f"topic/{topic}", None, grade) for topic in topic_names()}
    dialects = {NAMES[0]: _dialect(reader)}
    _adjust([*groups.values(), *dialects.values()])
    _adjust(list(topics.values()))
    return {
        "outcome": "removed" if removes(name, context) else "acted on",
        "groups": groups,
        "topics": topics,
        "dialects": dialects,
        "flagged": _flagged({**groups, **dialects}),
        "benign": _benign(reader, grade),
    }


def _row(reader: _Reader, name: str, reference: str | None, grade: str) -> Row:
    """Returns the row of a group or a topic; without a reference the documents that do not belong to it are one."""
    every, group = reader.entity(_EVERY), reader.entity(name)
    base = every.without(group) if reference is None else reader.entity(reference)
    effect = effect_of(group, base)
    clean, clean_base = reader.entity(name, clean=True), reader.entity(reference or _EVERY, clean=True)
    if reference is None:
        clean_base = clean_base.without(clean)
    # The design effect of all documents stands for that of the clean ones, which are most of them.
    found = missing("no evaluator", unit="ratio", grade=grade) if grade == Grade.NOT_MEASURED else None
    return {
        **_ratios(group, base, every),
        "clean": found or compare(clean, clean_base, effect, grade)[0],
    }


def _dialect(reader: _Reader) -> Row:
    group, base = (reader.dialect(name) for name in NAMES)
    found = missing("the dialect of clean documents is not counted apart", unit="ratio", grade=Grade.NOT_MEASURED)
    every = Rates(*(np.add(getattr(group, key), getattr(base, key)) for key in Rates.__slots__))
    return {**_ratios(group, base, every), "clean": found}


def _ratios(group: Rates, base: Rates, every: Rates) -> Row:
    effect = effect_of(group, base)
    ratio, p = compare(group, base, effect, Grade.CENSUS)
    return {
        "documents": round(float(group.cluster_n.sum())),
        "hit": round(float(group.cluster_hits.sum())),
        "rate": share(group),
        "reference_rate": share(base),
        "raw": raw(group, base, effect),
        "katz": independent(group, base),
        "random": at_random(group, base, every),
        "ratio": ratio,
        "p": p,
    }


def _adjust(rows: list[Row]) -> None:
    """Adjusts the p-values of rows that are looked at together."""
    tested = [row for row in rows if row["p"] is not None]
    for row, p in zip(tested, holm([row["p"] for row in tested]), strict=True):
        row["p"] = p


def _flagged(rows: Mapping[str, Row]) -> list[str]:
    found = {name: row["ratio"]["low"] for name, row in rows.items() if is_flagged(row)}
    return sorted(found, key=lambda name: (-found[name], name))


def is_flagged(row: Row) -> bool:
    """Says whether a row's ratio is above `FLAG` beyond doubt."""
    low, p = row["ratio"]["low"], row["p"]
    return low is not None and low > FLAG and p is not None and p < LEVEL


def _benign(reader: _Reader, grade: str) -> Row:
    evaluated, hit, clean, lost = reader.benign()
    every = reader.entity(_EVERY)
    return {
        "removed": {"documents": int(lost.sum()), "words": reader.benign_words()},
        "of_removed": _level(hit, lost, grade),
        "of_clean": _level(clean, lost, grade),
        "random": _random(every, reader.entity(_EVERY, clean=True), int(evaluated.sum())),
    }


def _level(total: Any, flagged: Any, grade: str) -> Estimate:
    n = int(total.sum())
    if grade == Grade.NOT_MEASURED:
        return missing("no evaluator", n=n, grade=grade)
    return level(Before(total, flagged, n, int(flagged.sum()), n), grade)


def _random(every: Rates, clean: Rates, evaluated: int) -> Estimate:
    """Returns the share of clean documents that a random removal within strata would remove."""
    rate: Any = np.divide(every.hits, every.n, out=np.zeros_like(every.n), where=every.n > 0)
    n = float(clean.n.sum())
    if not n or not evaluated:
        return missing("no document was found clean")
    value = float(clean.n @ rate) / n
    method = "mean over all random removals with the same share of each source and length"
    return estimate(value, value, value, n=round(n), method=method, grade=Grade.CENSUS)
