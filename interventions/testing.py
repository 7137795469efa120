"""Batches made by hand or by seed, for tests and benchmarks of rules and measures. No text is real."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from tamis.classifiers.base import BatchScores, FloatMatrix, Unscored
from tamis.classifiers.passages import Passages, split
from tamis.interventions.batch import Batch
from tamis.interventions.measures.base import Context
from tamis.interventions.rules import Intervention
from tamis.interventions.sampling import keys

__all__ = ["context_of", "make_batch", "random_batch", "scores_of", "take"]


def scores_of(categories: tuple[str, ...], passage: FloatMatrix, passages: Passages) -> BatchScores:
    """Aggregates passage scores by maximum; a document without a scored passage is unscored."""
    bounds = passages.document
    document = np.full((len(bounds) - 1, len(categories)), np.nan, dtype=np.float32)
    for i in range(len(document)):
        if bounds[i + 1] > bounds[i]:
            document[i] = np.fmax.reduce(passage[bounds[i] : bounds[i + 1]], axis=0)
    unknown = np.isnan(document).all(axis=1)
    return BatchScores(categories, document, passage, np.where(unknown, Unscored.LANGUAGE, 0).astype(np.uint8))


def make_batch(
    texts: Sequence[str],
    scores: Mapping[str, Mapping[str, Sequence[float]]],
    evaluator: Mapping[str, Sequence[float]] | None = None,
    target: int = 400,
    **columns: Any,
) -> Batch:
    """Makes a batch from passage scores.

    Args:
        texts: Document texts.
        scores: Scores of each passage, by classifier and category; NaN = unscored.
        evaluator: Scores of each passage by the evaluator's categories.
        target: Target length of a passage; 0: each document is one passage.
        columns: Other columns of the batch, as they are.
    """
    passages = split(texts, target) if target else Passages.of(texts)

    def build(by_category: Mapping[str, Sequence[float]]) -> BatchScores:
        matrix = np.array([by_category[name] for name in by_category], dtype=np.float32).T
        return scores_of(tuple(by_category), matrix.reshape(len(passages), len(by_category)), passages)

    n = len(texts)
    ids = columns.pop("ids", [f"d{i}" for i in range(n)])
    filled: dict[str, Any] = {
        "keys": keys(ids), "sources": ["forum"] * n, "domains": [""] * n, "languages": ["en"] * n,
        "bytes": np.array([len(text.encode("utf-8", "surrogatepass")) for text in texts], dtype=np.int64),
        "words": np.array([len(text.split()) for text in texts], dtype=np.int64),
        "evaluator": None if evaluator is None else build(evaluator),
        "evaluated": np.full(n, evaluator is not None),
    }  # fmt: skip
    filled |= columns
    return Batch(
        ids=ids, texts=texts, passages=passages, scores={name: build(one) for name, one in scores.items()}, **filled
    )


def random_batch(
    n: int,
    seed: int,
    categories: tuple[str, ...] = ("sexual", "hate", "harassment"),
    classifiers: tuple[str, ...] = ("policy",),
    rate: float = 0.05,
) -> Batch:
    """Makes a batch whose documents violate each category with probability `rate`, and whose scores know it roughly.

    Filter and evaluator see the same truth, with independent errors; 3 % of the documents are unscored.
    """
    rng = np.random.default_rng(seed)
    sizes = rng.integers((1, 0), (90, 4), (n, 2)).tolist()
    texts = ["\n\n".join(["word " * words] * paragraphs) for words, paragraphs in sizes]
    passages = split(texts)
    owner = passages.owner()
    toxic = rng.random((n, len(categories))) < rate

    def draw() -> BatchScores:
        logits = rng.normal(-4, 1.5, (len(passages), len(categories))) + 6 * toxic[owner]
        matrix = (1 / (1 + np.exp(-logits))).astype(np.float32)
        matrix[rng.random(n)[owner] < 0.03] = np.nan
        return scores_of(categories, matrix, passages)

    ids = [f"{seed}-{i}" for i in range(n)]
    hosts = rng.zipf(1.5, n)
    return Batch(
        ids=ids,
        keys=keys(ids),
        texts=texts,
        passages=passages,
        sources=[("forum", "news", "fiction", "")[k] for k in rng.integers(0, 4, n)],
        domains=[f"site{host}.example" if host < 5000 else "" for host in hosts],
        languages=[("en", "en", "de", "und")[k] for k in rng.integers(0, 4, n)],
        bytes=np.array([len(text) for text in texts], dtype=np.int64),
        words=passages.words,
        scores={name: draw() for name in classifiers},
        evaluator=draw(),
        evaluated=np.ones(n, dtype=np.bool_),
    )


def take(batch: Batch, rows: Sequence[int]) -> Batch:
    """Returns some documents of a batch, in the order given, as a batch of their own."""
    bounds = batch.passages.document
    chosen = [int(p) for i in rows for p in range(bounds[i], bounds[i + 1])]
    counts = np.diff(bounds)[list(rows)]
    passages = Passages(
        [batch.texts[i] for i in rows],
        np.concatenate([[0], np.cumsum(counts)]).astype(np.int64),
        batch.passages.start[chosen],
        batch.passages.end[chosen],
        batch.passages.words[list(rows)],
        *_bytes(batch.passages, chosen),
    )
    picked: dict[str, Any] = {
        name: [getattr(batch, name)[i] for i in rows] for name in ("ids", "texts", "sources", "domains", "languages")
    }
    arrays: dict[str, Any] = {
        name: getattr(batch, name)[list(rows)] for name in ("keys", "bytes", "words", "evaluated")
    }
    cut = {name: _take_scores(one, rows, chosen) for name, one in batch.scores.items()}
    evaluator = None if batch.evaluator is None else _take_scores(batch.evaluator, rows, chosen)
    fields = {name: [column[i] for i in rows] for name, column in batch.fields.items()}
    minors = {name: column[list(rows)] for name, column in batch.minors.items()}
    showable = None if batch.showable is None else batch.showable[list(rows)]
    more: dict[str, Any] = {"fields": fields, "minors": minors, "showable": showable}
    return Batch(**picked, **arrays, passages=passages, scores=cut, evaluator=evaluator, **more)


def _bytes(passages: Passages, chosen: Sequence[int]) -> tuple[Any, Any]:
    pieces = [passages.data[passages.bounds[p] : passages.bounds[p + 1]] for p in chosen]
    bounds = np.concatenate([[0], np.cumsum([piece.size for piece in pieces])]).astype(np.int64)
    return (np.concatenate(pieces) if pieces else np.zeros(0, np.uint8)), bounds


def _take_scores(scores: BatchScores, rows: Sequence[int], chosen: Sequence[int]) -> BatchScores:
    return BatchScores(
        scores.categories, scores.document[list(rows)], scores.passage[chosen], scores.unscored[list(rows)]
    )


def context_of(interventions: Mapping[str, Intervention], batch: Batch, **changes: Any) -> Context:
    """Returns the context of a run of some interventions over batches like this one; `changes` replaces fields."""
    categories = () if batch.evaluator is None else batch.evaluator.categories
    fields: dict[str, Any] = {
        "interventions": {name: one.labels for name, one in interventions.items()},
        "actions": {name: one.actions for name, one in interventions.items()},
        "published": None,
        "classifiers": {name: scores.categories for name, scores in batch.scores.items()},
        "conditions": {name: one.conditions for name, one in interventions.items()},
        "evaluator": categories,
        "evaluator_thresholds": dict.fromkeys(categories, 0.5),
    }
    return Context(**{**fields, **changes})
