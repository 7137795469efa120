"""`tamis refresh` as a whole, through the engine: on a disk, on a service, of partitions, in a race."""

from __future__ import annotations

import json
import shutil
import uuid

import pytest

from tamis.classifiers.errors import UsageError
from tamis.pipeline import cli, manifest, partitions, plan
from tamis.pipeline.storage import open_store


def tamis(capsys, *arguments):
    """Runs a command in this process; returns exit code, the JSON lines and stderr."""
    code = cli.main([str(argument) for argument in arguments])
    out, err = capsys.readouterr()
    return code, [json.loads(line) for line in out.splitlines()], err


def written(world, **changes):
    """Writes the world's plan, with changes."""
    path = world.folder / "plan.yaml"
    path.write_text(json.dumps({**world.content, **changes}))
    return path


def objects(store):
    return {name: store.read(name) for name in store.names("")}


@pytest.mark.parametrize("where", ["folder", "s3"])
def test_every_night(where, world, connected, capsys):
    root = str(world.output)
    if where == "s3":
        server = connected("s3")
        root = f"s3://{server.bucket}/{uuid.uuid4().hex}"
    path, store = written(world, output=root), open_store(root)
    # The first night there is nothing yet.
    code, (first,), err = tamis(capsys, "refresh", path)
    assert (code, first["status"]) == (0, "published"), err
    assert "nothing is published yet: a first run" in err
    assert "changes" not in first
    # The second nothing has changed.
    before = objects(store)
    code, (second,), err = tamis(capsys, "refresh", path)
    assert (code, second["status"], second["run_id"]) == (0, "unchanged", first["run_id"])
    assert objects(store) == before
    # The third a shard is new, and one is gone.
    world.put("part-9.jsonl.gz", world.documents(900, 40))
    (world.corpus / "part-0.jsonl.gz").unlink()
    world.processed.clear()
    code, (dry,), err = tamis(capsys, "refresh", path, "--dry_run")
    assert (code, dry["status"], objects(store)) == (0, "dry_run", before)
    assert f"against run {first['run_id']}: 1 new, 1 retired, 2 unchanged shards" in err
    code, (third,), err = tamis(capsys, "refresh", path)
    assert (code, third["status"], third["run_id"]) == (0, "published", dry["run_id"]), err
    assert world.processed == ["part-9.jsonl.gz"]
    assert third["changes"]["shards"] == {"new": 1, "changed": 0, "unchanged": 2, "retired": 1}
    assert third["changes"]["documents"] == {"then": 180, "now": 160}
    assert before.items() - {("CURRENT", before["CURRENT"])} <= objects(store).items()
    names = {name.split("/", 3)[3] for name in objects(store) if f"runs/{third['run_id']}/documents/" in name}
    assert names == {"part-1.jsonl.gz", "part-2.jsonl.gz", "part-9.jsonl.gz"}
    assert tamis(capsys, "verify", root)[0] == 0
    # And `tamis run` finds the same run finished.
    code, (again,), err = tamis(capsys, "run", path)
    assert (code, again["run_id"]) == (0, third["run_id"])
    assert "3 shards were finished before" in err


def test_of_two_that_race_one_exits_4(world, capsys, monkeypatch):
    path = written(world)
    assert tamis(capsys, "refresh", path)[0] == 0
    world.put("part-9.jsonl.gz", world.documents(900, 40))
    launch = manifest.base_of

    def base_of(store):
        base = launch(store)
        monkeypatch.setattr(manifest, "base_of", launch)
        # Between the launch of this one and its end, another one is launched, and publishes.
        world.put("part-8.jsonl.gz", world.documents(800, 10))
        assert world.finish(world.prepare()) == "published"
        (world.corpus / "part-8.jsonl.gz").unlink()
        return base

    monkeypatch.setattr(manifest, "base_of", base_of)
    code, lines, err = tamis(capsys, "refresh", path)
    winner = world.current()
    assert (code, lines) == (4, [])
    assert f"run {winner} was published after run" in err
    # What it made is kept: the next refresh has nothing to compute.
    world.processed.clear()
    code, (outcome,), _ = tamis(capsys, "refresh", path)
    assert (code, outcome["status"], world.processed) == (0, "published", [])
    assert world.current() != winner


def test_a_refused_refresh_exits_3_and_publishes_nothing(world, capsys):
    world.content["gate"] = {"max_drop_rate_change": 0.05}
    path = written(world)
    _, (first,), _ = tamis(capsys, "refresh", path)
    world.put("part-9.jsonl.gz", [{"id": f"x{k}", "text": f"hate95 {k}"} for k in range(100)])
    code, (outcome,), err = tamis(capsys, "refresh", path)
    assert (code, outcome["status"]) == (3, "refused")
    assert "refused: 28.57 points breaks gate.max_drop_rate_change 5 points" in err
    assert world.current() == first["run_id"]
    assert outcome["changes"]["previous"] == first["run_id"]


def partitioned(world):
    """Three days of a corpus; returns the plan."""
    for day in ("2026-11-21", "2026-11-22", "2026-11-23"):
        shutil.copytree(world.corpus, world.folder / "days" / day)
    corpus = {**world.content["corpus"], "root": f"{world.folder}/days/{{partition}}"}
    return written(world, corpus=corpus, output=f"{world.folder}/out/{{partition}}")


def test_partitions_have_an_output_each(world, capsys):
    path = partitioned(world)
    code, lines, err = tamis(capsys, "refresh", path, "--partition", "2026-11-21", "--partition", "2026-11-22")
    assert (code, [line["status"] for line in lines]) == (0, ["published", "published"]), err
    assert [line["output"].rpartition("/")[2] for line in lines] == ["2026-11-21", "2026-11-22"]
    assert not (world.folder / "out" / "2026-11-23").exists()
    # The fingerprint is that of the plan; only one of them has changed.
    shutil.rmtree(world.folder / "days" / "2026-11-22")
    (world.folder / "days" / "2026-11-21" / "part-0.jsonl.gz").unlink()
    days = [f"--partition=2026-11-2{k}" for k in (1, 2, 3)]
    code, lines, err = tamis(capsys, "refresh", path, *days)
    # One that fails is told, and the others are done.
    assert (code, [line["status"] for line in lines]) == (2, ["published", "published"])
    assert "tamis: partition 2026-11-22: corpus root" in err
    spec = [manifest.read(open_store(line["output"]), line["run_id"])[0].spec for line in lines]
    assert spec[0].fingerprint == spec[1].fingerprint
    assert tamis(capsys, "verify", world.folder / "out" / "2026-11-23")[0] == 0


PLAN = """\
name: web
corpus: {root: "in/{partition}"}
classifiers: {policy: builtin:policy-en}
interventions: {drop: [{when: "hate >= 0.9", do: drop}]}
output: "out/{partition}"
"""


@pytest.mark.parametrize(
    ("text", "names", "message"),
    [
        (PLAN, [], "`corpus.root: in/{partition}` asks for a partition: name it with `--partition NAME`"),
        (PLAN.replace("out/{partition}", "out"), ["a"], "`output: out` has no `{partition}` in it"),
        (PLAN.replace("in/{partition}", "in"), ["a"], "`corpus.root: in` has no `{partition}` in it"),
        (PLAN.replace("/{partition}", ""), ["a"], "has no `{partition}` in it"),
        (PLAN, ["a", "a"], "a name stands twice"),
        (PLAN, ["../x"], "`--partition ../x`: shard path"),
        (PLAN, [".hidden"], "`--partition .hidden`: shard path"),
        (PLAN, [""], "`--partition `"),
    ],
)
def test_partitions_that_mean_nothing(text, names, message):
    with pytest.raises(UsageError) as error:
        list(partitions.plans_of(plan.parse(text), names))
    assert message in str(error.value)


def test_names_of_partitions_may_be_folders():
    ((name, one),) = partitions.plans_of(plan.parse(PLAN), ["year=2026/month=11"])
    assert (name, one.corpus.root, one.output) == (
        "year=2026/month=11",
        "in/year=2026/month=11",
        "out/year=2026/month=11",
    )
    assert [found[1] for found in partitions.plans_of(plan.parse(PLAN.replace("/{partition}", "")), [])]
