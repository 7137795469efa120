"""Replays what coverage-guided fuzzing ever found, and its seeds; see scripts/fuzz."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

HERE = Path(__file__).resolve().parent
FINDS = sorted(path.relative_to(HERE / "finds").as_posix() for path in (HERE / "finds").glob("*/*"))


@pytest.fixture(scope="module")
def fuzzing(script: Callable[[str], ModuleType]) -> ModuleType:
    """scripts/fuzz_targets.py."""
    return script("fuzz_targets")


@pytest.mark.parametrize("name", FINDS)
def test_what_was_found_is_read_or_refused(fuzzing: ModuleType, name: str) -> None:
    fuzzing.probe(fuzzing.TARGETS[name.split("/")[0]], (HERE / "finds" / name).read_bytes())


def test_seeds_are_read_and_their_halves_refused_or_read(fuzzing: ModuleType) -> None:
    read = {name: [fuzzing.probe(target, seed) for seed in target.seeds] for name, target in fuzzing.TARGETS.items()}
    # Each begins with something that is read to its end.
    assert all(any(seeds) for seeds in read.values()), read
    for target in fuzzing.TARGETS.values():
        for seed in target.seeds:
            fuzzing.probe(target, seed[: len(seed) // 2])
