"""JSON Lines in several zstd frames, in pieces: every byte in exactly one, or an error. TAMIS_FUZZ scales the tries."""

from __future__ import annotations

import hashlib
import itertools
import json
import os
import random
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import zstandard

from tamis.pipeline import cli, formats, zstd_frames
from tamis.pipeline.corpora import list_corpus
from tamis.pipeline.decompress import open_verified
from tamis.pipeline.document import Document
from tamis.pipeline.errors import ShardError
from tamis.pipeline.plan import Corpus
from tamis.pipeline.sizes import large_warning

FUZZ = int(os.environ.get("TAMIS_FUZZ", "10000"))
NAME = "a.jsonl.zst"


def corpus_of(folder: Path, least: int | None) -> Corpus:
    return Corpus(root=str(folder), split_bytes=least)


def frame(data: bytes, *, checksum: bool = True, sized: bool = True, block: int = 1 << 17) -> bytes:
    writer = zstandard.ZstdCompressor(write_checksum=checksum, write_content_size=sized)
    if sized:
        return writer.compress(data)
    stream, flush = writer.compressobj(), zstandard.COMPRESSOBJ_FLUSH_BLOCK
    parts = [stream.compress(data[i : i + block]) + stream.flush(flush) for i in range(0, len(data), block)]
    return b"".join(parts) + stream.flush()


def skippable(data: bytes) -> bytes:
    return b"\x53\x2a\x4d\x18" + len(data).to_bytes(4, "little") + data


def line(number: int, size: int, end: bytes = b"\n") -> bytes:
    return (
        json.dumps({"id": f"{number}", "text": hashlib.sha256(b"%d" % number).hexdigest()[:20] * size}).encode() + end
    )


def some_lines(rng: random.Random) -> bytes:
    """Lines of all sizes, blank ones and both kinds of ends; the last may lack its own."""
    longest = rng.choice((2, 8, 80))
    made = [
        line(i, rng.randint(1, longest), rng.choice((b"\n", b"\n", b"\r\n", b"\n\n")))
        for i in range(rng.randint(1, 40))
    ]
    data = b"".join(made)
    return data if rng.random() < 0.6 else data.rstrip(b"\r\n")


def some_frames(rng: random.Random, data: bytes) -> Iterator[bytes]:
    """The same bytes in frames that end anywhere, at a line or not, with empty and skippable ones between."""
    lines = [0, *(i + 1 for i, byte in enumerate(data) if byte == 10), len(data)]
    share = rng.choice((0.0, 0.5, 1.0))
    cuts = [rng.choice(lines) if rng.random() < share else rng.randint(0, len(data)) for _ in range(rng.randint(0, 60))]
    bounds = sorted([0, *cuts, len(data)])
    for start, stop in itertools.pairwise(bounds):
        yield frame(data[start:stop], checksum=rng.random() < 0.5, sized=rng.random() < 0.5, block=rng.randint(1, 300))
        if rng.random() < 0.1:
            yield rng.choice((frame(b""), skippable(b"x" * rng.randint(0, 300))))


def stored(corpus: Corpus) -> list[bytes]:
    """The decoded bytes of every shard or piece."""
    found = []
    for shard in list_corpus(corpus):
        with formats.open_stored(corpus.root, shard.path, shard.version) as file:
            found.append(b"".join(open_verified(file, "zst", name=shard.path)))
    return found


def read(corpus: Corpus) -> tuple[list[tuple[Any, ...]], int]:
    """Reads every shard as a run does; returns its records in their order, and how many lines are blank."""
    found, blank = [], 0
    for shard in list_corpus(corpus):
        with formats.open_shard(corpus, shard.path, version=shard.version) as reader:
            for record in (record for batch in reader for record in batch):
                assert isinstance(record, Document)
                found.append((record.id, record.text, record.raw))
            assert reader.bytes_read == shard.size
            blank += getattr(reader, "blank_lines", 0)
        with formats.open_stored(corpus.root, shard.path, shard.version) as file:
            assert hashlib.sha256(file.read()).hexdigest() == reader.digest
    return found, blank


def test_every_line_is_in_one_piece(tmp_path):
    pieces = 0
    for seed in range(FUZZ // 25):
        rng = random.Random(seed)
        data = some_lines(rng)
        (tmp_path / NAME).write_bytes(b"".join(some_frames(rng, data)))
        os.utime(tmp_path / NAME, ns=(seed, seed))
        corpus = corpus_of(tmp_path, round(10 ** rng.uniform(1.5, 4)))
        parts = stored(corpus)
        assert b"".join(parts) == data, seed
        assert all(part.endswith(b"\n") for part in parts[:-1]), seed
        assert all(parts) or not data, seed
        assert read(corpus) == read(corpus_of(tmp_path, None)), seed
        pieces += len(parts)
    assert pieces > 1000


@pytest.mark.parametrize(
    ("frames", "pieces"),
    [
        ([line(0, 50) + line(1, 50)], 1),
        # The line that starts with a frame is of the piece before.
        ([line(0, 50), line(1, 50) + line(2, 50), line(3, 50)], 2),
        ([line(0, 500)[:1000], line(0, 500)[1000:2000], line(0, 500)[2000:]], 1),
        ([line(0, 300)[:1000], line(0, 300)[1000:], line(1, 50), line(2, 50)], 3),
        ([line(0, 50), b"", b"", line(1, 50) + line(2, 50, b"")], 2),
    ],
)
def test_where_pieces_end(tmp_path, frames, pieces):
    (tmp_path / NAME).write_bytes(b"".join(map(frame, frames)))
    parts = stored(corpus_of(tmp_path, 4))
    assert (b"".join(parts), len(parts)) == (b"".join(frames), pieces)


def test_names(tmp_path):
    (tmp_path / "en").mkdir()
    for name in ("en/big.v2.jsonl.zst", "a.ndjson.zstd", "b.csv.zst", "c.txt.zst"):
        (tmp_path / name).write_bytes(b"".join(frame(line(i, 5)) for i in range(50)))
    found = [shard.path for shard in list_corpus(corpus_of(tmp_path, 3000))]
    assert found[0].startswith("a.split-00000-of-")
    assert found[0].endswith(".ndjson.zstd")
    assert found[-1].startswith("en/big.v2.split-")
    assert found[-1].endswith(".jsonl.zst")
    assert {"b.csv.zst", "c.txt.zst"} < set(found)


def some_file() -> tuple[bytes, bytes]:
    """Data and frames, each with a checksum."""
    data = b"".join(line(i, 3) for i in range(12))
    return data, b"".join(frame(data[i : i + 150]) for i in range(0, len(data), 150)) + skippable(b"index")


def test_every_cut_is_an_error_but_those_between_frames(tmp_path):
    data, whole = some_file()
    (tmp_path / NAME).write_bytes(whole)
    with (tmp_path / NAME).open("rb", buffering=0) as file:
        ends = set(zstd_frames.frame_ends(file, NAME))
    assert max(ends) == len(whole)
    for size in range(1, len(whole)):
        (tmp_path / NAME).write_bytes(whole[:size])
        os.utime(tmp_path / NAME, ns=(size, size))
        if size in ends:
            assert data.startswith(b"".join(stored(corpus_of(tmp_path, 200))))
            continue
        with pytest.raises(ShardError, match="cut off"):
            stored(corpus_of(tmp_path, 200))


@pytest.mark.parametrize("listed", [False, True], ids=["before the listing", "after it"])
def test_a_flipped_bit_is_an_error_or_changes_nothing(tmp_path, listed):
    """Also where nobody can see that the file is another: its size and its time are the same."""
    data, whole = some_file()
    path, corpus, errors = tmp_path / NAME, corpus_of(tmp_path, 200), 0
    bits = random.Random(1).sample(range(8 * len(whole)), min(8 * len(whole), FUZZ // 20))
    for time, bit in enumerate(bits):
        path.write_bytes(whole)
        os.utime(path, ns=(time, time))
        if listed:
            assert len(list_corpus(corpus)) > 5
        flipped = bytearray(whole)
        flipped[bit >> 3] ^= 1 << (bit & 7)
        path.write_bytes(flipped)
        os.utime(path, ns=(time, time))
        try:
            assert b"".join(stored(corpus)) == data
        except ShardError:
            errors += 1
    assert errors > 0.9 * len(bits)


def test_frames_that_lie_elsewhere_than_when_the_file_was_cut(tmp_path):
    """The same size and time, and each frame sound: what was cut by the old frames is not read by the new ones."""
    pieces = [frame(line(i, 3) * (1 + i % 3)) for i in range(20)]
    path, corpus = tmp_path / NAME, corpus_of(tmp_path, 300)
    path.write_bytes(b"".join(pieces))
    os.utime(path, ns=(5, 5))
    assert len(list_corpus(corpus)) > 5
    path.write_bytes(b"".join(reversed(pieces)))
    os.utime(path, ns=(5, 5))
    with pytest.raises(ShardError, match=r"launch again|cut off|expected zstd|garbage|damaged"):
        stored(corpus)


def test_a_piece_of_a_file_that_was_written_to(tmp_path):
    path, corpus = tmp_path / NAME, corpus_of(tmp_path, 300)
    path.write_bytes(b"".join(frame(line(i, 3)) for i in range(20)))
    shard = list_corpus(corpus)[1]
    os.utime(path, ns=(1, 1))
    with pytest.raises(ShardError, match="written to"), formats.open_shard(corpus, shard.path, version=shard.version):
        pass


def test_a_bomb_behind_the_end_of_a_piece_is_an_error(tmp_path):
    """The piece before ends in its frame, decodes it to its end, and keeps next to nothing of it."""
    bomb = zstandard.ZstdCompressor(level=19).compress(b"{}\n" + bytes(200 << 20))
    large = frame(json.dumps({"id": "a", "text": random.Random(0).randbytes(30_000).hex()}).encode() + b"\n")
    (tmp_path / NAME).write_bytes(large + bomb + large)
    corpus = corpus_of(tmp_path, 60_000)
    first, *others = list_corpus(corpus)
    assert others
    with pytest.raises(ShardError, match="bomb"), formats.open_shard(corpus, first.path) as reader:
        list(reader)


def test_only_what_is_not_split_is_warned_of(tmp_path):
    """Two files of 1.2 GB that are mostly holes: frames to skip between frames of lines, and one frame to skip."""
    for name, holes in (("several", 2), ("one", 1)):
        size = (1200 << 20) // holes
        with (tmp_path / f"{name}.jsonl.zst").open("wb") as file:
            for hole in range(holes):
                file.write(frame(line(hole, 50) * 3) + b"\x50\x2a\x4d\x18" + size.to_bytes(4, "little"))
                file.truncate(file.tell() + size)
                file.seek(0, os.SEEK_END)
    shards = list_corpus(Corpus(root=str(tmp_path)))
    assert [shard.path.split(".")[1][:5] for shard in shards] == ["jsonl", "split", "split"]
    warning = large_warning(str(tmp_path), "*", shards)
    assert warning is not None
    assert warning.startswith("1 shard is over 1 GiB (one.jsonl.zst")
    assert "several zstd frames" in warning
    assert large_warning(str(tmp_path), "*", shards[1:]) is None


def tree(root: Path) -> dict[str, bytes]:
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in root.rglob("*") if path.is_file()}


def plan_file(marker_run: Any, folder: Path, root: Path, made: dict[str, str], least: int | None) -> Path:
    folder.mkdir()
    corpus = {"root": str(root), "shards": "*", "split_bytes": least}
    path = folder / "plan.yaml"
    path.write_text(json.dumps(marker_run.plan_of(folder, root, made, corpus=corpus)))
    return path


def tamis(capsys: pytest.CaptureFixture[str], *arguments: object) -> dict[str, Any]:
    assert cli.main([str(argument) for argument in arguments]) == 0
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return found


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """One file of many frames, whose lines do not end with them."""
    words = [
        "plain words " * 20 + (f"hate{i % 100:02d} ehate{i % 90:02d}" if i % 7 == 0 else "") for i in range(1, 300)
    ]
    data = "".join(json.dumps({"id": f"d{i}", "text": text}) + "\n" for i, text in enumerate(words)).encode()
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / NAME).write_bytes(b"".join(frame(data[i : i + 999]) for i in range(0, len(data), 999)))
    return tmp_path / "in"


def decoded(folder: Path) -> bytes:
    """What is written, in the order of its names."""
    parts = []
    for path in sorted(folder.iterdir()):
        with path.open("rb") as file:
            parts.append(b"".join(open_verified(file, "zst")))
    return b"".join(parts)


def test_a_run_over_pieces(marker_run, root, tmp_path, capsys):
    """Two workers give the bytes of one that was killed and went on; verified, applied, and as if not cut."""
    made = marker_run.bundles(tmp_path / "bundles")
    plans = {name: plan_file(marker_run, tmp_path / name, root, made, 3000) for name in ("one", "two")}
    plans["whole"] = plan_file(marker_run, tmp_path / "whole", root, made, None)
    command = [sys.executable, "-m", "tamis.pipeline", str(plans["one"]), "--direct_num_workers=1"]
    done = subprocess.run(command, env={**os.environ, "TAMIS_KILL_AT": "shard.receipted:3"}, capture_output=True)
    assert done.returncode == -signal.SIGKILL
    ways = {"one": "--direct_num_workers=1", "two": "--direct_num_workers=2", "whole": "--direct_num_workers=1"}
    found = {name: tamis(capsys, "run", plans[name], way) for name, way in ways.items()}
    assert found["one"]["counts"] == found["whole"]["counts"]
    assert tree(tmp_path / "one" / "out") == tree(tmp_path / "two" / "out")
    assert tamis(capsys, "verify", tmp_path / "two" / "out")["status"] == "verified"
    runs = {name: tmp_path / name / "out" / "runs" / str(each["run_id"]) for name, each in found.items()}
    assert len(list((runs["one"] / "documents").iterdir())) > 5
    assert decoded(runs["one"] / "documents") == decoded(runs["whole"] / "documents")
    for name in ("one", "whole"):
        other = json.loads(plans[name].read_text())
        other["interventions"] = {"drop": [{"when": "hate >= 0.2", "do": "drop"}]}
        plans[name].write_text(json.dumps(other))
        found[name] = tamis(capsys, "apply", plans[name], "--scores", runs[name])
        runs[name] = tmp_path / name / "out" / "runs" / str(found[name]["run_id"])
    assert found["one"]["counts"] == found["whole"]["counts"]
    assert found["one"]["counts"]["dropped"] > 15
    assert decoded(runs["one"] / "documents") == decoded(runs["whole"] / "documents")
    assert tamis(capsys, "verify", tmp_path / "one" / "out")["status"] == "verified"
