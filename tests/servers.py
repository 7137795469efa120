"""Real storage servers on the loopback interface, each in a process of its own; and a web server with ranges."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from hashlib import md5
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest
import requests

INSTALLED = Path(__file__).resolve().parent.parent / ".venv" / "servers"

# Azurite's well-known account; its key is the same on every machine and opens nothing.
AZURE_ACCOUNT = "devstoreaccount1"
AZURE_KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="


@dataclass
class Server:
    """A server that runs.

    Attributes:
        scheme: Of the URLs that it serves.
        address: host:port.
        environment: What points a client to an address, as environment variables.
    """

    scheme: str
    address: str
    environment: Callable[[str], dict[str, str]]
    bucket: str = "tamis-test"
    files: dict[str, bytes] = field(default_factory=dict)

    def announce(self, address: str) -> None:
        """Tells the server under which address clients reach it, where it puts that into its answers."""
        if self.scheme == "gs":
            content = {"externalUrl": f"http://{address}", "publicHost": address}
            requests.put(f"http://{self.address}/_internal/config", json=content, timeout=10).raise_for_status()


def required(path: Path) -> Path:
    """Returns the path of an installed server; the test is skipped without it, and fails where CI=true."""
    if path.exists():
        return path
    reason = f"{path.name} is not installed: run scripts/install_servers"
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def running(command: list[str], port: int, environment: dict[str, str] | None = None) -> Iterator[None]:
    """Runs a server until the block ends, from when it accepts connections."""
    with tempfile.TemporaryFile() as log:
        process = subprocess.Popen(command, env={**os.environ, **(environment or {})}, stdout=log, stderr=log)
        try:
            for _ in range(600):
                if process.poll() is not None:
                    break
                with socket.socket() as probe:
                    if probe.connect_ex(("127.0.0.1", port)) == 0:
                        break
                time.sleep(0.05)
            if process.poll() is not None:
                log.seek(0)
                pytest.fail(f"{command[0]} ended: {log.read().decode(errors='replace')[-2000:]}")
            yield
        finally:
            process.terminate()
            process.wait(20)


@contextmanager
def folder() -> Iterator[Path]:
    made = Path(tempfile.mkdtemp(prefix="tamis-server-"))
    try:
        yield made
    finally:
        shutil.rmtree(made, ignore_errors=True)


@contextmanager
def s3() -> Iterator[Server]:
    """versitygw, an S3 server over a folder."""
    binary, port = required(INSTALLED / "bin" / "versitygw"), free_port()
    keys = {"AWS_ACCESS_KEY_ID": "tamis", "AWS_SECRET_ACCESS_KEY": "tamis-secret"}
    root = {"ROOT_ACCESS_KEY": keys["AWS_ACCESS_KEY_ID"], "ROOT_SECRET_KEY": keys["AWS_SECRET_ACCESS_KEY"]}

    def environment(address: str) -> dict[str, str]:
        none = {"AWS_CONFIG_FILE": os.devnull, "AWS_SHARED_CREDENTIALS_FILE": os.devnull}
        return {"AWS_ENDPOINT_URL": f"http://{address}", "AWS_REGION": "us-east-1", **keys, **none}

    with folder() as data:
        for name in ("objects", "meta"):
            (data / name).mkdir()
        options = ["--port", f"127.0.0.1:{port}", "--quiet", "--keep-alive"]
        backend = ["posix", "--sidecar", str(data / "meta"), str(data / "objects")]
        with running([str(binary), *options, *backend], port, root):
            server = Server("s3", f"127.0.0.1:{port}", environment)
            _make_s3_bucket(server)
            yield server


def _make_s3_bucket(server: Server) -> None:
    import boto3

    found = server.environment(server.address)
    client = boto3.client(
        "s3",
        endpoint_url=found["AWS_ENDPOINT_URL"],
        region_name=found["AWS_REGION"],
        aws_access_key_id=found["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=found["AWS_SECRET_ACCESS_KEY"],
    )
    client.create_bucket(Bucket=server.bucket)
    client.close()


@contextmanager
def gs() -> Iterator[Server]:
    """fake-gcs-server, an emulator of Google Cloud Storage."""
    binary, port = required(INSTALLED / "bin" / "fake-gcs-server"), free_port()
    address = f"127.0.0.1:{port}"

    def environment(address: str) -> dict[str, str]:
        # The client asks for a bucket's place in the background, for its traces; the proxy's counts are of ours alone.
        quiet = {"DISABLE_GCS_PYTHON_CLIENT_OTEL_BUCKET_METADATA": "true"}
        return {"STORAGE_EMULATOR_HOST": f"http://{address}", "GOOGLE_APPLICATION_CREDENTIALS": "", **quiet}

    options = ["-backend", "memory", "-scheme", "http", "-host", "127.0.0.1", "-port", str(port), "-log-level", "warn"]
    with running([str(binary), *options, "-public-host", address, "-external-url", ""], port):
        server = Server("gs", address, environment)
        requests.post(f"http://{address}/storage/v1/b?project=p", json={"name": server.bucket}, timeout=10)
        yield server


@contextmanager
def az() -> Iterator[Server]:
    """Azurite, an emulator of Azure Blob Storage."""
    binary, port = required(INSTALLED / "npm" / "node_modules" / ".bin" / "azurite-blob"), free_port()

    def environment(address: str) -> dict[str, str]:
        account = f"AccountName={AZURE_ACCOUNT};AccountKey={AZURE_KEY}"
        endpoint = f"BlobEndpoint=http://{address}/{AZURE_ACCOUNT}"
        return {"AZURE_STORAGE_CONNECTION_STRING": f"DefaultEndpointsProtocol=http;{account};{endpoint};"}

    with folder() as data:
        options = ["--blobHost", "127.0.0.1", "--blobPort", str(port), "--location", str(data), "--silent"]
        options += ["--skipApiVersionCheck", "--disableTelemetry"]
        with running([str(binary), *options], port):
            server = Server("az", f"127.0.0.1:{port}", environment)
            _make_container(server)
            yield server


def _make_container(server: Server) -> None:
    from azure.storage.blob import ContainerClient

    connection = server.environment(server.address)["AZURE_STORAGE_CONNECTION_STRING"]
    with ContainerClient.from_connection_string(connection, server.bucket) as container:
        container.create_container()


@contextmanager
def http() -> Iterator[Server]:
    """A web server of `Server.files`, with ranges and ETags."""
    server = Server("http", "", lambda address: {})
    with serving(partial(WebFiles, server.files)) as address:
        server.address = address
        yield server


@contextmanager
def serving(handler: Any) -> Iterator[str]:
    """Serves HTTP in a thread until the block ends; yields host:port."""
    web = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    web.daemon_threads = True
    thread = threading.Thread(target=web.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield f"127.0.0.1:{web.server_address[1]}"
    finally:
        web.shutdown()
        web.server_close()
        thread.join()


class WebFiles(BaseHTTPRequestHandler):
    """Answers GET for whole files and ranges, with strong ETags and If-Match."""

    protocol_version = "HTTP/1.1"
    ranges = True
    validator = "ETag"

    def __init__(self, files: dict[str, bytes], *arguments: Any) -> None:
        self.files = files
        super().__init__(*arguments)

    def do_GET(self) -> None:
        data = self.files.get(unquote(self.path.partition("?")[0]).lstrip("/"))
        if data is None:
            return self._answer(404, b"", {})
        version = f'"{md5(data).hexdigest()}"' if self.validator == "ETag" else "Thu, 01 Jan 2026 00:00:00 GMT"
        headers = {self.validator: version} if self.validator else {}
        if self.headers.get("If-Match", version) != version:
            return self._answer(412, b"", headers)
        wanted = self.headers.get("Range") if self.ranges else None
        if wanted is None:
            return self._answer(200, data, headers)
        start, _, end = wanted.removeprefix("bytes=").partition("-")
        first, last = int(start), min(int(end or len(data)), len(data) - 1)
        if first >= len(data):
            return self._answer(416, b"", {**headers, "Content-Range": f"bytes */{len(data)}"})
        named = {"Content-Range": f"bytes {first}-{last}/{len(data)}"}
        return self._answer(206, data[first : last + 1], {**headers, **named})

    def _answer(self, status: int, data: bytes, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(data))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *arguments: Any) -> None:
        pass


#: Scheme -> what starts its server.
KINDS = {"s3": s3, "gs": gs, "az": az, "http": http}
