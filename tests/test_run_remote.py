"""The main job with its corpus and its output on storage services, against real servers on the loopback interface."""

from __future__ import annotations

import hashlib
import json
import os
import re
import signal
import subprocess
import sys
import uuid
from pathlib import Path

import pytest

from tamis.pipeline import cli, manifest
from tamis.pipeline.storage import open_store

ROOT = Path(__file__).resolve().parent.parent
CORPUS = ROOT / "scripts" / "demo_corpus"


def plan_of(folder, root, output, pattern="**/*.jsonl*"):
    """Writes the demo's plan with other roots."""
    text = (ROOT / "scripts" / "demo_plan.yaml").read_text()
    for old, new in [("scripts/demo_corpus", root), ("out/demo", output), ("**/*.jsonl*", pattern)]:
        assert old in text
        text = text.replace(old, str(new))
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "plan.yaml"
    path.write_text(text)
    return path


def tamis(capsys, *arguments):
    """Runs a command in this process; returns exit code, the JSON line and stderr."""
    code = cli.main([str(argument) for argument in arguments])
    out, err = capsys.readouterr()
    return code, json.loads(out) if out.strip() else {}, err


def tree(output):
    """Returns the bytes of every object under an output root, by path."""
    store = open_store(str(output))
    names = [*store.names("runs"), manifest.CURRENT]
    return {name: store.read(name) for name in names}


def comparable(found):
    """Returns a tree with what names the input's place, or follows from it, in one form: see the assertions below."""
    return {name: _comparable(name, data) for name, data in found.items()}


def _comparable(name, data):
    if name == manifest.CURRENT or name.endswith("MANIFEST.json"):
        data = re.sub(
            rb'"(manifest_sha256|index\.html|report\.json|README\.md|croissant\.json)":"[0-9a-f]{64}"', b"", data
        )
    if "/receipts/" in name:
        # A receipt notes the version that was listed: a time, an ETag or a generation.
        content = json.loads(data)
        del content["input_version"]
        return content
    if name.endswith("LISTING.jsonl"):
        # So does the listing.
        return [json.loads(line)[:2] for line in data.splitlines()]
    return re.sub(rb'"root":"[^"]*"|root: [^\n<]*', b"", data) if "documents/" not in name else data


@pytest.fixture(scope="module")
def local(tmp_path_factory):
    """The tree of a run from a folder into a folder."""
    folder = tmp_path_factory.mktemp("local")
    assert cli.main(["run", str(plan_of(folder, CORPUS, folder / "out")), "--direct_num_workers=1"]) == 0
    return tree(folder / "out")


@pytest.fixture
def corpus():
    """Copies the demo corpus into a bucket and returns its root."""

    def copied(server):
        root = f"{server.scheme}://{server.bucket}/{uuid.uuid4().hex}"
        store = open_store(root)
        for path in CORPUS.rglob("*.jsonl*"):
            store.write(f"in/{path.relative_to(CORPUS).as_posix()}", path.read_bytes())
        return root

    return copied


@pytest.mark.parametrize(
    ("scheme", "workers"),
    [("s3", 1), pytest.param("s3", 2, marks=pytest.mark.slow), ("gs", 1), ("az", 1)],
)
def test_a_run_on_a_service_gives_the_bytes_of_a_local_run(scheme, workers, connected, corpus, local, tmp_path, capsys):
    root = corpus(connected(scheme))
    plan = plan_of(tmp_path, f"{root}/in", f"{root}/out")
    code, outcome, err = tamis(capsys, "run", plan, f"--direct_num_workers={workers}")
    assert (code, outcome["status"]) == (0, "published"), err
    assert outcome["manifest"].startswith(f"{root}/out/runs/")
    found = tree(f"{root}/out")
    same = [name for name in local if re.search("/(documents|attributes|quarantine)/", name)]
    assert len(same) > 16
    assert {name: found.get(name) for name in same} == {name: local[name] for name in same}
    assert comparable(found) == comparable(local)
    code, verified, _ = tamis(capsys, "verify", f"{root}/out")
    assert (code, verified["status"], verified["run_id"]) == (0, "verified", outcome["run_id"])
    code, shown, _ = tamis(capsys, "report", f"{root}/out/runs/{outcome['run_id']}")
    assert (code, shown["run_id"]) == (0, outcome["run_id"])
    # The same command again computes nothing and changes nothing.
    code, again, err = tamis(capsys, "run", plan, f"--direct_num_workers={workers}")
    assert (code, again) == (0, outcome)
    assert "8 shards were finished before" in err
    assert tree(f"{root}/out") == found


def test_a_corpus_on_the_web(servers, local, tmp_path, capsys):
    server = servers("http")
    names = sorted(path.relative_to(CORPUS).as_posix() for path in CORPUS.rglob("*.jsonl*"))
    server.files.update({f"demo/{name}": (CORPUS / name).read_bytes() for name in names})
    pattern = f"{{{','.join(names)}}}"
    plan = plan_of(tmp_path, f"http://{server.address}/demo", tmp_path / "out", pattern)
    code, outcome, err = tamis(capsys, "run", plan, "--direct_num_workers=1")
    assert (code, outcome["status"]) == (0, "published"), err
    documents = {name.split("/", 2)[2]: data for name, data in tree(tmp_path / "out").items() if "/documents/" in name}
    assert documents == {name.split("/", 2)[2]: data for name, data in local.items() if "/documents/" in name}


def test_a_run_through_faults_gives_the_same_bytes(proxied, corpus, local, tmp_path, capsys, monkeypatch):
    proxy = proxied("s3")
    root = corpus(proxy.server)
    monkeypatch.setattr("tamis.pipeline.retries.time.sleep", lambda seconds: None)
    proxy.faults[:] = [
        proxy.Fault(match="GET .*/in/", cut_after=500, times=6),
        proxy.Fault(match="GET .*/in/", status=503, times=6),
        proxy.Fault(match="PUT .*/documents/", status=500, times=3),
        proxy.Fault(match="PUT .*/receipts/", lose_answer=True, times=3),
        proxy.Fault(match="PUT .*/MANIFEST.json", lose_answer=True),
        proxy.Fault(match="PUT .*/CURRENT", lose_answer=True),
        proxy.Fault(match="list-type", status=429, times=4),
    ]
    code, _, err = tamis(capsys, "run", plan_of(tmp_path, f"{root}/in", f"{root}/out"), "--direct_num_workers=1")
    assert code == 0, err
    assert [fault.times for fault in proxy.faults] == [0] * 7
    assert comparable(tree(f"{root}/out")) == comparable(local)


def test_a_shard_that_cannot_be_read_fails_the_run_and_spares_its_siblings(
    proxied, corpus, tmp_path, capsys, monkeypatch
):
    proxy = proxied("s3")
    root = corpus(proxy.server)
    monkeypatch.setattr("tamis.pipeline.retries.time.sleep", lambda seconds: None)
    name = sorted(path.relative_to(CORPUS).as_posix() for path in CORPUS.rglob("*.jsonl*"))[2]
    proxy.faults[:] = [proxy.Fault(match=f"GET .*/in/{re.escape(name)}", status=403, times=10_000)]
    plan = plan_of(tmp_path, f"{root}/in", f"{root}/out")
    code, outcome, err = tamis(capsys, "run", plan, "--direct_num_workers=1")
    assert (code, outcome["status"]) == (1, "failed"), err
    assert [item["shard"] for item in outcome["failures"]] == [name]
    assert "access denied" in outcome["failures"][0]["reason"]
    store = open_store(f"{root}/out")
    assert store.size(manifest.CURRENT) is None
    assert len(list(store.names(f"runs/{outcome['run_id']}/receipts"))) == 7
    assert f"runs/{outcome['run_id']}/documents/{name}" not in set(store.names("runs"))
    proxy.faults.clear()
    code, _, err = tamis(capsys, "run", plan, "--direct_num_workers=1")
    assert code == 0
    assert "7 shards were finished before" in err


@pytest.mark.slow
@pytest.mark.parametrize("step", ["shard.written:3", "shard.receipted:5", "publish.reported:1", "publish.manifest:1"])
def test_a_run_that_was_killed_is_continued_to_the_same_bytes(step, connected, corpus, local, tmp_path, capsys):
    root = corpus(connected("s3"))
    plan = plan_of(tmp_path, f"{root}/in", f"{root}/out")
    command = [sys.executable, "-m", "tamis.pipeline", "run", str(plan), "--direct_num_workers=1"]
    killed = subprocess.run(command, env={**os.environ, "TAMIS_KILL_AT": step}, capture_output=True, timeout=300)
    assert killed.returncode == -signal.SIGKILL
    store = open_store(f"{root}/out")
    assert store.size(manifest.CURRENT) is None
    before = {name: store.read_versioned(name) for name in store.names("runs")}
    code, _, err = tamis(capsys, "run", plan, "--direct_num_workers=1")
    assert code == 0, err
    found = tree(f"{root}/out")
    assert comparable(found) == comparable(local)
    assert {name: data for name, (data, _) in before.items()}.items() <= found.items()


@pytest.mark.parametrize(
    ("where", "workers"), [("folder", 1), ("s3", 1), pytest.param("s3", 2, marks=pytest.mark.slow)]
)
def test_a_run_that_lost_the_race_exits_4_and_is_kept(where, workers, connected, tmp_path, capsys, monkeypatch):
    root = tmp_path / "out"
    if where == "s3":
        server = connected("s3")
        root = f"s3://{server.bucket}/{uuid.uuid4().hex}"
    store, plan = open_store(str(root)), plan_of(tmp_path, CORPUS, root)
    launch = manifest.base_of

    def base_of(found):
        base = launch(found)
        # Between the launch and the end of this run, another one is published.
        manifest.point(found, "theirs", "theirs")
        return base

    monkeypatch.setattr(manifest, "base_of", base_of)
    code, outcome, err = tamis(capsys, "run", plan, f"--direct_num_workers={workers}")
    assert (code, outcome) == (4, {})
    assert "run theirs was published after run" in err
    assert "while running" not in err
    assert manifest.read_current(store).run_id == "theirs"
    monkeypatch.setattr(manifest, "base_of", launch)
    code, outcome, err = tamis(capsys, "run", plan, f"--direct_num_workers={workers}")
    assert (code, outcome["status"]) == (0, "published")
    assert "8 shards were finished before" in err
    assert manifest.read_current(store).run_id == outcome["run_id"]


def test_a_finished_run_is_not_written_over_by_another_manifest(tmp_path, capsys, monkeypatch):
    plan = plan_of(tmp_path, CORPUS, tmp_path / "out")
    assert tamis(capsys, "run", plan, "--direct_num_workers=1")[0] == 0
    before = tree(tmp_path / "out")
    monkeypatch.setattr("tamis.pipeline.publish.package_versions", lambda: {"numpy": "0"})
    code, _, err = tamis(capsys, "run", plan, "--direct_num_workers=1")
    assert code == 1
    found = hashlib.sha256(next(data for name, data in before.items() if name.endswith("MANIFEST.json"))).hexdigest()
    assert f"found sha256 {found}, expected" in err
    assert tree(tmp_path / "out") == before


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--input", "s3://key:c0ffee@bucket/x"], "a URL with credentials"),
        (["--output", "https://host/x?sig=c0ffee"], "a URL with credentials"),
        (["--output", "https://host/x"], "read only"),
        (["--input", "hdfs://host/x"], "is not a storage that tamis reaches"),
    ],
)
def test_roots_that_are_refused(arguments, message, tmp_path, capsys):
    code, _, err = tamis(capsys, "run", plan_of(tmp_path, CORPUS, tmp_path / "out"), *arguments)
    assert code == 2
    assert message in err
    assert "c0ffee" not in err
