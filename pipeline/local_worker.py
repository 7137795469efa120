"""The main program of a local worker process: Beam's own, with signs of life, and an end when its launcher ends."""

from __future__ import annotations

import contextlib
import os
import signal

from tamis.pipeline import pulse, uncollected


def main() -> None:
    """Works until the launcher has no more work."""
    # Who ends a run ends its launcher, which says so, and the worker follows.
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    uncollected.seldom()
    with contextlib.ExitStack() as stack:
        if (folder := os.environ.get(pulse.FOLDER)) is not None:
            stack.enter_context(pulse.joined(folder))
            pulse.end_with_launcher(folder)
        from apache_beam.runners.worker import sdk_worker_main

        sdk_worker_main.main([])  # type: ignore[no-untyped-call]


if __name__ == "__main__":
    main()
