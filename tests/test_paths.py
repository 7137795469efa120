import os

import pytest

from tamis.pipeline import paths
from tamis.pipeline.errors import UsageError


@pytest.mark.parametrize(
    "path", ["a.jsonl", "en/2024/part-0001.jsonl.gz", "é/ß ü.zst", "x:y/a..b", "漢字.jsonl", "a" * 230]
)
def test_safe(path):
    assert paths.safe_relative(path) == path


@pytest.mark.parametrize(
    "path",
    ["", "/etc/passwd", "../a", "a/../../b", "a//b", "a/", "./a", "a/.", ".hidden/a", "a/.b.tamis-tmp", "a\\b"],
)
def test_climbing_and_idling(path):
    with pytest.raises(UsageError, match="expected a relative path"):
        paths.safe_relative(path)


@pytest.mark.parametrize(
    "path",
    ["a\0b", "a\nb", "a\x1b[31m", "a\u202eb", "a\u200bb", "\udcff.jsonl", "a" * 240, "é" * 120, "a/" * 2100 + "b"],
)
def test_unsafe(path):
    with pytest.raises(UsageError, match="expected a relative path"):
        paths.safe_relative(path)


def test_unsafe_names_are_shown_inert():
    with pytest.raises(UsageError) as caught:
        paths.safe_relative("a\x1b[31m/b")
    assert "\x1b" not in str(caught.value)


@pytest.mark.parametrize(
    ("names", "clash"),
    [
        (["a", "b"], False),
        (["a/b", "a.b", "ab"], False),
        (["a", "A"], True),
        (["é.zst", "e\u0301.zst"], True),
        (["straße", "STRASSE"], True),
        (["a", "a"], False),
        (["a/b", "a"], True),
        (["a/b/c", "A"], True),
    ],
)
def test_collisions(names, clash):
    if not clash:
        return paths.check_collisions(names)
    with pytest.raises(UsageError, match="rename one of them"):
        paths.check_collisions(names)
    return None


@pytest.fixture
def corpus(tmp_path):
    for name in ["b.jsonl", "a/z.jsonl", "a/y/x.jsonl", "a/n.txt", ".git/c.jsonl", "a/.d.jsonl.tamis-tmp", "B2.jsonl"]:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"12345")
    (tmp_path / "folder.jsonl").mkdir()
    return tmp_path


def test_list(corpus):
    found = paths.list_shards(corpus, "**/*.jsonl")
    assert [shard.path for shard in found] == ["B2.jsonl", "a/y/x.jsonl", "a/z.jsonl", "b.jsonl"]
    assert {shard.size for shard in found} == {5}
    assert found[3].version == str((corpus / "b.jsonl").stat().st_mtime_ns)
    several = paths.list_shards(corpus, ["*.jsonl", "a/*.txt", "b.*"])
    assert [shard.path for shard in several] == ["B2.jsonl", "a/n.txt", "b.jsonl"]


@pytest.mark.parametrize("pattern", ["**/*.parquet", "../*", "/*", "a/../*"])
def test_list_errors(corpus, pattern):
    with pytest.raises(UsageError):
        paths.list_shards(corpus, pattern)


def test_nothing_there(tmp_path):
    with pytest.raises(UsageError, match="it holds no file"):
        paths.list_shards(tmp_path, "*")
    with pytest.raises(UsageError, match="found no folder"):
        paths.list_shards(tmp_path / "none", "*")


def test_links(corpus, tmp_path_factory):
    outside = tmp_path_factory.mktemp("outside") / "secret.jsonl"
    outside.write_bytes(b"{}")
    (corpus / "inside.jsonl").symlink_to(corpus / "b.jsonl")
    assert "inside.jsonl" in [shard.path for shard in paths.list_shards(corpus, "*.jsonl")]
    (corpus / "leak.jsonl").symlink_to(outside)
    with pytest.raises(UsageError, match="leads out of"):
        paths.list_shards(corpus, "*.jsonl")
    with pytest.raises(UsageError, match="leads out of"):
        paths.under(corpus, "leak.jsonl")


@pytest.mark.parametrize("pattern", ["sub/*.jsonl", "*/*.jsonl"])
def test_a_linked_folder_is_not_a_way_out(tmp_path, pattern):
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "secret.jsonl").write_bytes(b"{}")
    (tmp_path / "corpus").mkdir()
    (tmp_path / "corpus" / "sub").symlink_to(tmp_path / "outside")
    with pytest.raises(UsageError, match="leads out of"):
        paths.list_shards(tmp_path / "corpus", pattern)


def test_names_that_are_not_utf8(tmp_path):
    (tmp_path / os.fsdecode(b"\xff.jsonl")).write_bytes(b"")
    with pytest.raises(UsageError, match="not valid UTF-8"):
        paths.list_shards(tmp_path, "*.jsonl")
