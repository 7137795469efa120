"""Who has died, who hangs, and who only takes long."""

import fcntl
import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import msgspec
import pytest

from tamis.pipeline import crew, interrupts, pulse, runlock
from tamis.pipeline.crew import Crew
from tamis.pipeline.errors import RaceLost
from tamis.pipeline.pulse import Pulse
from tamis.pipeline.storage import open_store


@pytest.fixture
def clock(monkeypatch):
    """A clock that moves when it is told to."""
    now = [0.0]
    monkeypatch.setattr(crew.time, "monotonic", lambda: now[0])
    return now


def says(folder, pid, beats, ticks, at):
    (folder / str(pid)).write_bytes(msgspec.json.encode(Pulse(beats, ticks, at)).ljust(100))


def test_a_worker_that_stands_still_in_a_shard_hangs(tmp_path, clock):
    watched = Crew(tmp_path, patience=20)
    for tick in range(4):
        says(tmp_path, os.getpid(), beats=7, ticks=tick, at="a/b.gz")
        assert watched.look(unfinished=0) is None
        clock[0] += 5
    found = watched.look(unfinished=0)
    assert found is not None
    assert f"worker process {os.getpid()} hangs in shard a/b.gz" in found


def test_a_long_shard_that_gets_on_is_left_alone(tmp_path, clock):
    watched = Crew(tmp_path, patience=20)
    for beat in range(50):
        says(tmp_path, os.getpid(), beats=beat // 3, ticks=beat, at="a/b.gz")
        assert watched.look(unfinished=0) is None
        clock[0] += 5


@pytest.mark.parametrize("patience", [0, 1e9])
def test_who_waits_for_ever_does(tmp_path, clock, patience):
    watched = Crew(tmp_path, patience=patience)
    says(tmp_path, os.getpid(), 1, 1, "a")
    for _ in range(50):
        assert watched.look(unfinished=0) is None
        clock[0] += 5


def test_between_shards_it_is_enough_to_run(tmp_path, clock):
    watched = Crew(tmp_path, patience=20)
    for tick in range(20):
        says(tmp_path, os.getpid(), 7, tick, "")
        assert watched.look() is None
        clock[0] += 5
    for _ in range(4):
        clock[0] += 5
        found = watched.look()
    assert found is not None
    assert "between two shards" in found


def test_workers_that_begin_nothing(tmp_path, clock):
    watched = Crew(tmp_path, patience=20)
    found = []
    for tick in range(6):
        says(tmp_path, os.getpid(), 0, tick, "")
        found.append(watched.look(unfinished=3))
        clock[0] += 5
    assert found[:4] == [None] * 4
    assert "no worker has begun a shard" in found[-1]


def test_neither_sleep_nor_a_clock_set_back_makes_anybody_look_hung(tmp_path, clock):
    watched = Crew(tmp_path, patience=20)
    says(tmp_path, os.getpid(), 1, 1, "a")
    assert watched.look() is None
    for jump in (1e6, -2e6, 1e7):
        clock[0] += jump
        assert watched.look() is None


def test_the_dead_are_named_and_who_took_leave_is_not(tmp_path):
    watched = Crew(tmp_path, patience=0)
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    assert watched.look() is None
    says(tmp_path, ended.pid, 3, 3, "x.gz")
    found = watched.look()
    assert found is not None
    assert f"worker process {ended.pid} died in shard x.gz" in found


def test_who_dies_at_its_first_word_is_missed_all_the_same(tmp_path):
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    (tmp_path / str(ended.pid)).write_bytes(b'{"beats":1,')
    assert f"worker process {ended.pid} died" in str(Crew(tmp_path, patience=0).look())
    assert pulse.read(tmp_path / "13") is None


def test_who_takes_leave_leaves_no_file_open_and_none_behind(tmp_path):
    with pulse.joined(str(tmp_path)):
        file = pulse._file
        with pulse.at("a/b.gz"):
            told = pulse.read(tmp_path / str(os.getpid()))
    assert told is not None
    assert told.at == "a/b.gz"
    assert file is not None
    assert file.closed
    assert list(tmp_path.iterdir()) == []


def test_where_no_sign_can_be_given_the_work_goes_on(tmp_path):
    with pulse.joined(str(tmp_path / "gone")), pulse.at("a/b.gz"):
        assert pulse._file is None


def test_a_crew_is_gone_when_its_block_ends():
    with crew.gathered(1.0):
        folder = Path(os.environ[pulse.FOLDER])
        assert [path.name for path in folder.iterdir()] == [pulse.LAUNCHER]
    assert pulse.FOLDER not in os.environ
    assert not folder.exists()


GATHERS = """
import signal, sys
from tamis.pipeline import crew
with crew.gathered(1.0):
    print(flush=True)
    signal.pause()
"""


def launcher(place):
    """Starts a process that has gathered a crew; returns it and the crew's folder."""
    before = set(place.iterdir())
    process = subprocess.Popen(
        [sys.executable, "-c", GATHERS], stdout=subprocess.PIPE, env={**os.environ, "TMPDIR": str(place)}
    )
    assert process.stdout.readline()
    (folder,) = set(place.iterdir()) - before
    return process, folder


def end(process, number):
    process.send_signal(number)
    process.wait(60)
    process.stdout.close()


def test_the_folders_of_killed_launchers_are_removed_at_the_next_launch_and_no_others(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    gone, killed = launcher(tmp_path)
    alive, kept = launcher(tmp_path)
    end(gone, signal.SIGKILL)
    dead = gone.pid
    foreign = {
        f"tamis-crew-{dead}-open": 0o755,  # not made by a launcher
        f"tamis-crew-{dead}-empty": 0o700,  # killed before its lock: nothing proves it dead
        "tamis-crew-old": 0o700,
        f"tamis-crew-{10**30}-x": 0o700,
        f"tamis-crew-{os.getpid()}-mine": 0o700,
        "other": 0o700,
    }
    for name, mode in foreign.items():
        (tmp_path / name).mkdir(mode)
        if not name.endswith("empty"):
            (tmp_path / name / pulse.LAUNCHER).touch()
    (tmp_path / f"tamis-crew-{dead}-link").symlink_to(tmp_path / "other")
    locked = tmp_path / f"tamis-crew-{dead}-locked"
    locked.mkdir(0o700)
    with (locked / pulse.LAUNCHER).open("wb") as file:
        fcntl.flock(file.fileno(), fcntl.LOCK_EX)
        before = {path.name for path in tmp_path.iterdir()}
        with crew.gathered(1.0):
            now = {path.name for path in tmp_path.iterdir()} - {Path(os.environ[pulse.FOLDER]).name}
    assert before - now == {killed.name}
    assert now <= before
    assert kept.name in now
    monkeypatch.setattr(os, "geteuid", lambda: os.getuid() + 1)
    with crew.gathered(1.0):
        assert locked.exists(), "another user's"
    end(alive, signal.SIGTERM)


def test_one_launcher_a_run(tmp_path):
    store = open_store(str(tmp_path))
    told = pytest.raises(RaceLost, match=f"process {os.getpid()} is at run r1 already")
    with runlock.held(store, "r1"), runlock.held(store, "r2"), told, runlock.held(store, "r1"):
        pass
    assert list((tmp_path / "runs").iterdir()) == []
    with runlock.held(store, "r1") as release:
        release()
        assert list((tmp_path / "runs").iterdir()) == []


def test_sigterm_is_an_interruption_with_a_code_of_its_own():
    program = "import os, signal; from tamis.pipeline import interrupts\nwith interrupts.heeded():\n    "
    program += "try:\n        os.kill(os.getpid(), signal.SIGTERM); signal.pause()\n    "
    program += "except KeyboardInterrupt as stop:\n        raise SystemExit(interrupts.code_of(stop))"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == interrupts.TERMINATED == 143
