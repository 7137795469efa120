"""`tamis report RUN…`: the before/after table of a run and where its report lies; of several, what differs."""

from __future__ import annotations

import argparse
import json
import sys
from importlib import resources
from pathlib import Path
from typing import Any

from tamis.classifiers.errors import TamisError, UsageError
from tamis.pipeline.command_verify import RUN_HELP, locate

__all__ = ["add_arguments", "main"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the command's options."""
    parser.add_argument("runs", metavar="RUN", nargs="*", help=RUN_HELP)
    parser.add_argument("--all", action="store_true", help="compare every intervention of each run, not the lead alone")
    parser.add_argument(
        "--intervention", metavar="NAME", action="append", default=[], help="compare this one of each run; repeatable"
    )
    parser.add_argument(
        "--output", metavar="FILE", help="write the comparison here: a page, or its JSON where FILE ends in .json"
    )
    parser.add_argument("--schema", action="store_true", help="print the JSON schema of report.json, and end")
    parser.epilog = (
        "Several runs (or one with --all) are set side by side. Differences are paired where the runs saw the same "
        "documents; effects on different ones are compared unpaired, and numbers of different evaluators not at all."
    )


def main(options: argparse.Namespace, _: list[str]) -> int:
    """Shows the table; returns 0."""
    if options.schema:
        return _schema()
    if not options.runs:
        raise UsageError("`tamis report` takes at least one RUN; see `tamis report --help`")
    if len(options.runs) > 1 or options.all or options.intervention or options.output:
        return _compare(options)
    return _show(options.runs[0])


def _schema() -> int:
    file = resources.files("tamis.interventions") / "data" / "report.schema.json"
    print(file.read_text(encoding="utf-8"), end="")
    return 0


def _show(run: str) -> int:
    from tamis.interventions.report_terminal import show

    store, run_id = locate(run)
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


def _compare(options: argparse.Namespace) -> int:
    from tamis.interventions import sides, sides_terminal
    from tamis.pipeline.finished_run import FinishedRun

    runs = [FinishedRun.open(*locate(run)) for run in options.runs]
    names = tuple(options.intervention)
    chosen = [side for run in runs for side in run.sides(options.all, names)]
    if len(chosen) < 2:
        raise UsageError("nothing to compare: name two runs, or one with several interventions and `--all`")
    content = sides.build(chosen)
    sides_terminal.show(content, sys.stderr)
    written = {} if options.output is None else _write(Path(options.output), content)
    told = [{"label": side["label"], "run_id": side["run"]["id"], "intervention": side["intervention"]}
            for side in content["sides"]]  # fmt: skip
    print(json.dumps({"sides": told, "pairs": content["pairs"], **written}))
    return 0


def _write(path: Path, content: dict[str, Any]) -> dict[str, str]:
    """Writes the page and the JSON beside it; returns where they lie."""
    from tamis.interventions import report_html
    from tamis.pipeline.canonical import canonical_bytes

    page, data = path.with_suffix(".html"), path.with_suffix(".json")
    files = {data: canonical_bytes(content) + b"\n"}
    if path.suffix != ".json":
        page = path
        files[page] = report_html.render_sides(content).encode()
    try:
        for target, text in files.items():
            target.write_bytes(text)
    except OSError as error:
        raise TamisError(f"{path}: cannot be written ({error.strerror}); name a file in a folder that exists") from None
    if page in files:
        print(f"comparison: {page}", file=sys.stderr)
    return {"data": str(data), **({"report": str(page)} if page in files else {})}
