"""Score files: what was computed about every document of a shard, as columns, so that nothing is scored twice.

`scores/<shard>.parquet` has one row a readable record, in the shard's order, and is all that `tamis apply` reads:

    id, row                  the document's id, the record's number in the shard
    key                      64-bit hash of the id: every random choice is made of it
    chars, words, bytes      size of the text
    source, domain, language
    field.NAME               further fields that rules may read, as JSON; null where absent
    CLASSIFIER__CATEGORY     scores of the document; null where it is unscored
    CLASSIFIER__minors       score of `sexual` where it speaks of minors, see `Batch.minors`
    CLASSIFIER__unscored     why, `classifiers.base.Unscored`; 0 where it is scored
    evaluator__…             the same of the evaluator; null where it was not asked
    evaluated                whether it was
    mentions.…               what the document is about, see `mentioned`
    passages                 list of {start, end, words, bytes, CLASSIFIER__CATEGORY, …}: those in which a classifier
                             gave a category its floor or more, in order, then one with `start` -1 that has the
                             highest scores of the others. Empty where no passage reached a floor: the document's
                             own scores say enough. The floors are in the file's metadata, see `binding.floors_of`

Any reader of Parquet opens it. Rows are written in groups of `GROUP_ROWS`, whatever batches they were scored in.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, BinaryIO, Final

import msgspec
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pyarrow import parquet

from tamis.interventions.batch import Batch
from tamis.interventions.scope import SEXUAL
from tamis.pipeline import mentioned
from tamis.pipeline.hashing import HashingSink
from tamis.pipeline.notable import Floors, Notable, notable

__all__ = ["EVALUATOR", "FORMAT", "GROUP_ROWS", "METADATA", "Categories", "ScoreWriter", "schema"]

FORMAT: Final = 1
GROUP_ROWS: Final = 1 << 16
METADATA: Final = b"tamis.scores"
EVALUATOR: Final = "evaluator"

TEXTS: Final = ("source", "domain", "language")
SIZES: Final = ("start", "end", "words", "bytes")

_encode = msgspec.json.Encoder().encode

Categories = Mapping[str, Sequence[str]]


def schema(categories: Categories, floors: Floors, fields: Iterable[str]) -> Any:
    """Returns the columns of a score file.

    Args:
        categories: Categories of each classifier by name, `EVALUATOR` last where there is one.
        floors: Scores from which on passages are stored, as in `notable`.
        fields: Names of the further fields.
    """
    scores = [pa.field(f"{name}__{one}", pa.float32()) for name, found in categories.items() for one in found]
    minors = [name for name, found in categories.items() if SEXUAL in found and name != EVALUATOR]
    entry = pa.struct([*(pa.field(name, pa.int32(), nullable=False) for name in SIZES), *scores])
    columns = [
        pa.field("id", pa.string(), nullable=False),
        pa.field("row", pa.int64(), nullable=False),
        pa.field("key", pa.uint64(), nullable=False),
        *(pa.field(name, pa.int64(), nullable=False) for name in ("chars", "words", "bytes")),
        *(pa.field(name, pa.string(), nullable=False) for name in TEXTS),
        *(pa.field(f"field.{name}", pa.string()) for name in fields),
        *scores,
        *(pa.field(f"{name}__minors", pa.float32()) for name in minors),
        *(pa.field(f"{name}__unscored", pa.uint8(), nullable=False) for name in categories),
        pa.field("evaluated", pa.bool_(), nullable=False),
        *mentioned.fields(),
        pa.field("passages", pa.list_(pa.field("element", entry, nullable=False)), nullable=False),
    ]
    listed = {name: list(found) for name, found in categories.items()}
    facts = {"format": FORMAT, "categories": listed, "floors": floors, "mentions": mentioned.facts()}
    facts["minors"] = minors
    return pa.schema(columns, {METADATA: json.dumps(facts)})


class ScoreWriter:
    """Writes the score file of one shard.

    Args:
        sink: The file, which stays its owner's to close.
        categories: As in `schema`.
        floors: As in `schema`.
        fields: Names of the further fields that batches have.

    Attributes:
        records: Documents written so far.
    """

    def __init__(self, sink: BinaryIO, categories: Categories, floors: Floors, fields: Sequence[str]) -> None:
        self.records = 0
        self._floors = floors
        self._schema = schema(categories, floors, fields)
        self._sink = HashingSink(sink)
        self._parts: list[dict[str, Any]] = []
        self._waiting = 0
        self._rest = self._schema.empty_table()
        plain = {"id", "row", "key", "chars", "words", "bytes", "passages.list.element.start"}
        self._writer = parquet.ParquetWriter(
            self._sink, self._schema, compression="zstd", compression_level=1, write_page_checksum=True,
            use_dictionary=[name for name in _leaves(self._schema) if name not in plain and ".dialect." not in name],
            column_encoding={"row": "DELTA_BINARY_PACKED"},
        )  # fmt: skip

    @property
    def bytes_out(self) -> int:
        """Bytes handed to the file so far."""
        return self._sink.count

    @property
    def digest(self) -> str:
        """SHA-256 of the file, in hexadecimal; ValueError before its end."""
        return self._sink.digest

    def write(self, batch: Batch, numbers: Sequence[int]) -> None:
        """Appends documents.

        Args:
            batch: Documents and scores.
            numbers: Record number of each in its shard.
        """
        self._parts.append(_columns(batch, numbers, self._floors))
        self._waiting += len(batch)
        self.records += len(batch)
        if self._waiting >= GROUP_ROWS:
            self._flush(whole=True)

    def _flush(self, whole: bool) -> None:
        """Writes what is waiting: whole groups only, or all."""
        if self._parts:
            self._rest = pa.concat_tables([self._rest, _table(self._parts, self._schema)])
        while self._rest.num_rows >= GROUP_ROWS or (self._rest.num_rows and not whole):
            self._writer.write_table(self._rest.slice(0, GROUP_ROWS).combine_chunks())
            self._rest = self._rest.slice(GROUP_ROWS)
        self._parts, self._waiting = [], self._rest.num_rows

    def finish(self) -> None:
        """Writes what is left and the footer; once."""
        self._flush(whole=False)
        self._writer.close()
        self._sink.finish()


def _leaves(found: Any) -> Iterator[str]:
    for field in found:
        if field.name == "passages":
            yield from (f"passages.list.element.{part.name}" for part in field.type.value_field.type)
        else:
            yield field.name


def _columns(batch: Batch, numbers: Sequence[int], floors: Floors) -> dict[str, Any]:
    """Returns the columns of a batch: arrays, lists of strings, and the notable passages."""
    ends = np.concatenate([[0], np.cumsum(batch.passages.end - batch.passages.start)])[batch.passages.document]
    found: dict[str, Any] = {
        "id": batch.ids,
        "row": np.asarray(numbers, np.int64),
        "key": batch.keys,
        "chars": np.diff(ends),
        "words": batch.words,
        "bytes": batch.bytes,
        "source": batch.sources,
        "domain": batch.domains,
        "language": batch.languages,
        **{f"field.{name}": [_field(value) for value in values] for name, values in batch.fields.items()},
    }
    scores = dict(batch.scores) if batch.evaluator is None else {**batch.scores, EVALUATOR: batch.evaluator}
    for name, one in scores.items():
        found |= {f"{name}__{category}": one.document[:, k] for k, category in enumerate(one.categories)}
        found[f"{name}__unscored"] = one.unscored
    unknown = np.full(len(batch), np.nan, np.float32)
    found |= {f"{name}__minors": batch.minors.get(name, unknown) for name in batch.scores}
    about = mentioned.arrays(batch.mentions, len(batch))
    return {**found, "evaluated": batch.evaluated, **about, "passages": notable(batch, floors)}


def _field(value: object) -> str | None:
    return None if value is None else _encode(value).decode()


def _table(parts: Sequence[Mapping[str, Any]], found: Any) -> Any:
    """Joins the columns of batches to a table."""
    arrays = [_array([part[field.name] for part in parts], field.type) for field in found]
    return pa.Table.from_arrays(arrays, schema=found)


def _array(parts: Sequence[Any], kind: Any) -> Any:
    if isinstance(parts[0], Notable):
        return _lists(parts, kind)
    if isinstance(parts[0], pa.Array):
        return pa.concat_arrays(parts)
    if not isinstance(parts[0], np.ndarray):
        return pa.array([value for part in parts for value in part], kind)
    return _numbers(np.concatenate(parts), kind)


def _numbers(values: NDArray[Any], kind: Any) -> Any:
    return pa.array(values, kind, mask=np.isnan(values) if pa.types.is_floating(kind) else None)


def _lists(parts: Sequence[Notable], kind: Any) -> Any:
    counts = np.concatenate([part.counts for part in parts])
    entry = kind.value_field.type
    sizes = [np.concatenate([getattr(part, name) for part in parts]) for name in SIZES]
    scores = np.concatenate([part.scores for part in parts])
    columns = [*sizes, *(scores[:, k] for k in range(scores.shape[1]))]
    arrays = [_numbers(column, field.type) for column, field in zip(columns, entry, strict=True)]
    offsets = np.concatenate([[0], np.cumsum(counts)]).astype(np.int32)
    values = pa.StructArray.from_arrays(arrays, fields=list(entry))
    # With its type: a cast loads pyarrow's functions, all of them.
    return pa.ListArray.from_arrays(pa.array(offsets), values, type=kind)
