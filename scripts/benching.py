"""What the benchmarks share: packing a corpus, and measuring a command with everything that it starts."""

from __future__ import annotations

import contextlib
import io
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

__all__ = ["HEADER", "Usage", "lines_of", "measured", "pack", "processes"]

SHARDS = 8
TICKS = os.sysconf("SC_CLK_TCK")
PAGE = os.sysconf("SC_PAGE_SIZE")
HEADER = f"{'':34} {'CPU s':>8} {'ratio':>6} {'wall s':>8} {'MB/CPU s':>8} {'peak MiB':>10} {'procs':>5}"


@dataclass
class Usage:
    """CPU seconds and peak resident memory of a command and everything it started."""

    wall: float = 0.0
    cpu: dict[int, float] = field(default_factory=dict)
    peak: dict[int, int] = field(default_factory=dict)

    def sample(self, session: int) -> None:
        """Looks at every process of a session once."""
        for entry, cpu, resident in processes(session):
            pid = int(entry.name)
            self.cpu[pid] = cpu
            self.peak[pid] = max(self.peak.get(pid, 0), resident)

    def row(self, name: str, megabytes: float, floor: float | None) -> str:
        """Formats the figures."""
        total = sum(self.cpu.values())
        ratio = f"{total / floor:5.2f}x" if floor else "     -"
        return (
            f"{name:34} {total:8.1f} {ratio} {self.wall:8.1f} {megabytes / total:8.1f} "
            f"{max(self.peak.values()) / 2**20:10.0f} {len(self.peak):5}"
        )


def processes(session: int) -> Iterator[tuple[Path, float, int]]:
    """Yields every process of a session: its folder in /proc, its CPU seconds and its resident bytes."""
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError, ValueError, IndexError):
                stat = (entry / "stat").read_text().rpartition(")")[2].split()
                if int(stat[3]) == session:
                    yield entry, (int(stat[11]) + int(stat[12])) / TICKS, int(stat[21]) * PAGE


def measured(command: list[str], cwd: Path) -> Usage:
    """Runs a command in a session of its own and watches it."""
    usage, stop = Usage(), threading.Event()
    start = time.monotonic()
    process = subprocess.Popen(
        command, cwd=cwd, start_new_session=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )

    def watch() -> None:
        while not stop.wait(0.05):
            usage.sample(process.pid)

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    _, errors = process.communicate()
    stop.set()
    thread.join()
    usage.wall = time.monotonic() - start
    if process.returncode:
        sys.exit(f"{' '.join(command)} failed with {process.returncode}:\n{errors[-3000:]}")
    return usage


def lines_of(folder: Path) -> Iterator[bytes]:
    """Yields JSON lines from every readable file of a folder, by name."""
    import isal.igzip
    import zstandard

    for path in sorted(folder.rglob("*.jsonl*")):
        with path.open("rb") as raw:
            if path.suffix == ".zst":
                yield from io.BufferedReader(zstandard.ZstdDecompressor().stream_reader(raw, read_across_frames=True))
            elif path.suffix == ".gz":
                yield from isal.igzip.GzipFile(fileobj=raw)
            else:
                yield from raw


def pack(source: Path, target: Path, megabytes: float, repeat: int) -> float:
    """Packs documents into gz shards under other ids; returns the megabytes of JSON written."""
    import isal.igzip

    target.mkdir(parents=True)
    wanted, written = megabytes * 1e6, 0
    originals = []
    for line in lines_of(source):
        record = json.loads(line)
        originals.append((record["id"], record["text"]))
        written += len(line)
        if written >= wanted:
            break
    total = 0
    for copy in range(repeat):
        files = [
            isal.igzip.open(target / f"part-{copy:02}-{i:02}.jsonl.gz", "wb", compresslevel=1) for i in range(SHARDS)
        ]
        for number, (identity, text) in enumerate(originals):
            line = json.dumps({"id": f"{identity}-{copy}", "text": text}, ensure_ascii=False).encode() + b"\n"
            files[number * SHARDS // len(originals)].write(line)
            total += len(line)
        for file in files:
            file.close()
    return total / 1e6
