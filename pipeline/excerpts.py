"""Reads the texts of a few documents of a run again, and makes of them what may be shown."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby
from typing import Protocol, TypeVar

from tamis.classifiers.errors import ShardError
from tamis.interventions import masking
from tamis.pipeline import minors
from tamis.pipeline.document import Document
from tamis.pipeline.finding import Finding
from tamis.pipeline.formats import open_shard
from tamis.pipeline.plan import Corpus

__all__ = ["CAP", "Excerpt", "Place", "excerpt", "texts"]

#: Characters of an excerpt.
CAP = 300


class Place(Protocol):
    """Where a document lies, and what must be found there."""

    @property
    def shard(self) -> str:
        """Its shard."""

    @property
    def number(self) -> int:
        """Its record in the shard."""

    @property
    def id(self) -> str:
        """Its id."""

    @property
    def chars(self) -> int:
        """Length of its text in characters."""


P = TypeVar("P", bound=Place)


def texts(corpus: Corpus, places: Iterable[P]) -> Iterator[tuple[P, str]]:
    """Reads documents of a corpus, each shard once and no further than needed.

    Args:
        corpus: The corpus.
        places: The documents.

    Yields:
        Each document and its text, by shard and record.

    Raises:
        ShardError: A document is not the one that was scored there.
    """
    ordered = sorted(places, key=lambda place: (place.shard, place.number))
    for shard, group in groupby(ordered, key=lambda place: place.shard):
        yield from _of_shard(corpus, shard, list(group))


def _of_shard(corpus: Corpus, shard: str, places: list[P]) -> Iterator[tuple[P, str]]:
    waiting = iter(places)
    place = next(waiting, None)
    with open_shard(corpus, shard) as reader:
        for records in reader:
            for record in records:
                if place is not None and record.number == place.number:
                    yield place, _checked(place, record)
                    place = next(waiting, None)
            if place is None:
                return
    if place is not None:
        raise _changed(place)


def _checked(place: Place, record: object) -> str:
    if not isinstance(record, Document) or (record.id, len(record.text)) != (place.id, place.chars):
        raise _changed(place)
    return record.text


def _changed(place: Place) -> ShardError:
    return ShardError(
        f"{place.shard}: record {place.number} is not the document that was scored there: the corpus has changed since "
        "the run; read it where it was, with `--input`"
    )


@dataclass(frozen=True, slots=True)
class Excerpt:
    """What may be shown of a document.

    Attributes:
        text: The flagged passage; None where nothing may be shown.
        hidden: Why there is no text: "minors" or "quarantine" (never), "closed" (on request), or "".
    """

    text: str | None
    hidden: str = ""


def excerpt(finding: Finding, text: str, reveal: bool) -> Excerpt:
    """Returns what may be shown of a document's text, on one line and as it is: it must still be made inert.

    Args:
        finding: The document.
        text: Its text.
        reveal: Whether the reader asked for it.
    """
    if finding.sexual and minors.names_a_minor(text):
        return Excerpt(None, "minors")
    if finding.quarantined:
        return Excerpt(None, "quarantine")
    if finding.closed and not reveal:
        return Excerpt(None, "closed")
    start, end = finding.span
    return Excerpt(masking.display(text[start:end], CAP, masked=not reveal))
