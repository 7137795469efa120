"""`tamis run` on a Flink cluster of this machine, and on Prism: the same bytes as a local run, whatever is killed."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
CLUSTER = ROOT / "scripts" / "flink_cluster"
PRISM = ROOT / ".venv" / "servers" / "bin" / "prism"
SHARDS = 12


def cluster(action: str, folder: Path) -> dict:
    done = subprocess.run([sys.executable, CLUSTER, action, "--folder", folder], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout or "{}")


@pytest.fixture(scope="module")
def flink(tmp_path_factory):
    """A cluster with two task managers, as `scripts/flink_cluster start` tells of it."""
    if shutil.which("java") is None:
        pytest.skip("there is no Java here")
    fetched = subprocess.run([sys.executable, CLUSTER, "fetch"], capture_output=True, text=True)
    if fetched.returncode:
        (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)(fetched.stderr)
    folder = tmp_path_factory.mktemp("flink")
    yield {**cluster("start", folder), "folder": folder}
    cluster("stop", folder)


@pytest.fixture(scope="module")
def work(tmp_path_factory, marker_run):
    """A corpus, a plan, and what a local run makes of it: (folder, run) by path."""
    folder = tmp_path_factory.mktemp("work")
    texts = (f"a letter about stone {i % 7} hate{i % 90 + 10:02d} ehate{i % 80 + 10:02d}" for i in range(600))
    documents = [{"id": f"d{i}", "text": text} for i, text in enumerate(texts)]
    root = marker_run.corpus(folder / "corpus", documents, SHARDS)
    plan = marker_run.plan_of(folder, root, marker_run.bundles(folder), publish="drop")
    (folder / "plan.yaml").write_text(json.dumps(plan))
    assert json.loads(launch(folder, "local").communicate()[0])["status"] == "published"
    return folder


def launch(work: Path, output: str, *flags: str) -> subprocess.Popen:
    command = [sys.executable, "-m", "tamis.pipeline", "run", work / "plan.yaml", "--output", work / output, *flags]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def stopped(cluster: dict) -> dict[int, str]:
    """The workers that have stopped themselves, with the name of the task manager that started each."""
    managers = {pid: name for name, pid in cluster["processes"].items() if name.startswith("task_manager")}
    found = {}
    for status in Path("/proc").glob("[0-9]*/status"):
        try:
            lines = dict(line.split(":\t", 1) for line in status.read_text().splitlines() if ":\t" in line)
        except (FileNotFoundError, ProcessLookupError):
            continue
        if lines["State"].startswith("T") and int(lines["PPid"]) in managers:
            found[int(lines["Pid"])] = managers[int(lines["PPid"])]
    return found


def until(found, seconds: float = 300):
    end = time.monotonic() + seconds
    while not (value := found()):
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.1)
    return value


def ended(job: subprocess.Popen, flink: dict) -> bool:
    """Whether a job has ended; until then workers that stop themselves are sent on."""
    for pid in stopped(flink):
        os.kill(pid, signal.SIGCONT)
    return job.poll() is not None


@pytest.mark.skipif(not os.environ.get("TAMIS_SLOW"), reason="the jobs that lose a task manager show it too")
def test_a_job_on_a_cluster_makes_the_same_bytes(flink, work, marker_run):
    job = launch(work, "flink", *flink["flags"])
    assert json.loads(job.communicate()[0])["status"] == "published"
    assert marker_run.tree(work / "flink") == marker_run.tree(work / "local")


@pytest.mark.parametrize("step", ["shard.receipted:2", "publish.manifest:1"])
def test_a_lost_task_manager_changes_no_byte(flink, work, step, marker_run):
    """A worker stops itself at the step; its task manager is killed there, and another one does the work again."""
    output = work / step.partition(":")[0]
    environment = json.loads(flink["flags"][3].partition("=")[2])
    environment["env"] = {"TAMIS_KILL_AT": f"{step}:STOP"}
    flags = [*flink["flags"][:3], f"--environment_config={json.dumps(environment)}", *flink["flags"][4:]]
    job = launch(work, output.name, *flags)
    worker, name = next(iter(until(lambda: stopped(flink)).items()))
    done = marker_run.tree(output)
    os.kill(flink["processes"][name], signal.SIGKILL)
    os.kill(worker, signal.SIGKILL)
    flink["processes"].pop(name)
    until(lambda: ended(job, flink))
    assert json.loads(job.communicate()[0])["status"] == "published"
    assert marker_run.tree(output) == marker_run.tree(work / "local")
    # It was killed in the middle, and what was done then was not done again.
    assert 0 < sum("/receipts/" in path for path in done) <= SHARDS
    assert not any(path.endswith("CURRENT") for path in done)
    flink["processes"] = cluster("add", flink["folder"])["processes"]


@pytest.mark.skipif(not PRISM.exists(), reason="prism is not installed: scripts/install_servers builds it where Go is")
def test_a_job_on_prism_makes_the_same_bytes(work, marker_run):
    job = launch(work, "prism", "--runner=PrismRunner", f"--prism_location={PRISM}")
    assert json.loads(job.communicate()[0])["status"] == "published"
    assert marker_run.tree(work / "prism") == marker_run.tree(work / "local")
