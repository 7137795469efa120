"""Writes the published intervention of a plan that was decided on stored scores: documents are read, not scored."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from tamis.classifiers import passages
from tamis.classifiers.base import BatchScores
from tamis.classifiers.errors import ShardError
from tamis.classifiers.passages import Passages
from tamis.interventions.batch import Batch
from tamis.interventions.rules import Intervention
from tamis.interventions.stored import StoredPassages
from tamis.interventions.verdict import Decisions
from tamis.pipeline import attributes, quarantine
from tamis.pipeline.applying import Application
from tamis.pipeline.document import Document, Rejected
from tamis.pipeline.formats import Reader, open_shard
from tamis.pipeline.outputs import ShardOutputs
from tamis.pipeline.receipts import Brief, Output
from tamis.pipeline.scoreread import Stored
from tamis.pipeline.storage import Store

__all__ = ["cut_again", "taken", "write"]

_LISTS: Final = ("ids", "sources", "domains", "languages")
_ARRAYS: Final = ("keys", "bytes", "words", "evaluated")

Page = tuple[Stored, Mapping[str, Decisions]]


def write(application: Application, scored: Brief, pages: Sequence[Page], store: Store) -> dict[str, Output]:
    """Writes documents, attributes and quarantine of a shard.

    Args:
        application: The plan; it publishes an intervention.
        scored: Brief of the shard in the run that has the scores.
        pages: Stored documents and what was decided on them, in order.
        store: The output root.

    Returns:
        The files that were written, by role.

    Raises:
        ShardError: The documents are not those that were scored.
    """
    spec = application.spec
    corpus, shard = spec.plan.corpus, scored.shard
    rows = _Rows(application, pages, shard)
    with ExitStack() as stack:
        # Whatever version it is by now: its digest is compared with that of what was scored.
        reader = stack.enter_context(open_shard(corpus, shard))
        outputs = stack.enter_context(ShardOutputs(store, spec.folder, corpus, shard, True, reader))
        for stored, decisions in pages:
            numbers, conditions = stored.numbers.tolist(), application.context.conditions
            outputs.attributes(
                attributes.rows(stored.batch, numbers, decisions, conditions, spec.bundles, spec.plan.publish)
            )
        for records in reader:
            outputs.quarantine([record for record in records if isinstance(record, Rejected)])
            kept, texts, withheld = rows.outcome([record for record in records if isinstance(record, Document)])
            outputs.quarantine(withheld)
            outputs.documents(kept, texts)
        _check_input(reader, scored)
        return outputs.finish()


def _check_input(reader: Reader, scored: Brief) -> None:
    if (reader.bytes_read, reader.digest) != (scored.input.bytes, scored.input.sha256):
        raise ShardError(
            f"{scored.shard}: {reader.bytes_read} bytes with sha256 {reader.digest[:12]} were read, the scores are of "
            f"{scored.input.bytes} bytes with {scored.input.sha256[:12]}: the shard has changed, score it anew"
        )


class _Rows:
    """Walks the stored documents beside the documents that are read."""

    def __init__(self, application: Application, pages: Sequence[Page], shard: str) -> None:
        name = application.spec.plan.publish
        assert name is not None
        self._intervention = application.interventions[name]
        self._target = application.spec.plan.passages.target
        self._pages = [(stored, decisions[name]) for stored, decisions in pages]
        self._shard = shard
        self._page, self._row = 0, 0

    def outcome(self, documents: Sequence[Document]) -> tuple[list[Document], list[str | None] | None, list[Rejected]]:
        """Returns what becomes of documents.

        Returns:
            Those that reach the output, the text that replaces each one's own, None = untouched, and what quarantine
            keeps of others.

        Raises:
            ShardError: A document is not the next that was scored.
        """
        found: list[Document] = []
        texts: list[str | None] = []
        withheld: list[Rejected] = []
        start = 0
        while start < len(documents):
            stored, decided = self._at(documents[start])
            rows = range(self._row, min(len(stored.batch), self._row + len(documents) - start))
            part = documents[start : start + len(rows)]
            self._check(stored, rows, part)
            changed = self._rewritten(stored, decided, rows, part)
            rules = dict(self._intervention.quarantined(decided))
            for row, document in zip(rows, part, strict=True):
                if row in rules:
                    withheld.append(quarantine.withheld(document, rules[row]))
                if not decided.removed[row]:
                    found.append(document)
                    texts.append(changed.get(row))
            self._row += len(rows)
            start += len(rows)
        return found, texts if any(text is not None for text in texts) else None, withheld

    def _at(self, document: Document) -> tuple[Stored, Decisions]:
        while self._page < len(self._pages) and self._row >= len(self._pages[self._page][0].batch):
            self._page, self._row = self._page + 1, 0
        if self._page == len(self._pages):
            raise self._other(document.number, "the end")
        return self._pages[self._page]

    def _check(self, stored: Stored, rows: range, documents: Sequence[Document]) -> None:
        numbers, ids = stored.numbers[rows.start : rows.stop].tolist(), stored.batch.ids[rows.start : rows.stop]
        for number, identity, document in zip(numbers, ids, documents, strict=True):
            if (number, identity) != (document.number, document.id):
                raise self._other(document.number, f"record {number}")

    def _other(self, number: int, found: str) -> ShardError:
        return ShardError(
            f"{self._shard}: record {number} is not the document that was scored there (the scores go on with "
            f"{found}): the shard has changed, score it anew"
        )

    def _rewritten(
        self, stored: Stored, decided: Decisions, rows: range, documents: Sequence[Document]
    ) -> dict[int, str]:
        """Returns the new text of each document that is rewritten, by its row."""
        chosen = [row for row in rows if decided.rewritten[row]]
        if not chosen:
            return {}
        texts = [documents[row - rows.start].text for row in chosen]
        batch = _with_texts(stored, np.array(chosen), texts, self._target, self._shard)
        return {chosen[k]: text for k, text in _rewrites(self._intervention, batch)}


def _rewrites(intervention: Intervention, batch: Batch) -> list[tuple[int, str]]:
    return list(intervention.rewrites(batch, intervention.decide(batch)))


def _with_texts(stored: Stored, rows: NDArray[np.intp], texts: Sequence[str], target: int, shard: str) -> Batch:
    """Returns stored documents with their texts and all of their passages."""
    batch = stored.batch
    cut, entries = cut_again(batch, rows, texts, target, shard)
    fields = {name: [values[i] for i in rows.tolist()] for name, values in batch.fields.items()}
    lists: dict[str, Any] = {name: [getattr(batch, name)[i] for i in rows.tolist()] for name in _LISTS}
    arrays: dict[str, Any] = {name: getattr(batch, name)[rows] for name in _ARRAYS}
    return dataclasses.replace(
        batch,
        **lists,
        **arrays,
        texts=texts,
        passages=cut,
        scores={name: taken(one, rows, entries) for name, one in batch.scores.items()},
        evaluator=None,
        fields=fields,
        minors={name: values[rows] for name, values in batch.minors.items()},
    )


def cut_again(
    batch: Batch, rows: NDArray[np.intp], texts: Sequence[str], target: int, shard: str
) -> tuple[Passages, NDArray[np.intp]]:
    """Cuts the texts of stored documents into the passages that were scored.

    Returns:
        The passages, and the stored entry of each, for `taken`.

    Raises:
        ShardError: The texts are not those that were scored.
    """
    cut = passages.split(texts, target)
    if cut.words.tolist() != batch.words[rows].tolist():
        raise ShardError(f"{shard}: a document has another number of words than when it was scored: score it anew")
    return cut, _entries(batch, rows, cut, shard)


def _entries(batch: Batch, rows: NDArray[np.intp], cut: Passages, shard: str) -> NDArray[np.intp]:
    """Returns the stored entry of each passage: its own where it is notable, else the rest of its document.

    Raises:
        ShardError: A notable passage is none of the passages.
    """
    stored: StoredPassages = batch.passages  # type: ignore[assignment]
    owner, bounds = cut.owner(), stored.document
    entries: NDArray[np.intp] = (bounds[rows + 1] - 1)[owner]
    counts = bounds[rows + 1] - bounds[rows]
    own = np.repeat(bounds[rows] - (np.cumsum(counts) - counts), counts) + np.arange(counts.sum())
    holder, notable = np.repeat(np.arange(rows.size), counts), stored.passage_bytes[own] > 0
    own, holder = own[notable], holder[notable]
    # Passages are in order, so document and start make one rising number.
    width = 1 + max(int(cut.end.max(initial=0)), int(stored.end[own].max(initial=0)))
    at = np.searchsorted(owner * width + cut.start, holder * width + stored.start[own])
    if (at >= len(cut)).any() or (owner[at] != holder).any() or (cut.end[at] != stored.end[own]).any():
        raise ShardError(f"{shard}: passages lie elsewhere than when they were scored: score the shard anew")
    entries[at] = own
    return entries


def taken(scores: BatchScores, rows: NDArray[np.intp], entries: NDArray[np.intp]) -> BatchScores:
    """Returns the stored scores of some documents, with those of all of their passages; see `cut_again`."""
    return BatchScores(scores.categories, scores.document[rows], scores.passage[entries], scores.unscored[rows])
