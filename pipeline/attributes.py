"""Attributes: the scores and verdicts of every document of a shard, row by row, in Dolma's shape.

One JSON line a document, in the shard's order, aligned with its readable records by `row` (the record's number):

    {"id": "forum-12", "row": 11, "attributes": {"policy__hate": [[0, 812, 0.0132]],
     "policy__hate__passages": [[401, 812, 0.913]], "drop-severe__drop": [[0, 812, 1.0]]},
     "verdicts": {"drop-severe": {"action": "drop", "rule": 0, "classifier": "policy", "category": "hate",
     "score": 0.913, "threshold": 0.9, "bundle": "policy-en@1a2b3c4d5e6f"}}}

Every attribute is a list of spans [start, end, value] in characters of the text, as Dolma's mixer and its taggers
use them. `"removed": true` marks what the published intervention leaves out of `documents/`. Passage spans are kept
from a score of `SPAN_FLOOR` on; a document without scores carries
`"unscored": {"policy": "language"}` instead of zeros.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec
import numpy as np

from tamis.classifiers.base import BatchScores, FloatMatrix, Unscored
from tamis.interventions.batch import Batch
from tamis.interventions.verdict import Action, Decisions

__all__ = ["SPAN_FLOOR", "rows"]

SPAN_FLOOR = 0.1

Spans = list[list[float]]


def rows(
    batch: Batch,
    numbers: Sequence[int],
    decisions: Mapping[str, Decisions],
    conditions: Mapping[str, Sequence[tuple[str, str, float]]],
    bundles: Mapping[str, str],
    published: str | None,
) -> Iterator[bytes]:
    """Encodes the attributes of a batch, one JSON line a document.

    Args:
        batch: Documents and scores.
        numbers: Record number of each document in its shard.
        decisions: What each intervention decided, by name.
        conditions: (classifier, category, threshold) of each intervention's conditions.
        bundles: Bundle id of each classifier.
        published: The intervention whose removals are marked, None = none.
    """
    removed = decisions[published].removed.tolist() if published is not None else [False] * len(batch)
    lengths = [len(text) for text in batch.texts]
    scored = [_document_columns(name, scores) for name, scores in batch.scores.items()]
    if batch.evaluator is not None:
        scored.append(_document_columns("evaluator", batch.evaluator))
    spans = _passage_spans(batch)
    unscored = _unscored(batch)
    verdicts = _verdicts(decisions, conditions, bundles)
    encode = msgspec.json.Encoder().encode
    for i, (identity, number, length) in enumerate(zip(batch.ids, numbers, lengths, strict=True)):
        attributes: dict[str, Spans] = {}
        for keys, columns in scored:
            values = columns[i]
            if values[0] == values[0]:
                for key, value in zip(keys, values, strict=True):
                    attributes[key] = [[0, length, value]]
        row: dict[str, Any] = {"id": identity, "row": number, "attributes": attributes}
        if removed[i]:
            row["removed"] = True
        if i in spans:
            attributes.update(spans[i])
        if i in verdicts:
            row["verdicts"] = verdicts[i]
            for name, verdict in verdicts[i].items():
                attributes[f"{name}__{verdict['action']}"] = [[0, length, 1.0]]
        if i in unscored:
            row["unscored"] = unscored[i]
        yield encode(row) + b"\n"


def _document_columns(name: str, scores: BatchScores) -> tuple[list[str], list[list[float]]]:
    keys = [f"{name}__{category}" for category in scores.categories]
    return keys, _numbers(scores.document)


def _numbers(values: FloatMatrix) -> Any:
    """Returns scores as Python floats in their shortest decimal form; they were rounded before anything was decided."""
    return np.round(values.astype(np.float64), 5).tolist()


def _passage_spans(batch: Batch) -> dict[int, dict[str, Spans]]:
    """Returns the passages at or above the floor, by document."""
    found: dict[int, dict[str, Spans]] = {}
    passages = batch.passages
    for name, scores in batch.scores.items():
        hits, columns = np.nonzero(scores.passage >= SPAN_FLOOR)
        owners = np.searchsorted(passages.document, hits, side="right") - 1
        values = _numbers(scores.passage[hits, columns])
        for owner, hit, column, value in zip(owners.tolist(), hits.tolist(), columns.tolist(), values, strict=True):
            key = f"{name}__{scores.categories[column]}__passages"
            span = [int(passages.start[hit]), int(passages.end[hit]), value]
            found.setdefault(owner, {}).setdefault(key, []).append(span)
    return found


def _unscored(batch: Batch) -> dict[int, dict[str, str]]:
    found: dict[int, dict[str, str]] = {}
    for name, scores in batch.scores.items():
        for i in np.flatnonzero(scores.unscored).tolist():
            found.setdefault(i, {})[name] = Unscored(int(scores.unscored[i])).name.lower()
    return found


def _verdicts(
    decisions: Mapping[str, Decisions],
    conditions: Mapping[str, Sequence[tuple[str, str, float]]],
    bundles: Mapping[str, str],
) -> dict[int, dict[str, dict[str, Any]]]:
    """Returns the verdicts other than keep, by document and intervention."""
    found: dict[int, dict[str, dict[str, Any]]] = {}
    for name, decided in decisions.items():
        for i in np.flatnonzero(decided.action).tolist():
            verdict: dict[str, Any] = {
                "action": Action(int(decided.action[i])).name.lower(),
                "rule": int(decided.rule[i]),
            }
            if decided.condition[i] >= 0:
                classifier, category, threshold = conditions[name][int(decided.condition[i])]
                verdict |= {"classifier": classifier, "category": category, "threshold": round(threshold, 5)}
                verdict["score"] = round(float(decided.score[i]), 5)
                verdict["bundle"] = bundles.get(classifier, "")
            found.setdefault(i, {})[name] = verdict
    return found
