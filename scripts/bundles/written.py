"""Texts that were written for training, one by one: what frames are too regular for.

Most are harmless texts that use a category's words: medicine, news, prevention, sport, idioms, criticism. The others
are plain cases, mild in wording, of what public sets have little of. Nobody who wrote them saw the functional suite or
a held-out set.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from pathlib import Path

from tamis.classifiers.taxonomy import CATEGORIES

from .public_sets import Row

_HERE = Path(__file__).parent


def rows(family: str) -> Iterator[Row]:
    """The texts of a family of bundles; an empty cell is a doubt, and stays unknown."""
    text = (_HERE / f"written_{family.replace('-', '_')}.csv").read_text("utf-8")
    for row in csv.DictReader(io.StringIO(text, newline="")):
        known = {category: int(row[category]) for category in CATEGORIES if row[category]}
        yield {"text": row["text"], **known, "source": f"written-{family}"}
