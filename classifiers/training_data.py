"""From declared sources to splits that a model can be fitted to, tuned and calibrated on."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Protocol

import msgspec
import numpy as np
from numpy.typing import NDArray

from tamis.classifiers import splits
from tamis.classifiers.augmentation import disguise, embed, sentence
from tamis.classifiers.base import FloatMatrix
from tamis.classifiers.datasets import LabelledSet, concatenate, read, resolve
from tamis.classifiers.identity import swap
from tamis.classifiers.passages import Passages
from tamis.classifiers.training_config import Source, TrainingConfig
from tamis.classifiers.training_vectors import Vectors, read_vectors

__all__ = ["Assembled", "Fitting", "Trainer", "assemble", "fitting", "normalised"]

_SHORT: Final = 200


@dataclass(frozen=True, slots=True)
class Assembled:
    """Checked rows with their split.

    Attributes:
        data: Rows, deduplicated and decontaminated.
        split: Index into the configuration's `split` of each row, int64 [n].
        declared: What the bundle records about each source: name, licence, sha256, rows, families.
        removed: Rows left out because a held-out text overlaps them.
        vectors: Vectors of words, see `training_vectors`; empty where the configuration names none.
    """

    data: LabelledSet
    split: NDArray[np.int64]
    declared: list[dict[str, Any]]
    removed: int
    vectors: Vectors

    def part(self, index: int) -> LabelledSet:
        """The rows of one split."""
        return self.data.take(self.split == index)


@dataclass(frozen=True, slots=True)
class Fitting:
    """What a kind is fitted to.

    Attributes:
        texts: Normalised texts, n of them.
        labels: float32 [n, n_categories]; NaN = unknown.
        copies: How often each row counts, int64 [n, n_categories].
        normaliser: What left the texts as they are.
        vectors: Vectors of words from unlabelled text, float32 [dim] each, the commonest word first.
        sources: Name of the source of each row; [] where none is told.
    """

    texts: list[str]
    labels: FloatMatrix
    copies: NDArray[np.int64]
    normaliser: str = "none"
    vectors: Vectors = field(default_factory=dict)
    sources: list[str] = field(default_factory=list)


class Trainer(Protocol):
    """Fits a kind: writes its files into a folder, and returns the `parameters` that its loader needs."""

    def __call__(
        self,
        data: Fitting,
        folder: Path,
        categories: Sequence[str],
        parameters: Mapping[str, Any],
        seed: int,
        progress: Callable[[str], None],
    ) -> dict[str, Any]:
        """Fits and writes; the folder exists and is empty."""
        ...  # fmt: skip


def normalised(texts: Sequence[str], normaliser: str) -> list[str]:
    """Each text as the normaliser leaves it, one line."""
    data, bounds = Passages.of(texts).buffer(normaliser)
    raw = data.tobytes()
    return [raw[bounds[i] : bounds[i + 1]].decode("utf-8").strip() for i in range(len(texts))]


def assemble(config: TrainingConfig, root: Path, progress: Callable[[str], None]) -> Assembled:
    """Reads the sources, joins equal texts, drops what overlaps held-out texts, and splits by group.

    Raises:
        UsageError: A source is unreadable, labels contradict each other, or a split lacks a class.
    """
    parts, declared = [], []
    for source in config.sources:
        progress(f"reading {source.name}")
        part, record = _source(source, root, config.categories)
        parts.append(part)
        declared.append(record)
    data = resolve(concatenate(parts), config.contradictions)
    progress(f"comparing {len(data)} texts with the held-out sets")
    clean = splits.decontaminate(data, _held_out(config, root))
    data = data.take(clean)
    progress(f"grouping near-duplicates among {len(data)} texts")
    split = splits.assign(data, config.split, config.seed)
    vectors = read_vectors(root / config.vectors) if config.vectors else {}
    out = Assembled(data, split, declared, int((~clean).sum()), vectors)
    for index, name in enumerate(config.split):
        splits.check(out.part(index), f"{config.name}, split {name}")
    return out


def fitting(config: TrainingConfig, data: LabelledSet, vectors: Vectors) -> Fitting:
    """Repeats, disguises and embeds the rows of a training split as their sources declare, and normalises."""
    rng = random.Random(f"augment/{config.seed}")
    sources = {source.name: source for source in config.sources}
    harmless = ~(data.labels == 1).any(axis=1)
    ordinary = harmless & np.isin(data.sources, config.background)
    background = [data.texts[i] for i in np.flatnonzero(ordinary)]
    texts, rows, copies = [], [], []
    for i, (text, name) in enumerate(zip(data.texts, data.sources, strict=True)):
        source = sources[name] if harmless[i] else msgspec.structs.replace(sources[name], clip=0.0)
        for variant, times in _variants(text, source, background, rng):
            texts.append(variant)
            rows.append(i)
            copies.append(times)
    labels = data.labels[rows]
    counts = _balanced(labels, np.array(copies), config.balance)
    named = [data.sources[i] for i in rows]
    return Fitting(normalised(texts, config.normaliser), labels, counts, config.normaliser, vectors, named)


def _balanced(labels: FloatMatrix, copies: NDArray[np.int64], share: float) -> NDArray[np.int64]:
    """Repeats positives, by a whole number, until they are about `share` of a category's rows: [n, n_categories]."""
    out = np.repeat(copies[:, None], labels.shape[1], axis=1).astype(np.int64)
    for j in range(labels.shape[1]):
        positive, negative = ((labels[:, j] == value) for value in (1, 0))
        wanted = share / (1 - share) * copies[negative].sum()
        out[positive, j] *= max(1, round(float(wanted) / max(int(copies[positive].sum()), 1)))
    return out


def _variants(text: str, source: Source, background: list[str], rng: random.Random) -> list[tuple[str, int]]:
    whole, part = divmod(source.repeat, 1)
    times = int(whole) + int(rng.random() < part)
    if not times:
        return []
    out = [(text, times)]
    swaps = (swap(text, rng) for _ in range(int(source.swap) + int(rng.random() < source.swap % 1)))
    out.extend((other, 1) for other in swaps if other != text)
    if rng.random() < source.disguise:
        out.append((disguise(text, rng), 1))
    if background and len(text) <= _SHORT and rng.random() < source.embed:
        out.append((embed(text, background, rng), 1))
    if source.clip and rng.random() < source.clip and (short := sentence(text, rng)):
        out.append((short, 1))
    return out


def _source(source: Source, root: Path, categories: Sequence[str]) -> tuple[LabelledSet, dict[str, Any]]:
    path = root / source.path
    part = read(path, categories)
    labels = part.labels.copy()
    if source.negatives_for:
        other = [c not in source.negatives_for for c in categories]
        labels[:, other] = np.where(labels[:, other] == 0, np.nan, labels[:, other])
    part = LabelledSet(part.categories, part.texts, labels, [source.name] * len(part), part.groups, part.identities)
    record = {
        "name": source.name,
        "licence": source.licence,
        "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
        "rows": len(part),
        "families": list(source.labelled_by),
    }
    return part, record


def _held_out(config: TrainingConfig, root: Path) -> list[str]:
    return [text for name in config.held_out for text in read(root / name, ()).texts]
