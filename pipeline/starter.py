"""The text of a starter plan: what was found in a corpus, and a sensible first filter, with comments."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any

import yaml

from tamis.pipeline.plan import Fields, Gate
from tamis.pipeline.sizes import files_text, size_text
from tamis.pipeline.survey import Kind

__all__ = ["plan_text"]

_BARE = re.compile(r"[A-Za-z0-9_./~-]+")

_HEAD = """\
# A starter plan, made by `tamis init` from a look at {looked} records. Run it with
#
#     tamis run {plan} --dry_run      what would run, and how long it takes
#     tamis run {plan}                the job; the report says what the filter did
#
# Read the dropped documents before you use what is kept: tamis inspect {output}
schema: 1
name: {name}
corpus:
  root: {root}
  shards: {shards}    # {count}, {size} as stored
"""

_BODY = """\
classifiers:
  policy: builtin:policy-en             # English; documents in other languages are kept, and reported as unscored
evaluator: builtin:evaluator-en         # measures before and after; trained on other data than the filter
interventions:
  drop-severe:                          # precision(0.5): the score from which on half of what is flagged is rightly so
    - {when: "sexual >= precision(0.5) or hate >= precision(0.5) or self_harm >= precision(0.5)", do: drop}
    - {when: "violence >= precision(0.8)", do: drop}
    - {when: "harassment >= precision(0.5)", do: tag}
  redact-passages:                      # a shadow: measured beside the first, not written
    - {when: "any >= precision(0.5)", do: redact}
  random-control:                       # as many words, at random: what any removal would have done
    - {when: random, match: drop-severe, do: drop}
publish: drop-severe                    # null: measure only, write no documents
"""


def plan_text(
    name: str,
    root: str,
    plan: str,
    chosen: Kind,
    fields: Fields,
    looked: int,
    unreadable: int,
    notes: Sequence[str] = (),
) -> str:
    """Writes the plan.

    Args:
        name: Its name.
        root: The corpus root.
        plan: Where the plan will lie.
        chosen: The files that are the corpus.
        fields: Where their records keep what tamis needs.
        looked: Records that were looked at.
        unreadable: How many of them could not be read.
        notes: What else is worth knowing, a comment each.
    """
    output = f"out/{name}"
    facts: dict[str, Any] = {"looked": f"{looked:,}", "plan": plan, "output": output, "name": _scalar(name)}
    facts |= {"root": _scalar(root), "shards": json.dumps(chosen.pattern()), "count": files_text(len(chosen.shards))}
    parts = [_HEAD.format(**facts, size=size_text(chosen.bytes)), _fields(chosen, fields)]
    parts += [f"# {note}\n" for note in notes]
    return "".join([*parts, _BODY, _gate(looked, unreadable), f"output: {_scalar(output)}\n"])


def _fields(chosen: Kind, fields: Fields) -> str:
    if chosen.format in ("text", "warc"):
        what = "ids are made from shard and number" if chosen.format == "text" else "id, url and text are the record's"
        return f"  # {what}; `fields` is not needed\n"
    named = {key: getattr(fields, key) for key in ("id", "text", "source", "url") if getattr(fields, key) is not None}
    inner = ", ".join(f"{key}: {_scalar(path)}" for key, path in named.items())
    return f"  fields: {{{inner}}}    # dots reach into nested objects\n"


def _gate(looked: int, unreadable: int) -> str:
    """Returns the gate; where records of the sample could not be read, one that lets a few more than that pass."""
    quarantine = Gate().max_quarantine
    said = "records that cannot be read"
    if unreadable > quarantine * looked:
        quarantine = min(1.0, -(-200 * unreadable // looked) / 100)
        said = f"{unreadable:,} of the {looked:,} records that were looked at cannot be read: see why first"
    return (
        "gate:                                   # what must hold before anything is published\n"
        "  max_drop_rate: 0.2\n"
        f"  max_quarantine: {quarantine:g}    # {said}\n"
    )


def _scalar(value: str) -> str:
    """Returns a string as YAML, bare where that is the same string."""
    if _BARE.fullmatch(value) and yaml.safe_load(value) == value:
        return value
    return json.dumps(value)
