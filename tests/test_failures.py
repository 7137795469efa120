"""What goes wrong around a run, made to happen to real ones; docs/failures.md tells each outcome."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

SHARDS = 4


@pytest.fixture(scope="module")
def killing(script):
    """scripts/killing.py."""
    return script("killing")


@pytest.fixture(scope="module")
def nursery(tmp_path_factory, killing):
    # A socket's path is short.
    with killing.Nursery(tmp_path_factory.mktemp("n")) as made:
        yield made


@pytest.fixture(scope="module")
def group(killing):
    """Returns the processes of a group that have not ended, with their state."""
    return killing.group


@pytest.fixture(scope="module")
def bundles(tmp_path_factory, marker_run):
    return marker_run.bundles(tmp_path_factory.mktemp("bundles"))


class Case:
    """A corpus, a plan, and runs of it."""

    def __init__(self, folder, nursery, marker_run, bundles):
        self.folder, self.output, self.corpus = folder, folder / "out", folder / "corpus"
        self.nursery, self.marker_run, self.bundles = nursery, marker_run, bundles
        (folder / "tmp").mkdir()
        rows = [{"id": f"d{i}", "text": f"the river {'paper ' * (i % 7)}hate{10 + i % 80}"} for i in range(160)]
        marker_run.corpus(self.corpus, rows, SHARDS)
        self.write_plan()

    def write_plan(self, file="plan.json", **changes):
        made = self.marker_run.plan_of(self.folder, self.corpus, self.bundles, schema=1, **changes)
        (self.folder / file).write_text(json.dumps(made))

    def start(self, *flags, kill_at="", workers=1, plan="plan.json", log="log"):
        environment = {"TMPDIR": str(self.folder / "tmp"), **({"TAMIS_KILL_AT": kill_at} if kill_at else {})}
        arguments = ["run", str(self.folder / plan), f"--direct_num_workers={workers}", *flags]
        return self.nursery.start(arguments, environment, self.folder / log)

    def run(self, *flags, **options):
        """Returns exit code and stderr of a run that ends by itself."""
        code = self.start(*flags, **options).wait(120)
        return code, self.told(options.get("log", "log"))

    def told(self, log="log"):
        text = (self.folder / log).read_text()
        assert "Traceback" not in text
        return text

    def untouched(self):
        """Returns a shard that nobody has begun."""
        begun = {path.name for path in self.output.glob("runs/*/documents/*")}
        names = {name.removeprefix(".").removesuffix(".tamis-tmp") for name in begun}
        return next(path for path in sorted(self.corpus.iterdir()) if path.name not in names)

    def at_work(self):
        """Returns the one shard that is being read just now."""
        (found,) = self.output.glob("runs/*/documents/.*.tamis-tmp")
        return self.corpus / found.name.removeprefix(".").removesuffix(".tamis-tmp")

    def receipts(self):
        return list(self.output.glob("runs/*/receipts/*.json"))

    def tree(self):
        return self.marker_run.tree(self.output)

    def ends_well(self, tree=None):
        """The same command again: published, whole, verified; as an undisturbed run is, where that is given."""
        code, told = self.run()
        assert code == 0, told
        counts = json.loads((self.folder / "log.out").read_text())["counts"]
        assert counts["seen"] == counts["kept"] + counts["dropped"] == 160
        assert not list(self.output.rglob(".*"))
        assert tree is None or self.tree() == tree


@pytest.fixture
def case(tmp_path, nursery, marker_run, bundles):
    return Case(tmp_path, nursery, marker_run, bundles)


def state(pid):
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]


def until(condition, seconds=60):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.02)


@contextlib.contextmanager
def stopped(case, step, **options):
    """Starts a run that stands still at a step, and lets it go on when the block ends."""
    process = case.start(kill_at=f"{step}:STOP", **options)
    until(lambda: state(process.pid) == "T")
    yield process
    os.kill(process.pid, signal.SIGCONT)


@contextlib.contextmanager
def mounted(folder, options):
    folder.mkdir(exist_ok=True)
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", folder], capture_output=True, check=False)
    if done.returncode:
        pytest.skip(f"a small file system cannot be mounted here: {done.stderr.decode().strip()}")
    try:
        yield
    finally:
        subprocess.run(["umount", "-l", folder], check=True)


def test_a_full_disk_fails_the_run_and_leaves_nothing_half(case):
    with mounted(case.output, "size=200k"):
        code, told = case.run()
        assert code == 1
        assert "No space left on device" in told
        assert "free some space" in told
        assert not (case.output / "CURRENT").exists()
        subprocess.run(["mount", "-o", "remount,size=64m", case.output], check=True)
        case.ends_well()


def test_a_disk_that_is_full_before_the_first_byte(case):
    with mounted(case.output, "size=4k,nr_inodes=2"):
        code, told = case.run()
        assert code == 1
        assert "No space left on device" in told


def test_an_output_that_cannot_be_written_is_refused_before_the_first_shard(case):
    if os.geteuid():
        case.output.mkdir(mode=0o500)
        code, told = case.run()
    else:
        with mounted(case.output, "ro"):
            code, told = case.run()
    assert code == 1
    assert "make it writable, or write elsewhere with --output" in told
    assert str(case.output) in told
    assert "failed: part" not in told


def test_a_shard_that_vanishes_before_it_is_read(case):
    with stopped(case, "shard.started:2") as process:
        victim = case.untouched()
        data, times = victim.read_bytes(), victim.stat()
        victim.unlink()
    assert process.wait(60) == 1
    assert f"failed: {victim.name}: " in case.told()
    assert "has vanished since it was listed" in case.told()
    assert len(case.receipts()) == SHARDS - 1
    victim.write_bytes(data)
    os.utime(victim, ns=(times.st_atime_ns, times.st_mtime_ns))
    case.ends_well()


def test_a_shard_that_vanishes_while_it_is_read_is_read_whole(case):
    with stopped(case, "shard.opened:2") as process:
        case.at_work().unlink()
    assert process.wait(60) == 0
    assert json.loads((case.folder / "log.out").read_text())["counts"]["seen"] == 160


def appended(path):
    with path.open("ab") as file:
        file.write(path.read_bytes())


def rewritten(path):
    """Writes other bytes of the same length."""
    data = path.read_bytes()
    path.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))


def cut(path):
    os.truncate(path, path.stat().st_size // 2)


#: The changes that are made with TAMIS_SLOW=1 only, beside the one that is hardest to see.
SLOWLY = [appended, cut] if os.environ.get("TAMIS_SLOW") else []


@pytest.mark.parametrize("change", [rewritten, *SLOWLY[:1]])
def test_a_shard_that_changes_before_it_is_read_is_an_error(case, change):
    with stopped(case, "shard.started:2") as process:
        victim = case.untouched()
        change(victim)
    assert process.wait(60) == 1
    assert f"failed: {victim.name}: " in case.told()
    assert "written to since it was listed" in case.told()
    assert not (case.output / "CURRENT").exists()
    assert len(case.receipts()) == SHARDS - 1


@pytest.mark.parametrize("change", [rewritten, *SLOWLY])
def test_a_shard_that_changes_while_it_is_read_is_an_error_and_never_a_mix(case, change):
    with stopped(case, "shard.opened:2") as process:
        change(case.at_work())
    assert process.wait(60) == 1, (case.folder / "log.out").read_text()
    assert any(text in case.told() for text in ("changed while it was read", "is damaged", "cut off"))
    assert not (case.output / "CURRENT").exists()
    assert len(case.receipts()) == SHARDS - 1


@pytest.mark.parametrize("change", [rewritten, *SLOWLY])
def test_a_parquet_shard_that_changes_while_it_is_read(case, change):
    shutil.rmtree(case.corpus)
    case.corpus.mkdir()
    for k in range(SHARDS):
        rows = {"id": [f"{k}-{i}" for i in range(30 + k)], "text": ["the river paper"] * (30 + k)}
        pq.write_table(pa.table(rows), case.corpus / f"part-{k}.parquet")
    case.write_plan(corpus={"root": str(case.corpus), "shards": "*.parquet"})
    with stopped(case, "shard.opened:2") as process:
        change(case.at_work())
    assert process.wait(60) == 1
    assert "failed: part-" in case.told()
    assert len(case.receipts()) == SHARDS - 1


def test_two_runs_of_one_plan_at_once_the_second_is_told(case):
    with stopped(case, "shard.started:3") as first:
        code, told = case.run(log="second")
        assert code == 4
        assert f"process {first.pid} is at run" in told
    assert first.wait(60) == 0
    case.ends_well()


def test_two_plans_on_one_output_at_once_one_is_published(case):
    case.write_plan("other.json", name="other", interventions={"drop": [{"when": "hate >= 0.7", "do": "drop"}]})
    with stopped(case, "publish.manifest:1") as first:
        code, _ = case.run(plan="other.json", log="second")
        assert code == 0
        published = (case.output / "CURRENT").read_bytes()
    assert first.wait(60) == 4
    assert "was published after run" in case.told()
    assert (case.output / "CURRENT").read_bytes() == published
    assert len(list(case.output.glob("runs/*/MANIFEST.json"))) == 2


def test_a_worker_that_hangs_ends_the_run(case, group):
    process = case.start("--stall_minutes=0.05", kill_at="shard.started:2:STOP", workers=2)
    assert process.wait(120) == 1
    assert "hangs in shard part-" in case.told()
    assert "no progress for 0.05 minutes" in case.told()
    assert "run the same command again" in case.told()
    until(lambda: not group(process.pid))
    case.ends_well()


def test_a_killed_worker_is_named_with_its_shard(case):
    code, told = case.run(kill_at="shard.opened:2", workers=2)
    assert code == 1
    assert "worker process " in told
    assert "died in shard part-" in told
    assert "out of memory" in told
    case.ends_well()


@pytest.mark.parametrize(
    ("number", "whole_group", "code", "word"),
    [(signal.SIGTERM, False, 143, "terminated"), (signal.SIGINT, True, 130, "interrupted")],
)
def test_signals_end_a_run_in_order(case, group, number, whole_group, code, word):
    # Its workers stand still in a shard, so that it does not end before the signal comes.
    process = case.start(kill_at="shard.opened:1:STOP", workers=2)
    until(lambda: list(group(process.pid).values()).count("T") == 2)
    (os.killpg if whole_group else os.kill)(process.pid, number)
    assert process.wait(60) == code
    assert f"{word}: finished shards are kept; run the same command again to continue" in case.told()
    until(lambda: not group(process.pid), 10)
    assert not list((case.folder / "tmp").glob("tamis-*"))
    case.ends_well()


def test_no_worker_outlives_a_launcher_that_was_killed(case, group):
    process = case.start(kill_at="shard.read:30", workers=2)
    until(lambda: len(list((case.folder / "tmp").glob("tamis-crew-*/[0-9]*"))) == 2)
    os.kill(process.pid, signal.SIGKILL)
    assert process.wait(60) == -signal.SIGKILL
    until(lambda: not group(process.pid), 10)
    case.ends_well()


JUMPING = """
import itertools, time
_real, _real_ns, _turn = time.time, time.time_ns, itertools.count()
def _off():
    # Years forward and back at every look.
    return (-1) ** next(_turn) * 86400 * 365 * 5
time.time = lambda: _real() + _off()
time.time_ns = lambda: _real_ns() + _off() * 10**9
"""


def test_a_clock_that_jumps_changes_nothing(case):
    case.ends_well()
    calm = case.tree()
    shutil.rmtree(case.output)
    site = case.folder / "site"
    site.mkdir()
    (site / "sitecustomize.py").write_text(JUMPING)
    environment = {**os.environ, "PYTHONPATH": str(site), "TZ": "Pacific/Kiritimati"}
    command = [sys.executable, "-m", "tamis.pipeline", "run", str(case.folder / "plan.json"), "--direct_num_workers=1"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert case.tree() == calm


def test_too_few_open_files_are_named(case):
    limited = "import os, resource as r, sys; r.setrlimit(r.RLIMIT_NOFILE, (9, 9)); os.execv(sys.argv[1], sys.argv[1:])"
    run = [sys.executable, "-m", "tamis.pipeline", "run", str(case.folder / "plan.json")]
    command = [sys.executable, "-c", limited, *run]
    done = subprocess.run([*command, "--direct_num_workers=1"], capture_output=True, text=True, timeout=120)
    assert done.returncode == 1
    assert "ulimit -n" in done.stderr
    assert "Traceback" not in done.stderr
    case.ends_well()
