"""Labelled sentences from frames: the identity-balanced negatives and positives that public sets lack."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from tamis.classifiers.identity import TERMS, Term

FAMILIES = ("policy", "evaluator")
_HERE = Path(__file__).parent
_SLOT = re.compile(r"\{(\w+)\}")


def load(path: Path | None = None) -> dict[str, Any]:
    """The frames file."""
    frames = yaml.safe_load((path or _HERE / "frames.yaml").read_text("utf-8"))
    assert isinstance(frames, dict)
    return frames


def further(family: str) -> dict[str, Any]:
    """The frames that one family has alone, with the slots and names of the shared file beside its own."""
    shared, own = load(), load(_HERE / f"frames_{family}.yaml")
    return {**own, "slots": {**shared["slots"], **own["slots"]}, "names": shared["names"]}


def rows(
    family: str, count: int, words: Mapping[str, Sequence[str]], seed: int = 0, frames: dict[str, Any] | None = None
) -> Iterator[dict[str, object]]:
    """Draws `count` labelled sentences of a family.

    Args:
        family: "policy" or "evaluator": they take turns with the frames of each section, but for a file of its own.
        count: Number of draws; repeated sentences are left out.
        words: Terms for `{slur}` and `{lewd}`, from a public word list; a frame whose slot has none is skipped.
        seed: Seed of the draws.
        frames: The frames; the shipped ones by default.
    """
    frames = frames or load()
    rng = random.Random(f"{family}/{seed}")
    slots = {**frames["slots"], "name": frames["names"]}
    slots |= {slot: [*slots.get(slot, ()), *terms] for slot, terms in words.items()}
    sections = frames["sections"]
    weights = [section["weight"] for section in sections.values()]
    seen: set[str] = set()
    alone = frames.get("family") == family
    for _ in range(count):
        name = rng.choices(list(sections), weights)[0]
        choices = sections[name]["frames"][slice(None) if alone else slice(FAMILIES.index(family), None, 2)]
        at = rng.randrange(len(choices))
        term, other = rng.choice(TERMS), rng.choice(TERMS)
        text = _fill(choices[at], slots, term, other, rng)
        if text is None or text.lower() in seen:
            continue
        seen.add(text.lower())
        used = "{term}" in choices[at] or "{person}" in choices[at] or "{people}" in choices[at]
        yield {
            "text": text,
            **sections[name]["labels"],
            "source": f"templates-{family}-further" if alone else f"templates-{family}",
            **({"group": f"{name}-{at}"} if alone else {}),
            "identity": term.adjective.lower() if used else "",
            "section": name,
        }


def _fill(frame: str, slots: Mapping[str, Sequence[str]], term: Term, other: Term, rng: random.Random) -> str | None:
    named = {"term": term.adjective, "person": term.person, "people": term.people, "people2": other.people}

    def value(match: re.Match[str]) -> str:
        slot = match.group(1)
        return named[slot] if slot in named else rng.choice(slots[slot])

    if any(slot not in named and not slots.get(slot) for slot in _SLOT.findall(frame)):
        return None
    text = re.sub(r"\b([Aa]) (?=[aeioAEIO])", r"\1n ", _SLOT.sub(value, frame))
    style = rng.random()
    if style < 0.25:
        return text.lower().rstrip(".")
    return text[0].upper() + text[1:] if style < 0.9 else text.upper()
