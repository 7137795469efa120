"""Normalisers: what a classifier reads instead of the original text. A model is trained on one of them.

A normaliser takes UTF-8 (uint8) with the bounds of each passage, and returns the same for the normalised text.
Lone surrogates arrive as the three bytes that UTF-8 would give them.

none
    The text as it is, but with a space in place of each byte that ends a line for fastText (line feed, carriage
    return), of U+2028 and U+2029, and of each lone surrogate. The result is valid UTF-8 without line ends.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from tamis.classifiers.normalise_kernel import one_line

__all__ = ["NORMALISERS", "Normaliser"]

Bytes = NDArray[np.uint8]
Ints = NDArray[np.int64]

#: (UTF-8 of passages, their bounds int64 [n + 1]) to the same of the normalised passages.
Normaliser = Callable[[Bytes, Ints], tuple[Bytes, Ints]]


def none(data: Bytes, bounds: Ints) -> tuple[Bytes, Ints]:
    """Puts each passage on one line of valid UTF-8; see the module's text."""
    return one_line(data, bounds)


NORMALISERS: Mapping[str, Normaliser] = MappingProxyType({"none": none})
