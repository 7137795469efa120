"""Partitions: one plan for corpora that lie side by side, a day's or a dump's each, with an output of its own.

`{partition}` in `corpus.root` and in `output` stands for the name that `--partition` gives. Where corpus and output
lie is no part of a run's fingerprint, so all partitions have the same.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import msgspec

from tamis.classifiers.errors import TamisError, UsageError
from tamis.pipeline.exits import FAILED, LOST, REFUSED, USAGE, code_of
from tamis.pipeline.paths import safe_relative
from tamis.pipeline.plan import Plan
from tamis.pipeline.redact import redact
from tamis.pipeline.wording import say

__all__ = ["MARK", "each", "plans_of"]

MARK = "{partition}"

#: Exit codes, from the one that a scheduler must see first.
GRAVEST = (FAILED, USAGE, LOST, REFUSED, 0)


def plans_of(plan: Plan, names: Sequence[str]) -> Iterator[tuple[str | None, Plan]]:
    """Yields the plan of each partition with its name, or the plan itself where there are no partitions.

    Raises:
        UsageError: The plan has the placeholder and no name is given, or the other way round, or in one place only.
    """
    places = {"corpus.root": plan.corpus.root, "output": plan.output}
    marked = [key for key, value in places.items() if MARK in value]
    if not names and not marked:
        yield None, plan
        return
    if not names:
        raise UsageError(f"`{marked[0]}: {places[marked[0]]}` asks for a partition: name it with `--partition NAME`")
    missing = [key for key in places if key not in marked]
    if missing:
        raise UsageError(
            f"`--partition {names[0]}`: `{missing[0]}: {places[missing[0]]}` has no `{MARK}` in it, so that partitions "
            "would read or write the same: put it there, or leave the flag out"
        )
    if len(set(names)) < len(names):
        raise UsageError("`--partition`: a name stands twice")
    for name in names:
        yield name, _named(plan, name)


def _named(plan: Plan, name: str) -> Plan:
    try:
        safe_relative(name)
    except UsageError as error:
        raise UsageError(f"`--partition {name}`: {error}") from None
    corpus = msgspec.structs.replace(plan.corpus, root=plan.corpus.root.replace(MARK, name))
    return msgspec.structs.replace(plan, corpus=corpus, output=plan.output.replace(MARK, name))


def each(plan: Plan, names: Sequence[str], do: Callable[[Plan], int]) -> int:
    """Does something for each partition, one after another; one that fails is told, and the others are done.

    Args:
        plan: The plan.
        names: Names of partitions, see `plans_of`.
        do: Takes the plan of a partition, returns an exit code.

    Returns:
        The exit code: the only one, or of several the first in `GRAVEST` that there was.
    """
    found = list(plans_of(plan, names))
    if len(found) == 1:
        return do(found[0][1])
    codes = {_done(name or "", one, do) for name, one in found}
    return next(code for code in GRAVEST if code in codes)


def _done(name: str, plan: Plan, do: Callable[[Plan], int]) -> int:
    try:
        return do(plan)
    except TamisError as error:
        say(f"tamis: partition {name}: {redact(str(error))}")
        return code_of(error)
