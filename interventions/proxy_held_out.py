"""Documents of the corpus that no model is trained on, by hash: what the models must predict in the corpus's own words.

They are never filtered. A set that holds the very toxicity that was removed would call its loss a cost (Ngo et al.
2021), so documents with a toxic term are a set of their own, where a rise is what one wants.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from tamis.classifiers.base import Classifier
from tamis.classifiers.passages import Passages
from tamis.interventions import sampling
from tamis.interventions.batch import Batch
from tamis.interventions.mentions import look, topic_names
from tamis.interventions.proxy_lanes import TOXIC, scored
from tamis.interventions.proxy_texts import HeldOut

__all__ = ["chosen", "sets"]

#: One document (or host) in so many is held out.
SHARE: Final = 16
#: Documents of a set at most; they come in permanent order.
MOST: Final = 400
#: Documents below which a set is not asked.
LEAST: Final = 10

_SALT: Final = "proxy/held-out"
_HEALTH: Final = frozenset(("health", "mental health", "sexual health and sex education"))

Mask = NDArray[np.bool_]


def chosen(keys: sampling.Keys, domains: NDArray[np.int64]) -> Mask:
    """Says which documents are held out, those of one host together, bool [n].

    Args:
        keys: Permanent key of each document, uint64 [n].
        domains: Hash of each document's host, 0 where it stands for itself, int64 [n].
    """
    units = np.where(domains > 0, domains.astype(np.uint64), keys)
    return np.asarray(sampling.priorities(units, _SALT) % np.uint64(SHARE) == 0)


def sets(texts: Sequence[str], lexicon: Classifier) -> list[HeldOut]:
    """Sorts held-out documents into sets.

    Args:
        texts: The documents, in permanent order.
        lexicon: The word list: documents with a toxic term are a set of their own.
    """
    if not texts:
        return []
    toxic = scored(lexicon, texts).max(axis=1, initial=0.0) >= TOXIC
    named, health = _about(texts)
    masks = {
        "corpus general": ~toxic,
        "corpus identity": ~toxic & named,
        "corpus health": ~toxic & health,
        "corpus toxic": toxic,
    }
    found = {name: np.flatnonzero(mask)[:MOST].tolist() for name, mask in masks.items()}
    return [HeldOut(name, [texts[i] for i in rows]) for name, rows in found.items() if len(rows) >= LEAST]


def _about(texts: Sequence[str]) -> tuple[Mask, Mask]:
    """Says which texts mention an identity group, and which are about health."""
    found = look(_batch(texts), np.zeros(len(texts), np.bool_))
    topics = [1 + topic_names().index(name) for name in topic_names() if name in _HEALTH]
    return found.groups > 0, np.isin(found.topics, topics)


def _batch(texts: Sequence[str]) -> Batch:
    """Wraps texts of which nothing else is known."""
    n, passages = len(texts), Passages.of(texts)
    return Batch(
        ids=[""] * n, keys=np.zeros(n, np.uint64), texts=texts, passages=passages, sources=[""] * n, domains=[""] * n,
        languages=["en"] * n, bytes=np.diff(passages.bounds), words=passages.words, scores={}, evaluator=None,
        evaluated=np.zeros(n, np.bool_),
    )  # fmt: skip
