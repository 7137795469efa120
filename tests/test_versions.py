"""Launcher and workers: what is compared, and what the error says."""

from __future__ import annotations

import pytest

from tamis.classifiers.errors import TamisError
from tamis.pipeline import versions


def test_the_same_machine_agrees_with_itself() -> None:
    versions.check(versions.here())


def test_nothing_told_is_nothing_compared() -> None:
    versions.check({})


def test_python_and_the_packages_that_change_results_are_compared() -> None:
    assert {"python", "numpy", "apache-beam", "pyarrow"} <= set(versions.here())


@pytest.mark.parametrize("name", ["python", "numpy"])
def test_both_sides_are_named(name: str) -> None:
    found = versions.here()
    with pytest.raises(TamisError, match=rf"{name} 0\.1 there, {found[name]} here.*image"):
        versions.check({**found, name: "0.1"})


def test_a_package_that_a_worker_lacks_is_named() -> None:
    with pytest.raises(TamisError, match="other 3 there, not installed here"):
        versions.check({**versions.here(), "other": "3"})
