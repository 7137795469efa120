"""Reads and writes with DataTrove, for scripts/interop. Runs in its own venv.

Usage: python datatrove_io.py read jsonl|parquet FOLDER GLOB     one JSON line a document: id, text
       python datatrove_io.py write JSONL FOLDER                 the documents of a JSON Lines file by both writers
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from datatrove.data import Document
from datatrove.pipeline.readers import JsonlReader, ParquetReader
from datatrove.pipeline.writers import JsonlWriter, ParquetWriter
from datatrove.utils.logging import logger

logger.remove()
logger.add(sys.stderr, level="ERROR")


def read(form: str, folder: str, pattern: str) -> None:
    """Prints the documents that a reader finds."""
    reader = {"jsonl": JsonlReader, "parquet": ParquetReader}[form]
    for document in reader(folder, glob_pattern=pattern, recursive=True)(None, rank=0, world_size=1):
        print(json.dumps({"id": document.id, "text": document.text}))


def write(source: str, folder: str) -> None:
    """Writes by JsonlWriter (gzip, zstd, plain) and ParquetWriter."""
    rows = [json.loads(line) for line in Path(source).read_text(encoding="utf-8").splitlines()]
    writers = {
        "jsonl-gz": JsonlWriter(f"{folder}/jsonl-gz", compression="gzip"),
        "jsonl-zst": JsonlWriter(f"{folder}/jsonl-zst", compression="zstd", output_filename="${rank}.jsonl.zst"),
        "jsonl": JsonlWriter(f"{folder}/jsonl", compression=None),
        "parquet": ParquetWriter(f"{folder}/parquet"),
    }
    for writer in writers.values():
        with writer:
            for row in rows:
                writer.write(Document(text=row["text"], id=row["id"], metadata={"source": row["source"]}))


if __name__ == "__main__":
    command, *rest = sys.argv[1:]
    {"read": read, "write": write}[command](*rest)
