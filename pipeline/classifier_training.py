"""`tamis classifier train|calibrate|evaluate`: making and judging bundles."""

from __future__ import annotations

import argparse
import json
import shlex
import sys
import time
from pathlib import Path
from typing import Any

from tamis.classifiers.errors import UsageError
from tamis.pipeline.wording import say

__all__ = ["ACTIONS", "add_arguments"]


def add_arguments(actions: Any) -> None:
    """Declares the three actions.

    Args:
        actions: What `ArgumentParser.add_subparsers` returned.
    """
    train = actions.add_parser("train", help="train, calibrate and write a bundle", allow_abbrev=False)
    train.add_argument("config", metavar="CONFIG", help="YAML: sources with licences, kind, base rates, parameters")
    train.add_argument("output", metavar="FOLDER", help="the new bundle's folder")
    train.add_argument("--root", default=".", metavar="FOLDER", help="what the configuration's paths are relative to")
    calibrate = actions.add_parser("calibrate", help="calibrate a bundle anew on labelled data", allow_abbrev=False)
    calibrate.add_argument("bundle", metavar="BUNDLE", help="builtin:NAME or a folder")
    calibrate.add_argument("data", metavar="DATA", nargs="+", help="labelled JSON Lines or CSV that training never saw")
    calibrate.add_argument("--output", required=True, metavar="FOLDER", help="the new bundle's folder")
    calibrate.add_argument(
        "--base_rate",
        action="append",
        default=[],
        metavar="CATEGORY=SHARE",
        help="share of positives that the corpus has, such as hate=0.005; default: the bundle's own",
    )
    evaluate = actions.add_parser("evaluate", help="measure a bundle on labelled data and suites", allow_abbrev=False)
    evaluate.add_argument("bundle", metavar="BUNDLE", help="builtin:NAME or a folder")
    evaluate.add_argument("data", metavar="DATA", nargs="+", help="labelled sets, functional suites, ordinary text")
    evaluate.add_argument("--output", default="evaluation", metavar="FOLDER", help="default: evaluation")


def _train(options: argparse.Namespace) -> int:
    from tamis.classifiers.training import train

    start = time.monotonic()

    def progress(line: str) -> None:
        say(f"{time.monotonic() - start:6.1f} s  {line}")

    command = f"tamis classifier train {shlex.quote(options.config)} {shlex.quote(options.output)}"
    made = train(options.config, options.output, progress, options.root, command)
    return _made(made.id, options.output)


def _calibrate(options: argparse.Namespace) -> int:
    from tamis.classifiers.bundle import load
    from tamis.classifiers.calibration import calibrate

    folder = load(options.bundle).folder
    made = calibrate(folder, options.data, options.output, _rates(options.base_rate))
    return _made(made.id, options.output)


def _rates(items: list[str]) -> dict[str, float]:
    rates = {}
    for item in items:
        category, _, share = item.partition("=")
        try:
            rates[category] = float(share)
        except ValueError:
            raise UsageError(f"--base_rate {item}: expected CATEGORY=SHARE, such as hate=0.005") from None
        if not 0 < rates[category] < 1:
            raise UsageError(f"--base_rate {item}: expected a share between 0 and 1")
    return rates


def _evaluate(options: argparse.Namespace) -> int:
    from tamis.classifiers.evaluation import evaluate

    evaluate(options.bundle, options.data, options.output)
    folder = Path(options.output)
    print((folder / "evaluation.md").read_text(encoding="utf-8"), file=sys.stderr)
    print(json.dumps({"evaluation": str(folder / "evaluation.json"), "page": str(folder / "evaluation.md")}))
    return 0


def _made(identity: str, folder: str) -> int:
    print(json.dumps({"id": identity, "path": folder}))
    return 0


ACTIONS = {"train": _train, "calibrate": _calibrate, "evaluate": _evaluate}
