"""From documents to a scored batch: passages, languages, every classifier's scores, the evaluator's sample."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from urllib.parse import urlsplit

import numpy as np
from numpy.typing import NDArray

from tamis.classifiers import language, passages
from tamis.classifiers.base import BatchScores, FloatMatrix
from tamis.classifiers.passages import Passages
from tamis.classifiers.scorer import Scorer
from tamis.interventions import sampling
from tamis.interventions.batch import Batch
from tamis.pipeline import minors
from tamis.pipeline.document import Document
from tamis.pipeline.dolma_scores import ShardScores
from tamis.pipeline.scale import DECIMALS, EVALUATION_SALT
from tamis.pipeline.workbench import Workbench

__all__ = ["batches", "score"]

#: Documents and characters after which a batch is full, as in the readers.
BATCH_DOCUMENTS = 1000
BATCH_CHARACTERS = 4 << 20


def score(bench: Workbench, documents: Sequence[Document], given: ShardScores | None = None) -> Batch:
    """Scores a batch of documents with every classifier of the run.

    Args:
        bench: The run.
        documents: The documents.
        given: The scores that others gave the documents of their shard, for classifiers that read such; None: there
            are none, and these leave the documents unscored.
    """
    plan = bench.spec.plan
    texts = [document.text for document in documents]
    cut = passages.split(texts, plan.passages.target)
    languages = language.detect(texts)
    keys = sampling.keys(document.id for document in documents)
    level = bench.spec.sample_level
    found = {name: scorer.score(cut, languages) for name, scorer in bench.scorers.items()}
    if bench.imported:
        found |= (given or ShardScores(bench.imported, None)).scores(documents, cut)
    scores = {name: _rounded(found[name]) for name in bench.models.classifiers}
    evaluated = np.zeros(len(texts), np.bool_) if level is None else sampling.sampled(keys, EVALUATION_SALT, level)
    return Batch(
        ids=[document.id for document in documents],
        keys=keys,
        texts=texts,
        passages=cut,
        sources=[document.source for document in documents],
        domains=[domain(document.url) for document in documents],
        languages=languages,
        bytes=_sizes(cut),
        words=cut.words,
        scores=scores,
        evaluator=_evaluated(bench.evaluator, cut, languages, evaluated, plan.passages.target),
        evaluated=evaluated,
        fields={name: [document.extras.get(name) for document in documents] for name in plan.corpus.fields.extra},
        minors=minors.scores(cut, scores),
    )


def batches(bench: Workbench, documents: Sequence[Document], given: ShardScores | None = None) -> Iterator[Batch]:
    """Scores any number of documents, in batches of bounded size as a shard's reader makes them; see `score`."""
    start, size = 0, 0
    for stop, document in enumerate(documents, 1):
        size += len(document.text)
        if size >= BATCH_CHARACTERS or stop - start == BATCH_DOCUMENTS or stop == len(documents):
            yield score(bench, documents[start:stop], given)
            start, size = stop, 0


def domain(url: str) -> str:
    """Returns the host of a url in lower case, "" where there is none."""
    try:
        return (urlsplit(url).hostname or "") if url else ""
    except ValueError:
        return ""


def _sizes(cut: Passages) -> NDArray[np.int64]:
    return np.diff(cut.bounds[cut.document])


def _rounded(scores: BatchScores) -> BatchScores:
    return BatchScores(scores.categories, _round(scores.document), _round(scores.passage), scores.unscored)


def _round(values: FloatMatrix) -> FloatMatrix:
    return np.round(values.astype(np.float64), DECIMALS).astype(np.float32)


def _evaluated(
    scorer: Scorer | None, cut: Passages, languages: Sequence[str], chosen: NDArray[np.bool_], target: int
) -> BatchScores | None:
    """Scores the evaluation sample; the other documents are NaN.

    When most documents are in the sample, scoring all of the shared passages costs less than cutting them anew.
    """
    if scorer is None:
        return None
    if 2 * np.count_nonzero(chosen) >= len(chosen):
        scores = _rounded(scorer.score(cut, languages))
        document = np.where(chosen[:, None], scores.document, np.float32(np.nan))
        return BatchScores(scores.categories, document, scores.passage, np.where(chosen, scores.unscored, np.uint8(0)))
    rows = np.flatnonzero(chosen)
    indices: list[int] = rows.tolist()
    part = passages.split([cut.texts[i] for i in indices], target)
    scores = _rounded(scorer.score(part, [languages[i] for i in indices]))
    return _scattered(scores, rows, part, cut)


def _scattered(scores: BatchScores, rows: NDArray[np.int64], part: Passages, cut: Passages) -> BatchScores:
    """Puts the scores of some documents into the rows of all of them."""
    width = len(scores.categories)
    document = np.full((len(cut.texts), width), np.nan, np.float32)
    passage = np.full((len(cut), width), np.nan, np.float32)
    unscored = np.zeros(len(cut.texts), np.uint8)
    document[rows], unscored[rows] = scores.document, scores.unscored
    offsets = np.repeat(cut.document[rows] - part.document[:-1], np.diff(part.document))
    passage[np.arange(len(part)) + offsets] = scores.passage
    return BatchScores(scores.categories, document, passage, unscored)
