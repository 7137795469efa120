"""WARC, WET and ARC: web pages as documents.

A document is a `conversion` record of plain text (WET), a successful `response` that carries HTML or plain text, or a
`resource` of these types from the web; every other record (requests, metadata, images, redirects) is passed over and
counted in `others`. Url, date, digest, language and every header field of the record are fields of the document. The
text of HTML is what `webpage` makes of it. Records without compression are checked against their block digest, where
they have a SHA-1, SHA-256 or MD5.

The output holds the last `warcinfo` before them and the kept documents, each record compressed on its own. A
document whose text was rewritten leaves as plain text: WET records in place, pages as `conversion` records.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable, Iterator
from typing import Any

from tamis.pipeline.decompress import VerifiedStream
from tamis.pipeline.document import NOTHING, Document, Reason, Record, Rejected
from tamis.pipeline.jsonfaults import Fault
from tamis.pipeline.jsonl import rejected, too_wide
from tamis.pipeline.jsonscan import text_size, utf8_fault
from tamis.pipeline.limits import Limits
from tamis.pipeline.plan import Fields
from tamis.pipeline.stream_formats import StreamReader
from tamis.pipeline.text import batched
from tamis.pipeline.warc_records import WarcRecord, records
from tamis.pipeline.webpage import HttpMessage, PageError, http_message, is_html, page_text, plain_text

__all__ = ["WarcReader"]

#: Short names of header fields.
NAMES = {
    "id": "warc-record-id",
    "url": "warc-target-uri",
    "date": "warc-date",
    "digest": "warc-payload-digest",
    "language": "warc-identified-content-language",
    "type": "warc-type",
    "ip": "warc-ip-address",
}
_WEB = ("http://", "https://", "<http://", "<https://")


class WarcReader(StreamReader):
    """The pages of one shard, in batches; iterate once, to the end.

    Args:
        stream: The shard's bytes; its name is the prefix of synthetic ids.
        fields: Which header fields are id, source and extras; the text and the url are always the record's own.
        limits: Longest record.
        digests: Whether block digests are checked.

    Attributes:
        others: Records passed over so far.
        info: The bytes of the last `warcinfo` record, or of the header of an ARC; b"" before there was one.
    """

    def __init__(
        self, stream: VerifiedStream, fields: Fields, limits: Limits | None = None, digests: bool = False
    ) -> None:
        super().__init__(stream, limits)
        self.others = 0
        self.info = b""
        self._fields = fields
        self._limit = self._limits.line
        self._digests = digests

    def __iter__(self) -> Iterator[list[Record]]:
        """Yields batches; ShardError where the shard is cut or damaged."""
        return batched(self._records())

    def _records(self) -> Iterator[Record]:
        for record in records(self._stream, self._limit, self._stream.name):
            if record.headers.get("warc-type") == "warcinfo" and record.block is not None:
                self.info = record.raw
            if (found := self._record(record)) is None:
                self.others += 1
            else:
                self.records += 1
                yield found

    def _record(self, record: WarcRecord) -> Record | None:
        """Returns a document, a record that should be one and cannot, or None where it is none."""
        extract = _extractor(record)
        if extract is None:
            return None
        if record.block is None:
            detail = f"at most {self._limit} bytes"
            fault = (Reason.TOO_LONG, detail, record.sha256, None)
            return Rejected(self.records, record.offset, record.length, *fault)
        if 4 * len(record.block) > self._limits.text < text_size(record.block):
            return too_wide(record.raw, record.offset, self.records, self._limits)
        if self._digests and not _digest_holds(record):
            return self._rejected(record, (Reason.BAD_RECORD, "the block digest does not match"))
        try:
            text = extract(record)
        except PageError as error:
            return self._rejected(record, (Reason.BAD_RECORD, str(error)))
        except UnicodeDecodeError as error:
            return self._rejected(record, (Reason.INVALID_UTF8, f"byte {error.start} of the block"))
        return None if text is None else self._document(record, text)

    def _rejected(self, record: WarcRecord, fault: Fault) -> Rejected:
        return rejected(record.raw, record.offset, self.records, fault)

    def _document(self, record: WarcRecord, text: str) -> Document:
        fields, number = self._fields, self.records
        ident = _field(record, fields.id)
        extras = {name: _field(record, path) or None for name, path in fields.extra.items()} or NOTHING
        source = "" if fields.source is None else _field(record, fields.source)
        made = f"{self._stream.name}#{number}"
        url = record.headers.get("warc-target-uri", "").strip("<>")
        return Document(
            ident or made, text, source, url, extras, record.raw, record.offset, number, not ident, self.info
        )


def _field(record: WarcRecord, name: str) -> str:
    key = name.lower()
    return record.headers.get(NAMES.get(key, key), "")


_Extract = Callable[[WarcRecord], str | None]


def _extractor(record: WarcRecord) -> _Extract | None:
    """Tells by its header how a record becomes a text, None where it is passed over."""
    kind, mime = record.headers.get("warc-type", ""), _mime(record)
    if kind == "conversion" and mime in ("text/plain", ""):
        return _utf8
    if not record.headers.get("warc-target-uri", "").startswith(_WEB):
        return None
    if kind == "response" and mime == "application/http":
        return _response
    return _resource if kind == "resource" and mime in ("text/html", "application/xhtml+xml", "text/plain") else None


def _mime(record: WarcRecord) -> str:
    return record.headers.get("content-type", "").partition(";")[0].strip().lower()


def _utf8(record: WarcRecord) -> str:
    block = record.block or b""
    if (place := utf8_fault(block)) is not None:
        raise UnicodeDecodeError("utf-8", b"", place, place + 1, "")
    return block.decode("utf-8")


def _response(record: WarcRecord) -> str | None:
    """Returns the text of a successful response with HTML or plain text, None for any other."""
    message = http_message(record.block or b"")
    if not 200 <= message.status < 300:
        return None
    return _text(message)


def _resource(record: WarcRecord) -> str | None:
    headers = {"content-type": record.headers.get("content-type", "")}
    return _text(HttpMessage(200, headers, record.block or b""))


def _text(message: HttpMessage) -> str | None:
    if is_html(message):
        return page_text(message)
    return plain_text(message) if message.mime == "text/plain" else None


_HASHES: dict[str, Any] = {"sha1": hashlib.sha1, "sha256": hashlib.sha256, "md5": hashlib.md5}


def _digest_holds(record: WarcRecord) -> bool:
    """Tells whether a block is what its digest says; a digest of another kind says nothing."""
    label, _, value = record.headers.get("warc-block-digest", "").partition(":")
    make = _HASHES.get(label.lower().replace("-", ""))
    if make is None:
        return True
    found: bytes = make(record.block or b"", usedforsecurity=False).digest()
    return value.strip().lower() in (found.hex(), base64.b32encode(found).decode("ascii").lower())
