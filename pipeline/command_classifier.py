"""`tamis classifier …`: train, calibrate, evaluate, score with, describe and list classifiers."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

import msgspec
import numpy as np

from tamis.classifiers.base import Unscored
from tamis.classifiers.errors import UsageError
from tamis.pipeline import classifier_training

__all__ = ["add_arguments", "main"]

BUNDLE_HELP = "a bundle: builtin:NAME or its folder"
BATCH = 256


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the sub-commands."""
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    classifier_training.add_arguments(actions)
    score = actions.add_parser("score", help="score JSON Lines with `text` (and `id`), as in a run", allow_abbrev=False)
    score.add_argument("bundle", metavar="BUNDLE", help=BUNDLE_HELP)
    score.add_argument("file", metavar="FILE", nargs="?", help="JSON Lines; default: stdin")
    score.add_argument("--aggregate", default="max", help="passages to document: max (default) or topk_mean")
    wrap = actions.add_parser("wrap", help="make a bundle of a fastText model or a word list", allow_abbrev=False)
    wrap.add_argument("model", metavar="MODEL", help="a fastText .bin or .ftz, or a word list in .json")
    wrap.add_argument("output", metavar="FOLDER", help="where the bundle is made")
    wrap.add_argument("--name", help="the bundle's name; default: the folder's")
    wrap.add_argument(
        "--label",
        action="append",
        default=[],
        metavar="CATEGORY=LABEL",
        help="a fastText model's label for a category, such as hate=__label__toxic; may be repeated",
    )
    card = actions.add_parser("card", help="print a bundle's model card", allow_abbrev=False)
    card.add_argument("bundle", metavar="BUNDLE", help=BUNDLE_HELP)
    actions.add_parser("list", help="list the builtin bundles", allow_abbrev=False)


def main(options: argparse.Namespace, _: list[str]) -> int:
    """Runs the chosen action; returns 0."""
    return _ACTIONS[options.action](options)


def _score(options: argparse.Namespace) -> int:
    from tamis.classifiers import bundle, language, passages
    from tamis.classifiers.scorer import Scorer

    scorer = Scorer(bundle.load(options.bundle), aggregate=options.aggregate)
    out = sys.stdout.buffer
    with _opened(options.file) as file:
        for batch in _batches(file, options.file or "stdin"):
            texts = [record.text for record in batch]
            scores = scorer.score(passages.split(texts), language.detect(texts))
            values = np.round(scores.document.astype(np.float64), 5).tolist()
            for record, row, reason in zip(batch, values, scores.unscored.tolist(), strict=True):
                out.write(_line(record, dict(zip(scores.categories, row, strict=True)), Unscored(reason)))
    out.flush()
    return 0


class _Record(msgspec.Struct):
    text: str
    id: str | int | None = None


def _opened(path: str | None) -> BinaryIO:
    if path is None or path == "-":
        return sys.stdin.buffer
    try:
        return Path(path).open("rb")
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror}; expected a file of JSON Lines with `text`") from None


def _batches(file: BinaryIO, name: str) -> Iterator[list[_Record]]:
    decoder, batch = msgspec.json.Decoder(_Record), []
    for number, line in enumerate(file, 1):
        if not line.strip():
            continue
        try:
            batch.append(decoder.decode(line))
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise UsageError(f"{name}: line {number}: expected a JSON object with a string `text`: {error}") from None
        if len(batch) == BATCH:
            yield batch
            batch = []
    if batch:
        yield batch


def _line(record: _Record, scores: dict[str, float], reason: Unscored) -> bytes:
    # NaN is the one value that is not equal to itself; JSON has no word for it.
    known = {category: None if score != score else score for category, score in scores.items()}
    row: dict[str, Any] = {"id": record.id, "scores": known}
    if reason:
        row["unscored"] = reason.name.lower()
    return msgspec.json.encode(row) + b"\n"


def _wrap(options: argparse.Namespace) -> int:
    from tamis.classifiers import wrap

    model, folder = Path(options.model), Path(options.output)
    name = options.name or folder.name
    if model.suffix == ".json":
        if options.label:
            raise UsageError("--label: a word list names its categories itself; leave it out")
        made = wrap.wrap_lexicon(model, folder, name)
    else:
        made = wrap.wrap_fasttext(model, _labels(options.label), folder, name)
    print(json.dumps({"id": made.id, "path": str(folder), "categories": made.categories}))
    return 0


def _labels(items: list[str]) -> dict[str, str]:
    pairs = [item.partition("=") for item in items]
    if wrong := [category for category, sign, label in pairs if not (category and sign and label)]:
        raise UsageError(f"--label {wrong[0]}: expected CATEGORY=LABEL, such as hate=__label__toxic")
    if not pairs:
        raise UsageError("--label: name the model's label for each category, such as hate=__label__toxic")
    return {category: label for category, _, label in pairs}


def _card(options: argparse.Namespace) -> int:
    from tamis.classifiers import bundle

    print(bundle.load(options.bundle).card())
    return 0


def _list(_: argparse.Namespace) -> int:
    from tamis.classifiers import bundle

    for name in bundle.builtins():
        loaded = bundle.load(f"builtin:{name}")
        facts = {"kind": loaded.kind, "categories": loaded.categories, "languages": loaded.languages}
        print(json.dumps({"name": f"builtin:{name}", "id": loaded.id, **facts}))
    return 0


_ACTIONS = {**classifier_training.ACTIONS, "score": _score, "wrap": _wrap, "card": _card, "list": _list}
