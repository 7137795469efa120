"""`tamis init CORPUS`: a starter plan from a look at a corpus."""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from tamis.classifiers.errors import UsageError
from tamis.pipeline import fieldguess, plan, starter, survey
from tamis.pipeline.corpora import in_pieces
from tamis.pipeline.listing import list_shards
from tamis.pipeline.plan import Corpus, Fields
from tamis.pipeline.sizes import files_text, large_warning, size_text
from tamis.pipeline.survey import Kind, Sample

__all__ = ["add_arguments", "main"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the command's options."""
    parser.add_argument("corpus", metavar="CORPUS", help="a folder of shards, or a URL of a storage")
    parser.add_argument("--output", metavar="PLAN", default="plan.yaml", help="the plan's file; default: plan.yaml")
    parser.epilog = (
        "Looks at the names of all files and at the first records of a few, and writes a plan that runs as it is. A "
        "file that exists is never overwritten."
    )


def main(options: argparse.Namespace, _: list[str]) -> int:
    """Writes the plan; returns 0."""
    target = Path(options.output)
    if target.exists():
        raise UsageError(f"{target} exists, and is not overwritten: name another file with --output, or move it away")
    chosen, *others = survey.kinds(list_shards(options.corpus, "**/*"))
    sample = survey.sample(options.corpus, chosen)
    fields, texts = _fields(chosen, sample)
    looked = len(sample.rows) + len(sample.texts) + sample.unreadable
    notes = [*_others(others), *_language(texts), *_large(options.corpus, chosen)]
    facts = (_name(options.corpus), options.corpus, options.output, chosen, fields)
    text = starter.plan_text(*facts, looked, sample.unreadable, notes)
    plan.parse(text)
    _write(target, text)
    _report(target, chosen, fields, looked, notes)
    return 0


def _fields(chosen: Kind, sample: Sample) -> tuple[Fields, Sequence[str]]:
    """Returns where the fields are, and the texts of the sample.

    Raises:
        UsageError: There is no record, or none of its fields looks like a text.
    """
    if chosen.format in ("text", "warc"):
        texts: Sequence[str] = sample.texts
        fields = Fields()
    else:
        fields = fieldguess.fields_of(fieldguess.look(sample.rows), len(sample.rows)) if sample.rows else Fields()
        texts = [found for row in sample.rows if isinstance(found := _at(row, fields.text), str)]
    if not texts:
        raise UsageError(
            f"the first records of {len(chosen.shards):,} {chosen.endings[0]} files hold no document "
            f"({sample.unreadable:,} cannot be read): nothing to make a plan for"
        )
    return fields, texts


def _at(row: object, path: str) -> object:
    for part in path.split("."):
        row = row.get(part) if isinstance(row, dict) else None
    return row


def _name(root: str) -> str:
    """Returns a name for the plan: that of the corpus' folder."""
    last = (root if "://" in root else str(Path(root).resolve())).rstrip("/").rpartition("/")[2]
    return re.sub(r"[^A-Za-z0-9._-]+", "-", last).strip("-.") or "corpus"


def _others(others: Sequence[Kind]) -> list[str]:
    return [
        f"not read: {files_text(len(kind.shards))} {', '.join(kind.endings)} ({size_text(kind.bytes)})"
        for kind in others
    ]


def _language(texts: Sequence[str]) -> list[str]:
    from tamis.classifiers.language import UNDETERMINED, detect

    found = Counter(detect(texts))
    share = (found["en"] + found[UNDETERMINED]) / len(texts)
    if share >= 0.5:
        return []
    main = found.most_common(1)[0][0]
    return [
        f"only {share:.0%} of the sample is English (most is {main}): the shipped classifiers leave the rest unscored"
    ]


def _large(root: str, chosen: Kind) -> list[str]:
    # What a run splits by itself needs no warning.
    shards = in_pieces(Corpus(root=root, format=chosen.format), list(chosen.shards))
    warning = large_warning(root, chosen.pattern(), shards)
    return [] if warning is None else [" ".join(warning.split())]


def _write(target: Path, text: str) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        with target.open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        raise UsageError(f"{target} exists, and is not overwritten: name another file with --output") from None


def _report(target: Path, chosen: Kind, fields: Fields, looked: int, notes: Sequence[str]) -> None:
    named = {key: getattr(fields, key) for key in ("id", "text", "source", "url")}
    shards = len(chosen.shards)
    print(
        f"{files_text(shards)} of {chosen.format}, {size_text(chosen.bytes)}; looked at {looked:,} records\n"
        + "".join(f"note: {note}\n" for note in notes)
        + f"wrote {target}; next: tamis run {target} --dry_run",
        file=sys.stderr,
    )
    print(
        json.dumps(
            {"status": "written", "plan": str(target), "format": chosen.format, "shards": shards, "bytes": chosen.bytes}
            | {"fields": {key: path for key, path in named.items() if path is not None}}
        )
    )
