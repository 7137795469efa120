"""A proxy in front of a storage server that fails when it is told to."""

from __future__ import annotations

import http.client
import re
import socket
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from http.server import BaseHTTPRequestHandler
from typing import Any


@dataclass
class Fault:
    """A way to fail, for requests that match.

    Attributes:
        status: Answer with this status instead of asking the server.
        cut_after: Pass this many bytes of the body on, then cut the connection.
        reset: Cut the connection before the server is asked.
        deaf: Do not answer.
        lose_answer: Let the server do it, then cut the connection without telling.
        body: Body of the `status` answer.
        match: What "METHOD path" must hold, as a regular expression.
        times: How often; the requests after that pass.
        first: Called before the fault strikes.
    """

    status: int | None = None
    cut_after: int | None = None
    reset: bool = False
    deaf: bool = False
    lose_answer: bool = False
    body: bytes = b""
    match: str = "GET"
    times: int = 1
    first: Callable[[], None] | None = None


@dataclass
class Proxy:
    """What the proxy does and has seen; `address` is set where it serves."""

    upstream: str
    address: str = ""
    faults: list[Fault] = field(default_factory=list)
    seen: list[str] = field(default_factory=list)
    watch: Callable[[str], None] | None = None

    def __post_init__(self) -> None:
        self._lock = threading.Lock()
        self.over = threading.Event()

    def fault(self, line: str) -> Fault | None:
        """Notes a request and returns how it is to fail, None = not."""
        with self._lock:
            self.seen.append(line)
            for each in self.faults:
                if each.times > 0 and re.search(each.match, line):
                    each.times -= 1
                    return each
        return None

    def handler(self) -> Any:
        return partial(_Handler, self)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def __init__(self, proxy: Proxy, *arguments: Any) -> None:
        self.proxy = proxy
        super().__init__(*arguments)

    def _serve(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        line = f"{self.command} {self.path}"
        if self.proxy.watch is not None:
            self.proxy.watch(line)
        fault = self.proxy.fault(line) or Fault()
        if fault.first is not None:
            fault.first()
        if fault.reset:
            self._cut()
        elif fault.deaf:
            self.proxy.over.wait(20)
            self._cut()
        elif fault.status is not None:
            self._answer(fault.status, [("Content-Length", str(len(fault.body)))], fault.body)
        else:
            self._pass(body, fault)

    def _pass(self, body: bytes, fault: Fault) -> None:
        upstream = http.client.HTTPConnection(self.proxy.upstream, timeout=20)
        upstream.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
        for name, value in self.headers.items():
            if name.lower() not in ("connection", "expect"):
                upstream.putheader(name, value)
        upstream.endheaders(body)
        answer = upstream.getresponse()
        data = answer.read()
        upstream.close()
        if fault.lose_answer:
            self._cut()
            return
        skipped = ("connection", "transfer-encoding", "content-length")
        headers = [(name, value) for name, value in answer.getheaders() if name.lower() not in skipped]
        length = answer.getheader("Content-Length") if self.command == "HEAD" else str(len(data))
        headers += [("Content-Length", length)] if length is not None else []
        self._answer(answer.status, headers, data, fault.cut_after)

    def _answer(self, status: int, headers: list[tuple[str, str]], data: bytes, cut_after: int | None = None) -> None:
        self.send_response_only(status)
        for name, value in headers:
            self.send_header(name, value)
        self.end_headers()
        data = b"" if self.command == "HEAD" else data
        if cut_after is not None and cut_after < len(data):
            self.wfile.write(data[:cut_after])
            self.wfile.flush()
            self._cut()
        else:
            self.wfile.write(data)

    def _cut(self) -> None:
        self.close_connection = True
        # Bytes that were sent arrive; then the connection ends.
        self.connection.shutdown(socket.SHUT_RDWR)

    def log_message(self, *arguments: Any) -> None:
        pass

    do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = _serve  # noqa: N815 - the names that http.server calls
