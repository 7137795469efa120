"""What a run reads: the listing of a plan's corpus, checked against its inventory, huge shards in pieces."""

from __future__ import annotations

from pathlib import Path

from tamis.pipeline import inventory, listing, locations, splits
from tamis.pipeline.decompress import compression_of
from tamis.pipeline.formats import format_of
from tamis.pipeline.paths import Shard
from tamis.pipeline.plan import Corpus

__all__ = ["in_pieces", "list_corpus"]


def list_corpus(corpus: Corpus) -> list[Shard]:
    """Lists the shards of a corpus, by path; see `listing.list_shards`, `inventory` and `splits`."""
    shards = listing.list_shards(corpus.root, corpus.shards)
    if corpus.manifest is not None:
        shards = inventory.checked(shards, corpus.shards, corpus.manifest)
    return in_pieces(corpus, shards)


def in_pieces(corpus: Corpus, shards: list[Shard]) -> list[Shard]:
    """Returns a listing with pieces in the place of the shards that a run splits; see `splits.expand`."""
    if corpus.split_bytes is None or locations.parse(corpus.root) is not None:
        return shards
    folder = Path(locations.local_folder(corpus.root) or corpus.root)
    return splits.expand(folder, shards, corpus.split_bytes, lambda path: _splittable(corpus, path))


def _splittable(corpus: Corpus, path: str) -> bool:
    """Tells whether a shard's format can be cut; gzip has no frames whose ends can be found."""
    found = format_of(path, corpus.format).name
    return found == "parquet" or (compression_of(path) != "gz" and found == "jsonl")
