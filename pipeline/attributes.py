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

import functools
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from tamis.classifiers.base import BatchScores, FloatMatrix, Unscored
from tamis.interventions.batch import Batch
from tamis.interventions.rewriting import redacted_spans
from tamis.interventions.verdict import Action, Decisions
from tamis.pipeline.scale import DECIMALS, SPAN_FLOOR

__all__ = ["rows"]

_encode = msgspec.json.Encoder().encode


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
    passages = batch.passages
    ends = np.concatenate([[0], np.cumsum(passages.end - passages.start)])[passages.document]
    lengths = np.diff(ends).tolist()
    columns = [_score_column(name, scores, lengths) for name, scores in batch.scores.items()]
    if batch.evaluator is not None:
        columns.append(_score_column("evaluator", batch.evaluator, lengths))
    spans, unscored = _passage_spans(batch), _unscored(batch)
    verdicts = _verdicts(batch, decisions, conditions, bundles)
    removed = set() if published is None else set(np.flatnonzero(decisions[published].removed).tolist())
    special = spans.keys() | unscored.keys() | verdicts.keys() | removed
    for i, (identity, number, *scores) in enumerate(zip(batch.ids, numbers, *columns, strict=True)):
        parts = [part for part in scores if part]
        rest = ""
        if i in special:
            marks = {
                f"{name}__{verdict['action']}": [[0, lengths[i], 1.0]] for name, verdict in verdicts.get(i, {}).items()
            }
            parts += [*spans.get(i, ()), *([_inner(marks)] if marks else [])]
            rest = _rest(i in removed, verdicts.get(i), unscored.get(i))
        yield f'{{"id":{_json(identity)},"row":{number},"attributes":{{{",".join(parts)}}}{rest}}}\n'.encode()


def _json(value: object) -> str:
    return _encode(value).decode()


def _inner(mapping: Mapping[str, Any]) -> str:
    """Returns the members of a JSON object without its braces."""
    return _json(mapping)[1:-1]


def _rest(removed: bool, verdicts: Mapping[str, Any] | None, unscored: Mapping[str, str] | None) -> str:
    members = {"removed": removed or None, "verdicts": verdicts, "unscored": unscored}
    found = {key: value for key, value in members.items() if value}
    return f",{_inner(found)}" if found else ""


def _score_column(name: str, scores: BatchScores, lengths: Sequence[int]) -> list[str]:
    """Returns the score members of each document, "" where it has none.

    Nearly every document has these and nothing else, so they are formatted here, at a fraction of an encoder's cost.
    """
    keys = [_json(f"{name}__{category}").replace("%", "%%") for category in scores.categories]
    template = ",".join(f"{key}:[[0,%d,%s]]" for key in keys)
    missing = np.isnan(scores.document)
    steps = np.rint(np.nan_to_num(scores.document).astype(np.float64) * 10**DECIMALS).astype(np.intp)
    columns = [_decimals()[column].tolist() for column in steps.T]
    cells = zip(*(part for column in columns for part in (lengths, column)), strict=True)
    members = [template % row for row in cells]
    for i in np.flatnonzero(missing.any(axis=1)).tolist():
        values = zip(scores.categories, missing[i].tolist(), _numbers(scores.document[i]), strict=True)
        members[i] = _inner({f"{name}__{category}": [[0, lengths[i], v]] for category, gone, v in values if not gone})
    return members


@functools.cache
def _decimals() -> NDArray[np.object_]:
    """Returns each score from 0 to 1 as JSON, in the order of its steps: scores have few values, floats many digits."""
    steps = np.arange(10**DECIMALS + 1) / 10**DECIMALS
    return np.array([repr(value) for value in steps.tolist()], dtype=object)


def _numbers(values: FloatMatrix) -> Any:
    """Returns scores as Python floats in their shortest decimal form; they were rounded before anything was decided."""
    return np.round(values.astype(np.float64), 5).tolist()


def _passage_spans(batch: Batch) -> dict[int, list[str]]:
    """Returns the members with the passages at or above the floor, by document: formatted here, as scores are."""
    found: dict[int, list[str]] = {}
    passages, owner = batch.passages, batch.passages.owner()
    for name, scores in batch.scores.items():
        for column, category in enumerate(scores.categories):
            values = scores.passage[:, column]
            hits = np.flatnonzero(values >= SPAN_FLOOR)
            numbers = _decimals()[np.rint(values[hits].astype(np.float64) * 10**DECIMALS).astype(np.intp)]
            columns = passages.start[hits].tolist(), passages.end[hits].tolist(), numbers.tolist()
            cells = [f"[{start},{end},{score}]" for start, end, score in zip(*columns, strict=True)]
            key, owners = _json(f"{name}__{category}__passages"), owner[hits]
            first = np.flatnonzero(np.diff(owners, prepend=-1)).tolist()
            for document, (start, stop) in zip(owners[first].tolist(), pairwise([*first, len(cells)]), strict=True):
                found.setdefault(document, []).append(f"{key}:[{','.join(cells[start:stop])}]")
    return found


def _unscored(batch: Batch) -> dict[int, dict[str, str]]:
    found: dict[int, dict[str, str]] = {}
    for name, scores in batch.scores.items():
        for i in np.flatnonzero(scores.unscored).tolist():
            found.setdefault(i, {})[name] = Unscored(int(scores.unscored[i])).name.lower()
    return found


def _verdicts(
    batch: Batch,
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
        for i, spans in redacted_spans(batch, decided):
            found[i][name]["redacted"] = [list(span) for span in spans]
    return found
