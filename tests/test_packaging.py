"""The artefact that ships: the wheel holds the tree, and alone in a clean environment it runs the job."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("pipeline", "classifiers", "interventions")
#: Folders of the tree that are for development and do not ship.
UNSHIPPED = ("classifiers/labels/", "classifiers/README.md")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A wheel built from a copy of what git tracks."""
    source = tmp_path_factory.mktemp("source")
    for name in tracked():
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / name, source / name)
    target = tmp_path_factory.mktemp("wheel")
    pip = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation"]
    subprocess.run([*pip, "-w", target, source], check=True, capture_output=True)
    (found,) = target.glob("*.whl")
    return found


def tracked() -> list[str]:
    """Returns the files that git tracks and that are there."""
    done = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True)
    return [name for name in done.stdout.splitlines() if (ROOT / name).is_file()]


def test_the_wheel_holds_every_file_of_the_packages(wheel):
    shipped = {name.removeprefix("tamis/") for name in zipfile.ZipFile(wheel).namelist() if name.startswith("tamis/")}
    tree = {name for name in tracked() if name.startswith(tuple(f"{package}/" for package in PACKAGES))}
    assert shipped == {name for name in tree if not name.startswith(UNSHIPPED)}


def test_the_wheel_alone_runs_the_job(wheel, tmp_path):
    python = tmp_path / "venv" / "bin" / "python"
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("PYTHON", "VIRTUAL_ENV"))}
    subprocess.run([sys.executable, "-m", "venv", tmp_path / "venv"], check=True)
    subprocess.run([python, "-m", "pip", "install", "--quiet", wheel], check=True, env=environment)
    shutil.copytree(ROOT / "scripts" / "demo_corpus", tmp_path / "scripts" / "demo_corpus")
    shutil.copy2(ROOT / "scripts" / "demo_plan.yaml", tmp_path / "plan.yaml")
    tamis = tmp_path / "venv" / "bin" / "tamis"
    done = subprocess.run([tamis, "run", "plan.yaml"], cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    assert json.loads(done.stdout)["status"] == "published"
