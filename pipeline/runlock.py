"""One launcher a run: of two that would write the same run on one disk, the second is told so before it starts.

Two runs of different plans on one output do not meet but at the pointer, which is replaced on condition. Two of the
same plan would write the same files: on a disk one file has one writer, so each would take shards from the other. On
an object store both write the same bytes, and nobody waits for anybody.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from tamis.classifiers.errors import RaceLost, TamisError
from tamis.pipeline import atomic
from tamis.pipeline.errors import describe
from tamis.pipeline.storage import LocalStore, Store

__all__ = ["held"]


@contextmanager
def held(store: Store, run_id: str) -> Iterator[Callable[[], None]]:
    """Holds the lock of a run until the block ends; the system frees it when the process dies.

    Yields:
        What removes the lock's file, for who leaves without ending the block.

    Raises:
        RaceLost: Another process is at this very run.
        TamisError: The output cannot be written.
    """
    if not isinstance(store, LocalStore):
        yield lambda: None
        return
    path = atomic.temporary(Path(store.root, "runs", run_id))
    with ExitStack() as stack:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            file = stack.enter_context(atomic.locked(path))
        except atomic.BusyError:
            raise RaceLost(
                f"{store.root}: {_holder(path)} is at run {run_id} already: wait until it has ended, or stop it; then "
                "run the same command again"
            ) from None
        except OSError as error:
            raise TamisError(f"output {store.root}: {describe(error)}") from None
        stack.callback(path.unlink, missing_ok=True)
        file.write(f"process {os.getpid()}".encode())
        yield lambda: path.unlink(missing_ok=True)


def _holder(path: Path) -> str:
    try:
        return path.read_text() or "another process"
    except OSError:
        return "another process"
