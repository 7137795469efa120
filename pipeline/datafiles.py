"""The files of documents that a run wrote, by format: what the dataset card and croissant.json say of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from tamis.interventions import croissant, dataset_card
from tamis.interventions.dataset_files import KINDS, DatasetFiles, FileGroup
from tamis.pipeline.canonical import canonical_bytes
from tamis.pipeline.conversion import written_name
from tamis.pipeline.formats import format_of
from tamis.pipeline.plan import Corpus
from tamis.pipeline.receipts import Counts
from tamis.pipeline.runspec import RunSpec

__all__ = ["described", "files_of"]


def described(
    report: Mapping[str, object], spec: RunSpec, shards: Iterable[str], size: int, counts: Counts
) -> dict[str, bytes]:
    """Returns the files of a report that describe the documents, by name.

    Args:
        report: The content of report.json.
        spec: What was run.
        shards: Paths of the shards.
        size: Bytes of the documents that were written.
        counts: Records by outcome.
    """
    files = files_of(spec, shards, size, counts)
    return {
        "README.md": dataset_card.render(report, files).encode(),
        "croissant.json": canonical_bytes(croissant.build(report, files)) + b"\n",
    }


def files_of(spec: RunSpec, shards: Iterable[str], size: int, counts: Counts) -> DatasetFiles:
    """Returns what must be known to load the documents; see `described`."""
    if spec.plan.publish is None:
        return DatasetFiles()
    corpus = spec.plan.corpus
    endings: dict[tuple[str, bool], set[str]] = {}
    for shard in shards:
        kind, ending, told = _ending(corpus, shard)
        endings.setdefault((kind, told), set()).add(ending)
    groups = [FileGroup(kind, _shortest(found), told) for (kind, told), found in sorted(endings.items())]
    return DatasetFiles(groups, _fields(corpus, counts), size, spec.plan.report.licence)


def _ending(corpus: Corpus, shard: str) -> tuple[str, str, bool]:
    """Returns format and ending of the documents of a shard, and whether the ending tells the format."""
    written = written_name(corpus, shard)
    found = format_of(written, corpus.format if written == shard else None)
    kind = found.name if found.name in KINDS else "text"
    own, packed = found.ending(written)
    return kind, f"{own}{packed}", bool(own)


def _shortest(endings: set[str]) -> Sequence[str]:
    """Leaves out endings that end in another: a pattern of that one takes their files too."""
    return sorted(one for one in endings if not any(one != other and one.endswith(other) for other in endings))


def _fields(corpus: Corpus, counts: Counts) -> dict[str, str]:
    named = {
        # Where every id was made up, no record has one.
        "id": corpus.fields.id if counts.synthetic_ids < counts.seen - counts.quarantined else None,
        "text": corpus.fields.text,
        "source": corpus.fields.source,
        "url": corpus.fields.url,
    }
    return {name: path for name, path in named.items() if path}
