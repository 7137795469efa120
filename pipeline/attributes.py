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

from collections.abc import Container, Iterator, Mapping, Sequence
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from tamis.classifiers.base import BatchScores, FloatMatrix, Unscored
from tamis.interventions.batch import Batch
from tamis.interventions.rewriting import redacted_spans
from tamis.interventions.verdict import Action, Decisions
from tamis.pipeline.attribute_kernel import STEPS, lines, spans
from tamis.pipeline.scale import SPAN_FLOOR
from tamis.pipeline.scorefile import EVALUATOR

__all__ = ["rows"]

#: Classifiers and their scores; the evaluator comes last.
Scored = Sequence[tuple[str, BatchScores]]

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
    lengths = np.diff(ends)
    scored = [*batch.scores.items(), *([] if batch.evaluator is None else [(EVALUATOR, batch.evaluator)])]
    partial = _partial(scored)
    passages_of, unscored = _passage_spans(batch), _unscored(batch)
    verdicts = _verdicts(batch, decisions, conditions, bundles)
    removed = set() if published is None else set(np.flatnonzero(decisions[published].removed).tolist())
    special = passages_of.keys() | unscored.keys() | verdicts.keys() | removed | partial
    for i, (head, members, line) in enumerate(_plain(batch.ids, numbers, lengths, scored, special)):
        if i not in special:
            yield line
            continue
        length = int(lengths[i])
        parts = _members(scored, i, length) if i in partial else [members]
        marks = [mark + b":[[0,%d,1.0]]" % length for mark, _ in verdicts.get(i, ())]
        parts += [passages_of.get(i, b""), *marks]
        rest = _rest(i in removed, [verdict for _, verdict in verdicts.get(i, ())], unscored.get(i))
        yield head + b",".join(part for part in parts if part) + b"}" + rest + b"}\n"


def _inner(mapping: Mapping[str, Any]) -> bytes:
    """Returns the members of a JSON object without its braces."""
    return _encode(mapping)[1:-1]


def _rest(removed: bool, verdicts: Sequence[bytes], unscored: Mapping[str, str] | None) -> bytes:
    """Returns the members that follow the attributes."""
    found = b',"removed":true' if removed else b""
    if verdicts:
        found += b',"verdicts":{' + b",".join(verdicts) + b"}"
    return found + b',"unscored":' + _encode(unscored) if unscored else found


def _plain(
    ids: Sequence[str],
    numbers: Sequence[int],
    lengths: NDArray[np.int64],
    scored: Scored,
    special: Container[int],
) -> Iterator[tuple[bytes, bytes, bytes]]:
    """Yields each document's line as if it had scores and nothing else; of a special one its parts.

    Nearly every document has these and nothing else, so they are formatted here, at a fraction of an encoder's cost.
    """
    keys = [f"{name}__{category}" for name, scores in scored for category in scores.categories]
    steps = [_steps(np.where(np.isnan(scores.document), -1, scores.document)) for _, scores in scored]
    columns = np.concatenate(steps, axis=1) if steps else np.zeros((len(ids), 0), np.int64)
    data, bounds, members = lines(*_joined(ids), np.asarray(numbers, np.int64), lengths, *_joined(keys), columns)
    text = data.tobytes()
    for i, (start, inner, end) in enumerate(zip(bounds.tolist(), members.tolist(), bounds[1:].tolist(), strict=False)):
        if i in special:
            yield text[start:inner], text[inner : end - 3], b""
        else:
            yield b"", b"", text[start:end]


def _joined(texts: Sequence[str]) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Returns texts as JSON, one after another, with their bounds."""
    encoded = [_encode(text) for text in texts]
    bounds = np.cumsum([0, *map(len, encoded)], dtype=np.int64)
    return np.frombuffer(bytearray().join(encoded), np.uint8), bounds


def _steps(values: NDArray[np.floating[Any]]) -> NDArray[np.int64]:
    """Returns scores as the whole steps that they were rounded to; what is below 0 stays so."""
    return np.rint(values.astype(np.float64) * STEPS).astype(np.int64)


def _partial(scored: Scored) -> set[int]:
    """Returns the documents that lack some score of a classifier that has others for them."""
    found: set[int] = set()
    for _, scores in scored:
        missing = np.isnan(scores.document)
        found.update(np.flatnonzero(missing.any(axis=1) & ~missing.all(axis=1)).tolist())
    return found


def _members(scored: Scored, i: int, length: int) -> list[bytes]:
    """Returns the score members of such a document."""
    members = []
    for name, scores in scored:
        keys, values = [f"{name}__{category}" for category in scores.categories], _numbers(scores.document[i])
        if np.isnan(scores.document[i]).any():
            members.append(_inner({key: [[0, length, v]] for key, v in zip(keys, values, strict=True) if v == v}))
        else:
            pairs = zip(keys, values, strict=True)
            members.append(b",".join(_encode(key) + f":[[0,{length},{v!r}]]".encode() for key, v in pairs))
    return members


def _numbers(values: FloatMatrix) -> Any:
    """Returns scores as Python floats in their shortest decimal form; they were rounded before anything was decided."""
    return np.round(values.astype(np.float64), 5).tolist()


def _passage_spans(batch: Batch) -> dict[int, bytes]:
    """Returns the members with the passages at or above the floor, by document: formatted here, as scores are."""
    passages, scored = batch.passages, batch.scores
    keys = [f"{name}__{category}__passages" for name, scores in scored.items() for category in scores.categories]
    if not keys:
        return {}
    values = np.concatenate([scores.passage for scores in scored.values()], axis=1)
    steps = _steps(np.where(values >= SPAN_FLOOR, values, -1))
    data, bounds = spans(passages.document, passages.start, passages.end, steps, *_joined(keys))
    text, places = data.tobytes(), bounds.tolist()
    return {i: text[places[i] : places[i + 1]] for i in np.flatnonzero(np.diff(bounds)).tolist()}


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
) -> dict[int, list[tuple[bytes, bytes]]]:
    """Returns the verdicts other than keep, by document: of each the key of its mark, and its member as JSON."""
    found: dict[int, list[tuple[bytes, bytes]]] = {}
    for name, decided in decisions.items():
        redacted = dict(redacted_spans(batch, decided))
        begun: dict[tuple[int, int, int], tuple[bytes, bytes, bytes]] = {}
        rows = np.flatnonzero(decided.action)
        columns = decided.action, decided.rule, decided.condition, decided.score.astype(np.float64)
        for i, *code, score in zip(rows.tolist(), *(column[rows].tolist() for column in columns), strict=True):
            action, rule, condition = code
            if (action, rule, condition) not in begun:
                named = conditions[name][condition] if condition >= 0 else None
                begun[action, rule, condition] = _verdict_parts(name, Action(action), rule, named, bundles)
            mark, member, bundle = begun[action, rule, condition]
            if condition >= 0:
                member += _encode(round(score, 5)) + bundle
            if i in redacted:
                member += b',"redacted":' + _encode(redacted[i])
            found.setdefault(i, []).append((mark, member + b"}"))
    return found


def _verdict_parts(
    name: str, action: Action, rule: int, condition: tuple[str, str, float] | None, bundles: Mapping[str, str]
) -> tuple[bytes, bytes, bytes]:
    """Returns what verdicts with the same reason share: the mark's key, what is before the score, what is after."""
    word = action.name.lower()
    verdict: dict[str, Any] = {"action": word, "rule": rule}
    rest = b""
    if condition is not None:
        classifier, category, threshold = condition
        verdict |= {"classifier": classifier, "category": category, "threshold": round(threshold, 5)}
        rest = b"," + _inner({"bundle": bundles.get(classifier, "")})
    member = _encode(name) + b":" + _encode(verdict)[:-1]
    return _encode(f"{name}__{word}"), member + (b',"score":' if condition is not None else b""), rest
