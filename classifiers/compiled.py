"""Two decorators for machine code: one for what Python calls, one for the helpers inside.

numba takes a cached kernel for stale when the file that holds it has changed, and looks at no other file. Keep the
helpers and the tables of a kernel in its own module.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import ParamSpec, TypeVar

from numba import njit

__all__ = ["inlined", "kernel"]

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
        compiled: Callable[P, R] = njit(cache=True, nogil=True)(function)
    except RuntimeError:  # numba found no folder to cache in
        compiled = njit(nogil=True)(function)
    return compiled


def inlined(function: Callable[P, R]) -> Callable[P, R]:
    """Compiles a helper into each kernel that calls it: a call for each token would cost more than its work."""
    compiled: Callable[P, R] = njit(forceinline=True)(function)
    return compiled
