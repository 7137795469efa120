"""Hostile records through a whole run: every one is accounted for. TAMIS_FUZZ sets how many (10,000 by default)."""

from __future__ import annotations

import base64
import gzip
import hashlib
import importlib.util
import json
import os
import random
import subprocess
import sys
from collections import Counter
from pathlib import Path
from types import ModuleType

import pytest
import zstandard

from tamis.pipeline.document import Reason

COUNT = int(os.environ.get("TAMIS_FUZZ", "10000"))
SHARDS = 5

RUN = """
import sys
from tamis.pipeline import cli

code = cli.main(["run", *sys.argv[1:], "--direct_num_workers=1"])
peak = next(int(line.split()[1]) for line in open("/proc/self/status") if line.startswith("VmHWM"))
print(peak >> 10)
sys.exit(code)
"""


@pytest.fixture(scope="module")
def lines() -> list[bytes]:
    """Mutated records, and those that are worst of their kind."""
    spec = importlib.util.spec_from_file_location("fuzz_jsonl", Path(__file__).with_name("test_fuzz_jsonl.py"))
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    rng = random.Random(22)
    deep, digits = b"[" * 200_000, b"9" * 5_000
    worst = [
        b'{"text": ' + deep + b"]" * 200_000 + b"}",
        b'{"text": "a", "x": ' + deep + b"]" * 200_000 + b"}",
        b'{"text": "a", "x": ' + b'{"a":' * 200_000 + b"1" + b"}" * 200_000 + b"}",
        b'{"text": "a", "n": ' + digits + b"}",
        b'{"text": ' + digits + b"}",
        b'{"text": "a", "text": "b", "id": "1", "id": "2"}',
        b'\xef\xbb\xbf{"text": "a"}',
        b'{"text": "' + b"\\u0000" * 1_000 + b'"}',
        b'{"text": "' + "\U0001f600".encode() * 300_000 + b'"}',
        b'{"text": "' + b"a " * 3_000_000 + b'"}',
        b'{"text": "' + b"\\ud83d\\ude00" * 300_000 + b'"}',
    ]
    return [line + b"\n" for line in worst] + [module.mutated(rng) for _ in range(COUNT)]


def test_every_record_is_a_document_or_in_quarantine(
    lines: list[bytes], tmp_path: Path, marker_run: ModuleType
) -> None:
    (tmp_path / "corpus").mkdir()
    for k in range(SHARDS):
        data = b"".join(lines[k::SHARDS]) + b'{"text": "the end"}\n'
        packed = gzip.compress(data, 1) if k % 2 else zstandard.compress(data, 1)
        (tmp_path / "corpus" / f"part-{k}.jsonl.{'gz' if k % 2 else 'zst'}").write_bytes(packed)
    made = marker_run.bundles(tmp_path / "bundles")
    plan = marker_run.plan_of(tmp_path, tmp_path / "corpus", made, gate={"max_quarantine": 1.0})
    plan["corpus"]["shards"] = "*"
    plan["corpus"]["fields"] = {"url": "metadata.url", "extra": {"score": "metadata.score"}}
    (tmp_path / "plan.yaml").write_text(json.dumps(plan))
    outcome, _ = run_of(tmp_path / "plan.yaml", tmp_path / "out")
    counts = json.loads(outcome)["counts"]
    records = [line for line in lines if line.strip(b" \t\r\n")]
    assert counts["seen"] == len(records) + SHARDS == counts["kept"] + counts["dropped"] + counts["quarantined"]
    (run,) = (tmp_path / "out" / "runs").iterdir()
    held, reasons = quarantined(run)
    assert sum(held.values()) == counts["quarantined"] == sum(reasons.values())
    assert set(reasons) <= {reason.value for reason in Reason}
    assert reasons["too_deep"] >= 3
    kept = Counter(hashlib.sha256(line).hexdigest() for path in run.glob("documents/*") for line in documents(path))
    given = Counter(hashlib.sha256(line).hexdigest() for line in [*records, *[b'{"text": "the end"}\n'] * SHARDS])
    assert kept + held + Counter() <= given
    assert sum((given - kept - held).values()) == counts["dropped"]
    # What the records are to blame for: beside ordinary ones, and after a run that compiled what was to be compiled.
    # The libraries' own share depends on how much of them the system has in memory.
    (tmp_path / "ordinary").mkdir()
    (tmp_path / "ordinary" / "a.jsonl").write_bytes(b'{"text": "An ordinary sentence."}\n' * len(lines))
    _, peak = run_of(tmp_path / "plan.yaml", tmp_path / "again")
    _, ordinary = run_of(tmp_path / "plan.yaml", tmp_path / "beside", f"--input={tmp_path}/ordinary")
    print(f"{counts}, {dict(reasons)}, peak {peak} MiB, of ordinary records {ordinary} MiB")
    assert peak - ordinary < 150


def run_of(plan: Path, output: Path, *flags: str) -> tuple[str, int]:
    """Runs a plan in a process of its own; returns its JSON line and its peak in MiB."""
    command = [sys.executable, "-c", RUN, str(plan), f"--output={output}", *flags]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    *_, outcome, peak = done.stdout.splitlines()
    return outcome, int(peak)


def documents(path: Path) -> list[bytes]:
    """Returns the lines of a file; only the byte 10 ends one."""
    data = path.read_bytes()
    unpack = gzip.decompress if path.suffix == ".gz" else zstandard.ZstdDecompressor().decompressobj().decompress
    return [line + b"\n" for line in unpack(data).split(b"\n")[:-1]]


def quarantined(run: Path) -> tuple[Counter[str], Counter[str]]:
    """Returns the digests and the reasons in quarantine; what it holds are the bytes that the digest is of."""
    digests: Counter[str] = Counter()
    reasons: Counter[str] = Counter()
    for path in (run / "quarantine").iterdir():
        for line in documents(path):
            entry = json.loads(line)
            assert hashlib.sha256(base64.b64decode(entry["raw_base64"])).hexdigest() == entry["sha256"]
            digests[entry["sha256"]] += 1
            reasons[entry["reason"]] += 1
    return digests, reasons
