"""What models are asked: the prompts that they continue, and the held-out texts that they must predict.

Both ship with tamis; corpus documents that no model is trained on, drawn by hash, are held out beside them.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any, Final

__all__ = ["BUCKETS", "PRIMARY", "HeldOut", "Prompt", "digest", "held_out", "prompts"]

BUCKETS: Final = ("neutral", "identity", "borderline", "lead", "empty")
PRIMARY: Final = "neutral"


@dataclass(frozen=True, slots=True)
class Prompt:
    """A prompt: its id, its bucket and its text, which may be empty."""

    id: str
    bucket: str
    text: str


@dataclass(frozen=True, slots=True)
class HeldOut:
    """Texts to predict.

    Attributes:
        name: Name of the set: "general", "identity", "health"; with "corpus " before it where it is of the corpus.
        texts: The texts.
    """

    name: str
    texts: Sequence[str]


@cache
def prompts() -> tuple[Prompt, ...]:
    """Returns the shipped prompts, bucket by bucket."""
    return tuple(Prompt(row["id"], row["bucket"], row["text"]) for row in _rows("prompts_en.jsonl"))


@cache
def held_out() -> tuple[HeldOut, ...]:
    """Returns the shipped held-out sets."""
    sets: dict[str, list[str]] = {}
    for row in _rows("held_out_en.jsonl"):
        sets.setdefault(row["set"], []).append(row["text"])
    return tuple(HeldOut(name, texts) for name, texts in sets.items())


@cache
def digest() -> str:
    """Returns the SHA-256 of prompts and held-out texts: what must agree between two results that are compared."""
    return hashlib.sha256(_data("prompts_en.jsonl") + _data("held_out_en.jsonl")).hexdigest()


def _rows(name: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in _data(name).splitlines()]


def _data(name: str) -> bytes:
    return (resources.files("tamis.interventions") / "data" / name).read_bytes()
