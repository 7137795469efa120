"""The files that one shard writes: documents, attributes, scores, samples, quarantine; each whole or not at all."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from types import TracebackType

from tamis.interventions.batch import Batch
from tamis.interventions.proxy_sample import SampledDocument
from tamis.pipeline import quarantine, samples
from tamis.pipeline.conversion import open_writer, written_name
from tamis.pipeline.decompress import compression_of
from tamis.pipeline.document import Document, Rejected
from tamis.pipeline.formats import Reader, Writer, format_of
from tamis.pipeline.notable import Floors
from tamis.pipeline.plan import Corpus
from tamis.pipeline.receipts import Output
from tamis.pipeline.scorefile import Categories, ScoreWriter
from tamis.pipeline.storage import Store
from tamis.pipeline.writer import ByteWriter

__all__ = ["ShardOutputs", "lines_name"]


def lines_name(corpus: Corpus, shard: str) -> str:
    """Returns the name of a shard's attributes and quarantine, which are JSON lines whatever the shard's format is.

    Where the documents are JSON lines it is theirs: Dolma finds the attributes of a file by its name.
    """
    written = written_name(corpus, shard)
    kind = format_of(shard, corpus.format).name if written == shard else format_of(written).name
    return written if kind == "jsonl" else f"{shard}.jsonl.gz"


class ShardOutputs:
    """Opens a shard's files under temporary names; they appear when the `with` block ends without an error.

    Args:
        store: The output root.
        folder: The run's folder.
        corpus: The plan's corpus.
        shard: Path of the shard.
        documents: Whether documents are written: False where the plan publishes nothing.
        like: The reader of the shard: columnar formats take their schema from it, CSV and WARC their header.
        scored: What the score file must know, see `scorefile.schema`; None writes none.
        sampled: Whether the proxy's sample is written.
    """

    def __init__(
        self,
        store: Store,
        folder: str,
        corpus: Corpus,
        shard: str,
        documents: bool,
        like: Reader | None = None,
        scored: tuple[Categories, Floors] | None = None,
        sampled: bool = False,
    ) -> None:
        self._store, self._folder, self._corpus, self._shard = store, folder, corpus, shard
        self._lines_name = lines_name(corpus, shard)
        self._stack = ExitStack()
        self._writers: dict[str, tuple[str, Writer | ByteWriter | ScoreWriter]] = {}
        self._with_documents = documents
        self._scored = scored
        self._sampled = sampled
        self._like = like

    def __enter__(self) -> ShardOutputs:
        with self._stack:
            self._attributes = self._lines("attributes")
            self._documents = self._open_documents() if self._with_documents else None
            self._samples = self._lines(samples.ROLE) if self._sampled else None
            self._scores = None if self._scored is None else self._open_scores(*self._scored)
            # Everything is open: closing is __exit__'s part from here on.
            self._stack = self._stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.__exit__(kind, error, trace)

    def _open_documents(self) -> Writer:
        path = f"documents/{written_name(self._corpus, self._shard)}"
        sink = self._stack.enter_context(self._store.open_write(f"{self._folder}/{path}"))
        writer = open_writer(sink, self._corpus, self._shard, self._like)
        self._writers["documents"] = (path, writer)
        return writer

    def _open_scores(self, categories: Categories, floors: Floors) -> ScoreWriter:
        path = f"scores/{self._shard}.parquet"
        sink = self._stack.enter_context(self._store.open_write(f"{self._folder}/{path}"))
        writer = ScoreWriter(sink, categories, floors, tuple(self._corpus.fields.extra))
        self._writers["scores"] = (path, writer)
        return writer

    def _lines(self, role: str) -> ByteWriter:
        path = f"{role}/{self._lines_name}"
        sink = self._stack.enter_context(self._store.open_write(f"{self._folder}/{path}"))
        writer = ByteWriter(sink, compression_of(path))
        self._writers[role] = (path, writer)
        return writer

    def quarantine(self, rejected: Sequence[Rejected]) -> None:
        """Keeps records that could not be read; the file exists only where there are any."""
        if not rejected:
            return
        if "quarantine" not in self._writers:
            self._lines("quarantine")
        _, writer = self._writers["quarantine"]
        assert isinstance(writer, ByteWriter)
        writer.write(quarantine.entry(self._shard, item) for item in rejected)

    def attributes(self, rows: Iterable[bytes]) -> None:
        """Writes the attributes of a batch, one line a document."""
        self._attributes.write(rows)

    def scores(self, batch: Batch, numbers: Sequence[int]) -> None:
        """Writes the scores of a batch, a row a document."""
        if self._scores is not None:
            self._scores.write(batch, numbers)

    def samples(self, documents: Iterable[SampledDocument]) -> None:
        """Writes documents of the proxy's sample."""
        if self._samples is not None:
            self._samples.write(samples.encode(documents))

    def documents(self, documents: Sequence[Document], texts: Sequence[str | None] | None) -> None:
        """Writes kept documents, with the text that replaces their own where there is one."""
        if self._documents is not None:
            self._documents.write(documents, texts)

    def finish(self) -> dict[str, Output]:
        """Ends every file and returns what was written, by role."""
        for _, writer in self._writers.values():
            writer.finish()
        return {role: _output(path, writer) for role, (path, writer) in sorted(self._writers.items())}


def _output(path: str, writer: Writer | ByteWriter | ScoreWriter) -> Output:
    return Output(path, writer.bytes_out, writer.digest, writer.records)
