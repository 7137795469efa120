"""Fixtures shared by the tests."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from tamis.pipeline import buckets

TESTS = Path(__file__).resolve().parent


def _load(name: str, folder: Path = TESTS) -> ModuleType:
    """Loads a module that lies beside this file, or in another folder; tests are not a package."""
    spec = importlib.util.spec_from_file_location(name, folder / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    # Dataclasses look their module up by name.
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def example_report() -> Callable[..., dict[str, Any]]:
    """`make` of report_example.py: a report of realistic shape, made without a run."""
    make: Callable[..., dict[str, Any]] = _load("report_example").make
    return make


@pytest.fixture(scope="session")
def hostile() -> ModuleType:
    """hostile.py: payloads, and a report that is full of them."""
    return _load("hostile")


@pytest.fixture(scope="session")
def marker_run() -> ModuleType:
    """marker_run.py: runs over documents whose scores are written into them."""
    return _load("marker_run")


@pytest.fixture(scope="session")
def script() -> Callable[[str], ModuleType]:
    """Loads a module of scripts/."""
    return lambda name: _load(name, TESTS.parent / "scripts")


@pytest.fixture(scope="session")
def canaries() -> ModuleType:
    """canaries.py: a corpus whose every field holds a word of its own, and the search for them."""
    return _load("canaries")


@pytest.fixture
def world(tmp_path: Path, marker_run: ModuleType, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A corpus that changes and a plan that follows it; see refreshing.py."""
    return _load("refreshing").World(tmp_path, marker_run, monkeypatch)


@pytest.fixture(scope="session")
def servers() -> Iterator[Callable[[str], Any]]:
    """Starts the storage server of a scheme, once a session; see servers.py."""
    kinds = _load("servers").KINDS
    started: dict[str, Any] = {}
    with ExitStack() as stack:

        def server(scheme: str) -> Any:
            if scheme not in started:
                started[scheme] = stack.enter_context(kinds[scheme]())
            return started[scheme]

        yield server


@pytest.fixture
def connected(servers: Callable[[str], Any], monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Any]]:
    """Starts a server and points this process, and those that it starts, to it."""

    def connect(scheme: str, address: str | None = None) -> Any:
        server = servers(scheme)
        for name, value in server.environment(address or server.address).items():
            monkeypatch.setenv(name, value)
        buckets._made.cache_clear()
        return server

    buckets._made.cache_clear()
    yield connect
    buckets._made.cache_clear()


@pytest.fixture
def dataflow_service() -> Iterator[Any]:
    """A service that takes Dataflow jobs on the loopback interface; see dataflow_service.py."""
    _load("servers")
    with _load("dataflow_service").dataflow() as service:
        yield service


@pytest.fixture
def serving() -> Iterator[Callable[[Any], str]]:
    """Starts an HTTP server for a handler; returns host:port."""
    begin = _load("servers").serving
    with ExitStack() as stack:
        yield lambda handler: stack.enter_context(begin(handler))


@pytest.fixture
def proxied(connected: Callable[..., Any]) -> Iterator[Callable[[str], Any]]:
    """Starts a server behind a proxy that can be told to fail; see faulty_proxy.py."""
    faulty, serving = _load("faulty_proxy"), _load("servers").serving
    with ExitStack() as stack:

        def connect(scheme: str) -> Any:
            proxy = faulty.Proxy(connected(scheme).address)
            stack.callback(proxy.over.set)
            proxy.address = stack.enter_context(serving(proxy.handler()))
            proxy.server, proxy.Fault = connected(scheme, proxy.address), faulty.Fault
            # Some answers hold the server's own address, for the next request.
            proxy.server.announce(proxy.address)
            stack.callback(proxy.server.announce, proxy.server.address)
            return proxy

        yield connect
