"""One decorator for every kernel: compiled once, cached on disk where the disk allows it, GIL released."""

from __future__ import annotations

from collections.abc import Callable
from typing import ParamSpec, TypeVar

import numba

__all__ = ["kernel"]

P = ParamSpec("P")
R = TypeVar("R")


def kernel(function: Callable[P, R]) -> Callable[P, R]:
    """Compiles a function of arrays and numbers to machine code at its first call.

    The compiled code is kept beside the module, or in the user's cache folder. Where neither can be written (a
    read-only container) it is compiled again in each process: slower to start, with the same results.

    Args:
        function: A function in numba's nopython subset.

    Returns:
        The function, compiled; it runs without the GIL.
    """
    try:
        compiled: Callable[P, R] = numba.njit(cache=True, nogil=True)(function)
    except RuntimeError:  # numba found no folder to cache in
        compiled = numba.njit(nogil=True)(function)
    return compiled
