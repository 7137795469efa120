"""What the readers of Parquet and Arrow IPC share: the whole file is hashed first, and is proven by its last row."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any, BinaryIO, ClassVar

import pyarrow as pa

from tamis.pipeline.columnar import Columns, check
from tamis.pipeline.errors import ShardError
from tamis.pipeline.rawbytes import RawBytes

__all__ = ["ColumnarReader"]

# KeyError: a type that pyarrow has no class for.
_FAULTS = (pa.ArrowException, OSError, ValueError, KeyError, OverflowError, MemoryError, NotImplementedError)


class ColumnarReader:
    """The part of a reader that knows its file; subclasses decode it.

    Args:
        raw: The file, seekable, at its start.
        name: The shard's path.

    Attributes:
        schema: The shard's Arrow schema, with its metadata.
    """

    #: What errors call the format.
    FORMAT: ClassVar[str]
    schema: Any
    _columns: Columns

    def __init__(self, raw: BinaryIO, name: str) -> None:
        self._name = name
        self._source = RawBytes(raw, name)
        self._source.exhaust()
        self._proven = False

    @property
    def records(self) -> int:
        """Rows read so far, rejected ones included."""
        return self._columns.records

    @property
    def bytes_read(self) -> int:
        """Stored bytes."""
        return self._source.count

    @property
    def digest(self) -> str:
        """SHA-256 of the stored bytes, in hexadecimal; ValueError before the end has been proven."""
        if not self._proven:
            raise ValueError(f"{self._name}: the digest is known at the end of the shard only")
        return self._source.digest()

    def pass_nulls(self) -> None:
        """Makes documents with an empty text of rows without one, which are rejected otherwise."""
        self._columns.nulls_pass = True

    def _prove(self) -> None:
        """Marks the end; ShardError where the file changed while it was read."""
        self._source.check_unchanged()
        self._proven = True

    def _damaged(self, reason: str) -> ShardError:
        return ShardError(
            f"{self._name}: cut or damaged: not sound {self.FORMAT} ({reason}): fetch or write the shard again"
        )

    def _checked(self, batches: Iterator[Any]) -> Iterator[Any]:
        """Yields record batches whose every offset and index lies inside of its buffers."""
        while True:
            with self._damage():
                batch = next(batches, None)
                if batch is None:
                    return
                check(batch)
            yield batch

    @contextlib.contextmanager
    def _damage(self) -> Iterator[None]:
        """Turns what the decoder raises into an error of the shard; its message may quote data, so it is left out."""
        try:
            yield
        except _FAULTS as error:
            raise self._damaged(type(error).__name__) from None
