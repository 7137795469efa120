"""The sample that the proxy model learns from, as files: one beside each shard's attributes, JSON lines.

    {"id": "forum-12", "text": "…", "source": "forum", "domain": 2837462, "changes": {"drop-severe": null}}

`changes` has the interventions that remove the document (null) or give it another text; `withheld` stands in place of
a text that is not copied. The files hold text of the corpus, of documents that an intervention removes too, and belong
under the same protection as the corpus; nothing that is published refers to them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

import msgspec

from tamis.classifiers.errors import ShardError
from tamis.interventions import proxy_sample
from tamis.interventions.batch import Batch
from tamis.interventions.proxy_sample import SampledDocument
from tamis.interventions.rules import Intervention
from tamis.interventions.verdict import Decisions
from tamis.pipeline import lines, minors
from tamis.pipeline.decompress import compression_of, open_verified
from tamis.pipeline.limits import Limits
from tamis.pipeline.storage import Store

__all__ = ["ROLE", "encode", "read", "taken"]

ROLE = "samples"


class _Row(msgspec.Struct, omit_defaults=True):
    id: str
    text: str = ""
    source: str = ""
    domain: int = 0
    changes: dict[str, str | None] = {}
    withheld: str = ""


def taken(
    batch: Batch, decisions: Mapping[str, Decisions], interventions: Mapping[str, Intervention], level: int
) -> Iterator[SampledDocument]:
    """Yields the documents of a batch that are in the sample, without the texts that nobody may see."""
    sexual = minors.sexual(batch)

    def hidden(i: int) -> bool:
        return bool(sexual[i]) and minors.names_a_minor(batch.texts[i])

    yield from proxy_sample.sample(batch, decisions, interventions, level, hidden)


def encode(documents: Iterable[SampledDocument]) -> Iterator[bytes]:
    """Encodes sampled documents, one JSON line each."""
    for one in documents:
        row = _Row(one.id, one.text, one.source, one.domain, dict(one.changes), one.withheld)
        yield msgspec.json.encode(row) + b"\n"


def read(store: Store, path: str) -> Iterator[SampledDocument]:
    """Yields the sampled documents of a shard.

    Args:
        store: The output root.
        path: Path of the file.

    Raises:
        ShardError: The file is damaged or not there.
    """
    decoder = msgspec.json.Decoder(_Row)
    try:
        with store.open_read(path) as file:
            for part in lines.split(open_verified(file, compression_of(path), name=path), Limits().line):
                if not isinstance(part, lines.Lines):
                    raise ShardError(f"{path}: holds a line that is too long; delete the run's folder and run again")
                yield from map(_document, map(decoder.decode, part.lines))
    except (FileNotFoundError, msgspec.DecodeError) as error:
        kind = type(error).__name__
        raise ShardError(f"{path}: cannot be read ({kind}); delete this shard's receipt and run again") from None


def _document(row: _Row) -> SampledDocument:
    return SampledDocument(row.id, row.text, row.source, row.domain, row.changes, row.withheld)
