"""The inventory of a corpus: what its files must be, by a list of sizes and hashes that came with it.

A file cannot show every damage: a gzip cut between two members, text cut at the end of a line, a file that is missing.
A list can. `corpus.manifest` of a plan names one, of any of these forms:

- what `sha256sum` prints: the digest, two spaces (or a space and `*`), the path;
- CSV or TSV with the columns `path`, `sha256` and, if there is one, `bytes`;
- JSON Lines of objects with the same keys;
- MANIFEST.json of a run of tamis, whose documents are the corpus: the sizes and digests of its receipts.

Paths are relative to the corpus root. Sizes, and files that are missing or unlisted, are checked before the first
shard; a digest when its shard has been read.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Sequence
from dataclasses import replace

import msgspec

from tamis.pipeline import fetched, globs
from tamis.pipeline.errors import TamisError, UsageError
from tamis.pipeline.paths import Shard
from tamis.pipeline.redact import redact

__all__ = ["Entry", "checked", "parse", "read"]

#: Bytes of a list: some 8 million files.
LONGEST = 1 << 30

_SUM = re.compile(r"\\?([0-9a-fA-F]{64}) [ *](.+)")
_DIGEST = re.compile(r"[0-9a-f]{64}")
_FORMS = "`sha256sum` output, CSV with the columns path, sha256 and bytes, JSON Lines of the same, or a MANIFEST.json"


class Entry(msgspec.Struct, frozen=True):
    """One line: a file and what it must be.

    Attributes:
        path: Its path under the corpus root.
        sha256: SHA-256 of its stored bytes, in lower-case hexadecimal.
        bytes: Its size, None where the list does not tell it.
    """

    path: str
    sha256: str
    bytes: int | None = None


class _Run(msgspec.Struct):
    """As much of a run's manifest as finds its documents."""

    run_id: str
    shards: list[msgspec.Raw]


def checked(shards: Sequence[Shard], pattern: str, where: str) -> list[Shard]:
    """Checks a listing against a list, and returns it with the digests that are due.

    Args:
        shards: The listing.
        pattern: What was listed: entries that do not match it are of no concern.
        where: Path or URL of the list.

    Raises:
        UsageError: There is no list, or it is none.
        TamisError: A file is missing, is not in the list, or has another size; the first few are named.
    """
    entries = read(where)
    matches = globs.any_of(globs.expand(pattern))
    wanted = {path for path in entries if matches(path) and not globs.is_hidden(path)}
    faults = [f"{path} is missing" for path in sorted(wanted - {shard.path for shard in shards})]
    for shard in shards:
        entry = entries.get(shard.path)
        if entry is None:
            faults.append(f"{shard.path} is not in the list")
        elif entry.bytes is not None and entry.bytes != shard.size:
            faults.append(f"{shard.path} has {shard.size} bytes, expected {entry.bytes}")
    if faults:
        more = f" (and {len(faults) - 5} more)" if len(faults) > 5 else ""
        raise TamisError(
            f"`corpus.manifest` {redact(where)}: {'; '.join(faults[:5])}{more}: fetch the corpus again, or "
            "correct the list"
        )
    return [replace(shard, sha256=entries[shard.path].sha256) for shard in shards]


def read(where: str) -> dict[str, Entry]:
    """Reads a list, by path; see `checked` for what is raised."""
    try:
        data = fetched.read(where, LONGEST)
    except FileNotFoundError:
        raise UsageError(f"`corpus.manifest: {redact(where)}`: no such file; expected {_FORMS}") from None
    try:
        entries = _of_run(where, data) if data.startswith(b'{"') and b'"run_id"' in data else parse(data.decode())
    except (ValueError, KeyError, TypeError, RecursionError, csv.Error, msgspec.MsgspecError) as error:
        place = f" ({error})" if type(error) is ValueError else ""
        raise UsageError(f"`corpus.manifest: {redact(where)}`: is no list{place}; expected {_FORMS}") from None
    return {entry.path: entry for entry in entries}


def parse(text: str) -> list[Entry]:
    """Parses a list of any form but a run's manifest.

    Raises:
        ValueError: It has none of the forms, names a path twice, or holds what is no digest.
    """
    lines = text.removeprefix("\ufeff").splitlines()
    first = next((line for line in lines if line.strip()), "")
    if _SUM.fullmatch(first):
        entries = [_sum(line) for line in lines if line.strip()]
    elif first.startswith("{"):
        entries = [msgspec.json.decode(line, type=Entry) for line in lines if line.strip()]
    else:
        entries = _table(lines, "\t" if "\t" in first else ",")
    if len({entry.path for entry in entries}) != len(entries):
        raise ValueError("it names a path twice")
    entries = [msgspec.structs.replace(entry, sha256=entry.sha256.lower()) for entry in entries]
    if not all(_DIGEST.fullmatch(entry.sha256) for entry in entries):
        raise ValueError("a sha256 is not 64 hexadecimal digits")
    return entries


def _sum(line: str) -> Entry:
    found = _SUM.fullmatch(line)
    if found is None:
        raise ValueError("a line is not that of `sha256sum`")
    return Entry(found[2].removeprefix("./"), found[1])


def _table(lines: Sequence[str], delimiter: str) -> list[Entry]:
    rows = csv.DictReader(lines, delimiter=delimiter)
    if not {"path", "sha256"} <= set(rows.fieldnames or ()):
        raise ValueError("it has no columns path and sha256")
    entries = []
    for row in rows:
        # What a row lacks is None, and what it has too much stands under None.
        if None in row or None in row.values():
            raise ValueError("a row has other columns than the first line")
        entries.append(Entry(row["path"], row["sha256"], int(row["bytes"]) if row.get("bytes") else None))
    return entries


def _of_run(where: str, data: bytes) -> list[Entry]:
    """Reads the documents of a run off its receipts, which must be those of its manifest."""
    from tamis.pipeline import receipts
    from tamis.pipeline.merging import ShardLine

    run = msgspec.json.decode(data, type=_Run)
    folder, entries = where.rpartition("/")[0], []
    for line in (msgspec.json.decode(raw, type=ShardLine) for raw in run.shards):
        path = f"{folder}/receipts/{line.shard}.json" if folder else f"receipts/{line.shard}.json"
        try:
            sealed = receipts.unseal(fetched.read(path, LONGEST), path)
        except FileNotFoundError:
            raise TamisError(f"{redact(path)}: no such receipt, {redact(where)} has it: fetch the whole run") from None
        if sealed.sha256 != line.receipt_sha256:
            raise TamisError(f"{redact(path)}: not the receipt that {redact(where)} lists: fetch the run again")
        output = sealed.brief().outputs.get("documents")
        if output is None:
            raise ValueError("a run that publishes no documents")
        entries.append(Entry(output.path.partition("/")[2], output.sha256, output.bytes))
    return entries
