"""What is particular to a folder; what all kinds of storage share is tested in test_object_store.py."""

import threading

import pytest

from tamis.pipeline import atomic, storage
from tamis.pipeline.errors import ShardError
from tamis.pipeline.storage import open_store


def test_a_file_url_is_a_folder(tmp_path):
    open_store(f"file://{tmp_path}/out").write("a/b", b"1")
    assert (tmp_path / "out" / "a" / "b").read_bytes() == b"1"


def test_a_conditional_write_waits_for_the_process_that_writes_the_same_file(tmp_path):
    store = open_store(str(tmp_path))
    writing = threading.Event()

    def other():
        with atomic.open_write(tmp_path / "m") as file:
            file.write(b"theirs")
            writing.set()
            threading.Event().wait(0.3)

    thread = threading.Thread(target=other)
    thread.start()
    writing.wait()
    assert not store.create("m", b"mine")
    thread.join()
    assert store.read("m") == b"theirs"


def test_a_conditional_write_does_not_wait_for_ever(tmp_path, monkeypatch):
    monkeypatch.setattr(storage, "_PAUSE_S", 0.001)
    with atomic.open_write(tmp_path / "m"), pytest.raises(ShardError, match="written by another process"):
        open_store(str(tmp_path)).create("m", b"mine")


def test_nothing_is_left_beside_the_files(tmp_path):
    store = open_store(str(tmp_path))
    store.create("m", b"1")
    store.create("m", b"2")
    store.replace("c", b"1", None)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["c", "m"]
