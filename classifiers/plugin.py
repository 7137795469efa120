"""Classifiers of other packages: any Python callable, found by an entry point of the group `tamis.classifiers`.

A package declares, in its pyproject.toml,

    [project.entry-points."tamis.classifiers"]
    mine = "my_package.scoring:make"

and a plan names it as `plugin:mine`. `make()` is called once in each worker process. It returns an object with
`categories`, a tuple of names; `score(texts)`, which takes a list of passages (str) and returns probabilities,
[n_passages, n_categories], NaN where it cannot say; and, if it likes, `languages` (ISO codes, empty = any) and
`fingerprint`, a string that changes when its scores do. Such code is chosen by whoever installs the package: nothing
in a plan, a bundle or a corpus can make tamis import anything.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from importlib import metadata
from typing import Any, Final, Protocol

import numpy as np

from tamis.classifiers.base import FloatMatrix
from tamis.classifiers.errors import BundleError, UsageError
from tamis.classifiers.passages import Passages

__all__ = ["GROUP", "PREFIX", "Plugin", "load"]

GROUP: Final = "tamis.classifiers"
PREFIX: Final = "plugin:"


class _Made(Protocol):
    @property
    def categories(self) -> Sequence[str]: ...

    def score(self, texts: list[str]) -> Any: ...


class Plugin:
    """A classifier of another package, with the face of a bundle.

    Args:
        name: Name of its entry point.
        made: What the entry point's callable returned.
        version: Version of the package that it comes from.
    """

    kind = "plugin"
    normaliser = "none"
    training: Mapping[str, Any] = {}

    def __init__(self, name: str, made: _Made, version: str) -> None:
        self.name = name
        self.categories = tuple(made.categories)
        self.languages = tuple(getattr(made, "languages", ()))
        mark = f"{version} {getattr(made, 'fingerprint', '')}"
        self.id = f"{name}@{hashlib.sha256(mark.encode()).hexdigest()[:12]}"
        self._made = made

    def score(self, passages: Passages) -> FloatMatrix:
        """Scores passages; see `Classifier.score`.

        Raises:
            BundleError: The plugin failed, returned another shape, or numbers outside [0, 1].
        """
        try:
            scores = np.asarray(self._made.score(list(passages)), dtype=np.float32)
        except Exception as error:  # noqa: BLE001 - whatever it raises
            # Neither the message nor the chain is kept: both may quote the texts.
            raise BundleError(
                f"{PREFIX}{self.name}: failed with {type(error).__name__} on {len(passages)} passages, expected "
                "scores: see the plugin"
            ) from None
        expected = (len(passages), len(self.categories))
        if scores.shape != expected:
            raise BundleError(f"{PREFIX}{self.name}: expected scores of shape {expected}, found {scores.shape}")
        if ((scores < 0) | (scores > 1)).any():
            raise BundleError(f"{PREFIX}{self.name}: expected scores from 0 to 1, found some outside")
        return scores

    def threshold(self, category: str, point: str, value: float | None = None) -> float:
        """Returns 0.5 as the default operating point; a plugin has no other.

        Raises:
            UsageError: Another one is asked for.
        """
        if point == "default":
            return 0.5
        raise UsageError(f"{PREFIX}{self.name} has no operating point {point}({value}) for {category}; write a number")

    def card(self) -> str:
        """Returns the plugin's documentation string."""
        return type(self._made).__doc__ or ""


def load(ref: str) -> Plugin:
    """Loads a plugin.

    Args:
        ref: `plugin:NAME`.

    Raises:
        UsageError: No installed package has such an entry point.
        BundleError: Its callable failed, or returned no classifier.
    """
    name = ref.removeprefix(PREFIX)
    points = {point.name: point for point in metadata.entry_points(group=GROUP)}
    if name not in points:
        known = ", ".join(sorted(points)) or "none"
        raise UsageError(f"`{ref}`: no installed package has the entry point {name!r} of {GROUP}; there are: {known}")
    try:
        made = points[name].load()()
    except Exception as error:
        raise BundleError(f"`{ref}`: {points[name].value} failed: {type(error).__name__}: {error}") from error
    if not getattr(made, "categories", None) or not callable(getattr(made, "score", None)):
        raise BundleError(f"`{ref}`: {points[name].value} returned no object with `categories` and `score`")
    distribution = points[name].dist
    return Plugin(name, made, distribution.version if distribution else "")
