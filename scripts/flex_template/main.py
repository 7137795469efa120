"""Where a Flex Template starts: its parameters come as flags, and the launch is that of `tamis run` or `refresh`."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Mapping, Sequence

from tamis.pipeline.cli import main


def arguments(flags: Sequence[str], environment: Mapping[str, str]) -> list[str]:
    """Returns the command line of tamis.

    Args:
        flags: The template's parameters and the flags of the service's launcher, as `--name=value`.
        environment: TAMIS_IMAGE is the image that this runs in; workers run it too, unless a flag says otherwise.
    """
    parser = argparse.ArgumentParser(allow_abbrev=False, add_help=False)
    parser.add_argument("--command", default="run", choices=["run", "refresh"])
    parser.add_argument("--plan", required=True)
    parser.add_argument("--runner", default="DataflowRunner")
    parser.add_argument("--sdk_container_image", default=environment.get("TAMIS_IMAGE"))
    found, rest = parser.parse_known_args(list(flags))
    image = [f"--sdk_container_image={found.sdk_container_image}"] if found.sdk_container_image else []
    return [found.command, found.plan, f"--runner={found.runner}", *image, *rest]


if __name__ == "__main__":
    sys.exit(main(arguments(sys.argv[1:], os.environ)))
