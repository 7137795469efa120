"""Shards are listed alike from a folder, from buckets on real servers, and by name from a web server."""

from __future__ import annotations

import uuid

import pytest

from tamis.pipeline import listing, locations
from tamis.pipeline.errors import TamisError, UsageError
from tamis.pipeline.storage import open_store

FILES = ["b.jsonl", "a/z.jsonl", "a/y/x y.jsonl", "a/n.txt", ".git/c.jsonl", "a/.d.jsonl", "B2.jsonl", "ab/u.jsonl"]


@pytest.fixture(params=["folder", "s3", "gs", "az"])
def corpus(request, tmp_path, connected):
    """A root with files, a sibling whose name starts alike, and a marker of an empty folder."""
    server = None if request.param == "folder" else connected(request.param)
    parent = str(tmp_path) if server is None else f"{server.scheme}://{server.bucket}/{uuid.uuid4().hex}"
    store = open_store(parent)
    for name in FILES:
        store.write(f"web/{name}", b"12345")
    store.write("web2/other.jsonl", b"1")
    return f"{parent}/web"


@pytest.mark.parametrize(
    ("pattern", "found"),
    [
        ("**/*.jsonl", ["B2.jsonl", "a/y/x y.jsonl", "a/z.jsonl", "ab/u.jsonl", "b.jsonl"]),
        ("*.jsonl", ["B2.jsonl", "b.jsonl"]),
        ("a/**/*.jsonl", ["a/y/x y.jsonl", "a/z.jsonl"]),
        ("a/*", ["a/n.txt", "a/z.jsonl"]),
        ("a/z.jsonl", ["a/z.jsonl"]),
        ("{a/z,b}.jsonl", ["a/z.jsonl", "b.jsonl"]),
        (["*.jsonl", "a/*.txt", "b.*"], ["B2.jsonl", "a/n.txt", "b.jsonl"]),
    ],
)
def test_patterns(corpus, pattern, found):
    shards = listing.list_shards(corpus, pattern)
    assert [shard.path for shard in shards] == found
    assert {shard.size for shard in shards} == {5}
    assert all(shard.version for shard in shards)


def test_the_version_changes_with_the_content_only(corpus):
    before = listing.list_shards(corpus, "b.jsonl")
    assert listing.list_shards(corpus, "b.jsonl") == before
    open_store(corpus).write("b.jsonl", b"54321")
    assert listing.list_shards(corpus, "b.jsonl") != before


def test_nothing_matches(corpus):
    with pytest.raises(UsageError, match=r"nothing matches none/.*; it holds for example"):
        listing.list_shards(corpus, "none/*")
    with pytest.raises(UsageError, match=r"found no folder|holds no file"):
        listing.list_shards(f"{corpus}/nowhere", "*")


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (["a\u202eb.jsonl"], "invisible character"),
        (["x/" + "n" * 240 + ".jsonl"], "a segment of"),
        (["A.jsonl", "a.jsonl"], "rename one of them"),
        (["a//b.jsonl"], "segment ''"),
    ],
)
def test_names_that_no_folder_could_hold(connected, names, message):
    server = connected("gs")
    store = open_store(f"gs://{server.bucket}/{uuid.uuid4().hex}")
    for name in names:
        store.write(name, b"1")
    with pytest.raises(UsageError, match=message):
        listing.list_shards(store.root, "**/*.jsonl")


def test_markers_of_folders_are_no_shards(connected):
    server = connected("gs")
    root = f"gs://{server.bucket}/{uuid.uuid4().hex}"
    open_store(root).write("a/", b"")
    open_store(root).write("a/b.jsonl", b"1")
    assert [shard.path for shard in listing.list_shards(root, "**/*")] == ["a/b.jsonl"]


def test_there_is_no_such_bucket(connected):
    connected("s3")
    with pytest.raises(UsageError, match="there is no bucket no-such-bucket-here"):
        listing.list_shards("s3://no-such-bucket-here/x", "*")


def test_a_denied_listing_is_explained(proxied):
    proxy = proxied("s3")
    proxy.faults[:] = [proxy.Fault(status=403, match="", times=100)]
    with pytest.raises(TamisError, match="the listing failed: access denied"):
        listing.list_shards(f"s3://{proxy.server.bucket}/x", "*")
    assert len(proxy.seen) == 1


# A web server has no listing.


@pytest.fixture
def web(servers):
    server = servers("http")
    server.files.update({f"corpus/p-{i:02}.jsonl": b"x" * i for i in range(12)})
    return f"http://{server.address}/corpus"


def test_named_files_of_a_web_server(web):
    shards = listing.list_shards(web, "p-{00..11}.jsonl")
    assert [(shard.path, shard.size) for shard in shards] == [(f"p-{i:02}.jsonl", i) for i in range(12)]
    assert len({shard.version for shard in shards}) == 12


@pytest.mark.parametrize(
    ("pattern", "message"),
    [
        ("*.jsonl", r"a web server lists no files.*name the files, such as part-\{000..127\}.jsonl.gz"),
        ("p-{00..12}.jsonl", "corpus/p-12.jsonl: no such file"),
    ],
)
def test_what_a_web_server_cannot_do(web, pattern, message):
    with pytest.raises(UsageError, match=message):
        listing.list_shards(web, pattern)


def test_a_web_server_that_is_overloaded_is_asked_again(proxied, monkeypatch):
    proxy = proxied("http")
    proxy.server.files["x.jsonl"] = b"123"
    monkeypatch.setattr("tamis.pipeline.retries.time.sleep", lambda seconds: None)
    proxy.faults[:] = [proxy.Fault(status=503, times=3)]
    assert [shard.size for shard in listing.list_shards(f"http://{proxy.address}", "x.jsonl")] == [3]
    assert locations.parse(f"http://{proxy.address}") is not None
