"""What a bundle and a word list do to passages drawn at random, which readers judged.

An evaluation set of chosen passages says which of two classifiers ranks better, not how many false flags a corpus
gets: its passages were chosen by what some classifier or list made of them. These were drawn, and each has a weight,
the number of passages of the held-out documents that it stands for: passages that version 2 of `policy-en` or the word
list flags were read in a larger share (Horvitz and Thompson 1952).
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tamis.classifiers.bundle import Bundle
from tamis.classifiers.passages import Passages

from .labels import joined, weights
from .public_sets import Row, read_text

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

NAME = "tamis-random"
_POINTS = ("default", "precision(0.5)")
_FEWEST = 10
_DRAWS = 300


@dataclass(frozen=True, slots=True)
class _Drawn:
    """Passages that are known to violate, or not to.

    Attributes:
        violates: bool [n].
        weight: Passages that each stands for, [n].
        score: [n].
        listed: Whether the word list flags each, bool [n].
    """

    violates: Flags
    weight: Floats
    score: Floats
    listed: Flags

    def take(self, rows: NDArray[np.int64]) -> _Drawn:
        """Some rows, in the order given."""
        return _Drawn(self.violates[rows], self.weight[rows], self.score[rows], self.listed[rows])


def rows(folder: Path, data: Path, corpora: Path) -> Iterator[Row]:
    """The rows of the sample with text, labels and `weight`.

    Args:
        folder: Folder of its label file.
        data: The labelled sets.
        corpora: The corpora.
    """
    known = weights(folder)
    for place, row in joined(folder, data, corpora):
        yield {**row, "source": NAME, "weight": known[place]}


def random_sample(bundle: Bundle, root: Path) -> dict[str, Any]:
    """Prevalence, precision and recall of each category, and false flags at the recall of a word list (LDNOOBW)."""
    with (root / "data" / "held_out" / f"{NAME}.jsonl").open(encoding="utf-8") as handle:
        read = [json.loads(line) for line in handle]
    texts, weight = [row["text"] for row in read], np.array([row["weight"] for row in read])
    labels = np.array([[row.get(c, np.nan) for c in bundle.categories] for row in read], float)
    scores = np.nan_to_num(bundle.score(Passages.of(texts))).astype(float)
    pattern = _word_list(root)
    listed = np.array([bool(pattern.search(text)) for text in texts])
    whole = {c: _known(labels[:, j], weight, scores[:, j], listed) for j, c in enumerate(bundle.categories)}
    whole["any"] = _known(_any(labels), weight, scores.max(axis=1), listed)
    points = {c: {p: bundle.operating_points[c][p].threshold for p in _POINTS if p in bundle.operating_points[c]}
              for c in bundle.categories}  # fmt: skip
    return {
        "passages": len(read),
        "stand_for": round(float(weight.sum())),
        "categories": {c: _category(whole[c], points[c]) for c in bundle.categories},
        "word_list": {
            name: _against_list(drawn)
            for name, drawn in whole.items() if int((drawn.violates & drawn.listed).sum()) >= _FEWEST
        },
    }  # fmt: skip


def _any(labels: Floats) -> Floats:
    """1 where a category is, 0 where all are, else unknown."""
    return np.where((labels == 1).any(axis=1), 1.0, np.where((labels == 0).all(axis=1), 0.0, np.nan))


def _known(labels: Floats, weight: Floats, score: Floats, listed: Flags) -> _Drawn:
    rows = np.flatnonzero(~np.isnan(labels))
    return _Drawn(labels == 1, weight, score, listed).take(rows)


def _word_list(root: Path) -> re.Pattern[str]:
    raw = read_text(root / "data" / "sets" / "ldnoobw" / "en")
    terms = sorted((line.strip() for line in raw.splitlines() if line.strip()), key=len, reverse=True)
    return re.compile(r"(?<!\w)(?:" + "|".join(map(re.escape, terms)) + r")(?!\w)", re.IGNORECASE)


def _category(drawn: _Drawn, points: dict[str, float]) -> dict[str, Any]:
    return {
        "positives": int(drawn.violates.sum()),
        "per_million": _interval(lambda d: 1e6 * _share(d.weight, d.violates), drawn),
        "points": {
            name: {
                "flagged_per_million": _interval(lambda d, t=t: 1e6 * _share(d.weight, d.score >= t), drawn),
                "flagged": int((drawn.score >= t).sum()),
                "precision": _interval(lambda d, t=t: _share(d.weight[d.score >= t], d.violates[d.score >= t]), drawn),
                "recall": _interval(lambda d, t=t: _share(d.weight[d.violates], d.score[d.violates] >= t), drawn),
            }
            for name, t in points.items()
        },
    }  # fmt: skip


def _against_list(drawn: _Drawn) -> dict[str, Any]:
    return {
        "positives": int(drawn.violates.sum()),
        "found": int((drawn.violates & drawn.listed).sum()),
        "recall": _interval(lambda d: _share(d.weight[d.violates], d.listed[d.violates]), drawn),
        **dict(zip(("list", "bundle", "ratio"), _intervals(_flags_and_ratio, drawn, (4, 4, 3)), strict=True)),
    }


def _flags_and_ratio(drawn: _Drawn) -> tuple[float, float, float]:
    of_list, of_bundle = _false_flags(drawn)
    return of_list, of_bundle, of_bundle / max(of_list, 1e-9)


def _false_flags(drawn: _Drawn) -> tuple[float, float]:
    """False flags per million benign passages: of the list, and of the bundle where it finds as much as the list."""
    if not drawn.violates.any():
        return float("nan"), float("nan")
    found = drawn.weight[drawn.violates]
    wanted = found[drawn.listed[drawn.violates]].sum()
    order = np.argsort(-drawn.score[drawn.violates], kind="stable")
    last = int(np.searchsorted(np.cumsum(found[order]), wanted - 1e-9))
    threshold = drawn.score[drawn.violates][order][min(last, len(order) - 1)]
    benign = ~drawn.violates
    weight = drawn.weight[benign]
    return 1e6 * _share(weight, drawn.listed[benign]), 1e6 * _share(weight, drawn.score[benign] >= threshold)


def _share(weight: Floats, flags: Flags) -> float:
    return float(weight[flags].sum() / weight.sum()) if weight.sum() > 0 else float("nan")


def _interval(measure: Callable[[_Drawn], float], drawn: _Drawn) -> list[float] | None:
    return _intervals(lambda d: (measure(d),), drawn, (4,))[0]


def _intervals(
    measure: Callable[[_Drawn], tuple[float, ...]], drawn: _Drawn, digits: tuple[int, ...]
) -> list[list[float] | None]:
    """[value, low, high] of each number, 95 % by bootstrap over passages; None where there is nothing to divide by."""
    rng = np.random.default_rng(0)
    n = len(drawn.weight)
    draws = np.array([measure(drawn.take(rng.integers(0, n, n))) for _ in range(_DRAWS)])
    return [
        None if np.isnan(value) else _rounded((value, *np.nanquantile(drawn_values, [0.025, 0.975])), places)
        for value, drawn_values, places in zip(measure(drawn), draws.T, digits, strict=True)
    ]


def _rounded(values: tuple[float, ...], digits: int) -> list[float]:
    return [round(float(x), digits) if abs(x) < 10 else round(float(x)) for x in values]
