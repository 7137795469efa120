"""Every kind of storage keeps the promises of `Store`: a folder, and real servers on the loopback interface."""

from __future__ import annotations

import os
import threading
import uuid
from concurrent.futures import ThreadPoolExecutor

import pytest

from tamis.pipeline import buckets, manifest, object_store
from tamis.pipeline.errors import RaceLost, TamisError, UsageError
from tamis.pipeline.storage import open_store

REMOTE = ("s3", "gs", "az")
BIG = 40 << 20


@pytest.fixture(params=["folder", *REMOTE])
def store(request, tmp_path, connected):
    """An empty root of each kind of storage."""
    if request.param == "folder":
        return open_store(str(tmp_path / "out"))
    server = connected(request.param)
    return open_store(f"{server.scheme}://{server.bucket}/{uuid.uuid4().hex}/out")


@pytest.fixture(params=REMOTE)
def proxy(request, proxied, monkeypatch):
    """A proxy in front of each service, and no waiting between attempts."""
    made = proxied(request.param)
    made.slept = []
    monkeypatch.setattr("tamis.pipeline.retries.time.sleep", made.slept.append)
    made.root = f"{made.server.scheme}://{made.server.bucket}/{uuid.uuid4().hex}"
    made.store = open_store(made.root)
    return made


NAMES = [
    "a b",
    "ü",
    "a#b",
    "a?b",
    "a?versionId=7",
    "%41",
    "a+b",
    "~x",
    "*",
    "[x]",
    "a=b&c",
    "k:v@c",
    "'\"",
    "漢",
    "a;b,c",
]


def test_write_read_replace_delete(store):
    assert store.size("x") is None
    with pytest.raises(FileNotFoundError):
        store.read("x")
    with pytest.raises(FileNotFoundError):
        store.open_read("x")
    store.write("x", b"one")
    assert (store.read("x"), store.size("x")) == (b"one", 3)
    store.write("x", b"")
    assert (store.read("x"), store.size("x")) == (b"", 0)
    with store.open_read("x") as file:
        assert file.read(10) == b""
    store.delete("x")
    store.delete("x")
    assert store.size("x") is None


def test_names_are_those_under_the_folder_in_order(store):
    for name in ["r/b.json", "r/a/x.json", "r/a.json", "r/a/y z.json", "rr/no.json", "other"]:
        store.write(name, b"1")
    assert list(store.names("r")) == ["r/a.json", "r/a/x.json", "r/a/y z.json", "r/b.json"]
    assert list(store.names("none")) == []


def test_names_over_more_than_one_page(connected):
    server = connected("s3")
    store = open_store(f"s3://{server.bucket}/{uuid.uuid4().hex}")
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda number: store.write(f"r/{number:04}", b""), range(1100)))
    assert list(store.names("r")) == [f"r/{number:04}" for number in range(1100)]


@pytest.mark.parametrize("name", NAMES)
def test_any_name_of_a_shard_is_written_listed_and_read(store, name):
    with store.open_write(f"d/{name}") as file:
        file.write(name.encode())
    assert list(store.names("d")) == [f"d/{name}"]
    assert store.read(f"d/{name}") == name.encode()
    with store.open_read(f"d/{name}") as file:
        assert file.read(100) == name.encode()


@pytest.mark.parametrize("size", [0, 1, 20 << 20, BIG])
def test_streams_of_any_size(store, size):
    data = os.urandom(size)
    with store.open_write("big") as file:
        for start in range(0, size, 3 << 20):
            file.write(data[start : start + (3 << 20)])
    assert store.size("big") == size
    with store.open_read("big") as file:
        assert b"".join(iter(lambda: file.read(1 << 20), b"")) == data


def test_a_file_can_be_sought_in(store):
    data = os.urandom(300_000)
    store.write("x", data)
    with store.open_read("x") as file:
        assert file.read(1000) == data[:1000]
        assert file.seek(-10, os.SEEK_END) == 299_990
        assert file.read() == data[-10:]
        file.seek(5)
        assert (file.read(5), file.tell()) == (data[5:10], 10)


def test_nothing_is_visible_before_the_block_ends_and_nothing_after_an_error(store):
    def fail():
        with store.open_write("d/x") as file:
            file.write(os.urandom(BIG))
            assert store.size("d/x") is None
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fail()
    assert store.size("d/x") is None
    assert list(store.names("d")) == []


def test_create_once(store):
    assert store.create("m", b"one")
    assert store.create("m", b"one")
    assert not store.create("m", b"two")
    assert store.read("m") == b"one"


def test_compare_and_swap(store):
    store.replace("c", b"one", None)
    _, first = store.read_versioned("c")
    with pytest.raises(RaceLost):
        store.replace("c", b"two", None)
    store.replace("c", b"two", first)
    data, second = store.read_versioned("c")
    assert (data, second != first) == (b"two", True)
    with pytest.raises(RaceLost):
        store.replace("c", b"three", first)
    store.replace("c", b"two", first)
    assert store.read("c") == b"two"
    store.delete("c")
    with pytest.raises(RaceLost):
        store.replace("c", b"three", second)
    assert store.size("c") is None


@pytest.mark.parametrize("conditional", ["create", "replace"])
def test_of_many_at_once_exactly_one_wins(store, conditional):
    for attempt in range(5):
        name, start = f"race/{attempt}", threading.Barrier(6)
        version = None
        if conditional == "replace":
            store.write(name, b"before")
            version = store.read_versioned(name)[1]

        def write(number, name=name, start=start, version=version):
            start.wait()
            try:
                return store.replace(name, b"%d" % number, version) is None
            except RaceLost:
                return False

        def create(number, name=name, start=start):
            start.wait()
            return store.create(name, b"%d" % number)

        with ThreadPoolExecutor(6) as pool:
            won = list(pool.map(write if conditional == "replace" else create, range(6)))
        assert won.count(True) == 1
        assert store.read(name) == b"%d" % won.index(True)


def test_a_manifest_is_created_once_and_another_one_is_named_with_both_digests(store):
    manifest.create(store, "r1", b"content")
    manifest.create(store, "r1", b"content")
    with pytest.raises(TamisError, match=r"found sha256 ed7002b4.*, expected d9298a10") as caught:
        manifest.create(store, "r1", b"other")
    assert not isinstance(caught.value, RaceLost)
    assert store.read("runs/r1/MANIFEST.json") == b"content"


def test_the_pointer_moves_only_from_the_run_that_it_was_launched_on(store):
    assert manifest.base_of(store) == manifest.NOTHING
    manifest.point(store, "r1", "one", manifest.NOTHING)
    manifest.point(store, "r1", "one", manifest.NOTHING)
    manifest.point(store, "r2", "two", "r1")
    with pytest.raises(RaceLost, match="run r2 was published after run r3 was launched"):
        manifest.point(store, "r3", "three", "r1")
    assert manifest.read_current(store).run_id == "r2"
    manifest.point(store, "r3", "three", manifest.base_of(store))
    manifest.point(store, "r1", "one")
    assert manifest.read_current(store).run_id == "r1"


# What the services do wrong.

FAULTS = {
    "429": {"status": 429, "body": b"slow down", "times": 3},
    "500": {"status": 500, "times": 2},
    "503": {"status": 503, "body": b"<Error><Code>SlowDown</Code></Error>", "times": 7},
    "reset": {"reset": True, "times": 3},
}


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
def test_operations_are_tried_again(proxy, fault):
    store = proxy.store
    for operation, expected in [
        (lambda: store.write("x", b"one"), None),
        (lambda: store.read("x"), b"one"),
        (lambda: store.size("x"), 3),
        (lambda: list(store.names("")), ["x"]),
        (lambda: store.create("m", b"1"), True),
        (lambda: store.replace("m", b"2", store.read_versioned("m")[1]), None),
        (lambda: store.delete("x"), None),
    ]:
        proxy.faults[:] = [proxy.Fault(**fault, match="")]
        assert operation() == expected
        assert proxy.faults[0].times == 0
    assert (store.read("m"), store.size("x")) == (b"2", None)


def test_the_schedule_is_fixed_and_ends(proxy):
    proxy.faults[:] = [proxy.Fault(status=503, match="", times=100)]
    with pytest.raises(TamisError, match="HTTP 503") as caught:
        proxy.store.read("x")
    assert proxy.slept == [0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0]
    assert len(proxy.seen) == 8
    assert str(caught.value).startswith(f"{proxy.root}/x: ")


@pytest.mark.parametrize("status", [400, 401, 403])
def test_what_was_answered_is_not_asked_again(proxy, status):
    proxy.faults[:] = [proxy.Fault(status=status, match="", times=100)]
    # The emulator's client has no credentials that it could try to refresh.
    with pytest.raises(TamisError, match=f"{status}|Anonymous"):
        proxy.store.read("x")
    assert (proxy.slept, len(proxy.seen)) == ([], 1)


def test_a_service_that_does_not_answer_times_out_and_is_asked_again(proxied, monkeypatch):
    from tamis.pipeline import bucket_s3

    monkeypatch.setattr(bucket_s3, "READ_S", 0.3)
    proxy = proxied("s3")
    store = open_store(f"s3://{proxy.server.bucket}/{uuid.uuid4().hex}")
    store.write("x", b"one")
    monkeypatch.setattr("tamis.pipeline.retries.time.sleep", lambda seconds: None)
    proxy.faults[:] = [proxy.Fault(deaf=True, times=2)]
    assert store.read("x") == b"one"


def test_a_conditional_write_whose_answer_is_lost_has_been_made(proxy):
    store, write = proxy.store, {"match": "PUT|POST", "lose_answer": True}
    proxy.faults[:] = [proxy.Fault(**write)]
    assert store.create("m", b"mine")
    version = store.read_versioned("m")[1]
    proxy.faults[:] = [proxy.Fault(**write)]
    store.replace("m", b"next", version)
    assert store.read("m") == b"next"
    # The same, and another run was there first: its content decides.
    version = store.read_versioned("m")[1]
    proxy.faults[:] = [proxy.Fault(match="PUT|POST", reset=True, first=lambda: _behind(proxy).write("m", b"theirs"))]
    with pytest.raises(RaceLost):
        store.replace("m", b"mine", version)
    assert store.read("m") == b"theirs"


def _behind(proxy):
    """Returns the store without the proxy."""
    kept = dict(os.environ)
    os.environ.update(proxy.server.environment(proxy.upstream))
    buckets._made.cache_clear()
    try:
        return open_store(proxy.root)
    finally:
        buckets._made.cache_clear()
        os.environ.update({name: kept[name] for name in proxy.server.environment("")})


def test_an_upload_in_parts_is_invisible_until_its_end_and_survives_a_lost_part(proxy):
    behind, looked = _behind(proxy), []

    def look(line):
        if line.startswith(("PUT", "POST")):
            looked.append(behind.size("big"))

    data = os.urandom(BIG)
    proxy.watch = look
    proxy.faults[:] = [proxy.Fault(match=PART[proxy.server.scheme], status=503)]
    with proxy.store.open_write("big") as file:
        file.write(data)
    assert proxy.faults[0].times == 0
    assert len(looked) > 3
    assert set(looked) == {None}
    assert behind.read("big") == data


#: Tells the second part of an upload from other requests.
PART = {"s3": r"PUT .*partNumber=2", "gs": r"PUT .*upload", "az": r"PUT .*comp=block&"}


def test_an_upload_that_fails_leaves_nothing(proxy):
    proxy.faults[:] = [proxy.Fault(match=PART[proxy.server.scheme], status=403, times=100)]
    with pytest.raises(TamisError, match="access denied"), proxy.store.open_write("d/big") as file:
        file.write(os.urandom(BIG))
    assert proxy.store.size("d/big") is None
    assert list(proxy.store.names("d")) == []
    if proxy.server.scheme == "s3":
        bucket = buckets._made("s3", proxy.server.bucket)
        assert "Uploads" not in bucket._client.list_multipart_uploads(Bucket=proxy.server.bucket)


def test_a_listing_goes_on_where_it_failed(proxied, monkeypatch):
    proxy = proxied("s3")
    root = f"s3://{proxy.server.bucket}/{uuid.uuid4().hex}"
    store = open_store(root)
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda number: store.write(f"r/{number:04}", b""), range(1050)))
    monkeypatch.setattr("tamis.pipeline.retries.time.sleep", lambda seconds: None)
    proxy.faults[:] = [proxy.Fault(match=r"GET .*(continuation-token|start-after=\w)", status=503, times=3)]
    assert len(list(store.names("r"))) == 1050
    assert proxy.faults[0].times == 0


def test_a_bucket_that_is_not_there(connected):
    connected("s3")
    store = open_store("s3://no-such-bucket-here/out")
    with pytest.raises(TamisError, match="there is no such bucket"):
        store.write("x", b"1")
    with pytest.raises(UsageError, match="there is no bucket no-such-bucket-here"):
        list(store.names("runs"))


def test_messages_hold_no_secret(proxy):
    signed = b"<Error><Message>https://u:pw@h/x?X-Amz-Signature=c0ffee&amp;sig=c0ffee</Message></Error>"
    proxy.faults[:] = [proxy.Fault(status=400, match="", times=100, body=signed)]
    with pytest.raises(TamisError) as caught:
        proxy.store.read("x")
    assert "c0ffee" not in str(caught.value)
    assert "pw" not in str(caught.value)


@pytest.mark.parametrize("root", ["http://127.0.0.1:9/x", "https://example.org/x"])
def test_the_web_is_read_only(root):
    with pytest.raises(UsageError, match="read only"):
        open_store(root)


def test_without_the_extra_the_message_says_what_to_install(monkeypatch):
    monkeypatch.setitem(buckets._KINDS, "s3", ("bucket_s3", "S3Bucket", "a_package_that_is_not_there"))
    buckets._made.cache_clear()
    with pytest.raises(UsageError, match=r"pip install 'tamis\[cloud\]'"):
        open_store("s3://bucket/out")


def test_spooling_is_bounded():
    assert object_store.SPOOL <= 64 << 20
