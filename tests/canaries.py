"""Canaries: a corpus whose every field holds a word that stands nowhere else, and a search for these words.

A word begins with the name of its field, so that one search finds the words of all documents; letters number them.
`found` looks at the bytes of a file as they are, decompressed, and cell by cell where they are columns, in plain,
JSON-escaped, base64, hexadecimal and UTF-16 form.
"""

from __future__ import annotations

import base64
import gzip
import io
import json
import re
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import zstandard

#: Role of a field -> how its words begin. Letters only, none of them twice in a row: normalisers leave them alone.
WORDS = {
    "text": "quokzelvimp",
    "id": "idravonteks",
    "source": "srcwigdorn",
    "host": "hostplomdex",
    "url": "urlbrimfast",
    "metadata": "metgrulvask",
    "extra": "extvulmork",
    "key": "keyhondrelp",
    "bad": "badfrimzolt",
}
#: What a run may name outside of documents, quarantine, samples and attributes: the labels that it counts by.
LABELS = {"source", "host"}

_FORMULA = "=HYPERLINK"
_WRAPS = ("{}", "<b>{}</b>", '{} "quoted"', "caf\u00e9 {} \u2028 \U0001f600", f"{_FORMULA}({{}})", "\x1b[31m{}")


def word(role: str, number: int) -> str:
    """Returns the canary of a field of a document."""
    return WORDS[role] + "".join("abcdefghij"[int(digit)] for digit in f"{number:04d}")


def document(number: int) -> dict[str, Any]:
    """Returns a document, about every third of which is dropped by hate or redacted in a passage."""
    score = (number * 37) % 100
    text = _WRAPS[number % len(_WRAPS)].format(word("text", number))
    other = f"Another, ehate{(score + 13) % 100:02d} , {word('text', number)}."
    return {
        "id": word("id", number),
        "text": f"A line of {text} and hate{score:02d} .\n\n{other}",
        "source": f"{word('source', number % 5)}",
        "url": f"https://{word('host', number % 7)}.example/{word('url', number)}?q={word('url', number)}",
        "extra": word("extra", number),
        word("key", number): {"note": word("metadata", number)},
    }


def malformed(number: int) -> list[bytes]:
    """Returns records that cannot be read, one a reason or more."""
    bad, head = word("bad", number), f'{{"id": "{word("bad", number)}", "text": '
    lines = [
        head + f'"{bad}',
        head + f'"{bad} \\ud800"}}',
        head + f'"{bad}\0"}}',
        head + f'"{bad}", "n": NaN}}',
        head + f'["{bad}"]}}',
        head + "null" + f', "x": "{bad}"}}',
        f'{{"body": "{bad}"}}',
        f'"{bad}"',
        f"{bad} is not JSON",
        head + f'"{bad}", "extra": {"9" * 400}e999}}',
        f'{{"id": ["{bad}"], "text": "{bad}"}}',
        head + f'"{bad}", "x": ' + "[" * 600 + "]" * 600 + "}",
        head + f'"{bad}"}}{{"{bad}": 1}}',
    ]
    return [line.encode() for line in lines] + [
        head.encode() + b'"' + bad.encode() + b' \xff"}',
        b"\xef\xbb\xbf" + head.encode(),
    ]


def _warc(items: list[dict[str, Any]], html: bool) -> bytes:
    members = []
    for item in items:
        body = item["text"].encode()
        kind, mime = "conversion", "text/plain"
        if html:
            page = f"<html><head><title>{item['id']}</title></head><body><p>{item['text']}</p></body></html>".encode()
            body = b"HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=utf-8\r\n\r\n" + page
            kind, mime = "response", "application/http"
        head = (
            f"WARC/1.0\r\nWARC-Type: {kind}\r\nWARC-Record-ID: {item['id']}\r\nWARC-Target-URI: {item['url']}\r\n"
            f"Source: {item['source']}\r\nExtra: {item['extra']}\r\nContent-Type: {mime}\r\n"
            f"Content-Length: {len(body)}\r\n\r\n"
        )
        members.append(gzip.compress(head.encode() + body + b"\r\n\r\n", mtime=0))
    return b"".join(members)


def _table(items: list[dict[str, Any]]) -> pa.Table:
    columns = ("id", "text", "source", "url", "extra")
    return pa.table({name: [item[name] for item in items] for name in columns})


def _parquet(items: list[dict[str, Any]]) -> bytes:
    sink = io.BytesIO()
    pq.write_table(_table(items), sink, write_page_checksum=True)
    return sink.getvalue()


def _arrow(items: list[dict[str, Any]]) -> bytes:
    sink = io.BytesIO()
    table = _table(items)
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return sink.getvalue()


def _csv(items: list[dict[str, Any]]) -> bytes:
    def quoted(values: list[str]) -> str:
        return ",".join('"' + value.replace('"', '""') + '"' for value in values) + "\r\n"

    names = ["id", "text", "source", "url", "extra"]
    return (quoted(names) + "".join(quoted([item[name] for name in names]) for item in items)).encode()


def _jsonl(items: list[dict[str, Any]]) -> bytes:
    return b"".join(json.dumps(item, ensure_ascii=k % 2 == 0).encode() + b"\n" for k, item in enumerate(items))


def shards(bad: bool = False) -> dict[str, bytes]:
    """Returns a corpus by file name, with malformed records in some shards where it is asked for."""
    parts = [[document(8 * k + i) for i in range(8)] for k in range(8)]
    broken = b"".join(line + b"\n" for line in malformed(1)) if bad else b""
    rows = f'"{word("bad", 2)}","too few"\r\n{word("bad", 3)}\0,a,b,c,d\r\n'.encode() if bad else b""
    return {
        "a.jsonl.gz": gzip.compress(_jsonl(parts[0]) + broken, mtime=0),
        "b.jsonl.zst": zstandard.ZstdCompressor().compress(broken + _jsonl(parts[1])),
        "c.csv": _csv(parts[2]) + rows,
        "d.parquet": _parquet(parts[3]),
        "e.arrow": _arrow(parts[4]),
        "f.wet.gz": _warc(parts[5], html=False),
        "g.warc.gz": _warc(parts[6], html=True),
        "h.jsonl": _jsonl(parts[7]),
    }


def _forms(start: str) -> Iterator[bytes]:
    yield start.encode()
    yield start.encode().hex().encode()
    yield start.encode("utf-16-le")[:-1]
    for shift in range(3):
        # The letters at the ends depend on what stands beside the word.
        yield base64.b64encode(b"\0" * shift + start.encode()).rstrip(b"=")[4 if shift else 0 : -2]


_FORMS = {role: tuple(_forms(start)) for role, start in WORDS.items()}


def _unpacked(data: bytes) -> Iterator[bytes]:
    yield data
    for unpack in (gzip.decompress, _zstd, _columns):
        try:
            yield unpack(data)
        except Exception:
            continue


def _zstd(data: bytes) -> bytes:
    return zstandard.ZstdDecompressor().stream_reader(io.BytesIO(data), read_across_frames=True).read()


def _columns(data: bytes) -> bytes:
    return json.dumps(pq.read_table(io.BytesIO(data)).to_pylist(), default=repr, ensure_ascii=False).encode()


def roles_in(data: bytes) -> set[str]:
    """Tells whose words stand in some bytes, in any of the forms."""
    whole = b"\n".join(_unpacked(data))
    lower = re.sub(rb"(?<=[a-z])\0", b"", whole.lower())
    return {role for role, forms in _FORMS.items() if any(form in whole or form in lower for form in forms)}


def found(folder: Path, outside: tuple[str, ...] = ()) -> dict[str, set[str]]:
    """Searches every file under a folder, names included.

    Args:
        folder: Where.
        outside: Names of folders that are passed over, wherever they stand in a path.

    Returns:
        Roles by the path of the file; files without a word are left out.
    """
    hits = {}
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        name = path.relative_to(folder)
        if not set(name.parts) & set(outside):
            hits[name.as_posix()] = roles_in(path.read_bytes()) | roles_in(name.as_posix().encode())
    return {name: roles for name, roles in hits.items() if roles}


def everything(hits: dict[str, set[str]]) -> set[str]:
    """Returns the roles in any of the files."""
    return set(chain.from_iterable(hits.values()))
