"""Finished shards of an earlier run that a run takes over: receipt and outputs are those that it would make itself.

A shard is taken over where the earlier receipt has this run's fingerprint, so that the same would be done to it, and
speaks of the same input: the same size, and either the version that is listed now or, where that differs, the same
sha256 of the bytes, which are read for it. What is taken over is not hashed again; `tamis verify` does that.
"""

from __future__ import annotations

from tamis.classifiers.errors import ShardError
from tamis.pipeline import receipt_files, receipts
from tamis.pipeline.formats import open_stored
from tamis.pipeline.paths import Shard
from tamis.pipeline.plan import Corpus
from tamis.pipeline.rawbytes import RawBytes
from tamis.pipeline.receipts import Input, Receipt
from tamis.pipeline.runspec import RunSpec
from tamis.pipeline.storage import Store

__all__ = ["digest_of", "same_input", "taken_over"]


def taken_over(store: Store, spec: RunSpec, shard: Shard) -> Receipt | None:
    """Takes a shard over from the run that `spec.reuse` names; its outputs are in place then, its receipt is not.

    Returns:
        The receipt; None where the shard has to be processed.

    Raises:
        ShardError: The shard vanished, or changed while it was read.
        OSError: A file cannot be read or written.
    """
    if spec.reuse is None:
        return None
    found = _receipt(store, spec.reuse, shard.path)
    if found is None or found[0].fingerprint != spec.fingerprint:
        return None
    if not same_input(spec, shard, found[0].input, found[1]):
        return None
    return found[0] if _copied(store, spec, found[0]) else None


def _receipt(store: Store, run_id: str, shard: str) -> tuple[Receipt, str] | None:
    path = receipt_files.place(f"runs/{run_id}", shard)
    try:
        return receipts.decode(store.read(path), path)
    except (FileNotFoundError, ShardError):
        return None


def same_input(spec: RunSpec, shard: Shard, read: Input, version: str) -> bool:
    """Whether a shard is what was read once as a version; its bytes are read where that is in doubt."""
    if read.bytes != shard.size or shard.sha256 not in ("", read.sha256):
        return False
    if version == shard.version and not spec.rehash:
        return True
    return digest_of(spec.plan.corpus, shard) == read.sha256


def digest_of(corpus: Corpus, shard: Shard) -> str:
    """Returns the sha256 of a shard's stored bytes, or what the corpus' own list says that it is.

    Raises:
        ShardError: The shard vanished, or is being written to.
    """
    if shard.sha256:
        return shard.sha256
    with open_stored(corpus.root, shard.path, shard.version) as file:
        raw = RawBytes(file, shard.path)
        while raw.read(1 << 20):
            pass
        raw.check_unchanged()
        return raw.digest()


def _copied(store: Store, spec: RunSpec, receipt: Receipt) -> bool:
    """Puts the outputs of an earlier run in place; False where one of them is not what its receipt says."""
    for output in receipt.outputs.values():
        source = f"runs/{spec.reuse}/{output.path}"
        if store.size(source) != output.bytes:
            return False
        try:
            store.copy(source, f"{spec.folder}/{output.path}")
        except FileNotFoundError:
            return False
    return True
