"""The kinds of classifier that a bundle may hold. A new kind is one module and one line here."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from tamis.classifiers import combination
from tamis.classifiers.base import Classifier

__all__ = ["KINDS", "Load"]

#: (folder of the bundle, its parameters with its `normaliser`) to a classifier with raw scores.
Load = Callable[[Path, Mapping[str, Any]], Classifier]

KINDS: Final[Mapping[str, Load]] = MappingProxyType({**combination.MEMBERS, "combination": combination.load})
