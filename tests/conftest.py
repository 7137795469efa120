"""Fixtures shared by the tests."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest


def _load(name: str) -> ModuleType:
    """Loads a module that lies beside this file; tests are not a package."""
    spec = importlib.util.spec_from_file_location(name, Path(__file__).with_name(f"{name}.py"))
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def example_report() -> Callable[..., dict[str, Any]]:
    """`make` of report_example.py: a report of realistic shape, made without a run."""
    make: Callable[..., dict[str, Any]] = _load("report_example").make
    return make


@pytest.fixture(scope="session")
def hostile() -> ModuleType:
    """hostile.py: payloads, and a report that is full of them."""
    return _load("hostile")
