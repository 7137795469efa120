"""The Beam job: a few visible transforms around `tamis.pipeline.shard`.

    Plan ─► ListShards ─► Distribute ─► FilterShard ─► MergeReceipts ─► Publish

Beam distributes shard specs and merges receipts; inside a shard there is no Beam. The list of shards is read inside
the graph, so that a corpus of any size gives the same small job; document text never enters a PCollection. A shard
that fails gives a `Failure` beside its siblings' receipts: they finish, and the run publishes nothing.
"""

from __future__ import annotations

import functools
import logging
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import apache_beam as beam
import msgspec
from apache_beam.metrics.metric import Metrics

from tamis.classifiers.errors import TamisError
from tamis.pipeline import functional, listed, merging, proxy, publish, versions
from tamis.pipeline.errors import describe
from tamis.pipeline.merging import Merged, ShardLine
from tamis.pipeline.paths import Shard
from tamis.pipeline.receipts import Failure
from tamis.pipeline.runspec import RunSpec, inputs_digest
from tamis.pipeline.shard import list_corpus, sealed_shard
from tamis.pipeline.storage import Store, open_store
from tamis.pipeline.workbench import Workbench

__all__ = ["FilterCorpus", "FilterShard", "ListShards", "MergeReceipts", "Publish"]

LOG = logging.getLogger(__name__)

_COUNTED = ("seen", "kept", "dropped", "quarantined")


@dataclass(eq=False)
class FilterCorpus(beam.PTransform):
    """The whole job, from the root of a pipeline to the run's status.

    Args:
        spec: The resolved run as JSON.
    """

    spec: bytes

    def expand(self, pbegin: Any) -> Any:
        """Builds the graph."""
        return (
            pbegin
            | "Plan" >> beam.Create([self.spec])
            | "ListShards" >> beam.ParDo(ListShards())
            | "Distribute" >> beam.GroupByKey()
            | "FilterShard" >> beam.ParDo(FilterShard(self.spec)).with_output_types(Merged)
            # A corpus has a shard: no default is needed, which would send the merge through a side input.
            | "MergeReceipts" >> beam.CombineGlobally(MergeReceipts()).without_defaults().with_output_types(Merged)
            | "Publish" >> beam.ParDo(Publish(self.spec))
        )


class ListShards(beam.DoFn):
    """Lists the corpus, largest shard first, so that the last worker to finish waits for a small one."""

    def process(self, element: bytes) -> Iterator[tuple[int, bytes]]:
        """Yields (rank, shard) for each shard; raises TamisError when the corpus is not what was launched."""
        spec = msgspec.json.decode(element, type=RunSpec)
        versions.check(spec.launcher)
        shards = list_corpus(spec.plan.corpus)
        if inputs_digest((item.path, item.size) for item in shards) != spec.inputs:
            raise TamisError(
                f"{spec.plan.corpus.root}: the shards changed between the launch and the listing; launch again"
            )
        listed.write(open_store(spec.plan.output), spec.run_id, shards)
        for rank, shard in enumerate(sorted(shards, key=lambda item: (-item.size, item.path))):
            yield rank, msgspec.json.encode(shard)


class FilterShard(beam.DoFn):
    """Processes shards; models are loaded and verified once a worker, in `setup`.

    Args:
        spec: The resolved run as JSON.
    """

    def __init__(self, spec: bytes) -> None:
        self._spec = spec
        self._bench: Workbench | None = None

    def setup(self) -> None:
        """Loads bundles and rules."""
        self._bench = _workbench(self._spec)

    def process(self, element: tuple[int, Iterable[bytes]]) -> Iterator[Merged]:
        """Yields the merge of one receipt or failure for each shard."""
        assert self._bench is not None
        for data in element[1]:
            shard = msgspec.json.decode(data, type=Shard)
            merged = _attempt(self._bench, shard)
            _count(merged)
            yield merged


_benches: dict[bytes, Workbench] = {}


def keep(spec: bytes, bench: Workbench) -> None:
    """Lets transforms that run in this process use models that it has loaded and verified already."""
    _benches.clear()
    _benches[spec] = bench


def _workbench(spec: bytes) -> Workbench:
    """Loads models and rules once a process, however many instances of a transform it holds."""
    if spec not in _benches:
        decoded = msgspec.json.decode(spec, type=RunSpec)
        versions.check(decoded.launcher)
        keep(spec, Workbench.load(decoded))
    return _benches[spec]


def _attempt(bench: Workbench, shard: Shard) -> Merged:
    """Processes a shard; any error becomes a failure of this shard alone."""
    try:
        return merging.of_receipt(*sealed_shard(bench, shard))
    except Exception as error:  # noqa: BLE001 - one shard's failure must not end its siblings
        reason = describe(error)
        LOG.error("shard %s: %s", shard.path, reason)
        return merging.of_failure(Failure(shard.path, reason))


def _count(merged: Merged) -> None:
    """Adds a shard to the runner's counters: a fixed few, since a service drops those beyond its limit."""
    counts = {"shards": len(merged.shards), "failed_shards": len(merged.failures)}
    counts |= {f"documents_{name}": getattr(merged.counts, name) for name in _COUNTED}
    for name, value in counts.items():
        Metrics.counter("tamis", name).inc(value)


class JsonCoder(beam.coders.Coder):
    """Sends what JSON can say between workers, as JSON: nothing that arrives can run."""

    def __init__(self, kind: Any) -> None:
        self._kind = kind

    def encode(self, value: Any) -> bytes:
        """See Beam."""
        return msgspec.json.encode(value)

    def decode(self, encoded: bytes) -> Any:
        """See Beam."""
        return msgspec.json.decode(encoded, type=self._kind)

    def is_deterministic(self) -> bool:
        """See Beam: no element of it is a key."""
        return False

    def to_type_hint(self) -> Any:
        """See Beam."""
        return self._kind

    def __eq__(self, other: object) -> bool:
        return isinstance(other, JsonCoder) and self._kind == other._kind

    def __hash__(self) -> int:
        return hash(str(self._kind))


class MergedCoder(JsonCoder):
    """Sends a merge."""

    def __init__(self, _: Any = None) -> None:
        super().__init__(Merged)


beam.coders.registry.register_coder(Merged, MergedCoder)  # type: ignore[attr-defined]


class Partial(msgspec.Struct):
    """A merge in progress.

    Attributes:
        waiting: Parts without their lines, to be merged a few at a time.
        lines: The lines of all of them, added to in place: a copy of all at each merge would be most of the time.
    """

    waiting: list[Merged] = []
    lines: list[ShardLine] = []


class MergeReceipts(beam.CombineFn):
    """Merges receipts in any order, a few at a time: merging many at once costs less than one after another."""

    BUFFER = 64

    def create_accumulator(self) -> Partial:
        """Returns the empty merge."""
        return Partial()

    def add_input(self, accumulator: Partial, element: Merged) -> Partial:
        """Adds one shard."""
        accumulator.lines.extend(element.shards)
        accumulator.waiting.append(msgspec.structs.replace(element, shards=()))
        return self.compact(accumulator) if len(accumulator.waiting) >= self.BUFFER else accumulator

    def merge_accumulators(self, accumulators: Iterable[Partial]) -> Partial:
        """Merges partial merges."""
        found = Partial()
        for one in accumulators:
            found.lines.extend(one.lines)
            found.waiting.extend(one.waiting)
        return self.compact(found)

    def compact(self, accumulator: Partial) -> Partial:
        """Merges what is waiting, before it is sent anywhere."""
        return Partial([merging.merge(accumulator.waiting)], accumulator.lines)

    def get_accumulator_coder(self) -> JsonCoder:
        """Returns the coder of partial merges; a single shard's goes from transform to transform as it is."""
        return JsonCoder(Partial)

    def extract_output(self, accumulator: Partial) -> Merged:
        """Returns the merge."""
        return msgspec.structs.replace(merging.merge(accumulator.waiting), shards=tuple(accumulator.lines))


class Publish(beam.DoFn):
    """Gates, reports and publishes; the commit is a stage of the graph, since a launcher may be gone by then.

    Args:
        spec: The resolved run as JSON.
    """

    def __init__(self, spec: bytes) -> None:
        self._spec = spec

    def process(self, element: Merged) -> Iterator[str]:
        """Yields the run's status."""
        spec = msgspec.json.decode(self._spec, type=RunSpec)
        bench, store = _workbench(self._spec), open_store(spec.plan.output)
        more = functools.partial(_more, store, spec, element, bench)
        yield publish.finish(store, spec, element, bench.context, more)


def _more(store: Store, spec: RunSpec, merged: Merged, bench: Workbench) -> dict[str, Any]:
    """Returns the results of the measures that do not add up over shards, by name."""
    return {**functional.measured(bench), **proxy.measured(store, spec, merged, bench)}
