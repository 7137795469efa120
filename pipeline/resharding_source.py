"""The records of several shards as one sequence, which can be entered at any place."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack

from tamis.pipeline import formats
from tamis.pipeline.decompress import Compression, compression_of
from tamis.pipeline.document import Document, Record, Rejected
from tamis.pipeline.errors import ShardError
from tamis.pipeline.interfaces import Reader
from tamis.pipeline.paths import Shard
from tamis.pipeline.plan import Corpus
from tamis.pipeline.resharding_proof import pass_nulls, passed

__all__ = ["Sequenced"]

#: Records that are taken at a time.
SLICE = 64


class Sequenced:
    """The records of shards one after the other, from a place on.

    Args:
        corpus: Where the shards lie.
        shards: Them.
        place: Number of the shard, and of the record in it, to start with.
        lenient: Whether sound JSON lines that are no documents pass.

    Attributes:
        corpus: As given.
        place: Number of the shard that comes next, and of the record in it.
        reader: The reader of that shard.
        kind: What one file cannot have two of: format, columns, header.
    """

    reader: Reader

    def __init__(self, corpus: Corpus, shards: Sequence[Shard], place: tuple[int, int], lenient: bool) -> None:
        self.corpus = corpus
        self.place = place
        self.kind: object = None
        self._shards = shards
        self._lenient = lenient
        self._stack = ExitStack()
        self._waiting: list[Record] = []
        self._batches: Iterator[list[Record]] | None = None
        self._seen = 0

    @property
    def shard(self) -> Shard:
        """The shard that is read."""
        return self._shards[self.place[0]]

    @property
    def format(self) -> str:
        """Its format."""
        return formats.format_of(self.shard.path).name

    @property
    def compression(self) -> Compression:
        """What it is compressed with as a whole."""
        return "" if self.format == "parquet" else compression_of(self.shard.path)

    def close(self) -> None:
        """Closes what is open; for when the sequence is not read to its end."""
        self._stack.close()

    def more(self) -> bool:
        """Tells whether a record comes, and opens the shard that it is in.

        Raises:
            ShardError: A shard is damaged, has vanished or changed.
        """
        while not self._waiting and self.place[0] < len(self._shards):
            if self._batches is None:
                self._open()
            assert self._batches is not None
            batch = next(self._batches, None)
            if batch is None:
                self._end()
            else:
                self._waiting = self._rest(batch)
        return bool(self._waiting)

    def take(self) -> tuple[list[Document], list[Rejected]]:
        """Returns the next records, apart by whether they can be used."""
        taken, self._waiting = self._waiting[:SLICE], self._waiting[SLICE:]
        self.place = (self.place[0], self.place[1] + len(taken))
        documents = [record for record in taken if isinstance(record, Document)]
        return documents, [record for record in taken if isinstance(record, Rejected)]

    def _open(self) -> None:
        self._seen = 0
        opened = formats.open_shard(self.corpus, self.shard.path, version=self.shard.version)
        self.reader = self._stack.enter_context(opened)
        pass_nulls(self.reader)
        self._batches = iter(self.reader)

    def _rest(self, batch: list[Record]) -> list[Record]:
        """Leaves out what lies before the place."""
        skipped = max(0, self.place[1] - self._seen)
        self._seen += len(batch)
        # A reader of CSV knows its header from here on.
        schema = getattr(self.reader, "schema", None)
        columns = None if schema is None else schema.serialize().to_pybytes()
        self.kind = (self.format, getattr(self.reader, "header", None), columns)
        lenient = self._lenient and self.format == "jsonl"
        return [passed(record) if lenient else record for record in batch[skipped:]]

    def _end(self) -> None:
        if self.reader.bytes_read != self.shard.size:
            raise ShardError(
                f"{self.shard.path}: the listing said {self.shard.size} bytes, {self.reader.bytes_read} were read: it "
                "was written to since; start again with an empty output"
            )
        self._stack.close()
        self._batches = None
        self.place = (self.place[0] + 1, 0)
