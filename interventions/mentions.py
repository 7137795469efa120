"""Who and what documents are about: identity groups that they name, and one of a few topics.

Both come from lists of English words that ship with tamis, so documents that are known to be in another language are
not looked at. Terms match whole words, any case, with an optional plural "s"; the two words of a phrase stand one
character apart. A document that names a group is not by that group, and not even about it: what is counted is whom a
filter silences talk of. A document's topic is the one with the most of its keywords in it, at least `LEAST`.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Final

import numpy as np
from numpy.typing import NDArray

from tamis.interventions import dialect
from tamis.interventions.batch import Batch
from tamis.interventions.words_kernel import BLOOM_BITS, PADDING, STARTS, find, pair_hash, word_hash

__all__ = ["LEAST", "Mentions", "axes", "group_names", "look", "topic_names"]

#: Keywords that make a topic, so that one stray word does not.
LEAST: Final = 2

_LANGUAGES: Final = frozenset(("en", "und"))
_MOST_GROUPS: Final = 64
_SHORTEST: Final = 3


@dataclass(frozen=True, slots=True)
class Mentions:
    """What n documents are about.

    Attributes:
        eligible: Documents that were looked at: in English, or in no language that could be told, bool [n].
        groups: Bit k is set where the document names the k-th of `group_names`, uint64 [n].
        topics: 1 + the index in `topic_names` of each document's topic, 0 where it has none, uint8 [n].
        dialects: Share of each document's words in either of `dialect.NAMES`, float64 [n, 2]; NaN where it was not
            looked at, or could not be told.
    """

    eligible: NDArray[np.bool_]
    groups: NDArray[np.uint64]
    topics: NDArray[np.uint8]
    dialects: NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class _Table:
    """The open table of `words_kernel.find`."""

    bloom: NDArray[np.uint8]
    keys: NDArray[np.uint64]
    groups: NDArray[np.uint64]
    topics: NDArray[np.uint8]
    roles: NDArray[np.uint8]


def look(batch: Batch, sample: NDArray[np.bool_]) -> Mentions:
    """Looks through the documents of a batch, whose texts must be there.

    Args:
        batch: The documents.
        sample: Those whose dialect is looked at too, which takes several times as long, bool [n].
    """
    table, chosen, text = _table(), _eligible(batch), _padded(batch.passages.data)
    bounds = batch.passages.bounds[batch.passages.document]
    groups, topics = find(
        text, bounds, chosen, table.bloom, table.keys, table.groups, table.topics, table.roles, len(topic_names()),
        LEAST,
    )  # fmt: skip
    return Mentions(chosen, groups, topics, dialect.proportions(text, bounds, chosen & sample))


def _eligible(batch: Batch) -> NDArray[np.bool_]:
    """Says which documents are in English, or in no language that could be told, bool [n]."""
    return np.fromiter(map(_LANGUAGES.__contains__, batch.languages), np.bool_, len(batch))


def _padded(data: NDArray[np.uint8]) -> NDArray[np.uint64]:
    """Copies text for `words_kernel`: eight bytes a word, zeros after the last."""
    words = np.empty(data.size // 8 + PADDING, np.uint64)
    words[-PADDING:] = 0
    words.view(np.uint8)[: data.size] = data
    return words


@cache
def group_names() -> tuple[str, ...]:
    """Returns the identity groups, in the order of the list."""
    return tuple(dict.fromkeys(group for _, group, _ in _terms()))


@cache
def topic_names() -> tuple[str, ...]:
    """Returns the topics, in the order of the list."""
    return tuple(dict.fromkeys(topic for _, topic in _keywords()))


@cache
def axes() -> dict[str, str]:
    """Returns the axis (race, religion, …) of each identity group."""
    return {group: axis for _, group, axis in _terms()}


def _rows(name: str, *columns: str) -> list[tuple[str, ...]]:
    """Reads columns of a list that ships with the classifiers."""
    text = (resources.files("tamis.classifiers") / "data" / name).read_text(encoding="utf-8")
    return [tuple(row[column] for column in columns) for row in csv.DictReader(text.splitlines())]


@cache
def _terms() -> list[tuple[str, ...]]:
    return _rows("identity_terms.csv", "term", "group", "axis")


@cache
def _keywords() -> list[tuple[str, ...]]:
    return _rows("topics_en.csv", "keyword", "topic")


@cache
def _table() -> _Table:
    groups, topics, roles = dict[int, int](), dict[int, int](), dict[int, int]()
    if len(group_names()) > _MOST_GROUPS or len(topic_names()) > 255:
        raise ValueError(f"at most {_MOST_GROUPS} groups and 255 topics fit the bits of a document")
    for term, group, _ in _terms():
        bit = 1 << group_names().index(group)
        for words in _forms(term):
            values = [word_hash(word) for word in words]
            key = pair_hash(*values) if len(values) == 2 else values[0]
            groups[key] = groups.get(key, 0) | bit
            if len(values) == 2:
                roles[values[0]] = STARTS
                roles.setdefault(values[1], 0)
    for keyword, topic in _keywords():
        for (word,) in _forms(keyword):
            topics.setdefault(word_hash(word), 1 + topic_names().index(topic))
    return _place(groups, topics, roles)


def _forms(term: str) -> Iterable[tuple[str, ...]]:
    """Yields the words of a term and of its plural."""
    words = tuple(term.replace("-", " ").split())
    if not 1 <= len(words) <= 2 or min(map(len, words)) < _SHORTEST or not all(map(_plain, words)):
        raise ValueError(f"{term!r}: expected one or two words of {_SHORTEST} or more letters a to z or digits")
    return words, (*words[:-1], f"{words[-1]}s")


def _plain(word: str) -> bool:
    return word.isascii() and word.isalnum() and word == word.lower()


def _place(groups: dict[int, int], topics: dict[int, int], roles: dict[int, int]) -> _Table:
    """Fills an open table, at most a quarter of it."""
    values = list(dict.fromkeys((*groups, *topics, *roles)))
    size = 1 << (4 * len(values)).bit_length()
    bits = size.bit_length() - 1
    table = _Table(
        np.zeros(1 << BLOOM_BITS, np.uint8), np.zeros(size, np.uint64), np.zeros(size, np.uint64),
        np.zeros(size, np.uint8), np.zeros(size, np.uint8),
    )  # fmt: skip
    for value in values:
        slot = value >> (64 - bits)
        while table.keys[slot]:
            slot = (slot + 1) % size
        table.keys[slot], table.groups[slot] = value, groups.get(value, 0)
        table.topics[slot], table.roles[slot] = topics.get(value, 0), roles.get(value, 0)
        table.bloom[value >> (64 - BLOOM_BITS)] = 1
    return table
