"""Rolling back moves the pointer and nothing else; collecting deletes what nobody needs, and nothing more."""

from __future__ import annotations

import json
import os
import time

import pytest

from tamis.classifiers.errors import RaceLost
from tamis.pipeline import cli, collecting, manifest, runlock
from tamis.pipeline.storage import open_store

DAY = 86_400.0


def tamis(capsys, *arguments):
    """Runs a command in this process; returns exit code, the JSON line and stderr."""
    code = cli.main([str(argument) for argument in arguments])
    out, err = capsys.readouterr()
    return code, json.loads(out) if out.strip() else {}, err


def grown(world, count):
    """Publishes `count` runs, each with a shard more; returns their ids in order."""
    found = []
    for k in range(count):
        if k:
            world.put(f"part-{10 + k}.jsonl.gz", world.documents(1000 * k, 20))
        world.refresh()
        found.append(world.current())
    return found


def aged(world, days):
    """Makes everything under the output older."""
    then = time.time() - days * DAY
    for path in world.output.rglob("*"):
        os.utime(path, (then, then))


def test_the_run_before_is_published_again(world, capsys):
    first, second = grown(world, 2)
    before = world.tree(world.output / "runs")
    code, outcome, _ = tamis(capsys, "rollback", world.output)
    assert (code, outcome["run_id"], outcome["rolled_back"]) == (0, first, second)
    assert world.current() == first
    assert world.tree(world.output / "runs") == before
    assert tamis(capsys, "verify", world.output)[0] == 0


def test_what_was_rolled_back_is_not_published_by_itself(world, capsys):
    first, second = grown(world, 2)
    tamis(capsys, "rollback", world.output)
    plan = world.folder / "plan.yaml"
    plan.write_text(json.dumps(world.content))
    code, outcome, err = tamis(capsys, "refresh", plan)
    assert (code, outcome["status"], outcome["run_id"]) == (0, "held", second)
    assert f"tamis rollback {world.output} {second}" in err
    with pytest.raises(RaceLost, match="was rolled back"):
        world.finish(world.prepare())
    assert world.current() == first
    # By hand it is, and then nothing is held any more.
    assert tamis(capsys, "rollback", world.output, second)[0] == 0
    assert world.refresh() is None
    assert json.loads((world.output / "CURRENT").read_text()).keys() == {"run_id", "manifest_sha256"}


def test_a_changed_corpus_is_published_after_a_rollback(world, capsys):
    first, _ = grown(world, 2)
    tamis(capsys, "rollback", world.output)
    (world.corpus / "part-11.jsonl.gz").unlink()
    world.put("part-12.jsonl.gz", world.documents(7000, 20))
    assert world.refresh() == ["part-12.jsonl.gz"]
    assert world.current() != first


@pytest.mark.parametrize(
    ("spoil", "code", "message"),
    [
        (lambda folder: next((folder / "documents").rglob("*.gz")).write_bytes(b""), 1, "sha256"),
        (lambda folder: (folder / "MANIFEST.json").unlink(), 1, "no such file"),
    ],
)
def test_a_damaged_run_is_not_published(world, capsys, spoil, code, message):
    first, second = grown(world, 2)
    spoil(world.output / "runs" / first)
    found, _, err = tamis(capsys, "rollback", world.output, first)
    assert (found, message in err) == (code, True)
    assert world.current() == second


def test_rollbacks_that_mean_nothing(world, capsys, tmp_path):
    (only,) = grown(world, 1)
    assert tamis(capsys, "rollback", world.output, only)[2].startswith(
        f"tamis: run {only} is the one that is published"
    )
    assert tamis(capsys, "rollback", world.output)[0] == 2
    assert tamis(capsys, "rollback", tmp_path / "none")[0] == 2
    world.content["gate"] = {"max_drop_rate": 0.001}
    found = world.prepare()
    assert world.finish(found) == "refused"
    code, _, err = tamis(capsys, "rollback", world.output, found.checked.spec.run_id)
    assert (code, "ended as refused" in err) == (2, True)
    assert world.current() == only


def test_a_rollback_that_lost_the_race_moves_nothing(world, monkeypatch):
    first, _ = grown(world, 2)
    store = open_store(str(world.output))
    read = manifest._read_current

    def slow(found):
        current = read(found)
        (world.output / "CURRENT").write_text('{"manifest_sha256":"x","run_id":"theirs"}\n')
        return current

    digest = manifest.read(store, first)[1]
    monkeypatch.setattr(manifest, "_read_current", slow)
    with pytest.raises(RaceLost):
        manifest.roll_back(store, first, digest)
    monkeypatch.undo()
    assert world.current() == "theirs"


def test_collecting_keeps_what_is_published_and_the_newest(world, capsys):
    runs = grown(world, 4)
    for k, run in enumerate(runs):
        then = time.time() - (40 - k) * DAY
        for path in (world.output / "runs" / run).rglob("*"):
            os.utime(path, (then, then))
    before = world.tree(world.output)
    code, outcome, err = tamis(capsys, "gc", world.output, "--keep", 1, "--dry_run")
    assert (code, outcome["status"], world.tree(world.output)) == (0, "dry_run", before)
    assert [(row["run_id"], row["deleted"], row["why"]) for row in outcome["found"]] == [
        (runs[0], True, None),
        (runs[1], True, None),
        (runs[2], False, "one of the 1 newest"),
        (runs[3], False, "published"),
    ]
    assert all(0 < row["frees"] < row["bytes"] for row in outcome["found"])
    assert "2 of 4 would be deleted" in err
    code, outcome, _ = tamis(capsys, "gc", world.output, "--keep", 1)
    assert (code, outcome["status"]) == (0, "collected")
    assert sorted(path.name for path in (world.output / "runs").iterdir()) == sorted(runs[2:])
    # Nothing of what is left was touched, shared files included.
    assert world.tree(world.output).items() <= before.items()
    assert tamis(capsys, "verify", world.output)[0] == 0
    world.put("part-20.jsonl.gz", world.documents(9000, 10))
    assert world.refresh() == ["part-20.jsonl.gz"]


def test_nothing_young_is_collected(world, capsys):
    runs = grown(world, 3)
    _, outcome, _ = tamis(capsys, "gc", world.output, "--keep", 0)
    assert not any(row["deleted"] for row in outcome["found"])
    aged(world, 8)
    _, outcome, _ = tamis(capsys, "gc", world.output, "--keep", 0)
    assert [row["deleted"] for row in sorted(outcome["found"], key=lambda row: runs.index(row["run_id"]))] == [1, 1, 0]


def test_a_run_that_did_not_finish_goes_when_it_is_old_and_nobody_works_on_it(world, capsys):
    grown(world, 1)
    store = open_store(str(world.output))
    store.write("runs/0123456789abcdef/documents/x", b"1" * 1000)
    aged(world, 30)
    with runlock.held(store, "0123456789abcdef"):
        _, outcome, _ = tamis(capsys, "gc", world.output)
        assert {row["run_id"]: row["why"] for row in outcome["found"]}["0123456789abcdef"] == "in progress"
    _, outcome, _ = tamis(capsys, "gc", world.output)
    assert [(row["status"], row["frees"]) for row in outcome["found"] if row["deleted"]] == [("unfinished", 1000)]
    assert not (world.output / "runs" / "0123456789abcdef").exists()


def test_temporary_files_of_killed_writers_go(world, capsys):
    (run,) = grown(world, 1)
    left = world.output / "runs" / run / "documents" / ".part-0.jsonl.gz.tamis-tmp"
    young = left.with_name(".part-1.jsonl.gz.tamis-tmp")
    left.write_bytes(b"12")
    young.write_bytes(b"12")
    os.utime(left, (1, 1))
    _, outcome, _ = tamis(capsys, "gc", world.output)
    assert [(row["status"], row["bytes"]) for row in outcome["found"] if row["deleted"]] == [("temporary", 2)]
    assert not left.exists()
    assert young.exists()


def test_the_scores_that_a_published_run_was_decided_from_are_kept(world, capsys):
    (scored,) = grown(world, 1)
    world.content["interventions"] = {"drop": [{"when": "hate >= 0.95", "do": "drop"}]}
    plan = world.folder / "plan.yaml"
    plan.write_text(json.dumps(world.content))
    code, applied, err = tamis(capsys, "apply", plan, "--scores", world.output)
    assert code == 0, err
    aged(world, 30)
    _, outcome, _ = tamis(capsys, "gc", world.output, "--keep", 0)
    assert {row["run_id"]: row["why"] for row in outcome["found"]} == {
        scored: "the published run was decided from its scores",
        applied["run_id"]: "published",
    }


def test_a_run_that_is_published_meanwhile_is_not_deleted(world):
    first, second = grown(world, 2)
    aged(world, 30)
    store = open_store(str(world.output))
    chosen = next(one for one in collecting.find(store, time.time(), 0, 7 * DAY) if one.name == first)
    assert not chosen.why
    manifest.roll_back(store, first, manifest.read(store, first)[1])
    with pytest.raises(RaceLost, match="published meanwhile"):
        collecting.collect(store, chosen)
    assert (world.output / "runs" / second).exists()
    assert cli.main(["verify", str(world.output)]) == 0


def test_an_output_whose_published_run_cannot_be_read_is_left_alone(world, capsys):
    (run,) = grown(world, 1)
    aged(world, 30)
    (world.output / "runs" / run / "MANIFEST.json").write_bytes(b"{}")
    code, _, err = tamis(capsys, "gc", world.output)
    assert (code, "nothing is deleted" in err) == (1, True)


def test_collecting_on_a_service(world, connected, capsys):
    server = connected("s3")
    world.content["output"] = f"s3://{server.bucket}/gc"
    world.refresh()
    world.put("part-9.jsonl.gz", world.documents(900, 20))
    world.refresh()
    store = open_store(world.content["output"])
    before = {name: store.read(name) for name in store.names("")}
    _, outcome, _ = tamis(capsys, "gc", world.content["output"], "--keep", 0, "--older_than", 0, "--dry_run")
    assert sorted(row["deleted"] for row in outcome["found"]) == [False, True]
    tamis(capsys, "gc", world.content["output"], "--keep", 0, "--older_than", 0)
    left = {name: store.read(name) for name in store.names("")}
    kept = manifest.read_current(store).run_id
    assert left == {name: data for name, data in before.items() if name == "CURRENT" or f"runs/{kept}/" in name}
    assert tamis(capsys, "verify", world.content["output"])[0] == 0
