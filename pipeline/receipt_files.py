"""Receipts where they lie: the file of a shard under its run's folder, and what it must hold to count."""

from __future__ import annotations

from collections.abc import Callable

from tamis.classifiers.errors import ShardError
from tamis.pipeline import receipts
from tamis.pipeline.merging import ShardLine
from tamis.pipeline.receipts import Receipt, Sealed
from tamis.pipeline.storage import Store

__all__ = ["finished", "of_line", "place"]


def place(folder: str, shard: str) -> str:
    """Returns where the receipt of a shard lies, by the run's folder and the shard's path."""
    return f"{folder}/receipts/{shard}.json"


def of_line(store: Store, folder: str, line: ShardLine, gone: str, other: str) -> Sealed:
    """Reads the receipt that a manifest speaks of.

    Args:
        store: The output root.
        folder: The run's folder.
        line: The shard, as the manifest has it.
        gone: What to do where there is none.
        other: What to do where it is another one.

    Raises:
        ShardError: It is missing, altered, or not the one of the manifest.
    """
    path = place(folder, line.shard)
    where = f"{store.root}/{path}"
    try:
        sealed = receipts.unseal(store.read(path), where)
    except FileNotFoundError:
        raise ShardError(f"{where}: no such file; {gone}") from None
    if sealed.sha256 != line.receipt_sha256:
        raise ShardError(f"{where}: not the receipt of the manifest; {other}")
    return sealed


def finished(
    store: Store, folder: str, shard: str, fingerprint: str, same: Callable[[Receipt, str], bool]
) -> tuple[Receipt, str] | None:
    """Returns the receipt of a finished shard and its digest; where anything does not hold it is not finished.

    Args:
        store: The output root.
        folder: The run's folder.
        shard: The shard's path.
        fingerprint: The run's.
        same: Whether a receipt, and the version of the input that it speaks of, are those of the present input.
    """
    path = place(folder, shard)
    try:
        sealed = receipts.unseal(store.read(path), path)
        receipt = sealed.receipt()
    except (FileNotFoundError, ShardError):
        return None
    if receipt.fingerprint != fingerprint or not same(receipt, sealed.version):
        return None
    complete = all(store.size(f"{folder}/{item.path}") == item.bytes for item in receipt.outputs.values())
    return (receipt, sealed.sha256) if complete else None
