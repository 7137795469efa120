"""WARC, WET and ARC, written back: records as they were, each compressed on its own, as their readers expect."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Sequence
from typing import BinaryIO

from tamis.pipeline.decompress import Compression
from tamis.pipeline.document import Document
from tamis.pipeline.stream_formats import StreamWriter
from tamis.pipeline.warc import WarcReader
from tamis.pipeline.writer import MemberWriter

__all__ = ["WarcWriter", "rewritten"]

_HEAD_END = re.compile(rb"\r?\n\r?\n")
_FOLD = re.compile(rb"\r?\n[ \t]+")
_STALE = (
    *(b"warc-type", b"content-type", b"content-length", b"warc-block-digest", b"warc-payload-digest"),
    *(b"warc-truncated", b"warc-identified-payload-type", b"warc-concurrent-to"),
)


class WarcWriter(StreamWriter):
    """Writes documents back as the records that they were, after the `warcinfo` that stood before them.

    Args:
        sink: The file.
        compression: How each record is compressed.
        like: The reader that the documents come from; without one, a file without documents has no `warcinfo`.
    """

    def __init__(self, sink: BinaryIO, compression: Compression, like: WarcReader | None = None) -> None:
        super().__init__(sink, compression)
        self._like = like
        self._info = b""

    def _opened(self, sink: BinaryIO, compression: Compression) -> MemberWriter:
        return MemberWriter(sink, compression)

    def write(self, documents: Sequence[Document], texts: Sequence[str | None] | None = None) -> None:
        """Appends documents; see `tamis.pipeline.formats.Writer`."""
        for i, document in enumerate(documents):
            if document.row != self._info:
                self._info = document.row
                self._put(self._info)
            text = texts[i] if texts else None
            self._put(document.raw if text is None else rewritten(document, text))
            self.records += 1

    def _put(self, raw: bytes) -> None:
        # Only the last record of a file may lack the line ends that keep the next one apart.
        self._bytes.write((raw if raw.endswith(b"\n") or not raw else raw + b"\r\n\r\n",))

    def finish(self) -> None:
        """Writes what is left and the end marker; once."""
        if not self.records and self._like is not None and self._like.info:
            self._put(self._like.info)
        super().finish()


def rewritten(document: Document, text: str) -> bytes:
    """Makes the record of a document whose text was replaced: a `conversion` to plain text under the same id."""
    block = text.encode("utf-8")
    if not document.raw.startswith(b"WARC/"):
        return _arc(document.raw, block)
    end = _HEAD_END.search(document.raw)
    assert end is not None
    version, *fields = _FOLD.sub(b" ", document.raw[: end.start()]).splitlines()
    kept = [line for line in fields if line.partition(b":")[0].strip().lower() not in _STALE]
    digest = base64.b32encode(hashlib.sha1(block, usedforsecurity=False).digest())
    new = (
        b"WARC-Type: conversion",
        b"Content-Type: text/plain",
        b"WARC-Block-Digest: sha1:" + digest,
        b"Content-Length: %d" % len(block),
    )
    return b"\r\n".join((version, *kept, *new, b"", block, b"", b""))


def _arc(raw: bytes, text: bytes) -> bytes:
    """Makes an ARC record of plain text: the response's head is replaced with its body."""
    line = raw[: raw.index(b"\n")].rstrip(b"\r").split(b" ")
    block = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n" + text
    line[-1] = b"%d" % len(block)
    return b" ".join(line) + b"\n" + block + b"\n"
