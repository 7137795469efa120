"""Reads and writes with Hugging Face `datasets`, for scripts/interop. Runs in its own venv.

Usage: python datasets_io.py read FORMAT GLOB        one JSON line a row: id, text
       python datasets_io.py write JSONL FOLDER      the rows of a JSON Lines file by every writer
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import datasets

datasets.disable_progress_bars()


def read(form: str, pattern: str, cache: str) -> None:
    """Prints the rows that `load_dataset` finds."""
    rows = datasets.load_dataset(form, data_files=pattern, split="train", cache_dir=cache)
    for row in rows:
        print(json.dumps({"id": row["id"], "text": row["text"]}))


def write(source: str, folder: str, cache: str) -> None:
    """Writes by `to_json`, `to_parquet`, `to_csv` and `save_to_disk`."""
    rows = datasets.load_dataset("json", data_files=source, split="train", cache_dir=cache)
    for name in ("json", "json-gz", "parquet", "csv"):
        (Path(folder) / name).mkdir(parents=True)
    rows.to_json(f"{folder}/json/a.jsonl")
    rows.to_json(f"{folder}/json-gz/a.jsonl.gz", compression="gzip")
    rows.to_parquet(f"{folder}/parquet/a.parquet")
    rows.to_csv(f"{folder}/csv/a.csv")
    rows.save_to_disk(f"{folder}/arrow", num_shards=2)


if __name__ == "__main__":
    command, *rest = sys.argv[1:]
    {"read": read, "write": write}[command](*rest)
