import itertools

import msgspec
import pytest

from tamis.pipeline import merging
from tamis.pipeline.merging import Merged
from tamis.pipeline.receipts import Counts, Failure, Input, Output, Receipt


def receipt(name: str, seen: int) -> Receipt:
    return Receipt(
        shard=name,
        fingerprint="f",
        input=Input(1, "0"),
        counts=Counts(seen=seen, kept=seen),
        outputs={"documents": Output(f"documents/{name}", seen, "1", seen)},
        measures={"coverage": {"seen": [seen, 10 * seen]}},
    )


PARTS = [
    merging.of_receipt(receipt("b", 2)),
    merging.of_receipt(receipt("a", 3)),
    merging.of_failure(Failure("c", "cut off")),
]


def canonical(merged: Merged) -> bytes:
    """The merge without the order of its shards, which the manifest sorts."""
    return msgspec.json.encode(msgspec.structs.replace(merged, shards=tuple(merged.sorted_shards())), order="sorted")


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
def test_any_order_and_any_grouping_give_the_same(order):
    first, second, third = (PARTS[i] for i in order)
    nested = merging.merge([merging.merge([first, second]), third])
    assert canonical(nested) == canonical(merging.merge(PARTS))


def test_counts_states_and_failures_add_up():
    merged = merging.merge(PARTS)
    assert merged.counts == Counts(seen=5, kept=5)
    assert merged.states["coverage"]["seen"] == [5, 50]
    assert [line.shard for line in merged.sorted_shards()] == ["a", "b"]
    assert merged.failures == (Failure("c", "cut off"),)


def test_the_empty_merge_is_neutral():
    assert canonical(merging.merge([Merged(), *PARTS, Merged()])) == canonical(merging.merge(PARTS))
    assert merging.merge([]) == Merged()
