"""Copies, sizes and times, and clearing: on a disk and on real servers on the loopback interface."""

from __future__ import annotations

import errno
import os
import time
import uuid

import pytest

from tamis.pipeline.storage import open_store

BIG = 40 << 20


@pytest.fixture(params=["folder", "s3", "gs", "az"])
def store(request, tmp_path, connected):
    """An empty root of each kind of storage."""
    if request.param == "folder":
        return open_store(str(tmp_path / "out"))
    server = connected(request.param)
    return open_store(f"{server.scheme}://{server.bucket}/{uuid.uuid4().hex}/out")


@pytest.mark.parametrize("name", ["a.jsonl", "ü b/漢 #1?x=%41.jsonl", "a+b&c.gz"])
def test_a_copy_is_the_same_bytes_under_another_name(store, name):
    store.write(f"one/{name}", b"first")
    store.copy(f"one/{name}", f"two/{name}")
    assert store.read(f"two/{name}") == b"first"
    # Neither follows the other.
    store.write(f"one/{name}", b"second")
    assert store.read(f"two/{name}") == b"first"
    store.copy(f"one/{name}", f"two/{name}")
    assert store.read(f"two/{name}") == b"second"
    store.delete(f"one/{name}")
    assert store.read(f"two/{name}") == b"second"


def test_what_is_not_there_is_not_copied(store):
    with pytest.raises(FileNotFoundError):
        store.copy("nothing", "two")
    assert store.size("two") is None


def test_a_large_object_is_copied_whole(store):
    data = os.urandom(1 << 20) * (BIG >> 20)
    with store.open_write("big") as file:
        file.write(data)
    store.copy("big", "copy")
    assert store.read("copy") == data


def test_entries_have_sizes_and_times(store):
    store.write("runs/a/x", b"12345")
    store.write("runs/a/y/z", b"")
    store.write("other", b"1")
    found = list(store.entries("runs"))
    assert [(entry.path, entry.size) for entry in found] == [("runs/a/x", 5), ("runs/a/y/z", 0)]
    assert all(abs(entry.modified - time.time()) < 120 for entry in found)
    assert list(store.entries("none")) == []


def test_clearing_takes_a_folder_and_nothing_beside_it(store):
    for name in ("runs/a/x", "runs/a/y/z", "runs/ab", "runs/b/x"):
        store.write(name, b"1")
    store.clear("runs/a")
    store.clear("runs/none")
    assert list(store.names("runs")) == ["runs/ab", "runs/b/x"]


def test_a_copy_on_a_disk_takes_no_room(tmp_path):
    store = open_store(str(tmp_path))
    store.write("one", b"x" * 100)
    store.copy("one", "folder/two")
    store.copy("one", "folder/two")
    assert (tmp_path / "one").samefile(tmp_path / "folder" / "two")
    assert {entry.links for entry in store.entries("")} == {2}


def test_where_there_are_no_hard_links_the_bytes_are_copied(tmp_path, monkeypatch):
    def refuse(self, target):
        raise OSError(errno.EXDEV, "another device", str(target))

    monkeypatch.setattr("pathlib.Path.hardlink_to", refuse)
    store = open_store(str(tmp_path))
    store.write("one", b"1")
    store.copy("one", "two")
    assert store.read("two") == b"1"
    assert not (tmp_path / "one").samefile(tmp_path / "two")
    with pytest.raises(FileNotFoundError):
        store.copy("none", "three")
