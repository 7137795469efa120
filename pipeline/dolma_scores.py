"""Scores that Dolma's taggers gave before: a classifier of a plan that reads attributes instead of texts.

    classifiers:
      toxicity: {path: "dolma:corpus/attributes", map: {hate: exp__tagger__hate, sexual: exp__tagger__nsfw}}

A passage has the highest score of the spans that touch it, 0 where the attribute is there and none does, and a document
what the aggregate makes of its passages. A document without a row is unscored. So is one whose row lacks the attribute:
Dolma writes none for a label without a span. Where taggers mark what they find and nothing else, `absent: 0` says that
such a document scores 0.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, closing
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tamis.classifiers.base import BatchScores, Unscored
from tamis.classifiers.passages import Passages
from tamis.classifiers.scorer import AGGREGATES
from tamis.pipeline import listing
from tamis.pipeline.canonical import canonical_bytes
from tamis.pipeline.document import Document
from tamis.pipeline.dolma_rows import Rows, Span, experiment
from tamis.pipeline.errors import UsageError
from tamis.pipeline.plan import ATTRIBUTES, ClassifierRef

__all__ = ["DolmaScores", "ShardScores", "load"]


class DolmaScores:
    """Attributes as a classifier, with the face of a bundle.

    Args:
        root: Folder or URL that has the experiments.
        mapping: The attribute of each category.
        files: Versions of the files of attributes, by path under the root.
        digest: Digest of the mapping and of the files' names and sizes.
        aggregate: How passages make a document.
        absent: The spans of a document whose row lacks an attribute; None = it is unscored.
    """

    kind = "dolma"
    training: Mapping[str, Any] = {}

    def __init__(
        self,
        root: str,
        mapping: Mapping[str, str],
        files: Mapping[str, str],
        digest: str,
        aggregate: str = "max",
        absent: list[Span] | None = None,
    ) -> None:
        self.absent = absent
        self.categories = tuple(mapping)
        self.id = f"dolma@{digest[:12]}"
        self._root, self._mapping, self._files = root, mapping, files
        self._aggregate = AGGREGATES[aggregate]

    def threshold(self, category: str, point: str, value: float | None = None) -> float:
        """Returns 0.5 as the default operating point; attributes have no other.

        Raises:
            UsageError: Another one is asked for.
        """
        if point == "default":
            return 0.5
        raise UsageError(
            f"{ATTRIBUTES}{self._root} has no operating point {point}({value}) for {category}; write a number"
        )

    def rows(self, shard: str, stack: ExitStack) -> list[tuple[Rows | None, list[int]]]:
        """Opens the files of a shard, one an experiment, with the columns that each fills; None = there is none."""
        found: list[tuple[Rows | None, list[int]]] = []
        keys = list(self._mapping.values())
        for name in dict.fromkeys(map(experiment, keys)):
            columns = [k for k, key in enumerate(keys) if experiment(key) == name]
            path = f"{name}/{shard}"
            rows = None
            if path in self._files:
                asked = [keys[k] for k in columns]
                rows = stack.enter_context(closing(Rows(self._root, path, self._files[path], asked)))
            found.append((rows, columns))
        return found

    def scored(self, cut: Passages, spans: Sequence[Sequence[list[Span] | None]]) -> BatchScores:
        """Makes scores of spans.

        Args:
            cut: The passages of n documents.
            spans: Of each document those of each category, None where there is no attribute.
        """
        columns = range(len(self.categories))
        passage = np.stack([_passage_scores(cut, [one[k] for one in spans]) for k in columns], axis=1)
        document = self._aggregate(passage, cut.document)
        unscored = np.zeros(len(document), np.uint8)
        unscored[np.isnan(document).all(axis=1)] = Unscored.MISSING
        unscored[cut.words == 0] = Unscored.EMPTY
        document[unscored != Unscored.SCORED] = np.nan
        return BatchScores(self.categories, document, passage, unscored)


class ShardScores:
    """The attributes of one shard for every classifier of a run that has some; closes with its `with` block.

    Args:
        imported: Those classifiers, by the plan's name.
        shard: Path of the shard; None: the documents are of none, and all are unscored.
    """

    def __init__(self, imported: Mapping[str, DolmaScores], shard: str | None) -> None:
        self._imported = imported
        self._stack = ExitStack()
        with self._stack:
            self._rows = {name: one.rows(shard, self._stack) for name, one in imported.items() if shard is not None}
            self._stack = self._stack.pop_all()

    def __enter__(self) -> ShardScores:
        return self

    def __exit__(self, *error: Any) -> None:
        self._stack.__exit__(*error)

    def prove(self, records: int) -> None:
        """Checks that every file is whole, and of no more records than the shard has; see `Rows.prove`."""
        for found in self._rows.values():
            for rows, _ in found:
                if rows is not None:
                    rows.prove(records)

    def scores(self, documents: Sequence[Document], cut: Passages) -> dict[str, BatchScores]:
        """Returns the scores of a batch by classifier; documents must come in the order of the shard.

        Raises:
            ShardError: The attributes are of other documents, or damaged.
        """
        return {name: one.scored(cut, list(self._spans(name, documents))) for name, one in self._imported.items()}

    def _spans(self, name: str, documents: Sequence[Document]) -> list[list[list[Span] | None]]:
        width = len(self._imported[name].categories)
        found: list[list[list[Span] | None]] = [[None] * width for _ in documents]
        for rows, columns in self._rows.get(name, ()):
            if rows is not None:
                for own, document in zip(found, documents, strict=True):
                    for column, spans in zip(columns, rows.of(document) or (), strict=False):
                        own[column] = self._imported[name].absent if spans is None else spans
        return found


def load(ref: ClassifierRef) -> DolmaScores:
    """Looks at the attributes that a plan names.

    Raises:
        UsageError: There are none, or none of an experiment that the map names.
    """
    root, mapping = ref.attributes, ref.map or {}
    assert root is not None
    wanted = {experiment(key) for key in mapping.values()}
    try:
        shards = listing.list_shards(root, "**/*")
    except UsageError as error:
        raise UsageError(f"`{ref.path}`: no attributes there: {error}") from None
    there = {shard.path.partition("/")[0] for shard in shards if "/" in shard.path}
    if missing := sorted(wanted - there):
        known = ", ".join(sorted(there)[:8]) or "none"
        raise UsageError(
            f"`{ref.path}`: no experiment `{missing[0]}`; there are: {known}. Expected attributes named "
            "`experiment__tagger__label`, in a folder of the experiment's name"
        )
    chosen = [shard for shard in shards if shard.path.partition("/")[0] in wanted]
    facts = [dict(mapping), ref.absent, [[shard.path, shard.size] for shard in chosen]]
    digest = hashlib.sha256(canonical_bytes(facts)).hexdigest()
    files = {shard.path: shard.version for shard in chosen}
    return DolmaScores(root, mapping, files, digest, ref.aggregate, None if ref.absent is None else [])


def _passage_scores(cut: Passages, spans: Sequence[list[Span] | None]) -> NDArray[np.float32]:
    """Returns the score of each passage, float32 [n_passages]: the highest of the spans that touch it."""
    known = np.array([one is not None for one in spans], np.bool_)
    scores = np.where(known[cut.owner()], np.float32(0), np.float32(np.nan))
    sizes = np.array([len(one or ()) for one in spans], np.int64)
    if sizes.any():
        # In characters of all texts in a row, passages lie one after the other.
        ends = np.cumsum(cut.end - cut.start)
        starts = ends - (cut.end - cut.start)
        before = np.concatenate([[0], ends])[cut.document[:-1]].repeat(sizes)
        flat = np.array([span for one in spans for span in one or ()], np.float64)
        first = np.searchsorted(ends, before + flat[:, 0], side="right")
        last = np.searchsorted(starts, before + flat[:, 1], side="left")
        width = np.maximum(last - first, 0)
        at = np.repeat(first, width) + np.arange(width.sum()) - np.repeat(np.cumsum(width) - width, width)
        np.maximum.at(scores, at, np.repeat(flat[:, 2], width).astype(np.float32))
    return scores
