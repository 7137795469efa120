"""Receipts: the record of one finished shard, written last. A shard is done iff its receipt exists and verifies.

One file serves five uses: commit marker (resume), accounting (conservation), cache (refresh), progress (polling)
and measurement (its measure states merge). The content holds no clock and nothing of the machine, so the same
shard under the same fingerprint gives the same bytes anywhere; only `input_version` beside it (what the listing
said of the input when it was read: modification time or object generation) is local, and not part of the digest.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any, TypeVar

import msgspec

from tamis.classifiers.errors import ShardError
from tamis.pipeline.canonical import canonical_bytes

__all__ = [
    "FAILURES",
    "Brief",
    "Counts",
    "Failure",
    "Input",
    "Measured",
    "Output",
    "Receipt",
    "Sealed",
    "decode",
    "digest",
    "encode",
    "seal",
    "unseal",
]

R = TypeVar("R")

SCHEMA = 1

#: Where a run that failed says which shards did.
FAILURES = "FAILURES.json"


class Counts(msgspec.Struct, frozen=True):
    """Records of a shard or of a run. Conservation: seen = kept + dropped + quarantined.

    `withheld` are those of the quarantined that could be read, and that a rule put there.
    """

    seen: int = 0
    kept: int = 0
    dropped: int = 0
    quarantined: int = 0
    tagged: int = 0
    rewritten: int = 0
    synthetic_ids: int = 0
    withheld: int = 0

    def __add__(self, other: Counts) -> Counts:
        return Counts(
            *(a + b for a, b in zip(msgspec.structs.astuple(self), msgspec.structs.astuple(other), strict=True))
        )

    @property
    def unreadable(self) -> int:
        """Records that could not be read; the others have a row in attributes and scores."""
        return self.quarantined - self.withheld

    def balanced(self) -> bool:
        """Whether every record that was seen is accounted for."""
        return self.seen == self.kept + self.dropped + self.quarantined


class Input(msgspec.Struct, frozen=True):
    """The input as it was read: size and sha256 of the stored bytes."""

    bytes: int
    sha256: str


class Output(msgspec.Struct, frozen=True):
    """One file that the shard wrote, under the run's folder."""

    path: str
    bytes: int
    sha256: str
    records: int


class Receipt(msgspec.Struct, frozen=True, kw_only=True):
    """What happened to one shard.

    Attributes:
        shard: Path of the shard under the corpus root.
        fingerprint: Fingerprint of the policy that was applied.
        input: The input as it was read.
        counts: Records by outcome.
        outputs: Files written, by role: documents, attributes, quarantine.
        measures: Mergeable state of each measure.
    """

    shard: str
    fingerprint: str
    input: Input
    counts: Counts
    outputs: dict[str, Output]
    measures: dict[str, Any]
    schema: int = SCHEMA


class Failure(msgspec.Struct, frozen=True):
    """A shard that could not be processed; the run publishes nothing until it is."""

    shard: str
    reason: str


class Brief(msgspec.Struct, frozen=True, kw_only=True):
    """A receipt without its measurements; see `Receipt`."""

    shard: str
    fingerprint: str
    input: Input
    counts: Counts
    outputs: dict[str, Output]


class Measured(msgspec.Struct, frozen=True, kw_only=True):
    """A receipt's input, counts and some of its measurements; see `Receipt`."""

    input: Input
    counts: Counts
    measures: dict[str, Any]


class _Undecoded(msgspec.Struct, frozen=True, kw_only=True):
    input: Input
    counts: Counts
    measures: dict[str, msgspec.Raw]


class _Envelope(msgspec.Struct, forbid_unknown_fields=True):
    input_version: str
    receipt: msgspec.Raw
    sha256: str


@dataclass(frozen=True, slots=True)
class Sealed:
    """A receipt file whose digest matches its content.

    Attributes:
        version: The version of the input that the receipt speaks of.
        sha256: Its digest: its identity in the manifest.
    """

    version: str
    sha256: str
    _content: msgspec.Raw
    _where: str

    def receipt(self) -> Receipt:
        """Returns the receipt; ShardError where it is none."""
        return self._decoded(Receipt)

    def brief(self) -> Brief:
        """Returns it without its measurements, which are most of it."""
        return self._decoded(Brief)

    def measured(self, *names: str) -> Measured:
        """Returns it with the states of some measures alone: the others are not decoded."""
        found = self._decoded(_Undecoded)
        states = {name: msgspec.json.decode(found.measures[name]) for name in names if name in found.measures}
        return Measured(input=found.input, counts=found.counts, measures=states)

    def _decoded(self, kind: type[R]) -> R:
        try:
            return msgspec.json.decode(self._content, type=kind)
        except msgspec.DecodeError as error:
            raise _no_receipt(self._where, error) from None


def digest(receipt: Receipt) -> str:
    """Returns the sha256 of the receipt's canonical bytes: its identity in the manifest."""
    return hashlib.sha256(canonical_bytes(msgspec.to_builtins(receipt))).hexdigest()


def encode(receipt: Receipt, input_version: str) -> bytes:
    """Returns the bytes of a receipt file."""
    return seal(receipt, input_version)[0]


def seal(receipt: Receipt, input_version: str) -> tuple[bytes, str]:
    """Returns the bytes of a receipt file, and the receipt's digest."""
    # The canonical form of `_Envelope`, around the receipt's own: measure states are large, and encoded once.
    content = canonical_bytes(msgspec.to_builtins(receipt))
    found = hashlib.sha256(content).hexdigest()
    version = canonical_bytes(input_version)
    return b'{"input_version":%b,"receipt":%b,"sha256":"%b"}\n' % (version, content, found.encode()), found


def unseal(data: bytes, where: str) -> Sealed:
    """Checks a receipt file; its content is hashed as it stands, so that nothing is encoded again to check it.

    Args:
        data: The file's bytes.
        where: What errors call it.

    Raises:
        ShardError: The bytes are not a receipt, or its digest does not match its content.
    """
    try:
        envelope = msgspec.json.decode(data, type=_Envelope)
    except msgspec.DecodeError as error:
        raise _no_receipt(where, error) from None
    found = hashlib.sha256(envelope.receipt).hexdigest()
    if found != envelope.sha256:
        raise ShardError(
            f"{where}: the receipt was altered: recorded sha256 {envelope.sha256[:12]}, found {found[:12]}; "
            "delete the file and run again"
        )
    return Sealed(envelope.input_version, found, envelope.receipt, where)


def decode(data: bytes, where: str) -> tuple[Receipt, str]:
    """Reads a receipt file; see `unseal`.

    Returns:
        The receipt and the version of the input that it speaks of.
    """
    sealed = unseal(data, where)
    return sealed.receipt(), sealed.version


def _no_receipt(where: str, error: Exception) -> ShardError:
    return ShardError(f"{where}: not a receipt ({error}); delete the file and run again")
