"""Reads score files back into batches that decide and measure as the documents themselves did."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, cast

import msgspec
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pyarrow import parquet

from tamis.classifiers.base import BatchScores, FloatMatrix
from tamis.interventions.batch import Batch
from tamis.interventions.stored import StoredTexts
from tamis.pipeline import mentioned
from tamis.pipeline.errors import ShardError
from tamis.pipeline.notable import Notable, restored
from tamis.pipeline.scorefile import EVALUATOR, FORMAT, METADATA, SIZES, TEXTS

__all__ = ["ScoreFile", "Stored"]

_FAULTS: Final = (pa.ArrowException, OSError, ValueError, KeyError, OverflowError)

_decode = msgspec.json.Decoder().decode


@dataclass(frozen=True, slots=True)
class Stored:
    """Documents of a score file.

    Attributes:
        batch: Columns and scores; its texts were not read, its passages are `StoredPassages`.
        numbers: Record number of each document in its shard, int64 [n].
        chars: Length of each text in characters, int64 [n].
    """

    batch: Batch
    numbers: NDArray[np.int64]
    chars: NDArray[np.int64]


class ScoreFile:
    """The score file of one shard.

    Args:
        data: Its bytes.
        name: What errors call it.
        sha256: What its digest must be.

    Attributes:
        categories: Categories of each classifier, by name; `EVALUATOR` among them where there was one.
        minors: Classifiers that `Batch.minors` is stored of.

    Raises:
        ShardError: It is not the file that was written.
    """

    def __init__(self, data: bytes, name: str, sha256: str) -> None:
        found = hashlib.sha256(data).hexdigest()
        if found != sha256:
            raise ShardError(f"{name}: recorded sha256 {sha256[:12]}, found {found[:12]}: restore it, or score anew")
        try:
            self._file = parquet.ParquetFile(pa.BufferReader(data), read_dictionary=list(TEXTS))
            facts = json.loads(self._file.schema_arrow.metadata[METADATA])
        except (*_FAULTS, TypeError) as error:
            raise ShardError(f"{name}: not a score file ({type(error).__name__}); score the corpus anew") from None
        if facts["format"] != FORMAT:
            raise ShardError(f"{name}: format {facts['format']}, this version reads {FORMAT}: score the corpus anew")
        self._lists = facts["mentions"]
        # A file of an earlier version has none: a rule that asks for them says so.
        self.minors = facts.get("minors", [])
        self.categories = {str(key): tuple(map(str, names)) for key, names in facts["categories"].items()}
        self.fields = tuple(one[6:] for one in self._file.schema_arrow.names if one.startswith("field."))

    @property
    def rows(self) -> int:
        """Documents in the file."""
        return int(self._file.metadata.num_rows)

    def __iter__(self) -> Iterator[Stored]:
        """Yields the documents in order, a row group at a time."""
        for group in range(self._file.num_row_groups):
            yield self._stored(self._file.read_row_group(group, use_threads=False))

    def head(self, count: int) -> Iterator[Stored]:
        """Yields the first documents, as many as asked for where there are as many."""
        for group in range(self._file.num_row_groups):
            table = self._file.read_row_group(group, use_threads=False).slice(0, count)
            count -= table.num_rows
            yield self._stored(table)
            if not count:
                return

    def _stored(self, table: Any) -> Stored:
        size = table.num_rows
        numbers, keys, chars, words, sizes = (
            table[name].to_numpy() for name in ("row", "key", "chars", "words", "bytes")
        )
        document = np.stack(
            [table[f"{name}__{one}"].to_numpy() for name, found in self.categories.items() for one in found], axis=1
        )
        passages, passage = restored(_notable(table["passages"].combine_chunks()), document, chars, words)
        unscored = {name: table[f"{name}__unscored"].to_numpy() for name in self.categories}
        scores = dict(self._scores(document, passage, unscored))
        evaluator = scores.pop(EVALUATOR, None)
        batch = Batch(
            ids=table["id"].to_pylist(),
            keys=keys,
            texts=StoredTexts(size),
            passages=cast("Any", passages),
            sources=_strings(table["source"]),
            domains=_strings(table["domain"]),
            languages=_strings(table["language"]),
            bytes=sizes,
            words=words,
            scores=scores,
            evaluator=evaluator,
            evaluated=table["evaluated"].to_numpy(),
            mentions=mentioned.restored(table, self._lists),
            minors={name: table[f"{name}__minors"].to_numpy() for name in self.minors},
            fields={name: _values(table[f"field.{name}"].to_pylist()) for name in self.fields},
        )
        return Stored(batch, numbers, chars)

    def _scores(
        self, document: FloatMatrix, passage: FloatMatrix, unscored: Mapping[str, NDArray[np.uint8]]
    ) -> Iterator[tuple[str, BatchScores]]:
        first = 0
        for name, found in self.categories.items():
            columns = slice(first, first + len(found))
            yield name, BatchScores(found, document[:, columns], passage[:, columns], unscored[name])
            first += len(found)


def _notable(lists: Any) -> Notable:
    offsets = lists.offsets.to_numpy().astype(np.int64)
    # A list array may be a slice of longer values.
    entries = lists.values.slice(offsets[0], offsets[-1] - offsets[0])
    columns = [entries.field(k).to_numpy(zero_copy_only=False) for k in range(entries.type.num_fields)]
    start, end, words, sizes = (column.astype(np.int64) for column in columns[: len(SIZES)])
    return Notable(np.diff(offsets), start, end, words, sizes, np.stack(columns[len(SIZES) :], axis=1))


def _strings(column: Any) -> list[str]:
    array = column.combine_chunks()
    names = array.dictionary.to_pylist()
    return names * len(array) if len(names) == 1 else [names[code] for code in array.indices.to_pylist()]


def _values(texts: Sequence[str | None]) -> list[object]:
    return [None if text is None else _decode(text) for text in texts]
