"""Keeps the garbage collector out of work on records that were read from JSON, which has no cycles.

Receipts are large trees, and every few hundred objects of a new one let the collector walk through young ones, and
often through all that are there. A thousand receipts of shards of 25,000 documents (392 kB each) are read, checked and
merged in 8.8 CPU seconds with `seldom`, in 11.8 without.
"""

from __future__ import annotations

import atexit
import gc
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

__all__ = ["seldom", "settled", "uncollected"]

#: Objects made before the young are looked at (the engine and its libraries are 250,000), and how many such looks come
#: before one at the older ones.
_THRESHOLDS: Final = (400_000, 20, 100)


def seldom() -> None:
    """Lets this process look for cycles more seldom; reference counts free all else at once, as ever.

    Nor does it look for them once more when it exits: the system takes all memory back, and the last looks at every
    object of every library would take 0.3 CPU seconds.
    """
    gc.set_threshold(*_THRESHOLDS)
    atexit.unregister(gc.freeze)
    atexit.register(gc.freeze)


def settled() -> None:
    """Says that what is there by now stays until the process ends: modules and models are looked at no more."""
    gc.freeze()


@contextmanager
def uncollected() -> Iterator[None]:
    """Suspends the search for cycles; of use around all of the work, as what was put off is made up for at its end."""
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()
