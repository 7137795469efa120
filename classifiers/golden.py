"""Golden texts: the proof that an installation runs a model as it was made.

Each line of `golden.jsonl` has a `text` and the `scores` that it had when the bundle was made, null for none.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from typing import Final

import numpy as np

from tamis.classifiers.base import Classifier, FloatMatrix
from tamis.classifiers.errors import BundleError
from tamis.classifiers.passages import Passages

__all__ = ["TOLERANCE", "check", "record"]

#: How far a score may be from the recorded one.
TOLERANCE: Final = 1e-4


def record(texts: Sequence[str], classifier: Classifier) -> bytes:
    """Scores texts.

    Args:
        texts: The texts.
        classifier: What scores them.

    Returns:
        The lines of `golden.jsonl`.
    """
    rows = zip(texts, classifier.score(Passages.of(texts)).tolist(), strict=True)
    return b"".join(_line(text, classifier.categories, scores) for text, scores in rows)


def _line(text: str, categories: Sequence[str], row: Sequence[float]) -> bytes:
    scores = [None if math.isnan(score) else round(score, 6) for score in row]
    entry = {"text": text, "scores": dict(zip(categories, scores, strict=True))}
    return json.dumps(entry, sort_keys=True).encode() + b"\n"


def check(where: str, data: bytes, classifier: Classifier) -> None:
    """Checks that texts score as recorded.

    Args:
        where: What errors call the lines.
        data: The lines of `golden.jsonl`.
        classifier: What must score them so.

    Raises:
        BundleError: A score is another, or there is no text.
    """
    texts, recorded = _parse(where, data, classifier.categories)
    found = classifier.score(Passages.of(texts))
    wrong = ~((np.abs(found - recorded) <= TOLERANCE) | (np.isnan(found) & np.isnan(recorded)))
    if wrong.any():
        row, column = (int(index[0]) for index in np.nonzero(wrong))
        raise BundleError(
            f"{where}: line {row + 1} scores {found[row, column]:.4f} for {classifier.categories[column]}, recorded is "
            f"{recorded[row, column]:.4f}: this installation does not run the model as it was made"
        )


def _parse(where: str, data: bytes, categories: Sequence[str]) -> tuple[list[str], FloatMatrix]:
    texts, rows = [], []
    try:
        for line in data.splitlines():
            entry = json.loads(line)
            texts.append(str(entry["text"]))
            rows.append([entry["scores"][category] for category in categories])
        scores = np.array(rows, dtype=np.float64).astype(np.float32)  # null becomes NaN
    except (ValueError, KeyError, TypeError):
        raise BundleError(f"{where}: line {len(texts)}: expected a text and a score for each category") from None
    if not texts:
        raise BundleError(f"{where}: holds no text: a bundle without golden texts cannot be trusted")
    return texts, scores
