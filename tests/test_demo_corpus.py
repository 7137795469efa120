"""The bundled demo corpus: what the script writes is what is committed, and it holds what the demo shows."""

from __future__ import annotations

import csv
import gzip
import importlib.machinery
import importlib.util
import io
import json
import zlib
from collections import Counter
from pathlib import Path
from types import ModuleType
from typing import Any
from urllib.parse import urlsplit

import pytest
import zstandard

SCRIPTS = Path(__file__).resolve().parents[1] / "scripts"
#: Libraries that compressed the committed shards. Others may give other bytes with the same content.
BUILT_WITH = {"zlib": "1.2.13", "zstd": (1, 5, 7)}


@pytest.fixture(scope="module")
def maker() -> ModuleType:
    loader = importlib.machinery.SourceFileLoader("make_demo_corpus", str(SCRIPTS / "make_demo_corpus"))
    spec = importlib.util.spec_from_loader(loader.name, loader)
    assert spec is not None
    module = importlib.util.module_from_spec(spec)
    loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def built(maker: ModuleType) -> dict[str, bytes]:
    files: dict[str, bytes] = maker.build()
    return files


def plain(name: str, data: bytes) -> bytes:
    if name.endswith(".zst"):
        return zstandard.ZstdDecompressor().stream_reader(io.BytesIO(data), read_across_frames=True).read()
    return gzip.decompress(data) if name.endswith(".gz") else data


def tail_free(data: bytes) -> bytes:
    """Decompress a gzip that may lack its end."""
    return zlib.decompressobj(wbits=31).decompress(data)


def lines(built: dict[str, bytes]) -> list[tuple[str, bytes]]:
    corpus = [(name, data) for name, data in built.items() if name.startswith("demo_corpus/")]
    return [(name, line) for name, data in corpus for line in plain(name, data).splitlines()]


def usable(line: bytes) -> dict[str, Any] | None:
    try:
        record = json.loads(line)
    except ValueError:
        return None
    good = isinstance(record, dict) and isinstance(record.get("text"), str) and record["text"]
    return record if good else None


def test_committed_files_are_exactly_those_the_script_writes(built: dict[str, bytes]) -> None:
    folders = [SCRIPTS / "demo_corpus", SCRIPTS / "demo_damaged"]
    found = {p.relative_to(SCRIPTS).as_posix() for folder in folders for p in folder.rglob("*") if p.is_file()}
    assert found | {"demo_labels.csv"} == set(built)


def test_committed_content_is_what_the_script_writes(built: dict[str, bytes]) -> None:
    for name, data in built.items():
        if name != "demo_damaged/news/part-01.jsonl.gz":
            assert plain(name, (SCRIPTS / name).read_bytes()) == plain(name, data), name


def test_the_script_gives_the_same_bytes_each_time(maker: ModuleType, built: dict[str, bytes]) -> None:
    assert maker.build() == built


@pytest.mark.skipif(
    {"zlib": zlib.ZLIB_RUNTIME_VERSION, "zstd": zstandard.ZSTD_VERSION} != BUILT_WITH,
    reason="other compression libraries give other bytes; the content is compared in any case",
)
def test_the_script_reproduces_the_committed_bytes(built: dict[str, bytes]) -> None:
    for name, data in built.items():
        assert (SCRIPTS / name).read_bytes() == data, name


def test_counts_and_sizes(maker: ModuleType, built: dict[str, bytes]) -> None:
    documents = maker.corpus()
    per_source = Counter(document.source for document in documents)
    assert set(per_source) == set(maker.SOURCES)
    assert min(per_source.values()) >= 60
    assert len(documents) >= 400
    assert sum(len(document.text) for document in documents) >= 300_000
    assert all(40 <= len(document.text) <= 2500 for document in documents)
    assert len({document.text for document in documents}) == len({d.id for d in documents}) == len(documents)
    assert len([name for name in built if name.startswith("demo_corpus/")]) == 8
    assert sum(map(len, built.values())) < 500_000


def test_usable_records_are_the_authored_documents(maker: ModuleType, built: dict[str, bytes]) -> None:
    records = [record for _, line in lines(built) if (record := usable(line))]
    assert {(r["id"], r["text"], r["source"]) for r in records} == {(d.id, d.text, d.source) for d in maker.corpus()}
    assert len(records) == len(maker.corpus())
    hosts = {urlsplit(record["metadata"]["url"]).hostname or "" for record in records}
    assert len(hosts) >= 10
    assert all(host.endswith((".example.org", ".example.com", ".example.net")) for host in hosts)


def test_gold_labels_match_ids_and_every_category_is_rare_and_present(maker: ModuleType) -> None:
    with (SCRIPTS / "demo_labels.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["id"] for row in rows] == [document.id for document in maker.corpus()]
    for category in maker.CATEGORIES:
        assert {row[category] for row in rows} == {"0", "1"}
        assert 0.03 <= sum(row[category] == "1" for row in rows) / len(rows) <= 0.05
    assert "label" not in json.loads(maker.corpus()[0].line())


def test_malformed_records_stand_in_two_shards(maker: ModuleType, built: dict[str, bytes]) -> None:
    bad = [(name, line) for name, line in lines(built) if usable(line) is None]
    assert len(bad) == 6
    assert {name for name, _ in bad} == {f"demo_corpus/{shard}" for shard in maker.MALFORMED}
    assert {line for _, line in bad} == {line for entries in maker.MALFORMED.values() for _, line in entries}


def test_gzip_carries_no_time_stamp(built: dict[str, bytes]) -> None:
    assert all(data[4:8] == bytes(4) for name, data in built.items() if name.endswith(".gz"))


@pytest.mark.parametrize("name", ["news/part-00.jsonl.zst", "encyclopaedia/part-01.jsonl.zst"])
def test_zstd_shards_have_two_frames(name: str) -> None:
    data = (SCRIPTS / "demo_corpus" / name).read_bytes()
    first = zstandard.ZstdDecompressor().decompressobj()
    first.decompress(data)
    assert first.unused_data[:4] == b"\x28\xb5\x2f\xfd"


def test_damaged_corpus_has_one_intact_and_one_truncated_shard() -> None:
    folder = SCRIPTS / "demo_damaged" / "news"
    assert len(gzip.decompress((folder / "part-00.jsonl.gz").read_bytes()).splitlines()) == 30
    cut = (folder / "part-01.jsonl.gz").read_bytes()
    with pytest.raises(EOFError):
        gzip.decompress(cut)
    assert 0 < len(tail_free(cut).splitlines()) < 30  # there is something to lose without a word


def test_unknown_label_is_an_error_that_names_the_file(maker: ModuleType) -> None:
    with pytest.raises(SystemExit, match=r"x\.md: found label 'spam', expected ok or sexual"):
        maker.labels("hate, spam", Path("x.md"))
