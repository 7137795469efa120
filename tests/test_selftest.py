from __future__ import annotations

import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from tamis.classifiers.errors import BundleError
from tamis.classifiers.selftest import check_fasttext, check_fasttext_apart


def test_the_declared_build_is_right() -> None:
    check_fasttext()


def test_nothing_is_left_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    check_fasttext()
    assert list(tmp_path.iterdir()) == []


def build(probabilities: list[float] | Exception) -> Any:
    """A build of fastText that answers every text so."""

    def predict(text: str, k: int) -> tuple[tuple[str, ...], np.ndarray[Any, Any]]:
        if isinstance(probabilities, Exception):
            raise probabilities
        return ("__label__warm", "__label__cold")[: len(probabilities)], np.array(probabilities)

    return SimpleNamespace(train_supervised=lambda *_, **__: SimpleNamespace(predict=predict))


@pytest.mark.parametrize(
    ("probabilities", "message"),
    [
        ([0.9, 0.9], "0.9, 0.9"),
        ([0.5, 0.498], "0.5, 0.498"),
        ([float("nan"), 0.5], "nan, 0.5"),
        ([1.0], r"\(1\)"),
        ([], r"\(\)"),
        (ValueError("Unable to avoid copy while creating an array as requested."), "ValueError"),
        (RuntimeError("Encountered NaN."), "RuntimeError"),
    ],
)
def test_wrong_builds_are_named(
    probabilities: list[float] | Exception, message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "fasttext", build(probabilities))
    with pytest.raises(BundleError, match=message) as caught:
        check_fasttext()
    for name in ("fasttext-community", "fasttext-wheel", "fasttext-numpy2", "raises on NumPy 2"):
        assert name in str(caught.value)


def test_a_missing_library_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "fasttext", None)
    with pytest.raises(BundleError, match="ModuleNotFoundError"):
        check_fasttext()


def test_the_check_runs_in_a_process_of_its_own():
    check_fasttext_apart()
