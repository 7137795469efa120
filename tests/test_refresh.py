"""Refreshing: only what changed is done, and the run is the one that a full run would have made."""

from __future__ import annotations

import gzip
import hashlib
import json
import os
import shutil
from pathlib import Path

import msgspec
import pytest

from tamis.classifiers.errors import RaceLost
from tamis.pipeline import cli, listed, manifest, merging, plan, publish, refresh, reuse, shard
from tamis.pipeline.storage import open_store

RANDOM = {
    "drop": [{"when": "hate >= 0.5", "do": "drop"}],
    "random": [{"when": "random", "match": "drop", "do": "drop"}],
}


def documents(first, count):
    """Returns documents of which one in five is to be dropped."""
    return [
        {
            "id": f"d{k}",
            "text": f"hate{90 if k % 5 == 0 else 10} ehate{80 if k % 7 == 0 else 20} word{k}",
            "source": "s",
        }
        for k in range(first, first + count)
    ]


def put(root, name, found):
    """Writes a shard."""
    lines = "".join(json.dumps(document) + "\n" for document in found)
    (root / name).parent.mkdir(parents=True, exist_ok=True)
    (root / name).write_bytes(gzip.compress(lines.encode(), mtime=0))


def tree(folder):
    """Returns the digest of every file under a folder."""
    files = sorted(path for path in Path(folder).rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


class World:
    """A corpus of three shards, a plan, and what was processed of it."""

    def __init__(self, folder, marker_run, monkeypatch):
        self.folder, self.corpus = folder, folder / "corpus"
        for k in range(3):
            put(self.corpus, f"part-{k}.jsonl.gz", documents(100 * k, 60))
        self.content = marker_run.plan_of(folder, self.corpus, marker_run.bundles(folder / "bundles"))
        self.content["corpus"]["shards"] = "**/*.jsonl.gz"
        self.processed = []
        process = shard._process

        def counting(bench, one, store):
            self.processed.append(one.path)
            return process(bench, one, store)

        monkeypatch.setattr(shard, "_process", counting)

    @property
    def plan(self):
        return plan.parse(json.dumps(self.content))

    @property
    def output(self):
        return Path(self.content["output"])

    def prepare(self, **options):
        return refresh.prepare(self.plan, **options)

    def finish(self, found, reusing=True):
        """Makes the run of a refresh without an engine; returns its status."""
        spec = found.checked.spec if reusing else msgspec.structs.replace(found.checked.spec, reuse=None)
        bench, store = found.checked.bench.bound(spec), open_store(spec.plan.output)
        listed.write(store, spec.run_id, found.checked.shards)
        merged = merging.merge(merging.of_receipt(shard.filter_shard(bench, one)) for one in found.checked.shards)
        return publish.finish(store, spec, merged, bench.context)

    def refresh(self, reusing=True, **options):
        """Refreshes; returns what was processed, None where there was nothing to do."""
        self.processed.clear()
        found = self.prepare(**options)
        if found.nothing:
            return None
        assert self.finish(found, reusing) == "published"
        return list(self.processed)

    def current(self):
        return manifest.read_current(open_store(str(self.output))).run_id


@pytest.fixture
def world(tmp_path, marker_run, monkeypatch):
    return World(tmp_path, marker_run, monkeypatch)


def change(world):
    """A new shard, a changed one, and one that is gone."""
    put(world.corpus, "new/part-3.jsonl.gz", documents(1000, 40))
    put(world.corpus, "part-1.jsonl.gz", documents(2000, 50))
    (world.corpus / "part-2.jsonl.gz").unlink()


@pytest.mark.parametrize("interventions", [None, RANDOM])
def test_a_refresh_is_byte_for_byte_the_full_run(world, interventions):
    world.content["interventions"] = interventions or world.content["interventions"]
    assert len(world.refresh()) == 3
    shutil.copytree(world.output, world.folder / "copy")
    change(world)
    assert world.refresh() == ["new/part-3.jsonl.gz", "part-1.jsonl.gz"]
    refreshed, first = world.output, tree(world.folder / "copy")
    world.content["output"] = str(world.folder / "copy")
    assert len(world.refresh(reusing=False)) == 3
    assert tree(refreshed) == tree(world.output)
    # What was published before is as it was.
    assert {name: digest for name, digest in tree(refreshed).items() if name in first} == {
        **first,
        "CURRENT": tree(refreshed)["CURRENT"],
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
    put(world.corpus, "part-9.jsonl.gz", documents(900, 10))
    assert world.refresh() == ["part-9.jsonl.gz"]


def test_other_bytes_of_the_same_size_are_another_run(world):
    world.refresh()
    first, before = world.current(), tree(world.output / "runs")
    path = world.corpus / "part-1.jsonl.gz"
    data = bytearray(path.read_bytes())
    data[4] ^= 1  # gzip's time: the same documents from other bytes
    path.write_bytes(bytes(data))
    assert world.refresh() == ["part-1.jsonl.gz"]
    assert world.current() != first
    assert before.items() <= tree(world.output / "runs").items()
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
    put(world.corpus, "part-9.jsonl.gz", [{"id": f"x{k}", "text": "hate95 bad words"} for k in range(200)])
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
        put(world.corpus, f"part-{k}.jsonl.gz", documents(1000 * k, 200))
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
    put(world.corpus, "part-9.jsonl.gz", documents(900, 10))
    assert world.refresh() == ["part-0.jsonl.gz", "part-9.jsonl.gz"]
    assert cli.main(["verify", str(world.output)]) == 0


def test_of_two_refreshes_that_race_one_is_published(world):
    world.refresh()
    base = world.current()
    put(world.corpus, "part-8.jsonl.gz", documents(800, 10))
    mine = world.prepare()
    put(world.corpus, "part-9.jsonl.gz", documents(900, 10))
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
