"""A look at a folder by someone who has never seen it: which files are the corpus, and what its records look like."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from tamis.pipeline import formats, lines
from tamis.pipeline.decompress import compression_of, open_verified
from tamis.pipeline.document import Document
from tamis.pipeline.errors import ShardError, UsageError
from tamis.pipeline.json_shape import loads
from tamis.pipeline.limits import Limits
from tamis.pipeline.paths import Shard
from tamis.pipeline.plan import Corpus

__all__ = ["Kind", "Sample", "kinds", "sample"]

#: Shards that are looked at, and records of each.
SHARDS, RECORDS = 8, 100
_CSV_BYTES = 1 << 20
#: Text files that are about a corpus, not of it.
_ABOUT = re.compile(r"(readme|licen[cs]e|source|notice|copying|changelog|authors|citation)\b.*", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Kind:
    """The files of one format.

    Attributes:
        format: Its name in `formats.FORMATS`.
        endings: Endings of their names, compression included.
        shards: Them, in path order.
    """

    format: str
    endings: tuple[str, ...]
    shards: Sequence[Shard]

    @property
    def bytes(self) -> int:
        """Their size as stored."""
        return sum(shard.size for shard in self.shards)

    def pattern(self) -> str:
        """Returns a glob pattern that matches them."""
        return f"**/*{self.endings[0]}" if len(self.endings) == 1 else f"**/*{{{','.join(self.endings)}}}"


@dataclass(frozen=True, slots=True)
class Sample:
    """The first records of a few shards.

    Attributes:
        rows: Records that are objects.
        unreadable: Records that are not.
        texts: Of formats that know their texts themselves, these; empty in others.
    """

    rows: Sequence[dict[str, Any]]
    unreadable: int
    texts: Sequence[str] = ()


def kinds(shards: Sequence[Shard]) -> list[Kind]:
    """Puts files of one format together, the most bytes first.

    Raises:
        UsageError: No name tells a format; the endings are named.
    """
    found: dict[str, list[tuple[str, Shard]]] = {}
    for shard in shards:
        try:
            form = formats.format_of(shard.path)
        except UsageError:
            continue
        if form.name == "text" and _ABOUT.fullmatch(shard.path.rpartition("/")[2]):
            continue
        found.setdefault(form.name, []).append(("".join(form.ending(shard.path)), shard))
    if not found:
        ends = sorted({"." + shard.path.rpartition("/")[2].partition(".")[2] for shard in shards})
        raise UsageError(
            f"none of {len(shards):,} files has a name that tells its format, found {', '.join(map(ascii, ends[:9]))}: "
            "name the format in `corpus.format` of a plan that you write yourself (see docs/formats.md)"
        )
    made = [
        Kind(name, tuple(sorted({ending for ending, _ in files})), [shard for _, shard in files])
        for name, files in found.items()
    ]
    return sorted(made, key=lambda kind: (-kind.bytes, kind.format))


def sample(root: str, kind: Kind) -> Sample:
    """Reads the first records of shards spread over the corpus.

    Raises:
        ShardError: None of these shards can be read.
    """
    rows: list[dict[str, Any]] = []
    texts: list[str] = []
    unreadable, errors = 0, []
    for shard in kind.shards[:: max(1, len(kind.shards) // SHARDS)][:SHARDS]:
        try:
            found = _look(root, kind.format, shard)
        except ShardError as error:
            errors.append(error)
            continue
        rows += found.rows
        texts += found.texts
        unreadable += found.unreadable
    if errors and not rows and not texts:
        raise errors[0]
    return Sample(rows, unreadable, texts)


def _look(root: str, format: str, shard: Shard) -> Sample:
    if format in ("jsonl", "parquet", "arrow", "csv", "tsv"):
        with formats.open_stored(root, shard.path, shard.version) as raw:
            look = {"jsonl": _json, "parquet": _columns, "arrow": _columns}.get(format, _delimited)
            records = list(islice(look(raw, shard.path), RECORDS))
        rows = [record for record in records if record is not None]
        return Sample(rows, len(records) - len(rows))
    with formats.open_shard(Corpus(root=root), shard.path, version=shard.version) as reader:
        found = list(islice((record for batch in reader for record in batch), RECORDS))
    texts = [record.text for record in found if isinstance(record, Document)]
    return Sample((), len(found) - len(texts), texts)


def _json(raw: Any, name: str) -> Iterator[dict[str, Any] | None]:
    stream = open_verified(raw, compression_of(name), name=name)
    for part in lines.split(stream, Limits().line):
        if isinstance(part, lines.LongLine):
            yield None
            continue
        yield from (_object(line) for line in part.lines if line.strip())


def _object(line: bytes) -> dict[str, Any] | None:
    try:
        value = loads(line.decode("utf-8-sig"))
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def _columns(raw: Any, name: str) -> Iterator[dict[str, Any] | None]:
    """Yields the rows of the first batch, whatever columns there are."""
    from pyarrow import ArrowException, ipc, parquet

    from tamis.pipeline.arrow_json import Converter, NotJson

    try:
        if formats.format_of(name).name == "parquet":
            batch = next(parquet.ParquetFile(raw).iter_batches(RECORDS), None)
        else:
            stream = raw.read(6) != b"ARROW1"
            raw.seek(0)
            batch = next(iter(ipc.open_stream(raw)), None) if stream else ipc.open_file(raw).get_batch(0)
        if batch is not None:
            yield from Converter(batch.schema, _binary(batch.schema)).rows(batch.slice(0, RECORDS))
    except (ArrowException, OSError, ValueError) as error:
        raise ShardError(f"{name}: cannot be read ({type(error).__name__}): fetch or write the shard again") from None
    except NotJson as error:
        raise ShardError(f"{name}: {error}: write a plan yourself") from None


def _binary(schema: Any) -> list[tuple[str, ...]]:
    """Returns the columns that may be texts stored as bytes."""
    return [(field.name,) for field in schema if str(field.type) in ("binary", "large_binary")]


def _delimited(raw: Any, name: str) -> Iterator[dict[str, Any] | None]:
    data = b""
    for block in open_verified(raw, compression_of(name), name=name):
        data += block
        if len(data) > _CSV_BYTES:
            # The last record may be cut here.
            data = data[: data.rfind(b"\n") + 1]
            break
    delimiter = "\t" if formats.format_of(name).name == "tsv" else ","
    text = io.StringIO(data.decode("utf-8-sig", "replace"), newline="")
    # What is looked at may be one long text.
    csv.field_size_limit(max(csv.field_size_limit(), len(data)))
    for row in csv.DictReader(text, delimiter=delimiter):
        yield None if None in row or None in row.values() else {str(key): value for key, value in row.items()}
