"""Reading over a network that fails: all of one version of an object, or an error; never fewer bytes."""

from __future__ import annotations

import gzip
import os
import uuid
from functools import partial

import pytest

from tamis.pipeline import buckets, formats, locations, remote_file
from tamis.pipeline.errors import ShardError, TamisError
from tamis.pipeline.plan import Corpus
from tamis.pipeline.storage import open_store

SIZE = 3_000_000
DATA = os.urandom(SIZE)


class Remote:
    """One object on a service behind a proxy."""

    def __init__(self, scheme, proxied):
        self.proxy = proxied(scheme)
        address = self.proxy.address if scheme == "http" else self.proxy.server.bucket
        self.location = locations.parse(f"{scheme}://{address}/{uuid.uuid4().hex}")
        self.name = "part 1.bin"
        self.put(DATA)

    def put(self, data):
        if self.location.scheme == "http":
            self.proxy.server.files[self.location.key(self.name)] = data
        else:
            buckets.open_bucket(self.location).put(self.location.key(self.name), data)

    def read(self, block=100_000):
        with remote_file.open_remote(self.location, self.name) as file:
            return b"".join(iter(lambda: file.read(block), b""))

    def fail(self, **fault):
        self.proxy.faults[:] = [self.proxy.Fault(**{"match": READS[self.location.scheme], **fault})]


#: The requests that carry an object's bytes, by scheme.
READS = {"s3": "GET .*part", "gs": "GET .*(alt=media|download)", "az": "GET .*part", "http": "GET .*part"}


@pytest.fixture(params=READS)
def remote(request, proxied, monkeypatch):
    made = Remote(request.param, proxied)
    monkeypatch.setattr("tamis.pipeline.retries.time.sleep", lambda seconds: None)
    return made


@pytest.mark.parametrize("block", [1000, 100_000, -1])
def test_undisturbed(remote, block):
    if block > 0:
        assert remote.read(block) == DATA
    else:
        with remote_file.open_remote(remote.location, remote.name) as file:
            assert file.read() == DATA


@pytest.mark.parametrize(
    "fault",
    [
        {"status": 429, "times": 3},
        {"status": 500, "times": 2},
        {"status": 503, "times": 5},
        {"reset": True, "times": 3},
        {"cut_after": 0, "times": 3},
        {"cut_after": 1, "times": 3},
        {"cut_after": 250_000, "times": 3},
        {"cut_after": SIZE - 1, "times": 1},
    ],
    ids=lambda fault: "-".join(map(str, fault.values())),
)
def test_every_byte_arrives(remote, fault):
    remote.fail(**fault)
    assert remote.read() == DATA
    assert remote.proxy.faults[0].times == 0


def test_a_service_that_falls_silent(proxied, monkeypatch):
    from tamis.pipeline import bucket_s3

    monkeypatch.setattr(bucket_s3, "READ_S", 0.3)
    remote = Remote("s3", proxied)
    monkeypatch.setattr("tamis.pipeline.retries.time.sleep", lambda seconds: None)
    remote.fail(deaf=True, times=2)
    assert remote.read() == DATA


def test_a_service_that_stays_down_is_an_error(remote):
    remote.fail(status=503, match="GET|HEAD", times=1000)
    with pytest.raises(ShardError, match="503"):
        remote.read()


def test_a_stream_that_is_cut_for_good_is_an_error_and_not_a_shorter_shard(remote):
    with remote_file.open_remote(remote.location, remote.name) as file:
        remote.fail(cut_after=1_000_000)
        remote.proxy.faults.append(remote.proxy.Fault(match="GET|HEAD", reset=True, times=10_000))
        with pytest.raises(ShardError, match=r"reading stopped after \d+ of 3000000 bytes"):
            list(iter(lambda: file.read(100_000), b""))


@pytest.mark.parametrize("status", [401, 403])
def test_a_denial_is_not_asked_for_again(remote, status):
    remote.fail(status=status, match="GET|HEAD", times=1000)
    with pytest.raises(ShardError, match=r"access denied|Anonymous"):
        remote.read()
    assert remote.proxy.faults[0].times >= 998


def test_an_object_that_changes_while_it_is_read_is_an_error(remote):
    new = os.urandom(SIZE)
    remote.fail(cut_after=250_000)
    with remote_file.open_remote(remote.location, remote.name) as file:
        got = file.read(50_000)
        remote.put(new)
        file._drop()
        with pytest.raises(ShardError, match="replaced or removed while it was read"):
            list(iter(lambda: file.read(50_000), b""))
    assert DATA.startswith(got)


def test_an_object_that_vanishes_while_it_is_read_is_an_error(remote):
    if remote.location.scheme == "http":
        delete = partial(remote.proxy.server.files.pop, remote.location.key(remote.name))
    else:
        delete = partial(buckets.open_bucket(remote.location).delete, remote.location.key(remote.name))
    with remote_file.open_remote(remote.location, remote.name) as file:
        file.read(1000)
        delete()
        file._drop()
        with pytest.raises(ShardError, match="replaced or removed"):
            file.read(1000)


def test_another_version_than_was_listed_is_an_error(remote):
    with pytest.raises(ShardError, match="since it was listed"):
        remote_file.open_remote(remote.location, remote.name, '"another"')
    with pytest.raises(FileNotFoundError):
        remote_file.open_remote(remote.location, "none")


def test_seeking_fetches_the_object_once_and_survives_a_cut(remote):
    remote.fail(cut_after=250_000, times=2)
    with remote_file.open_remote(remote.location, remote.name) as file:
        file.seek(0)
        assert file.read(10) == DATA[:10]
        before = len(remote.proxy.seen)
        file.seek(-20, os.SEEK_END)
        assert file.read() == DATA[-20:]
        file.seek(1_000_000)
        assert file.read(7) == DATA[1_000_000:1_000_007]
        assert len(remote.proxy.seen) == before


def test_a_gzip_is_not_decoded_on_the_way(remote):
    data = gzip.compress(b"some lines\n" * 1000, mtime=0)
    remote.put(data)
    assert remote.read() == data


# Web servers are of all kinds.


@pytest.fixture
def web(servers, monkeypatch):
    """A web server with the given habits."""
    module = servers("http").__class__
    import sys

    kinds = sys.modules[module.__module__]
    monkeypatch.setattr("tamis.pipeline.retries.time.sleep", lambda seconds: None)

    def serve(stack, **habits):
        handler = type("Habits", (kinds.WebFiles,), habits)
        address = stack.enter_context(kinds.serving(partial(handler, {"a.bin": DATA, "empty": b""})))
        return locations.parse(f"http://{address}")

    return serve


def _whole(location, name="a.bin"):
    with remote_file.open_remote(location, name) as file:
        return b"".join(iter(lambda: file.read(200_000), b""))


@pytest.mark.parametrize("ranges", [True, False])
@pytest.mark.parametrize("validator", ["ETag", "Last-Modified"])
def test_web_servers_without_ranges_or_etags(web, ranges, validator):
    from contextlib import ExitStack

    with ExitStack() as stack:
        location = web(stack, ranges=ranges, validator=validator)
        assert _whole(location) == DATA
        assert _whole(location, "empty") == b""
        with remote_file.open_remote(location, "a.bin") as file:
            assert file.read(100_000) == DATA[:100_000]
            file._drop()
            assert file.read(100_000) == DATA[100_000:200_000]


def test_a_web_server_that_tells_no_version_is_refused(web):
    from contextlib import ExitStack

    with ExitStack() as stack, pytest.raises(TamisError, match="tells no version"):
        _whole(web(stack, validator=None))


def test_a_web_server_that_sends_another_part_is_not_believed(web):
    from contextlib import ExitStack

    def off_by_one(self, status, data, headers):
        if status == 206 and "0-0" not in headers["Content-Range"]:
            headers = {**headers, "Content-Range": headers["Content-Range"].replace("bytes 1", "bytes 2")}
        super(type(self), self)._answer(status, data, headers)

    with ExitStack() as stack:
        location = web(stack, _answer=off_by_one)
        with remote_file.open_remote(location, "a.bin") as file:
            file.read(100_000)
            file._drop()
            with pytest.raises(ShardError, match="reading stopped after 100000"):
                file.read(100_000)


def test_a_shard_of_a_corpus_is_read_from_each_service(remote):
    lines = b"".join(b'{"id": "%d", "text": "number %d"}\n' % (i, i) for i in range(5000))
    corpus = Corpus(root=remote.location.url())
    for name, data in [("a.jsonl", lines), ("a.jsonl.gz", gzip.compress(lines, mtime=0))]:
        remote.name = name
        remote.put(data)
        remote.proxy.faults[:] = [remote.proxy.Fault(match="GET .*a.jsonl", cut_after=10_000, times=3)]
        with formats.open_shard(corpus, name) as reader:
            ids = [record.id for batch in reader for record in batch]
        assert ids == [str(i) for i in range(5000)]
        assert reader.bytes_read == len(data)
    # The same, truncated where it is stored: that is the shard's damage, told by its format.
    remote.put(gzip.compress(lines, mtime=0)[:-100])
    with formats.open_shard(corpus, "a.jsonl.gz") as reader, pytest.raises(ShardError, match="cut off"):
        list(reader)
    with pytest.raises(ShardError, match="vanished"), formats.open_shard(corpus, "none.jsonl"):
        pass


def test_parquet_is_read_from_an_object_store(connected):
    import pyarrow as pa
    from pyarrow import parquet

    server = connected("s3")
    root = f"s3://{server.bucket}/{uuid.uuid4().hex}"
    with open_store(root).open_write("a.parquet") as file:
        parquet.write_table(pa.table({"id": ["a", "b"], "text": ["one", "two"]}), file)
    with formats.open_shard(Corpus(root=root), "a.parquet") as reader:
        assert [record.text for batch in reader for record in batch] == ["one", "two"]
