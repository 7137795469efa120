"""A server on the loopback interface that speaks the REST calls which Beam's Dataflow runner makes.

It keeps what it is sent. A job is pending until `execute` is asked for it; then the pipeline that was staged in the
bucket, not the one in the launcher's memory, runs with Beam's local runner.
"""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from http.server import BaseHTTPRequestHandler
from typing import Any

from servers import serving

_JOBS = re.compile(r"/v1b3/projects/(?P<project>[^/]+)/locations/(?P<region>[^/]+)/jobs")


@dataclass
class Service:
    """What was sent, and what is answered.

    Attributes:
        address: host:port.
        jobs: The job requests, as they came.
        calls: Method and path of every call.
        active: Whether there is a job of the same name already.
        execute: What is done with a job before it counts as done; an exception makes it a failed one.
    """

    address: str = ""
    jobs: list[dict[str, Any]] = field(default_factory=list)
    calls: list[tuple[str, str]] = field(default_factory=list)
    execute: Callable[[dict[str, Any]], None] = lambda job: None
    state: str = "JOB_STATE_PENDING"
    failure: str = ""
    active: bool = False

    def create(self, job: dict[str, Any]) -> dict[str, Any]:
        if self.active:
            # The service answers with the job that there is.
            return {**self.answer(), "clientRequestId": "another"}
        self.jobs.append(job)
        self.state = "JOB_STATE_RUNNING"
        threading.Thread(target=self._execute, args=(job,), daemon=True).start()
        return self.answer()

    def _execute(self, job: dict[str, Any]) -> None:
        try:
            self.execute(job)
        except Exception as error:
            self.failure = f"{type(error).__name__}: {error}"
            self.state = "JOB_STATE_FAILED"
        else:
            self.state = "JOB_STATE_DONE"

    def answer(self) -> dict[str, Any]:
        job = self.jobs[-1]
        told = {name: job[name] for name in ("name", "projectId", "clientRequestId") if name in job}
        return {**told, "id": "2026-11-24_00_00_00-1", "type": "JOB_TYPE_BATCH", "currentState": self.state}


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def __init__(self, service: Service, *arguments: Any) -> None:
        self.service = service
        super().__init__(*arguments)

    def do_POST(self) -> None:
        self.service.calls.append(("POST", self.path))
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if _JOBS.fullmatch(self.path.partition("?")[0]):
            return self._send(200, self.service.create(json.loads(body)))
        return self._send(404, {"error": {"code": 404, "message": self.path}})

    def do_GET(self) -> None:
        self.service.calls.append(("GET", self.path))
        path = self.path.partition("?")[0]
        if path.endswith("/messages"):
            return self._send(200, {"jobMessages": self._messages()})
        if path.endswith("/metrics"):
            return self._send(200, {"metrics": []})
        if self.service.jobs and _JOBS.match(path):
            return self._send(200, self.service.answer())
        return self._send(404, {"error": {"code": 404, "message": self.path}})

    def _messages(self) -> list[dict[str, Any]]:
        if not self.service.failure:
            return []
        named = {"messageText": self.service.failure, "messageImportance": "JOB_MESSAGE_ERROR"}
        return [{"id": "1", "time": "2026-11-24T00:00:00Z", **named}]

    def _send(self, status: int, content: dict[str, Any]) -> None:
        data = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *arguments: Any) -> None:
        pass


@contextmanager
def dataflow() -> Iterator[Service]:
    """Serves until the block ends."""
    service = Service()
    with serving(partial(_Handler, service)) as address:
        service.address = address.replace("127.0.0.1", "localhost")
        yield service
