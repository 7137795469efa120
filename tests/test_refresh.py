"""Refreshing: only what changed is done, and the run is the one that a full run would have made."""

from __future__ import annotations

import os
import shutil

import pytest

from tamis.classifiers.errors import RaceLost
from tamis.pipeline import cli, listed, manifest, reuse, shard
from tamis.pipeline.storage import LocalStore, open_store

RANDOM = {
    "drop": [{"when": "hate >= 0.5", "do": "drop"}],
    "random": [{"when": "random", "match": "drop", "do": "drop"}],
}


def change(world):
    """A new shard, a changed one, and one that is gone."""
    world.put("new/part-3.jsonl.gz", world.documents(1000, 40))
    world.put("part-1.jsonl.gz", world.documents(2000, 50))
    (world.corpus / "part-2.jsonl.gz").unlink()


@pytest.mark.parametrize("interventions", [None, RANDOM])
def test_a_refresh_is_byte_for_byte_the_full_run(world, interventions):
    world.content["interventions"] = interventions or world.content["interventions"]
    assert len(world.refresh()) == 3
    shutil.copytree(world.output, world.folder / "copy")
    change(world)
    assert world.refresh() == ["new/part-3.jsonl.gz", "part-1.jsonl.gz"]
    refreshed, first = world.output, world.tree(world.folder / "copy")
    world.content["output"] = str(world.folder / "copy")
    assert len(world.refresh(reusing=False)) == 3
    assert world.tree(refreshed) == world.tree(world.output)
    # What was published before is as it was.
    assert {name: digest for name, digest in world.tree(refreshed).items() if name in first} == {
        **first,
        "CURRENT": world.tree(refreshed)["CURRENT"],
    }


def test_nothing_to_do(world):
    assert len(world.refresh()) == 3
    assert world.refresh() is None


def test_unchanged_shards_cost_no_room_on_a_disk(world):
    world.refresh()
    before = world.output / "runs" / world.current()
    change(world)
    world.refresh()
    after = world.output / "runs" / world.current()
    for role in ("documents/part-0.jsonl.gz", "attributes/part-0.jsonl.gz", "scores/part-0.jsonl.gz.parquet"):
        assert (before / role).samefile(after / role)
    # And outlive the run that they come from.
    shutil.rmtree(before)
    assert cli.main(["verify", str(world.output)]) == 0


def test_a_file_that_was_only_touched_is_unchanged(world):
    world.refresh()
    os.utime(world.corpus / "part-1.jsonl.gz", ns=(1, 1))
    assert world.refresh() is None
    world.put("part-9.jsonl.gz", world.documents(900, 10))
    assert world.refresh() == ["part-9.jsonl.gz"]


def test_other_bytes_of_the_same_size_are_another_run(world):
    world.refresh()
    first, before = world.current(), world.tree(world.output / "runs")
    path = world.corpus / "part-1.jsonl.gz"
    data = bytearray(path.read_bytes())
    data[4] ^= 1  # gzip's time: the same documents from other bytes
    path.write_bytes(bytes(data))
    assert world.refresh() == ["part-1.jsonl.gz"]
    assert world.current() != first
    assert before.items() <= world.tree(world.output / "runs").items()
    assert world.refresh() is None
    data[4] ^= 1
    path.write_bytes(bytes(data))
    # Back to what was published first: a finished run, which is published again and not made again.
    assert world.refresh() == []
    assert world.current() == first


def test_only_rehash_sees_a_change_that_left_no_trace(world):
    world.refresh()
    path = world.corpus / "part-1.jsonl.gz"
    time, data = path.stat().st_mtime_ns, bytearray(path.read_bytes())
    data[4] ^= 1
    path.write_bytes(bytes(data))
    os.utime(path, ns=(time, time))
    assert world.refresh() is None
    assert world.refresh(rehash=True) == ["part-1.jsonl.gz"]


def test_rates_of_random_controls_are_kept_until_they_are_set_anew(world):
    world.content["interventions"] = RANDOM
    world.refresh()
    kept = world.prepare().checked.spec.rates
    world.put("part-9.jsonl.gz", [{"id": f"x{k}", "text": "hate95 bad words"} for k in range(200)])
    assert world.prepare().checked.spec.rates == kept
    anew = world.prepare(rescale=True)
    assert anew.checked.spec.rates != kept
    assert anew.differs == ("sampling levels or rates are others",)
    assert world.refresh() == ["part-9.jsonl.gz"]
    assert len(world.refresh(rescale=True)) == 4


def test_the_evaluations_level_is_kept_while_the_corpus_grows(world):
    world.content["evaluate"] = {"sample": 100}
    world.refresh()
    level = world.prepare().checked.spec.sample_level
    for k in range(10, 16):
        world.put(f"part-{k}.jsonl.gz", world.documents(1000 * k, 200))
    assert world.prepare().checked.spec.sample_level == level
    assert world.prepare(rescale=True).checked.spec.sample_level > level
    world.content["evaluate"] = {"sample": 200}
    assert world.prepare().checked.spec.sample_level != level
    assert world.prepare().differs == ("`evaluate` of the plan is another",)


def test_the_gate_is_no_reason_to_process_a_shard(world):
    world.refresh()
    first = world.current()
    world.content["gate"] = {"max_drop_rate": 0.5}
    assert world.refresh() == []
    assert world.current() != first


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"publish": "redact"}, "`publish` of the plan is another"),
        ({"evaluator": None}, "`evaluator` was evaluator@"),
        ({"passages": {"target": 300}}, "`passages` of the plan is another"),
    ],
)
def test_another_policy_is_told(world, change, reason):
    world.refresh()
    world.content.update(change)
    world.content = {key: value for key, value in world.content.items() if value is not None}
    assert any(one.startswith(reason) for one in world.prepare().differs)


@pytest.mark.parametrize("role", ["documents/part-0.jsonl.gz", "attributes/part-0.jsonl.gz"])
@pytest.mark.parametrize("damage", ["cut", "gone"])
def test_an_output_that_is_not_what_it_was_is_made_again(world, role, damage):
    world.refresh()
    path = world.output / "runs" / world.current() / role
    path.unlink() if damage == "gone" else path.write_bytes(path.read_bytes()[:-1])
    world.put("part-9.jsonl.gz", world.documents(900, 10))
    assert world.refresh() == ["part-0.jsonl.gz", "part-9.jsonl.gz"]
    assert cli.main(["verify", str(world.output)]) == 0


def test_of_two_refreshes_that_race_one_is_published(world):
    world.refresh()
    base = world.current()
    world.put("part-8.jsonl.gz", world.documents(800, 10))
    mine = world.prepare()
    world.put("part-9.jsonl.gz", world.documents(900, 10))
    theirs = world.prepare()
    assert mine.base == theirs.base == base
    assert world.finish(theirs) == "published"
    (world.corpus / "part-9.jsonl.gz").unlink()
    with pytest.raises(RaceLost, match=r"was published after run .* was launched"):
        world.finish(mine)
    assert world.current() == theirs.checked.spec.run_id
    assert manifest.read(open_store(str(world.output)), mine.checked.spec.run_id)[0].status == "published"


def test_without_a_listing_the_receipts_tell_the_same(world):
    world.refresh()
    before = listed.read(open_store(str(world.output)), world.current())
    (world.output / "runs" / world.current() / listed.LISTING).unlink()
    assert listed.read(open_store(str(world.output)), world.current()) == before
    assert world.refresh() is None


def test_a_shard_that_changes_while_it_is_compared_is_an_error(world, monkeypatch):
    world.refresh()
    one = next(iter(listed.read(open_store(str(world.output)), world.current()).values()))
    path = world.corpus / one.path
    read = reuse.RawBytes.read

    def writing(self, size):
        path.write_bytes(path.read_bytes() + b"x")
        return read(self, size)[:0]

    monkeypatch.setattr(reuse.RawBytes, "read", writing)
    with pytest.raises(Exception, match="changed while it was read"):
        reuse.digest_of(world.plan.corpus, one)


@pytest.mark.parametrize("step", ["copied", "receipted", "processed"])
def test_a_refresh_that_was_cut_off_is_continued_to_the_same_bytes(world, monkeypatch, step):
    world.refresh()
    shutil.copytree(world.output, world.folder / "copy")
    change(world)
    copied, process, write = reuse._copied, shard._process, LocalStore.write

    def cut_off(*_):
        raise KeyboardInterrupt

    if step == "copied":
        # One of a shard's files is in place, and no more.
        monkeypatch.setattr(reuse, "_copied", lambda store, spec, found: copied(store, spec, found) and cut_off())
    elif step == "processed":
        monkeypatch.setattr(shard, "_process", lambda *args: process(*args) and cut_off())
    else:
        monkeypatch.setattr(
            LocalStore, "write", lambda self, path, data: cut_off() if "/receipts/" in path else write(self, path, data)
        )
    with pytest.raises(KeyboardInterrupt):
        world.refresh()
    monkeypatch.setattr(reuse, "_copied", copied)
    monkeypatch.setattr(shard, "_process", process)
    monkeypatch.setattr(LocalStore, "write", write)
    assert set(world.refresh()) <= {"new/part-3.jsonl.gz", "part-1.jsonl.gz"}
    continued = world.tree(world.output)
    world.content["output"] = str(world.folder / "copy")
    world.refresh()
    assert continued == world.tree(world.output)
