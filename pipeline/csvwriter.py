"""CSV and TSV, written back: the header, then the records as they were."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from typing import BinaryIO

from tamis.pipeline.csvformat import CsvReader, row_of
from tamis.pipeline.decompress import Compression
from tamis.pipeline.document import Document
from tamis.pipeline.plan import Fields
from tamis.pipeline.stream_formats import StreamWriter

__all__ = ["CsvWriter"]


class CsvWriter(StreamWriter):
    """Writes records back as they were, after the header.

    Args:
        sink: The file.
        compression: How it is compressed.
        delimiter: What separates fields.
        fields: Where the plan says that the fields are; a text is replaced there.
        like: The reader that the documents come from; without one, a file without documents has no header.
    """

    def __init__(
        self,
        sink: BinaryIO,
        compression: Compression,
        delimiter: str,
        fields: Fields,
        like: CsvReader | None = None,
    ) -> None:
        super().__init__(sink, compression)
        self._delimiter = delimiter
        self._text = fields.text
        self._like = like
        self._last = b""

    def write(self, documents: Sequence[Document], texts: Sequence[str | None] | None = None) -> None:
        """Appends documents; see `tamis.pipeline.formats.Writer`."""
        for i, document in enumerate(documents):
            if not self._last:
                self._put(document.row)
            text = texts[i] if texts else None
            self._put(document.raw if text is None else self._rewritten(document, text))
            self.records += 1

    def _put(self, raw: bytes) -> None:
        if self._last and not self._last.endswith(b"\n"):
            self._bytes.write((b"\n",))
        self._bytes.write((raw,))
        self._last = raw

    def _rewritten(self, document: Document, text: str) -> bytes:
        names, row = (row_of(raw, self._delimiter) for raw in (document.row, document.raw))
        row[names.index(self._text)] = text
        sink = io.StringIO(newline="")
        # The writer quotes what its own line end holds: with an empty one, line ends in a text would go unquoted.
        csv.writer(sink, delimiter=self._delimiter, lineterminator="\r\n").writerow(row)
        body = document.raw.rstrip(b"\r\n")
        return sink.getvalue().encode("utf-8")[:-2] + document.raw[len(body) :]

    def finish(self) -> None:
        """Writes what is left and the end marker; once."""
        if not self._last and self._like is not None:
            self._put(self._like.header)
        super().finish()
