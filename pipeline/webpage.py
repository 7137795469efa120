"""The text of a web page: HTTP message taken apart, charset found, HTML turned into the text that a reader sees.

The charset is that of a byte order mark, else of the HTTP header, else of the page's own `meta`, else UTF-8 where it
fits, else it is detected (resiliparse). What does not decode becomes U+FFFD, in the text and not in the record. All
visible text is taken, not only what looks like the main content: a filter must see what a model may see.
"""

from __future__ import annotations

import codecs
import re
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import zstandard

from tamis.pipeline.jsonscan import utf8_fault

__all__ = ["HttpMessage", "PageError", "http_message", "is_html", "page_text", "plain_text"]

#: Longest page that is taken apart, in bytes: a tree of elements takes up to a hundred times its bytes.
PAGE = 5 << 20

_HEAD_END = re.compile(rb"\r?\n\r?\n")
_STATUS = re.compile(rb"HTTP/\d(?:\.\d)?[ \t]+(\d{3})(?:[ \t][^\n]*)?\r?\n")
_META = re.compile(rb"<meta[^>]{0,200}?charset\s*=\s*[\"']?\s*([a-zA-Z0-9_.:-]{2,40})", re.IGNORECASE)
_CHARSET = re.compile(r"charset\s*=\s*[\"']?\s*([^\s\"';,]+)", re.IGNORECASE)
_MARKS = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"))
_PRESCAN = 4096
_HTML = ("text/html", "application/xhtml+xml")
_HTML_START = re.compile(rb"\s*(?:<!doctype html|<html|<head|<body)", re.IGNORECASE)


class PageError(ValueError):
    """A message that cannot be taken apart; its text names no content."""


@dataclass(frozen=True, slots=True)
class HttpMessage:
    """A response.

    Attributes:
        status: Its status code.
        headers: Its header fields, by their names in lower case.
        body: Its body as transferred.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def mime(self) -> str:
        """The media type, in lower case, "" where none is given."""
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()


def http_message(block: bytes) -> HttpMessage:
    """Takes a response apart.

    Raises:
        PageError: It has no status line.
    """
    start = _STATUS.match(block)
    if start is None:
        raise PageError("no HTTP status line")
    end = _HEAD_END.search(block, start.end() - 2)
    head = block[start.end() : end.start() if end else len(block)].decode("latin-1")
    pairs = (line.partition(":") for line in head.splitlines())
    headers = {key.strip().lower(): value.strip() for key, _, value in pairs}
    return HttpMessage(int(start[1]), headers, block[end.end() :] if end else b"")


def is_html(message: HttpMessage) -> bool:
    """Tells a page of HTML by its media type, or by its start where it has none."""
    return message.mime in _HTML or (not message.mime and _HTML_START.match(message.body) is not None)


def page_text(message: HttpMessage) -> str:
    """Returns the visible text of a page of HTML, one block element a line.

    Raises:
        PageError: Its body does not decode, or is longer than `PAGE`.
    """
    # Slow to import, and only web archives need it.
    from resiliparse.extract.html2text import extract_plain_text

    text: str = extract_plain_text(plain_text(message), preserve_formatting=True)
    return text


def plain_text(message: HttpMessage) -> str:
    """Returns the decoded body of a message; see `page_text`."""
    body = _decoded(message)
    if len(body) > PAGE:
        raise PageError(f"a page of more than {PAGE} bytes")
    for mark, encoding in _MARKS:
        if body.startswith(mark):
            return body[len(mark) :].decode(encoding, "replace")
    return _sound(_to_text(body, _charset(message, body)))


def _charset(message: HttpMessage, body: bytes) -> str:
    """Returns the label of a page's encoding, "" where it names none that is known."""
    named = _CHARSET.search(message.headers.get("content-type", ""))
    meta = _META.search(body[:_PRESCAN])
    for label in (named[1] if named else "", meta[1].decode("ascii") if meta else ""):
        if label and _known(label):
            return label
    return ""


def _known(label: str) -> bool:
    try:
        # Python's own codecs include some that are no charsets (base64, zlib).
        return bool(codecs.lookup(label)._is_text_encoding)
    except (LookupError, ValueError):
        return False


def _to_text(body: bytes, label: str) -> str:
    from resiliparse.parse.encoding import bytes_to_str, detect_encoding, map_encoding_to_html5

    if not label and utf8_fault(body) is None:
        return body.decode("utf-8")
    encoding: str | None = map_encoding_to_html5(label) if label else detect_encoding(body)
    text: str = bytes_to_str(body, encoding or "utf-8", "replace", ("utf-8",))
    return text


def _sound(text: str) -> str:
    """Replaces lone surrogates, which some codecs let through."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode("utf-8")


def _decoded(message: HttpMessage) -> bytes:
    """Undoes transfer and content encodings, where the body really has them: archives often keep only the header."""
    body = message.body
    if "chunked" in message.headers.get("transfer-encoding", "").lower():
        body = _unchunked(body)
    for encoding in reversed(message.headers.get("content-encoding", "").lower().split(",")):
        body = _inflated(body, encoding.strip())
    return body


_CHUNK = re.compile(rb"([0-9a-fA-F]{1,8})[ \t]*(?:;[^\n]*)?\r?\n")


def _unchunked(body: bytes) -> bytes:
    if not _CHUNK.match(body):
        return body
    return b"".join(_chunks(body))


def _chunks(body: bytes) -> Iterator[bytes]:
    place = 0
    while head := _CHUNK.match(body, place):
        size = int(head[1], 16)
        yield body[head.end() : head.end() + size]
        place = head.end() + size
        if not size:
            return
        place += 2 if body[place : place + 2] == b"\r\n" else body[place : place + 1] == b"\n"


def _inflated(body: bytes, encoding: str) -> bytes:
    if encoding in ("gzip", "x-gzip") and body.startswith(b"\x1f\x8b"):
        return _zlib(body, 31)
    if encoding == "deflate" and body[:1] == b"\x78":
        return _zlib(body, 15)
    if encoding == "zstd" and body.startswith(b"\x28\xb5\x2f\xfd"):
        return _zstd(body)
    if encoding == "br" and not _HTML_START.match(body) and body:
        raise PageError("a body compressed with Brotli, which is not read")
    return body


def _zlib(body: bytes, bits: int) -> bytes:
    """Inflates as much as there is: a crawler's limit cuts pages, and their beginning still is a page."""
    decoder = zlib.decompressobj(bits)
    try:
        return decoder.decompress(body, PAGE + 1)
    except zlib.error:
        raise PageError("a body whose compression is damaged") from None


def _zstd(body: bytes) -> bytes:
    try:
        return zstandard.ZstdDecompressor(max_window_size=8 << 20).stream_reader(body).read(PAGE + 1)
    except zstandard.ZstdError:
        raise PageError("a body whose compression is damaged") from None
