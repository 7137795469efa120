"""`tamis reshard INPUT OUTPUT`: the same records in shards of one size."""

from __future__ import annotations

import argparse
import hashlib
import json
import re
from collections.abc import Sequence
from pathlib import Path

from tamis.classifiers.errors import TamisError, UsageError
from tamis.pipeline import locations
from tamis.pipeline.canonical import canonical_bytes
from tamis.pipeline.listing import list_shards
from tamis.pipeline.paths import Shard
from tamis.pipeline.plan import Corpus, Fields, Gate
from tamis.pipeline.resharding import STATE, Group, Part, groups, reshard
from tamis.pipeline.storage import Store, open_store
from tamis.pipeline.targets import TARGETS, Target
from tamis.pipeline.wording import nearest, say

__all__ = ["add_arguments", "main", "size_of"]

_SIZE = re.compile(r"(\d+(?:\.\d+)?) ?([KMGT]?i?)B?", re.IGNORECASE)
_POWERS = {"": 0, "k": 1, "m": 2, "g": 3, "t": 4}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the command's options."""
    parser.add_argument("input", metavar="INPUT", help="the corpus: a folder, or a URL of a storage")
    parser.add_argument("output", metavar="OUTPUT", help="where the shards are written: a folder that is empty or new")
    parser.add_argument("--shards", metavar="GLOB", default="**/*", help="which files of INPUT; default: **/*")
    parser.add_argument(
        "--target_size", "--target-size", metavar="SIZE", default="256MB", help="of a file; default: 256MB"
    )
    parser.add_argument("--format", metavar="NAME", help=f"{', '.join(TARGETS)}; default: as it is read")
    parser.add_argument("--text", metavar="FIELD", default="text", help="the column of texts in tables; default: text")
    parser.add_argument(
        "--max_quarantine",
        metavar="SHARE",
        type=float,
        default=Gate().max_quarantine,
        help=f"fail with more unreadable records than this share; default: {Gate().max_quarantine}",
    )
    parser.epilog = (
        "Shards of one folder and format are read in path order as one sequence; no record moves to another folder, "
        "and none is left out: what cannot be read is kept in OUTPUT/.tamis-reshard/quarantine. Every part is read "
        "back and compared. The same command continues an interrupted one."
    )


def main(options: argparse.Namespace, _: list[str]) -> int:
    """Reshards; returns 0 when every record of the input is in the output or in quarantine."""
    size = size_of(options.target_size)
    if options.format is not None and options.format not in TARGETS:
        raise UsageError(f"`--format {options.format}` is not written{nearest(options.format, TARGETS)}")
    corpus = Corpus(root=options.input, shards=options.shards, fields=Fields(text=options.text))
    shards, store = list_shards(corpus.root, corpus.shards), open_store(options.output)
    target = TARGETS.get(options.format)
    found = groups(shards, target)
    _check_apart(corpus.root, options.output)
    _start(store, canonical_bytes(_settings(options, size, shards)) + b"\n")
    say(f"{len(shards):,} shards, {sum(one.size for one in shards) / 1e6:,.1f} MB in {corpus.root}")
    parts: list[Part] = []
    for group in found:
        parts += _parts(store, corpus, group, target, size)
    return _finish(store, parts, len(shards), options)


def size_of(text: str) -> int:
    """Reads a size such as 256MB, 1.5 GiB or 1000.

    Raises:
        UsageError: It is none, or under one byte.
    """
    found = _SIZE.fullmatch(text.strip())
    if found is None:
        raise UsageError(f"`--target_size {text}` is not a size; write one such as 256MB or 1GiB")
    unit = found[2].lower()
    size = int(float(found[1]) * (1024 if unit.endswith("i") else 1000) ** _POWERS[unit.removesuffix("i")])
    if size < 1:
        raise UsageError(f"`--target_size {text}` is nothing; write one such as 256MB or 1GiB")
    return size


def _check_apart(root: str, output: str) -> None:
    """Checks that the parts do not become shards of the corpus that is read."""
    roots = [locations.local_folder(one) or (one if locations.parse(one) is None else None) for one in (root, output)]
    if None not in roots and Path(roots[1] or "").resolve().is_relative_to(Path(roots[0] or "").resolve()):
        raise UsageError(f"{output} lies in {root}: its shards would be taken for shards of it; name a folder outside")


def _settings(options: argparse.Namespace, size: int, shards: Sequence[Shard]) -> dict[str, object]:
    """Returns what must be the same for an interrupted reshard to go on."""
    state = hashlib.sha256()
    for one in shards:
        state.update(canonical_bytes([one.path, one.size, one.version]) + b"\n")
    inputs = state.hexdigest()
    return {"format": options.format, "text": options.text, "target_size": size, "inputs": inputs}


def _start(store: Store, settings: bytes) -> None:
    """Claims an empty output, or finds that an earlier attempt at the same thing did.

    Raises:
        UsageError: The output holds something else.
    """
    path = f"{STATE}/SETTINGS.json"
    try:
        same = store.read(path) == settings
    except FileNotFoundError:
        if next(iter(store.names("")), None) is not None:
            raise UsageError(f"{store.root} is not empty, and nothing is overwritten: name a new folder") from None
        same = store.create(path, settings)
    if not same:
        raise UsageError(
            f"{store.root} holds a reshard of other shards or with other options, and nothing is overwritten: name a "
            "new folder, or delete this one"
        )


def _parts(store: Store, corpus: Corpus, group: Group, target: Target | None, size: int) -> list[Part]:
    parts = []
    for part in reshard(store, corpus, group, target, size):
        say(f"{part.path}: {part.records:,} records, {part.bytes / 1e6:,.1f} MB")
        parts.append(part)
    return parts


def _finish(store: Store, parts: Sequence[Part], shards: int, options: argparse.Namespace) -> int:
    kept, bad = sum(part.records for part in parts), sum(part.quarantined for part in parts)
    counts = {"seen": kept + bad, "kept": kept, "quarantined": bad}
    if bad:
        say(f"{bad:,} records could not be read: {store.root}/{STATE}/quarantine holds them, with reason and offset")
    if bad > options.max_quarantine * (kept + bad):
        raise TamisError(
            f"{bad:,} of {kept + bad:,} records could not be read, more than the share {options.max_quarantine:g}: "
            "repair them, or raise --max_quarantine and run the same command again"
        )
    manifest = f"{STATE}/MANIFEST.json"
    listed = [{"path": one.path, "records": one.records, "bytes": one.bytes, "sha256": one.sha256} for one in parts]
    store.write(manifest, canonical_bytes({"counts": counts, "parts": listed}) + b"\n")
    store.sweep("")
    say(f"{shards:,} shards became {len(parts):,}; seen {kept + bad:,} = kept {kept:,} + quarantined {bad:,}")
    facts = {"status": "resharded", "output": store.root, "manifest": f"{store.root}/{manifest}"}
    print(json.dumps({**facts, "shards": {"read": shards, "written": len(parts)}, "counts": counts}))
    return 0
