"""Real processes that start in milliseconds: forked from one that has imported the engine already.

Most of a small run's time is spent on imports, and there is nothing to lose in them. `Nursery` is a process that has
done them once. It forks for whoever asks over a socket; the child joins the process group that is asked for, runs
the command line it is given, and can be killed like any other. Launchers ask directly; the launcher's own workers
ask through `stub`, a program that stands in for `python -m tamis.pipeline.local_worker`.
"""

from __future__ import annotations

import array
import contextlib
import functools
import importlib.util
import json
import os
import runpy
import select
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

SOCKET = "TAMIS_NURSERY"

_STUB = """\
#!{python} -ISs
import array, json, os, socket, sys
with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as ask:
    ask.connect(os.environ["TAMIS_NURSERY"])
    wanted = json.dumps({{"argv": sys.argv[1:], "environment": dict(os.environ), "group": os.getpgid(0)}}).encode()
    fds = array.array("i", [1, 2])
    ask.sendmsg([len(wanted).to_bytes(4, "big")], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, fds)])
    ask.sendall(wanted)
    answer = ask.makefile("rb")
    answer.readline()
    code = int(answer.readline() or b"1")
sys.exit(code if code >= 0 else 128 - code)
"""


@functools.cache
def marker_run() -> ModuleType:
    """Loads tests/marker_run.py: runs over documents whose scores are written into them."""
    path = Path(__file__).resolve().parent.parent / "tests" / "marker_run.py"
    spec = importlib.util.spec_from_file_location("marker_run", path)
    if spec is None or spec.loader is None:
        raise ImportError(str(path))
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def group(pgid: int) -> dict[int, str]:
    """Returns the processes of a group that run or are stopped, with their state's letter."""
    found = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            state, _, owner, *_ = path.read_text(errors="replace").rpartition(")")[2].split()
            if state not in "ZX" and int(owner) == pgid:
                found[int(path.parent.name)] = state
    return found


class Child:
    """A process that a nursery has forked."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._answers = connection.makefile("rb")
        self.pid = int(self._answers.readline())
        self._code: int | None = None

    def wait(self, timeout: float) -> int | None:
        """Returns the exit code (minus the signal's number where one killed it), None where it still runs."""
        if self._code is not None:
            return self._code
        if not select.select([self._connection], [], [], max(timeout, 0.0))[0]:
            return None
        self._code = int(self._answers.readline())
        self._answers.close()
        self._connection.close()
        return self._code


class Nursery:
    """Starts the forking process, and stops it at the end of the block."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "nursery.sock"
        self.stub = folder / "python"
        self.stub.write_text(_STUB.format(python=Path(sys.executable).resolve()))
        self.stub.chmod(0o755)

    def __enter__(self) -> Nursery:
        self._process = subprocess.Popen([sys.executable, __file__, str(self.path), str(self.stub)])
        while not self.path.exists():
            if self._process.poll() is not None:
                raise RuntimeError("the nursery did not start")
            time.sleep(0.05)
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait()

    def start(self, arguments: Sequence[str], environment: Mapping[str, str], log: Path) -> Child:
        """Runs `python -m tamis.pipeline ARGUMENTS` in a process group of its own."""
        wanted = {"argv": ["-m", "tamis.pipeline", *arguments], "group": 0}
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        connection.connect(str(self.path))
        with log.open("wb") as err, Path(f"{log}.out").open("wb") as out:
            environment = {**os.environ, **environment, SOCKET: str(self.path)}
            data = json.dumps({**wanted, "environment": environment}).encode()
            fds = array.array("i", [out.fileno(), err.fileno()])
            connection.sendmsg([len(data).to_bytes(4, "big")], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, fds)])
            connection.sendall(data)
        return Child(connection)


def _serve(path: str, stub: str) -> None:
    """Forks on request until it is killed; ends with its parent."""
    parent = os.getppid()
    from apache_beam.runners.portability import local_job_service  # noqa: F401
    from apache_beam.runners.worker import sdk_worker_main  # noqa: F401

    # Once through all of it without the engine, and so without its threads: compiled code and templates are loaded.
    with tempfile.TemporaryDirectory() as folder:
        marker_run().make(Path(folder), [{"id": f"d{i}", "text": "the river hate81 paper"} for i in range(40)])
    server = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    server.bind(f"{path}.new")
    server.listen(64)
    Path(f"{path}.new").rename(path)
    children: dict[int, socket.socket] = {}
    while os.getppid() == parent:
        if select.select([server], [], [], 0.01)[0]:
            connection, _ = server.accept()
            wanted, fds = _request(connection)
            pid = os.fork()
            if pid == 0:
                server.close()
                for other in (connection, *children.values()):
                    other.close()
                _become(wanted, fds, stub)
                return
            with contextlib.suppress(OSError):
                os.setpgid(pid, wanted["group"] or pid)
            for fd in fds:
                os.close(fd)
            children[pid] = connection
            _tell(connection, pid)
        _reap(children)


def _request(connection: socket.socket) -> tuple[dict[str, Any], list[int]]:
    size, ancillary, _, _ = connection.recvmsg(4, socket.CMSG_SPACE(8))
    fds = array.array("i", ancillary[0][2])
    data = b""
    while len(data) < int.from_bytes(size, "big"):
        data += connection.recv(1 << 16)
    return json.loads(data), fds.tolist()


def _tell(connection: socket.socket, number: int) -> None:
    with contextlib.suppress(OSError):
        connection.sendall(f"{number}\n".encode())


def _reap(children: dict[int, socket.socket]) -> None:
    with contextlib.suppress(ChildProcessError):
        while (ended := os.waitpid(-1, os.WNOHANG))[0]:
            connection = children.pop(ended[0])
            _tell(connection, os.waitstatus_to_exitcode(ended[1]))
            connection.close()


def _become(wanted: dict[str, Any], fds: list[int], stub: str) -> None:
    """Turns the forked process into the one that was asked for; returns at its end."""
    with contextlib.suppress(OSError):
        os.setpgid(0, wanted["group"])
    os.environ.clear()
    os.environ.update(wanted["environment"])
    for target, fd in enumerate(fds, 1):
        os.dup2(fd, target)
        os.close(fd)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    tempfile.tempdir = None
    sys.executable = stub
    module, *rest = wanted["argv"][1:]
    sys.argv = [module, *rest]
    runpy.run_module("tamis.pipeline.__main__" if module == "tamis.pipeline" else module, run_name="__main__")


if __name__ == "__main__":
    _serve(sys.argv[1], sys.argv[2])
