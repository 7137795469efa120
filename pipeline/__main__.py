"""`python -m tamis.pipeline PLAN …`: the main job, in the way of Beam's own examples."""

from __future__ import annotations

import sys

from tamis.pipeline.cli import COMMANDS, main

if __name__ == "__main__":
    arguments = sys.argv[1:]
    if arguments and arguments[0] not in COMMANDS and not arguments[0].startswith("-"):
        arguments = ["run", *arguments]
    sys.exit(main(arguments))
