import msgspec
import pytest

from tamis.classifiers.errors import ShardError
from tamis.pipeline import receipts
from tamis.pipeline.receipts import Counts, Input, Output, Receipt

RECEIPT = Receipt(
    shard="a/b.jsonl.gz",
    fingerprint="f" * 64,
    input=Input(10, "0" * 64),
    counts=Counts(seen=5, kept=3, dropped=1, quarantined=1),
    outputs={"documents": Output("documents/a/b.jsonl.gz", 7, "1" * 64, 3)},
    measures={"volume": {"n": 4}},
)


def test_a_receipt_reads_back_with_the_version_of_its_input():
    assert receipts.decode(receipts.encode(RECEIPT, "123"), "r") == (RECEIPT, "123")


def test_the_digest_does_not_depend_on_when_the_input_was_written():
    one, two = (receipts.encode(RECEIPT, version) for version in ("1", "2"))
    assert one != two
    assert receipts.digest(receipts.decode(one, "r")[0]) == receipts.digest(receipts.decode(two, "r")[0])


@pytest.mark.parametrize("cut", [0, 1, 20, -2])
def test_a_torn_receipt_is_refused(cut):
    with pytest.raises(ShardError, match="not a receipt"):
        receipts.decode(receipts.encode(RECEIPT, "1")[:cut], "r")


def test_an_altered_receipt_is_refused():
    data = receipts.encode(RECEIPT, "1").replace(b'"kept":3', b'"kept":4')
    with pytest.raises(ShardError, match="the receipt was altered"):
        receipts.decode(data, "r")


@pytest.mark.parametrize(("dropped", "balanced"), [(1, True), (0, False), (2, False)])
def test_conservation(dropped, balanced):
    assert msgspec.structs.replace(RECEIPT.counts, dropped=dropped).balanced() is balanced


def test_counts_add_up_field_by_field():
    total = RECEIPT.counts + RECEIPT.counts
    assert (total.seen, total.kept, total.dropped, total.quarantined) == (10, 6, 2, 2)
