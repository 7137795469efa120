"""What every format has to offer: a reader that proves what it read, and a writer that knows what it wrote."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Protocol

from tamis.pipeline.document import Document, Record

__all__ = ["Reader", "Writer"]


class Reader(Protocol):
    """The records of one shard, in batches; iterate once, to the end."""

    @property
    def records(self) -> int:
        """Records read so far, rejected ones included."""

    @property
    def bytes_read(self) -> int:
        """Stored bytes read so far."""

    @property
    def digest(self) -> str:
        """SHA-256 of the stored bytes; ValueError before the end has been proven."""

    def __iter__(self) -> Iterator[list[Record]]:
        """Yields batches; ShardError where the shard is cut or damaged."""


class Writer(Protocol):
    """Writes documents of one format to one file, and knows what it wrote when it is finished."""

    @property
    def records(self) -> int:
        """Documents written so far."""

    @property
    def bytes_out(self) -> int:
        """Bytes handed to the file so far."""

    @property
    def digest(self) -> str:
        """SHA-256 of the written file; ValueError before `finish`."""

    def write(self, documents: Sequence[Document], texts: Sequence[str | None] | None = None) -> None:
        """Appends documents.

        Args:
            documents: Documents as read.
            texts: For each, the text that replaces its own, None = untouched.
        """

    def finish(self) -> None:
        """Writes what is left and the end of the file; once, and not after an error."""
