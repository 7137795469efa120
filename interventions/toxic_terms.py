"""The list of toxic terms that the proxy's output is scored with: fingerprints, so that this tree can be read aloud.

It is a classifier like any other: the score of a passage in a group is the severity of its severest term, 0 for none.
`data/README.md` says where the terms come from and what is not among them.
"""

from __future__ import annotations

import csv
import hashlib
from functools import cache
from importlib import resources
from itertools import pairwise
from typing import Any, Final

import numpy as np

from tamis.classifiers.base import FloatMatrix
from tamis.classifiers.passages import Passages
from tamis.interventions.masking import fingerprint
from tamis.interventions.proxy_lanes import TOXIC

__all__ = ["TermList", "terms"]

_NORMALISER: Final = "web-1"
_FILE: Final = "toxic_terms_en.csv"

#: The words of this list are those of labelled sets that classifiers are trained on; see `pipeline.independence`.
_TRAINING: Final = {
    "family": "lexicon",
    "sources": [
        {"name": "surge-profanity", "families": ["surge word list"]},
        {"name": "tamis-toxic-terms", "families": ["tamis term list"]},
    ],
}


class TermList:
    """Terms of one or two words.

    Attributes:
        categories: Groups of terms.
        id: Name and version, with the digest of the file.
        kind: "lexicon".
        training: What the list was made of, in the shape of a bundle's.
    """

    categories: tuple[str, ...] = ("slur", "insult", "profanity", "violence")
    kind: str = "lexicon"
    training: dict[str, Any] = _TRAINING

    def __init__(self, data: bytes) -> None:
        self.id = f"toxic-terms-en@{hashlib.sha256(data).hexdigest()[:12]}"
        rows = list(csv.DictReader(data.decode("ascii").splitlines()))
        columns = {group: column for column, group in enumerate(self.categories)}
        self._terms = {row["term"]: (columns[row["group"]], float(row["severity"])) for row in rows}
        self._first = {row["first_word"] for row in rows}
        self._known: dict[str, tuple[bool, tuple[int, float] | None]] = {}

    def score(self, passages: Passages) -> FloatMatrix:
        """Scores passages: the severity of the severest term of each group in it, float32 [n, n_categories]."""
        data, bounds = passages.buffer(_NORMALISER)
        text, ends = data.tobytes(), bounds.tolist()
        found = np.zeros((len(passages), len(self.categories)), np.float32)
        for i, (start, end) in enumerate(pairwise(ends)):
            words = text[start:end].decode("utf-8", "replace").split()
            for at, word in enumerate(words):
                opens, alone = self._known.get(word) or self._learn(word)
                if opens:
                    pair = self._terms.get(fingerprint(f"{word} {words[at + 1]}")) if at + 1 < len(words) else None
                    for column, severity in filter(None, (alone, pair)):
                        found[i, column] = max(found[i, column], severity)
        return found

    def threshold(self, category: str, point: str, value: float | None = None) -> float:  # noqa: ARG002
        """Returns the severity from which on a term is toxic, whatever is asked for: the list has no other."""
        return TOXIC

    def _learn(self, word: str) -> tuple[bool, tuple[int, float] | None]:
        """Returns whether a term begins with the word, and the word's own entry; kept, since words repeat."""
        if len(self._known) > 1_000_000:
            self._known.clear()
        mark = fingerprint(word)
        self._known[word] = (mark in self._first, self._terms.get(mark))
        return self._known[word]


@cache
def terms() -> TermList:
    """Returns the shipped list."""
    return TermList((resources.files("tamis.interventions") / "data" / _FILE).read_bytes())
