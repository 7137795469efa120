"""Cutting a corpus into shards of one size: every record once, in its order, and proven by reading it again.

The shards of a folder that have one format are read in path order as one sequence, and written as `part-00000`,
`part-00001` … in the same folder of the output; a part ends when it has reached the target size, and where the columns
of a table change. A part is finished when its receipt is written, after its records were counted and hashed once more
from the file; the same command continues after the last finished part and gives the same bytes.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass
from typing import BinaryIO

import msgspec

from tamis.pipeline import conversion, formats, json_rows, quarantine
from tamis.pipeline.document import Rejected
from tamis.pipeline.errors import ShardError
from tamis.pipeline.interfaces import Writer
from tamis.pipeline.paths import Shard
from tamis.pipeline.plan import Corpus
from tamis.pipeline.resharding_proof import Proof
from tamis.pipeline.resharding_source import Sequenced
from tamis.pipeline.storage import Store
from tamis.pipeline.targets import Target
from tamis.pipeline.writer import ByteWriter

__all__ = ["STATE", "Group", "Part", "groups", "reshard"]

#: Where the output keeps what is known about it; hidden, so that no pattern takes it for shards.
STATE = ".tamis-reshard"


class Part(msgspec.Struct, frozen=True):
    """One file that was written.

    Attributes:
        path: Its path under the output.
        stop: The shard of the group, and the record in it, with which the next part starts.
        records: Records in it.
        quarantined: Records that were read meanwhile and cannot be used.
        bytes: Its size.
        sha256: Of its bytes.
        content: Of its records, see `resharding_proof`.
    """

    path: str
    stop: tuple[int, int]
    records: int
    quarantined: int
    bytes: int
    sha256: str
    content: str


@dataclass(frozen=True, slots=True)
class Group:
    """Shards that are read as one sequence.

    Attributes:
        folder: Their folder, "" or ending with a slash.
        ending: Ending of the parts' names.
        shards: Them, in path order.
    """

    folder: str
    ending: str
    shards: Sequence[Shard]

    def name(self, number: int) -> str:
        """Returns the path of a part."""
        return f"{self.folder}part-{number:05d}{self.ending}"


def groups(shards: Sequence[Shard], target: Target | None) -> list[Group]:
    """Puts shards of one folder and format together.

    Raises:
        UsageError: A name tells no format.
    """
    found: dict[tuple[str, str], list[Shard]] = {}
    for shard in shards:
        folder = "".join(shard.path.rpartition("/")[:2])
        ending = "".join(formats.format_of(shard.path).ending(shard.path))
        found.setdefault((folder, ending if target is None else f".{target.name}"), []).append(shard)
    return [Group(folder, ending, each) for (folder, ending), each in sorted(found.items())]


def reshard(store: Store, corpus: Corpus, group: Group, target: Target | None, size: int) -> Iterator[Part]:
    """Writes the parts of a group.

    Args:
        store: The output root.
        corpus: Where the shards lie, and the fields that tables need.
        group: What is read.
        target: What is written, None = the format that is read.
        size: Bytes from which on a part is full.

    Yields:
        Each part when it is finished; those of an earlier attempt first.

    Raises:
        ShardError: A shard is damaged or changed, or a part does not read back as it was written.
    """
    place, number = (0, 0), 0
    while (part := _finished(store, group.name(number))) is not None:
        yield part
        place, number = part.stop, number + 1
    lenient = target is None or target.format == "jsonl"
    with closing(Sequenced(corpus, group.shards, place, lenient)) as sequence:
        while sequence.more():
            yield _Part(store, group.name(number), sequence, target).write(size)
            number += 1


def _receipt(path: str) -> str:
    return f"{STATE}/parts/{path}.json"


def _finished(store: Store, path: str) -> Part | None:
    try:
        part = msgspec.json.decode(store.read(_receipt(path)), type=Part)
    except (FileNotFoundError, msgspec.MsgspecError):
        return None
    return part if part.path == path and store.size(path) == part.bytes else None


class _Part:
    """One part in progress."""

    def __init__(self, store: Store, path: str, sequence: Sequenced, target: Target | None) -> None:
        self._store, self._path, self._sequence = store, path, sequence
        self._target = None if target and target.keeps(sequence.format, sequence.compression) else target
        self._quarantined = 0
        self._quarantine: ByteWriter | None = None

    def write(self, size: int) -> Part:
        """Writes the part, reads it again, and marks it as finished."""
        fields = self._sequence.corpus.fields
        read = Proof(fields, self._target is not None)
        if self._target is not None:
            fields = json_rows.fields_of(self._sequence.format, fields)
        with ExitStack() as stack:
            writer = self._opened(stack.enter_context(self._store.open_write(self._path)))
            self._fill(writer, read, size, stack)
        found = Proof(fields, self._target is not None)
        found.read(self._store, self._path)
        self._compare(read, found)
        return self._finish(writer, read)

    def _opened(self, sink: BinaryIO) -> Writer:
        fields, reader = self._sequence.corpus.fields, self._sequence.reader
        if self._target is None:
            return formats.write_shard(sink, self._path, fields, None, reader)
        return conversion.convert(sink, self._target, fields, self._sequence.shard.path, reader)

    def _fill(self, writer: Writer, proof: Proof, size: int, stack: ExitStack) -> None:
        sequence, kind = self._sequence, self._sequence.kind
        while sequence.more() and sequence.kind == kind and (not writer.records or writer.bytes_out < size):
            reader, shard = sequence.reader, sequence.shard.path
            documents, rejected = sequence.take()
            proof.add(documents, reader)
            writer.write(documents)
            self._reject(shard, rejected, stack)
        writer.finish()
        if self._quarantine is not None:
            self._quarantine.finish()

    def _reject(self, shard: str, rejected: Sequence[Rejected], stack: ExitStack) -> None:
        """Keeps records that cannot be used; the file exists only where there are any."""
        if rejected and self._quarantine is None:
            path = f"{STATE}/quarantine/{self._path}.jsonl.gz"
            self._quarantine = ByteWriter(stack.enter_context(self._store.open_write(path)), "gz")
        if self._quarantine is not None:
            self._quarantine.write(quarantine.entry(shard, each) for each in rejected)
        self._quarantined += len(rejected)

    def _compare(self, read: Proof, found: Proof) -> None:
        if (read.records, read.digest()) != (found.records, found.digest()):
            raise ShardError(
                f"{self._path}: {read.records} records with the digest {read.digest()[:12]} were written, "
                f"{found.records} with {found.digest()[:12]} read back: please report this as a defect of tamis"
            )

    def _finish(self, writer: Writer, proof: Proof) -> Part:
        counts = (proof.records, self._quarantined)
        part = Part(self._path, self._sequence.place, *counts, writer.bytes_out, writer.digest, proof.digest())
        self._store.write(_receipt(self._path), msgspec.json.encode(part) + b"\n")
        return part
