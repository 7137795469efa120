"""What grows with the number of shards: the schedule, the merge, the manifest; and the model of workers in time."""

import json
import tracemalloc

import msgspec
import numpy as np
import pytest

from tamis.pipeline import manifest
from tamis.pipeline.canonical import canonical_bytes
from tamis.pipeline.storage import open_store

COUNT = 10_000


@pytest.fixture(scope="module")
def simulating(script):
    return script("simulating")


@pytest.fixture(scope="module")
def modelled(simulating, marker_run, tmp_path_factory):
    """A workbench over a listing of many shards, the listing, and receipts to copy."""
    folder = tmp_path_factory.mktemp("model")
    documents = [{"id": f"d{i}", "text": f"a letter hate{i % 90 + 10:02d} ehate{i % 80 + 10:02d}"} for i in range(60)]
    root = marker_run.corpus(folder / "corpus", documents, 3)
    content = marker_run.plan_of(folder, root, marker_run.bundles(folder), evaluate={"sample": 0})
    bench, models = simulating.model(json.dumps(content))
    found = simulating.shards(COUNT, 1)
    return bench.bound(simulating.listed(bench.spec, found)), found, models


def test_shards_are_sent_largest_first_and_all_of_them(simulating, modelled):
    bench, found, _ = modelled
    order = simulating.scheduled(bench.spec, found)
    assert sorted(order) == list(range(COUNT))
    sizes = [found[number].size for number in order]
    assert sizes == sorted(sizes, reverse=True)


def test_a_run_of_many_shards_ends_in_a_manifest_of_all_of_them(simulating, modelled, tmp_path):
    bench, found, models = modelled
    files = [tmp_path / "a", tmp_path / "b"]
    sent = [simulating.combine(models, found[part::2], file) for part, file in enumerate(files)]
    # What a worker sends grows by a line a shard, and by no measurement.
    assert sum(one.bytes for one in sent) < 300 * COUNT
    simulating.finish(bench, files, bench.spec.plan.output)
    record, digest = manifest.read(open_store(bench.spec.plan.output), bench.spec.run_id)
    assert [line.shard for line in record.shards] == [one.path for one in found]
    assert record.counts.seen == sum(line.counts.seen for line in record.shards) == 20 * COUNT
    pointer = manifest.read_current(open_store(bench.spec.plan.output))
    assert pointer == manifest.Current(bench.spec.run_id, digest)


def test_memory_of_the_merge_is_bounded_a_receipt(simulating, modelled, tmp_path):
    _, found, models = modelled
    simulating.combine(models, found[:200], tmp_path / "warm")
    peaks = []
    for count in (1000, 3000):
        tracemalloc.start()
        simulating.combine(models, found[:count], tmp_path / "part")
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert (peaks[1] - peaks[0]) / 2000 < 2000


@pytest.mark.parametrize("lines", [0, 1, 999, 1000, 1001, 2500])
def test_a_manifest_that_is_encoded_in_pieces_is_canonical(modelled, lines):
    bench, found, models = modelled
    shards = [msgspec.structs.replace(models[0].shards[0], shard=f'"{one.path}\u2028é') for one in found[:lines]]
    record = manifest.Manifest(
        run_id="r",
        status="published",
        spec=bench.spec,
        packages={},
        counts=models[0].counts,
        gate=[],
        report={},
        shards=shards,
    )
    assert manifest.encode(record) == canonical_bytes(msgspec.to_builtins(record)) + b"\n"


def test_workers_take_the_next_shard_of_one_queue(simulating):
    work = simulating.Work(np.array([2.0, 3.0, 3.0, 2.0, 2.0]), np.ones(5))
    assert simulating.makespan(work, [1, 2, 0, 3, 4], 2) == 7.0
    assert simulating.makespan(work, [0, 3, 4, 1, 2], 2) == 7.0
    assert simulating.makespan(work, range(5), 5) == work.ideal(5) == 3.0
    assert work.ideal(2) == 6.0


def test_largest_first_ends_sooner_and_near_the_ideal(simulating, modelled):
    bench, found, _ = modelled
    work = simulating.Work.drawn(found, 6e6, 0.01, 0.02, 1)
    real = simulating.scheduled(bench.spec, found)
    times = {name: simulating.makespan(work, order, 100) for name, order in work.orders(real, 1)}
    assert min(times, key=times.__getitem__) == "largest first (the job's)"
    assert work.ideal(100) <= times["largest first (the job's)"] < 1.05 * work.ideal(100)
    assert 1.0 < work.tries.mean() < 1.2
