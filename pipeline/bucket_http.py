"""A web server: named files are read, nothing is listed or written. Logins come from ~/.netrc, proxies as usual."""

from __future__ import annotations

import re
from typing import Any, BinaryIO
from urllib.parse import quote

import requests
import smart_open

from tamis.pipeline.buckets import CONNECT_S, READ_S, Stat
from tamis.pipeline.errors import TamisError

__all__ = ["HttpBucket"]

TIMEOUT = (CONNECT_S, READ_S)
# The bytes as stored: not compressed again on the way.
_PLAIN = {"Accept-Encoding": "identity"}
_TOTAL = re.compile(r"bytes (?:\d+-\d+|\*)/(\d+)")
_SKIP = 1 << 20


class _ChangedError(Exception):
    """The file is not the version that was asked for; some servers send it all the same."""

    status_code = 412


class HttpBucket:
    """See `tamis.pipeline.buckets.Source`; a version is a strong ETag, or else the time of the last change."""

    def __init__(self, address: str) -> None:
        self._base = f"{address}/"
        self._session = requests.Session()

    def _url(self, key: str) -> str:
        return self._base + quote(key)

    def stat(self, key: str) -> Stat:
        """See `Source.stat`. Asks for the first byte, since some servers refuse HEAD or answer it wrongly."""
        headers = {**_PLAIN, "Range": "bytes=0-0"}
        with self._session.get(self._url(key), headers=headers, stream=True, timeout=TIMEOUT) as response:
            if response.status_code != 416:
                response.raise_for_status()
            return Stat(key, self._size(key, response), self._version(key, response))

    def _size(self, key: str, response: requests.Response) -> int:
        total = _TOTAL.fullmatch(response.headers.get("Content-Range", ""))
        if total is not None:
            return int(total[1])
        length = response.headers.get("Content-Length", "")
        if response.status_code != 200 or not length.isdecimal():
            raise TamisError(f"{self._url(key)}: the server tells no size, without which a cut is not noticed: copy it")
        return int(length)

    def _version(self, key: str, response: requests.Response) -> str:
        etag = response.headers.get("ETag", "")
        found = etag if etag and not etag.startswith("W/") else response.headers.get("Last-Modified", "")
        # An empty file may be answered by "range not satisfiable", which carries neither.
        if not found and response.status_code != 416:
            raise TamisError(
                f"{self._url(key)}: the server tells no version (ETag or Last-Modified), without which a change in the "
                "middle of reading is not noticed: copy it"
            )
        return found or "empty"

    def open(self, key: str, version: str, position: int) -> BinaryIO:
        """See `Source.open`; where the server knows no ranges, what lies before the position is read and left out."""
        condition = {"If-Match": version} if version.startswith('"') else {"If-Unmodified-Since": version}
        headers = {**_PLAIN, **condition, **({"Range": f"bytes={position}-"} if position else {})}
        parameters = {"headers": headers, "timeout": TIMEOUT, "session": self._session}
        file: Any = smart_open.open(self._url(key), "rb", compression="disable", transport_params=parameters)
        try:
            if self._version(key, file.response) != version:
                raise _ChangedError(f"{self._url(key)} is another version than {version}")
            _reach(file, position)
        except BaseException:
            file.close()
            raise
        opened: BinaryIO = file
        return opened


def _reach(file: Any, position: int) -> None:
    """Brings a response to a position; OSError where the server sent another part than it was asked for."""
    if file.response.status_code == 206:
        found = file.response.headers.get("Content-Range", "")
        if not found.startswith(f"bytes {position}-"):
            raise OSError(f"asked for the bytes from {position} on, the server sent {found[:60] or 'an unnamed part'}")
        return
    while position > 0 and (block := file.read(min(position, _SKIP))):
        position -= len(block)
