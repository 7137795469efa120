"""What a file cannot show, a list of sizes and digests does: `corpus.manifest`."""

from __future__ import annotations

import csv
import gzip
import hashlib
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from tamis.pipeline import cli, inventory
from tamis.pipeline.errors import TamisError, UsageError

PARTS = {
    "a.jsonl.gz": [b'{"id":"a","text":"a quiet river"}\n', b'{"id":"b","text":"stone and bread"}\n'],
    "en/b.jsonl.gz": [b'{"id":"c","text":"a lamp"}\n', b'{"id":"d","text":"a kite"}\n'],
}
FILES = {name: b"".join(gzip.compress(line, mtime=0) for line in lines) for name, lines in PARTS.items()}
#: Cut on the boundary between two members: a valid, shorter gzip.
SHORT = gzip.compress(PARTS["a.jsonl.gz"][0], mtime=0)
SWAPPED = b"".join(
    gzip.compress(line, mtime=0) for line in (b'{"id":"a","text":"a quiet raven"}\n', PARTS["a.jsonl.gz"][1])
)


def digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def sums(files: Mapping[str, bytes]) -> str:
    return "".join(f"{digest(data)}  {name}\n" for name, data in files.items())


def table(files: Mapping[str, bytes]) -> str:
    return "path,bytes,sha256\n" + "".join(f"{name},{len(data)},{digest(data)}\n" for name, data in files.items())


def rows(files: Mapping[str, bytes]) -> str:
    return "".join(
        json.dumps({"path": name, "bytes": len(data), "sha256": digest(data).upper(), "etag": "x"}) + "\n"
        for name, data in files.items()
    )


Made = Callable[..., tuple[Path, Path]]


@pytest.fixture
def made(tmp_path: Path, marker_run: ModuleType) -> Made:
    """Writes a corpus, its list and a plan; returns the plan and the corpus root."""
    bundles = marker_run.bundles(tmp_path / "bundles")

    def make(manifest: str, files: Mapping[str, bytes] = FILES, shards: str = "**/*.gz") -> tuple[Path, Path]:
        root = tmp_path / "corpus"
        for name, data in files.items():
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).write_bytes(data)
        (tmp_path / "list").write_text(manifest)
        plan = marker_run.plan_of(tmp_path, root, bundles)
        plan["corpus"] = {"root": str(root), "shards": shards, "manifest": str(tmp_path / "list")}
        (tmp_path / "plan.yaml").write_text(json.dumps(plan))
        return tmp_path / "plan.yaml", root

    return make


def run(capsys: pytest.CaptureFixture[str], plan: Path, *more: str) -> tuple[int, dict[str, Any], str]:
    code = cli.main(["run", str(plan), "--direct_num_workers=1", *more])
    out, err = capsys.readouterr()
    return code, json.loads(out) if out else {}, err


@pytest.mark.parametrize("form", [sums, table, rows, lambda files: table(files).replace(",", "\t")])
def test_a_corpus_that_is_what_its_list_says_runs(made: Made, capsys: pytest.CaptureFixture[str], form: Any) -> None:
    code, outcome, _ = run(capsys, made(form({**FILES, "README": b"of no concern"}))[0])
    assert (code, outcome["counts"]["seen"]) == (0, 4)


def test_the_list_is_no_part_of_the_policy(made: Made, capsys: pytest.CaptureFixture[str]) -> None:
    first = run(capsys, made(sums(FILES))[0])[1]
    plan = made(table(FILES))[0]
    plan.write_text(plan.read_text().replace("/list", "/./list"))
    assert run(capsys, plan)[1]["run_id"] == first["run_id"]


def test_a_cut_between_members_is_caught_by_size_and_by_digest(made: Made, capsys: pytest.CaptureFixture[str]) -> None:
    short = {**FILES, "a.jsonl.gz": SHORT}
    code, _, err = run(capsys, made(table(FILES), short)[0])
    assert code == 1
    assert f"a.jsonl.gz has {len(SHORT)} bytes, expected {len(FILES['a.jsonl.gz'])}" in err
    code, outcome, err = run(capsys, made(sums(FILES), short)[0])
    assert (code, len(outcome["failures"])) == (1, 1)
    assert "a.jsonl.gz: damaged: sha256" in err
    assert "fetch it again" in err


def test_another_text_of_the_same_size_is_caught_also_after_it_was_read_before(
    made: Made, capsys: pytest.CaptureFixture[str]
) -> None:
    assert len(SWAPPED) == len(FILES["a.jsonl.gz"])
    swapped = {**FILES, "a.jsonl.gz": SWAPPED}
    plan, root = made(table(swapped), swapped)
    assert run(capsys, plan)[0] == 0
    plan, root = made(table(FILES), {})
    code, _, err = run(capsys, plan)
    assert code == 1
    assert "a.jsonl.gz: damaged" in err
    (root / "a.jsonl.gz").write_bytes(FILES["a.jsonl.gz"])
    assert run(capsys, plan)[0] == 0


def test_missing_and_unlisted_files_are_named_before_the_first_shard(
    made: Made, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    listed = {**FILES, "en/z.jsonl.gz": b"", ".hidden/y.jsonl.gz": b"", "other.txt": b""}
    del listed["a.jsonl.gz"]
    code, _, err = run(capsys, made(sums(listed))[0])
    assert code == 1
    assert "en/z.jsonl.gz is missing; a.jsonl.gz is not in the list: fetch the corpus again" in err
    assert not (tmp_path / "out").exists()


def test_the_documents_of_a_run_are_listed_by_its_manifest(
    made: Made, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    plan, _ = made(sums(FILES))
    code, outcome, _ = run(capsys, plan)
    assert code == 0
    folder = tmp_path / "out" / "runs" / outcome["run_id"]
    content = json.loads(plan.read_text())
    content["corpus"] |= {"root": str(folder / "documents"), "manifest": str(folder / "MANIFEST.json")}
    content["output"] = str(tmp_path / "next")
    plan.write_text(json.dumps(content))
    code, again, _ = run(capsys, plan)
    assert (code, again["counts"]["seen"]) == (0, outcome["counts"]["kept"])
    shard = folder / "documents" / "a.jsonl.gz"
    shard.write_bytes(gzip.compress(gzip.decompress(shard.read_bytes()), mtime=1))
    content["output"] = str(tmp_path / "third")
    plan.write_text(json.dumps(content))
    assert run(capsys, plan)[0] == 1
    (folder / "receipts" / "a.jsonl.gz.json").unlink()
    with pytest.raises(TamisError, match="no such receipt"):
        inventory.read(str(folder / "MANIFEST.json"))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "no columns path and sha256"),
        ("path,size\na,1\n", "no columns path and sha256"),
        ("path,sha256\na,12\n", "not 64 hexadecimal digits"),
        (f"path,sha256,bytes\na,{'0' * 64},many\n", "is no list"),
        (f"{'0' * 64}  a\nnot one\n", "a line is not that of `sha256sum`"),
        (f"{'0' * 64}  a\n{'0' * 64}  ./a\n", "names a path twice"),
        ('{"path": "a"}\n', "is no list"),
        ('{"run_id": 3}\n', "is no list"),
        ("[" * 100_000, "is no list"),
        ('{"path":' * 100_000, "is no list"),
    ],
)
def test_what_is_no_list_is_refused(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "list").write_text(text)
    with pytest.raises(UsageError, match=message) as caught:
        inventory.read(str(tmp_path / "list"))
    assert "expected `sha256sum` output" in str(caught.value)


def test_a_list_that_is_not_there_or_not_text_is_a_mistake_of_the_plan(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no such file"):
        inventory.read(str(tmp_path / "none"))
    (tmp_path / "list").write_bytes(b"\xff\xfe")
    with pytest.raises(UsageError, match="is no list"):
        inventory.read(str(tmp_path / "list"))


def test_csv_with_quotes_is_read() -> None:
    name = 'odd,"name".jsonl'
    lines: list[str] = []
    csv.writer(type("Sink", (), {"write": staticmethod(lines.append)})()).writerows(
        [["sha256", "path"], ["A" * 64, name]]
    )
    assert inventory.parse("".join(lines)) == [inventory.Entry(name, "a" * 64)]
