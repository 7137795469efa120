import gzip
import zlib

import pytest
import zstandard

from tamis.pipeline import webpage
from tamis.pipeline.webpage import PageError, http_message, is_html, page_text, plain_text

HEAD = "<html><head><title>T</title><style>x{}</style></head>"
HTML = HEAD + "<body><p>caf\u00e9 &amp; <b>tea</b><p>two<script>no()</script></body>"


def message(body, *headers, status=200):
    lines = [f"HTTP/1.1 {status} OK", *headers, "", ""]
    return http_message("\r\n".join(lines).encode("latin-1") + body)


def test_http_message():
    found = http_message(b"HTTP/1.0 404\nContent-Type: Text/HTML; charset=x\nA:b: c\n\n<p>\r\n\r\n")
    assert (found.status, found.mime, found.body) == (404, "text/html", b"<p>\r\n\r\n")
    assert found.headers["a"] == "b: c"
    assert http_message(b"HTTP/1.1 200 OK\r\n\r\nx").body == b"x"
    assert http_message(b"HTTP/1.1 200 OK\r\n").body == b""
    for bad in (b"", b"<html>", b"HTTP/1.1 OK\r\n\r\n"):
        with pytest.raises(PageError):
            http_message(bad)


@pytest.mark.parametrize(
    ("body", "headers", "found"),
    [
        (b"x", ["Content-Type: text/html"], True),
        (b"x", ["Content-Type: application/xhtml+xml;q=1"], True),
        (b"<html>", ["Content-Type: image/png"], False),
        (b" \n<!DOCTYPE HTML>", [], True),
        (b"\x89PNG", [], False),
    ],
)
def test_is_html(body, headers, found):
    assert is_html(message(body, *headers)) == found


def test_visible_text():
    text = page_text(message(HTML.encode(), "Content-Type: text/html; charset=utf-8"))
    assert text.split("\n\n") == ["caf\u00e9 & tea", "two"]


@pytest.mark.parametrize(
    ("body", "header"),
    [
        (HTML.encode("latin-1"), "text/html; charset=ISO-8859-1"),
        (HTML.encode(), 'text/html; charset="UTF-8"'),
        (HTML.encode(), "text/html"),
        (HTML.encode("latin-1").replace(b"<style>", b"<meta charset='windows-1252'><style>"), "text/html"),
        (HTML.encode().replace(b"<style>", b"<meta http-equiv=x content='a; charset=utf-8'><style>"), "text/html"),
        (b"\xef\xbb\xbf" + HTML.encode(), "text/html; charset=latin-1"),
        (HTML.encode("utf-16"), "text/html; charset=latin-1"),
        (HTML.encode("latin-1"), "text/html; charset=nonsense"),
        (HTML.encode("latin-1"), "text/html; charset=latin1, zlib"),
    ],
)
def test_charsets(body, header):
    assert "caf\u00e9" in page_text(message(body, f"Content-Type: {header}"))


@pytest.mark.parametrize("label", ["base64", "zlib", "rot13", "idna", "unicode_escape", "utf-7", "x" * 300, "\0"])
def test_labels_that_are_no_charsets_do_no_harm(label):
    text = plain_text(message(b"plain +AGE- \\u0061 text", f"Content-Type: text/plain; charset={label}"))
    assert text.endswith("text")
    text.encode()


@pytest.mark.parametrize("body", [b"\xff\xfe\x00\xd8x", b"\xed\xa0\x80", b"\x80\x81\xff"])
def test_texts_hold_no_lone_surrogates(body):
    for label in ("utf-8", "utf-16", "windows-1252", "shift_jis", "gb18030"):
        plain_text(message(body, f"Content-Type: text/plain; charset={label}")).encode()


def chunked(data, size=7):
    pieces = [data[i : i + size] for i in range(0, len(data), size)]
    return b"".join(b"%X;x=y\r\n%s\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n\r\n"


@pytest.mark.parametrize(
    ("body", "headers"),
    [
        (gzip.compress(b"<p>tea"), ["Content-Encoding: gzip"]),
        (zlib.compress(b"<p>tea"), ["Content-Encoding: deflate"]),
        (zstandard.compress(b"<p>tea"), ["Content-Encoding: zstd"]),
        (chunked(b"<p>tea"), ["Transfer-Encoding: chunked"]),
        (chunked(gzip.compress(b"<p>tea")), ["Transfer-Encoding: chunked", "Content-Encoding: gzip"]),
        (gzip.compress(zlib.compress(b"<p>tea")), ["Content-Encoding: deflate, gzip"]),
        # Archives keep the header of what they have undone.
        (b"<p>tea", ["Content-Encoding: gzip", "Transfer-Encoding: chunked"]),
        (b"<html><p>tea", ["Content-Encoding: br"]),
        (chunked(b"<p>tea")[:-7], ["Transfer-Encoding: chunked"]),
        (gzip.compress(b"<p>tea")[:-8], ["Content-Encoding: gzip"]),
    ],
)
def test_encodings(body, headers):
    assert page_text(message(body, "Content-Type: text/html", *headers)) == "tea"


@pytest.mark.parametrize(
    ("body", "header"),
    [
        (b"\x1f\x8b\x08" + b"\xff" * 20, "Content-Encoding: gzip"),
        (b"\x78\x9c" + b"\xff" * 20, "Content-Encoding: deflate"),
        (b"\x28\xb5\x2f\xfddamaged", "Content-Encoding: zstd"),
        (b"\x8b\x05\x80tea", "Content-Encoding: br"),
        (gzip.compress(bytes(webpage.PAGE + 1)), "Content-Encoding: gzip"),
        (bytes(webpage.PAGE + 1), "X: y"),
    ],
)
def test_bodies_that_cannot_be_read(body, header):
    with pytest.raises(PageError):
        page_text(message(body, "Content-Type: text/html", header))


@pytest.mark.parametrize(
    "html", ["<div>" * 50_000, "<ul><li>" * 20_000, "<a href=x><b>" * 5_000, "&#xd800;&#0;", "<![CDATA["]
)
def test_hostile_pages(html):
    page_text(message((html + "tea").encode(), "Content-Type: text/html")).encode()
