"""Rechecking a finished run from its own record: digests, alignment, conservation. Stops at the first breach."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from itertools import zip_longest
from typing import TypeVar

import msgspec

from tamis.classifiers.errors import TamisError
from tamis.pipeline import lines, receipt_files, receipts
from tamis.pipeline import manifest as manifests
from tamis.pipeline.conversion import read_written
from tamis.pipeline.decompress import compression_of, open_verified
from tamis.pipeline.document import Document, Reason
from tamis.pipeline.limits import Limits
from tamis.pipeline.manifest import Manifest
from tamis.pipeline.merging import ShardLine
from tamis.pipeline.receipts import Counts, Output, Receipt
from tamis.pipeline.storage import Store

__all__ = ["verify"]

T = TypeVar("T")


class _Verdict(msgspec.Struct):
    action: str


class _Row(msgspec.Struct):
    id: str
    row: int
    removed: bool = False
    verdicts: dict[str, _Verdict] = {}

    def quarantined(self, intervention: str) -> bool:
        """Says whether an intervention quarantines the document."""
        return intervention in self.verdicts and self.verdicts[intervention].action == "quarantine"


class _Held(msgspec.Struct):
    number: int
    reason: str
    raw_base64: str | None


def verify(store: Store, run_id: str) -> Manifest:
    """Rechecks a run.

    Returns:
        Its manifest.

    Raises:
        TamisError: The first breach found, with the file, what was recorded and what was found.
    """
    manifest, digest = manifests.read(store, run_id)
    current = manifests.read_current(store)
    if current is not None and current.run_id == run_id and current.manifest_sha256 != digest:
        raise _breach(f"{store.root}/{manifests.CURRENT}", "manifest sha256", current.manifest_sha256, digest)
    for name, recorded in manifest.report.items():
        _check_digest(store, f"runs/{run_id}/report/{name}", recorded)
    total = Counts()
    for line in manifest.shards:
        total = total + _check_shard(store, manifest, line)
    _check_equal(f"run {run_id}", "records", manifest.counts, total)
    if not total.balanced():
        raise _breach(f"run {run_id}", "records seen", total.kept + total.dropped + total.quarantined, total.seen)
    _check_strays(store, manifest)
    return manifest


def _breach(where: str, what: str, recorded: object, found: object) -> TamisError:
    return TamisError(f"{where}: {what}: recorded {recorded}, found {found}")


def _check_equal(where: str, what: str, recorded: object, found: object) -> None:
    if recorded != found:
        raise _breach(where, what, recorded, found)


def _check_digest(store: Store, path: str, recorded: str) -> None:
    state = hashlib.sha256()
    try:
        with store.open_read(path) as file:
            while block := file.read(1 << 20):
                state.update(block)
    except FileNotFoundError:
        raise _breach(f"{store.root}/{path}", "file", "present", "missing") from None
    _check_equal(f"{store.root}/{path}", "sha256", recorded, state.hexdigest())


def _check_shard(store: Store, manifest: Manifest, line: ShardLine) -> Counts:
    folder = manifest.spec.folder
    path = receipt_files.place(folder, line.shard)
    try:
        receipt, _ = receipts.decode(store.read(path), f"{store.root}/{path}")
    except FileNotFoundError:
        raise _breach(f"{store.root}/{path}", "receipt", "present", "missing") from None
    _check_equal(f"{store.root}/{path}", "receipt sha256", line.receipt_sha256, receipts.digest(receipt))
    _check_equal(f"{store.root}/{path}", "fingerprint", manifest.spec.fingerprint, receipt.fingerprint)
    for output in receipt.outputs.values():
        _check_digest(store, f"{folder}/{output.path}", output.sha256)
    _check_alignment(store, manifest, receipt)
    return receipt.counts


def _check_alignment(store: Store, manifest: Manifest, receipt: Receipt) -> None:
    """Checks that the kept rows of attributes are, in order, the documents that were written."""
    folder, published = manifest.spec.folder, manifest.spec.plan.publish
    counts, where = receipt.counts, f"{store.root}/{folder}: shard {receipt.shard}"
    if "scores" in receipt.outputs:
        _check_equal(where, "rows of scores", counts.seen - counts.unreadable, receipt.outputs["scores"].records)
    if manifest.spec.scores is not None and published is None:
        # Decided from the scores of another run, whose attributes these are.
        return
    rows = list(_rows(store, folder, receipt.outputs["attributes"]))
    _check_equal(where, "attribute rows", counts.seen - counts.unreadable, len(rows))
    quarantined = [row.row for row in rows if published is not None and row.quarantined(published)]
    _check_quarantine(store, folder, receipt, where, quarantined)
    if published is None:
        return
    kept = [row for row in rows if not row.removed]
    _check_equal(where, "kept rows in attributes", counts.kept, len(kept))
    written = _documents(store, manifest, receipt)
    for row, document in zip_longest(kept, written):
        if row is None or document is None or not _same(row, document, receipt.shard):
            # An id names a document; it is not its text.
            found = None if document is None else document.id
            raise _breach(where, "kept rows and documents part: id", None if row is None else row.id, found)


def _check_quarantine(store: Store, folder: str, receipt: Receipt, where: str, quarantined: list[int]) -> None:
    """Checks that quarantine holds what it should: unreadable records, and hashes of what a rule put there."""
    output = receipt.outputs.get("quarantine")
    held = [] if output is None else list(_decoded(store, folder, output, _Held))
    _check_equal(where, "records in quarantine", receipt.counts.quarantined, len(held))
    _check_equal(where, "documents that a rule quarantined", receipt.counts.withheld, len(quarantined))
    by_rule = [entry for entry in held if entry.reason == Reason.RULE.value]
    _check_equal(where, "records that a rule quarantined", quarantined, [entry.number for entry in by_rule])
    copied = [entry.number for entry in by_rule if entry.raw_base64 is not None]
    _check_equal(where, "records of them whose text was copied", [], copied)


def _same(row: _Row, document: Document, shard: str) -> bool:
    # A synthetic id is made of the place in the input, which the output does not know.
    return row.id == (f"{shard}#{row.row}" if document.synthetic_id else document.id)


def _rows(store: Store, folder: str, output: Output) -> Iterator[_Row]:
    return _decoded(store, folder, output, _Row)


def _decoded(store: Store, folder: str, output: Output, kind: type[T]) -> Iterator[T]:
    decoder = msgspec.json.Decoder(kind)
    with store.open_read(f"{folder}/{output.path}") as file:
        stream = open_verified(file, compression_of(output.path), name=output.path)
        for part in lines.split(stream, Limits().line):
            assert isinstance(part, lines.Lines)
            yield from map(decoder.decode, part.lines)


def _documents(store: Store, manifest: Manifest, receipt: Receipt) -> Iterator[Document]:
    corpus, output = manifest.spec.plan.corpus, receipt.outputs["documents"]
    with store.open_read(f"{manifest.spec.folder}/{output.path}") as file:
        for records in read_written(file, corpus, receipt.shard):
            for record in records:
                if not isinstance(record, Document):
                    raise _breach(output.path, "readable records", "all", f"record {record.number} is not")
                yield record


def _check_strays(store: Store, manifest: Manifest) -> None:
    """Checks that no shard's output lies in the run without being in its manifest."""
    folder = manifest.spec.folder
    listed = {receipt_files.place(folder, line.shard) for line in manifest.shards}
    for name in store.names(f"{folder}/receipts"):
        if name not in listed:
            raise _breach(f"{store.root}/{name}", "receipt", "not in the manifest", "present")
