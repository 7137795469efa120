"""Launcher and workers must run the same code: what is installed here, and how it is compared.

Beam itself compares its own version only. Another NumPy or another tamis on the workers changes scores or bytes
without a word, and a missing package shows up as a failure of every shard.
"""

from __future__ import annotations

import platform
from collections.abc import Mapping

from tamis.classifiers.errors import TamisError
from tamis.pipeline.runspec import package_versions

__all__ = ["check", "here"]


def here() -> dict[str, str]:
    """Returns the versions of Python (major and minor) and of the packages that results depend on."""
    python = ".".join(platform.python_version_tuple()[:2])
    return {"python": python, **package_versions()}


def check(launcher: Mapping[str, str]) -> None:
    """Compares this worker with the launcher.

    Args:
        launcher: What `here` returned there; empty where it was not told.

    Raises:
        TamisError: A version differs; the message names both sides.
    """
    found = here()
    differing = [
        f"{name} {wanted} there, {found.get(name, 'not installed')} here"
        for name, wanted in sorted(launcher.items())
        if found.get(name) != wanted
    ]
    if differing:
        raise TamisError(
            f"this worker ({platform.node() or 'unnamed'}) is not what the run was launched with: "
            f"{'; '.join(differing)}. Launch from the image that the workers run, or build it anew"
        )
