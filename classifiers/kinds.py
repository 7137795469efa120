"""The table of classifier kinds: how the files of a bundle become a classifier.

A new kind is one module and one line here. Loaders get the bundle's folder and its `parameters`, to which the bundle
adds its `normaliser`; they return a classifier of raw scores, and raise BundleError for files that are not theirs.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

from tamis.classifiers import fasttext_model
from tamis.classifiers.base import Classifier

__all__ = ["KINDS"]

KINDS: Final[Mapping[str, Callable[[Path, Mapping[str, Any]], Classifier]]] = {
    "fasttext": fasttext_model.load,
}
