"""One shard, from stored scores to a receipt: read scores, decide, measure; documents only where they are written."""

from __future__ import annotations

from collections.abc import Mapping

from tamis.interventions.measures.table import MEASURES
from tamis.interventions.verdict import Decisions
from tamis.pipeline import receipt_files, receipts
from tamis.pipeline.applying import Application
from tamis.pipeline.counting import counted
from tamis.pipeline.merging import ShardLine
from tamis.pipeline.receipts import Brief, Counts, Output, Receipt
from tamis.pipeline.scoreread import Stored
from tamis.pipeline.steps import reach
from tamis.pipeline.storage import Store

__all__ = ["apply_shard"]


def apply_shard(application: Application, line: ShardLine, store: Store) -> tuple[Receipt, str]:
    """Decides and measures a shard again, or returns the receipt that an earlier attempt left, and its digest.

    Args:
        application: The plan and the run that has the scores.
        line: The shard, as the manifest of that run has it.
        store: The output root.

    Raises:
        ShardError: The scores are damaged, or the documents are not those that were scored.
        OSError: A file cannot be read or written.
    """
    scored, version = application.source.receipt(line)
    spec, same = application.spec, lambda _, found: found == version
    finished = receipt_files.finished(store, spec.folder, line.shard, spec.fingerprint, same)
    if finished is not None:
        return finished
    reach("shard.started")
    receipt = _process(application, scored, store)
    reach("shard.written")
    data, digest = receipts.seal(receipt, version)
    store.write(receipt_files.place(spec.folder, line.shard), data)
    reach("shard.receipted")
    return receipt, digest


def _process(application: Application, scored: Brief, store: Store) -> Receipt:
    spec = application.spec
    measures = {name: measure(application.context) for name, measure in MEASURES.items()}
    pages: list[tuple[Stored, Mapping[str, Decisions]]] = []
    published = None if spec.plan.publish is None else application.interventions[spec.plan.publish]
    counts = Counts(seen=scored.counts.unreadable, quarantined=scored.counts.unreadable)
    for stored in application.source.scores(scored):
        batch = application.fitted(stored.batch)
        decisions = {name: item.decide(batch) for name, item in application.interventions.items()}
        for measure in measures.values():
            measure.add(batch, decisions)
        counts += counted(len(batch), None if published is None else decisions[published.name])
        if published is not None:
            pages.append((Stored(batch, stored.numbers, stored.chars), decisions))
    outputs: Mapping[str, Output] = {}
    if published is not None:
        # Only here are documents read, and is anything of them compiled.
        from tamis.pipeline.apply_documents import write

        outputs = write(application, scored, pages, store)
    return Receipt(
        shard=scored.shard,
        fingerprint=spec.fingerprint,
        input=scored.input,
        counts=counts + Counts(synthetic_ids=scored.counts.synthetic_ids),
        outputs=dict(outputs),
        measures={name: measure.state() for name, measure in measures.items()},
    )
