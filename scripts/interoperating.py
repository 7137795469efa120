"""The checks of scripts/interop: what tamis writes is read by other tools, and the other way round."""

from __future__ import annotations

import gzip
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from peering import python_of

HERE = Path(__file__).resolve().parent

PLAN = """\
schema: 1
name: interop
corpus: {{root: {corpus}, shards: "**/*.jsonl*", write: jsonl.gz, fields: {{source: source}}}}
classifiers: {{policy: builtin:policy-en}}
interventions:
  mark: [{{when: "any >= precision(0.5)", do: tag}}]
publish: mark
gate: {{max_quarantine: 0.05}}
output: {output}
"""
FLAGGED = "$.attributes[?(@.mark__tag && @.mark__tag[0] && @.mark__tag[0][2] >= 0.5)]"

Texts = dict[str, str]


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was tried.

    Attributes:
        peer: The other tool.
        what: What was done.
        expected: Documents that should have come through, by id.
        found: Those that did.
    """

    peer: str
    what: str
    expected: Texts
    found: Texts

    @property
    def passed(self) -> bool:
        """Whether the same documents came through, with the same texts."""
        return bool(self.expected) and self.found == self.expected

    def row(self) -> str:
        """Returns a line of the table."""
        said = "ok" if self.passed else "FAILED"
        return f"{self.peer:10} {self.what:68} {len(self.expected):6} {len(self.found):6}  {said}"


def run(work: Path) -> Iterator[Check]:
    """Runs every check under an empty folder."""
    made = _filtered(work)
    documents, flagged = _written(made), _flagged(made)
    unflagged = {key: text for key, text in documents.items() if key not in flagged}
    yield Check("dolma", "`mix` filters documents/ by attributes/ of a run, in place", unflagged, _mixed(made, work))
    yield Check(
        "dolma", "what `mix` wrote, read", unflagged, _read(work / "mixed", "**/*.json.gz", work / "mixed-read")
    )
    for form in ("parquet", "jsonl.zst"):
        _tamis("reshard", made / "documents", work / form, "--format", form, "--shards", "**/*.jsonl.gz")
    texts = _solid(documents)
    for form, folder, ending in (
        ("jsonl", made / "documents", "jsonl.gz"),
        ("jsonl", work / "jsonl.zst", "jsonl.zst"),
        ("parquet", work / "parquet", "parquet"),
    ):
        reader = {"jsonl": "JsonlReader", "parquet": "ParquetReader"}[form]
        found = _peer("datatrove", "read", form, folder, f"**/*.{ending}")
        yield Check("datatrove", f"{reader} reads .{ending}", texts, found)
        form = "json" if form == "jsonl" else form
        found = _peer("datasets", "read", form, f"{folder}/**/*.{ending}", work / "cache")
        yield Check("datasets", f'load_dataset("{form}") reads .{ending}', documents, found)
    yield from _theirs(documents, work)


def _theirs(documents: Texts, work: Path) -> Iterator[Check]:
    """Lets the others write the documents, and reads them."""
    source = work / "all.jsonl"
    rows = ({"id": key, "text": text, "source": "interop"} for key, text in documents.items())
    source.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    _peer("datatrove", "write", source, work / "datatrove")
    _peer("datasets", "write", source, work / "datasets", work / "cache")
    for peer, form, pattern, what in (
        ("datatrove", "jsonl-gz", "*.gz", "JsonlWriter, gzip"),
        ("datatrove", "jsonl-zst", "*.zst", "JsonlWriter, zstd"),
        ("datatrove", "jsonl", "*.jsonl", "JsonlWriter, plain"),
        ("datatrove", "parquet", "*.parquet", "ParquetWriter"),
        ("datasets", "json", "*.jsonl", "to_json"),
        ("datasets", "json-gz", "*.gz", "to_json, gzip"),
        ("datasets", "parquet", "*.parquet", "to_parquet"),
        ("datasets", "csv", "*.csv", "to_csv"),
        ("datasets", "arrow", "*.arrow", "save_to_disk (Arrow)"),
    ):
        found = _read(work / peer / form, pattern, work / f"{peer}-{form}-read")
        yield Check(peer, f"what {what} wrote, read", _solid(documents) if peer == "datatrove" else documents, found)


def _filtered(work: Path) -> Path:
    """Runs tamis over the demo's corpus, and returns the run's folder: all readable documents, and their attributes."""
    plan = work / "plan.yaml"
    plan.write_text(PLAN.format(corpus=HERE / "demo_corpus", output=work / "out"))
    return work / "out" / "runs" / str(_tamis("run", plan, "--direct_num_workers=1")["run_id"])


def _tamis(*arguments: object) -> dict[str, object]:
    outcome: dict[str, object] = json.loads(_printed([sys.executable, "-m", "tamis.pipeline", *arguments]))
    return outcome


def _printed(command: Sequence[object], **environment: str) -> str:
    """Returns what a command prints; ends this one where it fails."""
    words = list(map(str, command))
    done = subprocess.run(words, capture_output=True, text=True, check=False, env={**os.environ, **environment})
    if done.returncode:
        raise SystemExit(f"{' '.join(words)}\n{done.stderr[-3000:]}")
    return done.stdout


def _lines(folder: Path, pattern: str) -> Iterator[dict[str, object]]:
    for path in sorted(folder.glob(pattern)):
        with gzip.open(path, "rt", encoding="utf-8") if path.suffix == ".gz" else path.open(encoding="utf-8") as file:
            yield from map(json.loads, file)


def _texts(rows: Iterator[dict[str, object]]) -> Texts:
    # An empty text is no text at all in what DataTrove writes.
    return {str(row["id"]): str(row["text"]) for row in rows if row.get("text") is not None}


def _solid(documents: Texts) -> Texts:
    """Leaves out documents with an empty text, as DataTrove's readers do."""
    return {key: text for key, text in documents.items() if text}


def _written(made: Path) -> Texts:
    return _texts(_lines(made / "documents", "**/*.jsonl.gz"))


def _flagged(made: Path) -> set[str]:
    rows = _lines(made / "attributes", "**/*.jsonl.gz")
    return {str(row["id"]) for row in rows if "mark__tag" in str(row["attributes"])}


def _read(folder: Path, pattern: str, output: Path) -> Texts:
    """Reads a folder with tamis: every record, proven by being read back."""
    _tamis("reshard", folder, output, "--shards", pattern, "--format", "jsonl")
    return _texts(_lines(output, "**/*.jsonl"))


def _peer(name: str, *arguments: object) -> Texts:
    """Runs a peer's script in its own environment; returns the documents that it printed."""
    command = [python_of(name), HERE / "peers" / f"{name}_io.py", *arguments]
    printed = _printed(command, HF_HUB_OFFLINE="1", HF_DATASETS_OFFLINE="1")
    return _texts(map(json.loads, printed.splitlines()))


def _mixed(made: Path, work: Path) -> Texts:
    """Runs `dolma mix` on a run as it lies there, leaving out what is flagged."""
    stream = {
        "name": "kept",
        "documents": [f"{made}/documents/*/*.jsonl.gz"],
        # The attributes lie beside the documents, not in a folder with a name of their own.
        "attributes": ["."],
        "output": {"path": str(work / "mixed"), "max_size_in_bytes": 1 << 30},
        "filter": {"exclude": [FLAGGED]},
    }
    config = work / "mix.json"
    config.write_text(json.dumps({"streams": [stream], "processes": 1}))
    _printed([python_of("dolma").with_name("dolma"), "-c", config, "mix"])
    return _texts(_lines(work / "mixed", "**/*.json.gz"))
