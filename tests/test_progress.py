import io

from tamis.pipeline import progress, receipts
from tamis.pipeline.errors import TamisError
from tamis.pipeline.progress import Watch
from tamis.pipeline.receipts import Counts, Input, Receipt
from tamis.pipeline.storage import open_store


def write(store, name, seen, dropped):
    counts = Counts(seen=seen, kept=seen - dropped, dropped=dropped)
    receipt = Receipt(shard=name, fingerprint="f", input=Input(100, "0"), counts=counts, outputs={}, measures={})
    store.write(f"runs/r/receipts/{name}.json", receipts.encode(receipt, "v"))


def test_receipts_are_counted_once_as_they_appear(tmp_path):
    store = open_store(str(tmp_path))
    write(store, "a", 10, 1)
    watch = Watch(store, "runs/r", 3, 300)
    assert (watch.done, watch.resumed, watch.bytes) == (1, 1, 100)
    write(store, "b", 5, 2)
    store.write("runs/r/receipts/c.json", b"half a rec")
    watch.look()
    watch.look()
    assert (watch.done, watch.seen, watch.dropped) == (2, 15, 3)
    assert watch.line().startswith("2/3 shards")
    write(store, "c", 1, 0)
    watch.look()
    assert watch.done == 3


def test_a_storage_that_fails_for_the_moment_does_not_end_the_display(tmp_path, monkeypatch):
    store = open_store(str(tmp_path))
    watch = Watch(store, "runs/r", 1, 100)

    def fail(prefix):
        raise TamisError("503")

    with monkeypatch.context() as patch:
        patch.setattr(store, "names", fail)
        watch.look()
    write(store, "a", 1, 0)
    watch.look()
    assert watch.done == 1


def test_a_slow_listing_is_asked_for_less_often(tmp_path, monkeypatch):
    store, clock = open_store(str(tmp_path)), iter(range(0, 1000, 7))
    watch = Watch(store, "runs/r", 1, 100)
    monkeypatch.setattr(progress.time, "monotonic", lambda: float(next(clock)))
    watch.look()
    assert watch.pause == 70.0


def test_plain_lines_where_there_is_no_terminal(tmp_path, monkeypatch):
    monkeypatch.setattr(progress, "PLAIN_EVERY_S", 0.001)
    out, watch = io.StringIO(), Watch(open_store(str(tmp_path)), "runs/r", 1, 100)
    watch.pause = 0.0
    waits = iter([False, False, True])
    progress._lines(watch, out, lambda seconds: next(waits))
    assert out.getvalue().count("0/1 shards") == 2
