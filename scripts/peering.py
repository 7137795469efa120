"""Other tools, each installed from PyPI into a virtual environment of its own: for bench_peers, interop and tests."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

#: What is installed for each.
PEERS = {
    "datatrove": ["datatrove[io,processing]", "isal", "orjson", "fasttext-numpy2-wheel"],
    "dolma": ["dolma"],
    # zstandard: without it .jsonl.zst is not read.
    "datasets": ["datasets", "zstandard"],
    "apache-airflow": ["apache-airflow>=3", "apache-airflow-providers-standard"],
    "check-jsonschema": ["check-jsonschema", "kubernetes-validate"],
}
#: Where the environments are kept.
ENVIRONMENTS = Path(__file__).resolve().parent.parent / ".venv" / "peers"


def python_of(name: str, folder: Path = ENVIRONMENTS) -> Path:
    """Returns where a peer's Python is, installed or not."""
    return folder / name / "bin" / "python"


def installed(name: str, folder: Path = ENVIRONMENTS) -> bool:
    """Tells whether a peer's environment has what it needs."""
    mark = folder / name / ".installed"
    return mark.exists() and mark.read_text() == " ".join(PEERS[name])


def install(name: str, folder: Path = ENVIRONMENTS) -> Path:
    """Installs a peer into its own environment, once, and returns its Python."""
    python = python_of(name, folder)
    if not installed(name, folder):
        subprocess.run([sys.executable, "-m", "venv", folder / name], check=True)
        subprocess.run([python, "-m", "pip", "install", "--quiet", *PEERS[name]], check=True)
        (folder / name / ".installed").write_text(" ".join(PEERS[name]))
    return python


def version(name: str, folder: Path = ENVIRONMENTS) -> str:
    """Returns the version of a peer that is installed."""
    code = f"import importlib.metadata as m; print(m.version({name!r}))"
    found = subprocess.run([python_of(name, folder), "-c", code], check=True, capture_output=True, text=True)
    return found.stdout.strip()
