import contextlib
import fcntl
import os
import resource
import signal
import subprocess
import sys

import pytest

from tamis.pipeline import atomic
from tamis.pipeline.errors import ShardError


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_appears_whole(tmp_path):
    target = tmp_path / "a" / "b" / "file"
    with atomic.open_write(target) as file:
        file.write(b"one")
        assert names(target.parent) == [".file.tamis-tmp"]
        file.write(b"two")
    assert target.read_bytes() == b"onetwo"
    assert names(target.parent) == ["file"]


def _write_and_fail(file, error):
    file.write(b"new")
    raise error


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, SystemExit])
@pytest.mark.parametrize("before", [None, b"old"])
def test_an_exception_leaves_what_was_there(tmp_path, error, before):
    target = tmp_path / "file"
    if before is not None:
        target.write_bytes(before)
    with pytest.raises(error), atomic.open_write(target) as file:
        _write_and_fail(file, error)
    assert names(tmp_path) == ([] if before is None else ["file"])
    assert before is None or target.read_bytes() == before


def test_replaces_or_refuses(tmp_path):
    target = tmp_path / "file"
    atomic.write_bytes(target, b"1")
    atomic.write_bytes(target, b"2")
    assert target.read_bytes() == b"2"
    with pytest.raises(FileExistsError):
        atomic.write_bytes(target, b"3", exclusive=True)
    assert target.read_bytes() == b"2"
    atomic.write_bytes(tmp_path / "other", b"3", exclusive=True)
    assert names(tmp_path) == ["file", "other"]


def test_a_second_writer_is_refused_and_harms_nothing(tmp_path):
    target = tmp_path / "file"
    with atomic.open_write(target) as file:
        file.write(b"first")
        with pytest.raises(ShardError, match="being written by another process"):
            atomic.write_bytes(target, b"second")
    assert target.read_bytes() == b"first"


def test_a_leftover_is_listed_and_taken_over(tmp_path):
    target = tmp_path / "x" / "file"
    target.parent.mkdir()
    temp = atomic.temporary(target)
    temp.write_bytes(b"a long leftover of a killed writer")
    assert atomic.leftovers(tmp_path) == [temp]
    assert atomic.is_temporary(temp)
    assert not atomic.is_temporary(target)
    atomic.write_bytes(target, b"new")
    assert target.read_bytes() == b"new"
    assert atomic.leftovers(tmp_path) == []


def test_the_lock_of_a_file_that_was_renamed_meanwhile_is_not_trusted(tmp_path, monkeypatch):
    """A writer opens the temporary of another, which publishes before the lock is taken: it must start again."""
    target = tmp_path / "file"
    real, calls = fcntl.flock, []

    def flock(descriptor, how):
        if not calls:
            atomic.temporary(target).rename(tmp_path / "published")
        calls.append(how)
        real(descriptor, how)

    monkeypatch.setattr(fcntl, "flock", flock)
    atomic.write_bytes(target, b"new")
    assert len(calls) == 2
    assert (tmp_path / "published").read_bytes() == b""
    assert target.read_bytes() == b"new"


def test_a_file_system_without_locks_is_written_all_the_same(tmp_path, monkeypatch):
    def flock(descriptor, how):
        raise OSError(95, "not supported")

    monkeypatch.setattr(fcntl, "flock", flock)
    atomic.write_bytes(tmp_path / "file", b"x")
    assert (tmp_path / "file").read_bytes() == b"x"


KILLED = """
import os, pathlib, signal, sys
from tamis.pipeline import atomic
with atomic.open_write(pathlib.Path(sys.argv[1])) as file:
    file.write(b"half")
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_killed_writer_leaves_nothing_under_the_name(tmp_path):
    target = tmp_path / "file"
    done = subprocess.run([sys.executable, "-c", KILLED, str(target)], check=False)
    assert done.returncode == -signal.SIGKILL
    assert names(tmp_path) == [".file.tamis-tmp"]
    atomic.write_bytes(target, b"whole")
    assert target.read_bytes() == b"whole"


@contextlib.contextmanager
def file_size_limit(size):
    """The closest to a full disk that needs no disk: the system refuses to write beyond a size."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, handler)


def test_a_disk_that_fills_up(tmp_path):
    target = tmp_path / "file"
    with pytest.raises(OSError), file_size_limit(1 << 16):
        atomic.write_bytes(target, bytes(1 << 20))
    assert names(tmp_path) == []


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_that_cannot_be_written(tmp_path):
    tmp_path.chmod(0o500)
    with pytest.raises(PermissionError):
        atomic.write_bytes(tmp_path / "file", b"x")


LINKED = """
import pathlib, sys
from tamis.pipeline import atomic
atomic.write_bytes(pathlib.Path(sys.argv[1]), b"whole", exclusive=True)
"""


def test_a_writer_killed_between_link_and_unlink_harms_nothing(tmp_path):
    """Both names are one file then: the next writer must not empty it."""
    target = tmp_path / "file"
    environment = {**os.environ, "TAMIS_KILL_AT": "file.linked:1"}
    done = subprocess.run([sys.executable, "-c", LINKED, str(target)], env=environment, check=False)
    assert done.returncode == -signal.SIGKILL
    assert names(tmp_path) == [".file.tamis-tmp", "file"]
    with pytest.raises(FileExistsError):
        atomic.write_bytes(target, b"other", exclusive=True)
    assert target.read_bytes() == b"whole"
    assert names(tmp_path) == ["file"]
