"""One shard, start to end: read, score, decide, measure, write, receipt. No Beam here, and nothing shared.

The receipt is written last, after every file of the shard is in place. A shard whose receipt exists, speaks of this
input under this fingerprint, and whose files have the recorded sizes, is finished and is not done again. A shard that
fails leaves no file under a final name that its next attempt would not replace.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import replace

import numpy as np
from msgspec import structs

from tamis.classifiers.errors import ShardError
from tamis.interventions import mentions
from tamis.interventions.batch import Batch
from tamis.interventions.measures.collateral import dialect_sample
from tamis.interventions.measures.table import MEASURES
from tamis.interventions.rules import Intervention
from tamis.interventions.verdict import Decisions
from tamis.pipeline import (
    attributes,
    minors,
    pulse,
    quarantine,
    receipt_files,
    receipts,
    rescored,
    reuse,
    samples,
    scoring,
)
from tamis.pipeline.corpora import list_corpus
from tamis.pipeline.counting import counted
from tamis.pipeline.document import Document, Rejected
from tamis.pipeline.dolma_scores import ShardScores
from tamis.pipeline.formats import Reader, open_shard
from tamis.pipeline.notable import Floors
from tamis.pipeline.outputs import ShardOutputs
from tamis.pipeline.paths import Shard
from tamis.pipeline.plan import Corpus
from tamis.pipeline.receipts import Counts, Input, Receipt
from tamis.pipeline.runspec import RunSpec
from tamis.pipeline.scorefile import EVALUATOR, Categories
from tamis.pipeline.steps import reach
from tamis.pipeline.storage import Store, open_store
from tamis.pipeline.workbench import Workbench

__all__ = ["filter_shard", "list_corpus", "peek", "sealed_shard"]


def peek(corpus: Corpus, shard: Shard, documents: int, characters: int) -> tuple[list[Document], int]:
    """Reads the first documents of a shard, until there are enough documents or characters.

    Returns:
        The documents, without their stored form, and the stored bytes that they were read from.

    Raises:
        ShardError: The shard is damaged in what was read.
    """
    found: list[Document] = []
    with open_shard(corpus, shard.path, version=shard.version) as reader:
        for records in reader:
            found += [structs.replace(record, raw=b"", row=None) for record in records if isinstance(record, Document)]
            if len(found) >= documents or sum(len(document.text) for document in found) >= characters:
                break
        return found, reader.bytes_read


def filter_shard(bench: Workbench, shard: Shard) -> Receipt:
    """Processes a shard; see `sealed_shard`."""
    return sealed_shard(bench, shard)[0]


def sealed_shard(bench: Workbench, shard: Shard) -> tuple[Receipt, str]:
    """Processes a shard, or returns the receipt that an earlier attempt left, or that of the run which is refreshed.

    Returns:
        The receipt and its digest, which takes as long as writing the receipt down and is computed once.

    Raises:
        ShardError: The shard is damaged, vanished, or changed while it was read.
        OSError: It cannot be read, or the output cannot be written.
    """
    store = open_store(bench.spec.plan.output)
    finished = _finished(store, bench.spec, shard)
    if finished is not None:
        return finished
    with pulse.at(shard.path):
        reach("shard.started")
        receipt = reuse.taken_over(store, bench.spec, shard) or _process(bench, shard, store)
        reach("shard.written")
        data, digest = receipts.seal(receipt, shard.version)
        store.write(receipt_files.place(bench.spec.folder, shard.path), data)
    reach("shard.receipted")
    return receipt, digest


def _finished(store: Store, spec: RunSpec, shard: Shard) -> tuple[Receipt, str] | None:
    """Returns what a finished shard has; anything that does not hold means that it is not finished."""

    def same(receipt: Receipt, version: str) -> bool:
        return reuse.same_input(spec, shard, receipt.input, version)

    return receipt_files.finished(store, spec.folder, shard.path, spec.fingerprint, same)


def _process(bench: Workbench, shard: Shard, store: Store) -> Receipt:
    spec = bench.spec
    stored = rescored.find(store, spec, shard)
    with ExitStack() as stack:
        given = stack.enter_context(ShardScores(bench.imported, shard.path))
        anew = functools.partial(scoring.score, bench, given=given)
        work = _Work(bench, anew if stored is None else stored.score)
        reader = stack.enter_context(open_shard(spec.plan.corpus, shard.path, version=shard.version))
        published = spec.plan.publish is not None
        options = published, reader, _scored(bench), spec.proxy_level is not None
        outputs = stack.enter_context(ShardOutputs(store, spec.folder, spec.plan.corpus, shard.path, *options))
        reach("shard.opened")
        for records in reader:
            work.add(records, outputs)
            pulse.beat()
        reach("shard.read")
        _check_input(shard, reader)
        if stored is None:
            given.prove(work.counts.seen)
        written = outputs.finish()
    return Receipt(
        shard=shard.path,
        fingerprint=spec.fingerprint,
        input=Input(reader.bytes_read, reader.digest),
        counts=work.counts,
        outputs=written,
        measures={name: measure.state() for name, measure in work.measures.items()},
    )


def _scored(bench: Workbench) -> tuple[Categories, Floors]:
    """Returns what the score file must know."""
    context = bench.context
    categories = {**context.classifiers, **({EVALUATOR: context.evaluator} if context.evaluator else {})}
    return categories, bench.spec.floors


def _check_input(shard: Shard, reader: Reader) -> None:
    if reader.bytes_read != shard.size:
        raise ShardError(
            f"{shard.path}: the listing said {shard.size} bytes, {reader.bytes_read} were read: it was written to "
            "since; launch again"
        )
    if shard.sha256 and reader.digest != shard.sha256:
        raise ShardError(
            f"{shard.path}: damaged: sha256 {reader.digest}, `corpus.manifest` says {shard.sha256}: fetch it again"
        )


class _Work:
    """The sums of a shard in progress."""

    def __init__(self, bench: Workbench, score: Callable[[Sequence[Document]], Batch]) -> None:
        self.counts = Counts()
        self.measures = {name: measure(bench.context) for name, measure in MEASURES.items()}
        self._bench, self._score = bench, score

    def add(self, records: Sequence[Document | Rejected], outputs: ShardOutputs) -> None:
        """Adds a batch of records and writes what becomes of them."""
        documents = [record for record in records if isinstance(record, Document)]
        rejected = [record for record in records if isinstance(record, Rejected)]
        outputs.quarantine(rejected)
        self.counts += Counts(seen=len(rejected), quarantined=len(rejected))
        if documents:
            self.counts += self._filter(documents, outputs)

    def _filter(self, documents: Sequence[Document], outputs: ShardOutputs) -> Counts:
        bench = self._bench
        batch = self._score(documents)
        # What documents are about is measured, and stored: both in one look.
        batch = replace(batch, mentions=mentions.look(batch, dialect_sample(batch.keys, bench.context)))
        if bench.context.excerpts:
            batch = replace(batch, showable=minors.showable(batch))
        decisions = {name: item.decide(batch) for name, item in bench.interventions.items()}
        for measure in self.measures.values():
            measure.add(batch, decisions)
        published = bench.spec.plan.publish
        numbers = [document.number for document in documents]
        conditions, bundles = bench.context.conditions, bench.spec.bundles
        outputs.attributes(attributes.rows(batch, numbers, decisions, conditions, bundles, published))
        outputs.scores(batch, numbers)
        if bench.spec.proxy_level is not None:
            outputs.samples(samples.taken(batch, decisions, bench.interventions, bench.spec.proxy_level))
        synthetic = sum(document.synthetic_id for document in documents)
        if published is None:
            return counted(len(documents), None, synthetic)
        _write(bench.interventions[published], batch, decisions[published], documents, outputs)
        return counted(len(documents), decisions[published], synthetic)


def _write(
    intervention: Intervention, batch: Batch, decided: Decisions, documents: Sequence[Document], outputs: ShardOutputs
) -> None:
    """Writes the documents that the published intervention keeps, and names those that it quarantines."""
    outputs.quarantine([quarantine.withheld(documents[i], rule) for i, rule in intervention.quarantined(decided)])
    kept = np.flatnonzero(~decided.removed).tolist()
    if not decided.rewritten.any():
        outputs.documents([documents[i] for i in kept], None)
        return
    texts = dict(intervention.rewrites(batch, decided))
    outputs.documents([documents[i] for i in kept], [texts.get(i) for i in kept])
