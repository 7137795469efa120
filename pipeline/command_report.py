"""`tamis report RUN`: the before/after table of a run, and where its report lies."""

from __future__ import annotations

import argparse
import json
import sys

from tamis.classifiers.errors import TamisError
from tamis.pipeline.command_verify import RUN_HELP, locate

__all__ = ["add_arguments", "main"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the command's options."""
    parser.add_argument("run", metavar="RUN", help=RUN_HELP)


def main(options: argparse.Namespace, _: list[str]) -> int:
    """Shows the table; returns 0."""
    from tamis.interventions.report_terminal import show

    store, run_id = locate(options.run)
    folder = f"runs/{run_id}/report"
    try:
        content = json.loads(store.read(f"{folder}/report.json"))
    except FileNotFoundError:
        raise TamisError(f"{store.root}/{folder}/report.json: no such file; the run did not finish") from None
    show(content, sys.stderr)
    print(f"report: {store.root}/{folder}/index.html", file=sys.stderr)
    paths = {"report": f"{store.root}/{folder}/index.html", "data": f"{store.root}/{folder}/report.json"}
    print(json.dumps({"run_id": run_id, **paths}))
    return 0
