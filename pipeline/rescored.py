"""Documents that are read again and not scored again: their scores come from an earlier run's score file.

It is for a refresh where only rules changed: an unchanged shard is decided, measured and written as if it had been
scored just now, byte for byte, without running a classifier. `pins.keeps_scores` says when that holds.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tamis.classifiers import passages
from tamis.classifiers.base import BatchScores
from tamis.classifiers.errors import ShardError
from tamis.classifiers.passages import Passages
from tamis.interventions.batch import Batch
from tamis.interventions.scope import SEXUAL
from tamis.pipeline import listed, reuse
from tamis.pipeline.apply_documents import cut_again, taken
from tamis.pipeline.document import Document
from tamis.pipeline.paths import Shard
from tamis.pipeline.runspec import RunSpec
from tamis.pipeline.scoreread import ScoreFile, Stored
from tamis.pipeline.scoring import domain
from tamis.pipeline.storage import Store

__all__ = ["StoredScores", "find"]


def find(store: Store, spec: RunSpec, shard: Shard) -> StoredScores | None:
    """Returns the scores of a shard that the run `spec.redecide` has, None where it has to be scored.

    Raises:
        ShardError: The shard vanished, or changed while it was read.
    """
    if spec.redecide is None:
        return None
    try:
        brief, version = listed.input_of(store, spec.redecide, shard.path)
        if "scores" not in brief.outputs or not reuse.same_input(spec, shard, brief.input, version):
            return None
        output = brief.outputs["scores"]
        path = f"runs/{spec.redecide}/{output.path}"
        file = ScoreFile(store.read(path), path, output.sha256)
    except (FileNotFoundError, ShardError):
        return None
    complete = {name for name in spec.bundles if SEXUAL in file.categories[name]} <= set(file.minors)
    return StoredScores(file, spec, shard.path) if complete else None


class StoredScores:
    """Walks the stored documents of a shard beside the documents that are read.

    Args:
        file: Its score file.
        spec: The run that is made.
        shard: What errors call it.
    """

    def __init__(self, file: ScoreFile, spec: RunSpec, shard: str) -> None:
        self._pages, self._spec, self._shard = iter(file), spec, shard
        self._page: Stored | None = None
        self._row = 0

    def score(self, documents: Sequence[Document]) -> Batch:
        """Returns the batch that scoring these documents, the next ones of the shard, would have made.

        Raises:
            ShardError: They are not the documents that were scored.
        """
        pieces = list(self._pieces(documents))
        texts, plan = [document.text for document in documents], self._spec.plan
        # Batches are much smaller than pages: nearly all lie in one.
        cut = pieces[0].cut if len(pieces) == 1 else passages.split(texts, plan.passages.target)
        evaluator = [piece.evaluator for piece in pieces if piece.evaluator is not None]
        return Batch(
            ids=[document.id for document in documents],
            keys=np.concatenate([piece.keys for piece in pieces]),
            texts=texts,
            passages=cut,
            sources=[document.source for document in documents],
            domains=[domain(document.url) for document in documents],
            languages=[name for piece in pieces for name in piece.languages],
            bytes=np.concatenate([piece.bytes for piece in pieces]),
            words=cut.words,
            scores={name: _joined([piece.scores[name] for piece in pieces]) for name in self._spec.bundles},
            evaluator=_joined(evaluator) if self._spec.evaluator is not None else None,
            evaluated=np.concatenate([piece.evaluated for piece in pieces]),
            fields={name: [document.extras.get(name) for document in documents] for name in plan.corpus.fields.extra},
            minors={name: np.concatenate([piece.minors[name] for piece in pieces]) for name in pieces[0].minors},
        )

    def _pieces(self, documents: Sequence[Document]) -> Iterator[_Piece]:
        start = 0
        while start < len(documents):
            page = self._at(documents[start])
            rows = np.arange(self._row, min(len(page.batch), self._row + len(documents) - start))
            part = documents[start : start + len(rows)]
            yield _piece(page, rows, part, self._spec.plan.passages.target, self._shard)
            self._row += len(rows)
            start += len(rows)

    def _at(self, document: Document) -> Stored:
        while self._page is None or self._row >= len(self._page.batch):
            found = next(self._pages, None)
            if found is None:
                raise ShardError(f"{self._shard}: record {document.number} was not scored: score the shard anew")
            self._page, self._row = found, 0
        return self._page


@dataclass(frozen=True, slots=True)
class _Piece:
    """Stored documents in a row: their passages, scores of all of them, and columns that do not come from the texts."""

    cut: Passages
    keys: NDArray[np.uint64]
    languages: list[str]
    bytes: NDArray[np.int64]
    scores: dict[str, BatchScores]
    evaluator: BatchScores | None
    evaluated: NDArray[np.bool_]
    minors: dict[str, NDArray[np.float32]]


def _piece(page: Stored, rows: NDArray[np.intp], documents: Sequence[Document], target: int, shard: str) -> _Piece:
    batch, found = page.batch, [(document.number, document.id) for document in documents]
    if list(zip(page.numbers[rows].tolist(), [batch.ids[row] for row in rows.tolist()], strict=True)) != found:
        raise ShardError(f"{shard}: record {found[0][0]} is not the document that was scored there: score it anew")
    cut, entries = cut_again(batch, rows, [document.text for document in documents], target, shard)
    return _Piece(
        cut=cut,
        keys=batch.keys[rows],
        languages=[batch.languages[row] for row in rows.tolist()],
        bytes=batch.bytes[rows],
        scores={name: taken(one, rows, entries) for name, one in batch.scores.items()},
        evaluator=None if batch.evaluator is None else taken(batch.evaluator, rows, entries),
        evaluated=batch.evaluated[rows],
        minors={name: values[rows] for name, values in batch.minors.items()},
    )


def _joined(parts: Sequence[BatchScores]) -> BatchScores:
    if len(parts) == 1:
        return parts[0]
    columns = (np.concatenate([getattr(part, name) for part in parts]) for name in ("document", "passage", "unscored"))
    return BatchScores(parts[0].categories, *columns)
