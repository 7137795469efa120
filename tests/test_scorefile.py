"""Score files: what is read back decides and measures as the documents did."""

from __future__ import annotations

import dataclasses
import hashlib
import io
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from tamis.classifiers.errors import ShardError, UsageError
from tamis.interventions import mentions
from tamis.interventions.batch import Batch
from tamis.interventions.measures.collateral import dialect_sample
from tamis.interventions.measures.table import MEASURES
from tamis.interventions.rules import parse_interventions
from tamis.interventions.testing import context_of, make_batch, random_batch, take
from tamis.pipeline import attributes, scorefile, storable
from tamis.pipeline.binding import floors_of
from tamis.pipeline.scorefile import ScoreWriter
from tamis.pipeline.scoreread import ScoreFile, Stored

CATEGORIES = ("sexual", "hate", "harassment")
FLOORS = {"policy": dict.fromkeys(CATEGORIES, 0.1)}
PLAN: dict[str, list[dict[str, Any]]] = {
    "drop": [{"when": "hate >= 0.5 or passage.sexual >= 0.05", "do": "drop"}, {"when": "any >= 0.3", "do": "tag"}],
    "redact": [{"when": "passage.hate >= 0.1", "do": "redact"}, {"when": "share.sexual > 0", "do": "redact"}],
    "replace": [{"when": "harassment >= 0.2 and words > 20", "do": "redact", "replace": "[cut]"}],
    "tokens": [{"when": "any >= 0.5", "do": "control_token", "per": "passage"}],
    "clean": [{"when": "passage.hate < 0.02 and not (share.any > 0.2)", "do": "downsample", "keep": 0.5}],
    "sources": [{"when": 'source == "forum" and language in ["en"] or unscored', "do": "drop"}],
}


def written(batches: Sequence[Batch], fields: tuple[str, ...] = ()) -> bytes:
    """Writes the score file of some batches; the records of a shard are numbered 0, 2, 4, …"""
    sink = io.BytesIO()
    first = batches[0]
    evaluator = () if first.evaluator is None else first.evaluator.categories
    categories = {name: one.categories for name, one in first.scores.items()}
    writer = ScoreWriter(sink, {**categories, **({"evaluator": evaluator} if evaluator else {})}, FLOORS, fields)
    start = 0
    for batch in batches:
        writer.write(batch, range(start, start + 2 * len(batch), 2))
        start += 2 * len(batch)
    writer.finish()
    assert writer.digest == hashlib.sha256(sink.getvalue()).hexdigest()
    assert writer.bytes_out == len(sink.getvalue())
    return sink.getvalue()


def read(data: bytes) -> list[Stored]:
    return list(ScoreFile(data, "scores/x.parquet", hashlib.sha256(data).hexdigest()))


def bilingual(n: int, seed: int) -> Batch:
    """A random batch of which some documents were not evaluated, and some have no text."""
    batch = random_batch(n, seed, rate=0.1)
    rounded = {name: _rounded(one) for name, one in batch.scores.items()}
    assert batch.evaluator is not None
    evaluated = np.arange(n) % 5 > 0
    evaluator = _rounded(batch.evaluator)
    evaluator.document[~evaluated] = np.nan
    return dataclasses.replace(batch, scores=rounded, evaluator=evaluator, evaluated=evaluated)


def _rounded(scores: Any) -> Any:
    parts = (scores.document, scores.passage)
    document, passage = (np.round(one.astype(np.float64), 5).astype(np.float32) for one in parts)
    return type(scores)(scores.categories, document, passage, scores.unscored)


@pytest.mark.parametrize("seed", range(3))
def test_stored_scores_decide_and_measure_like_the_documents(seed: int) -> None:
    batch = bilingual(400, seed)
    found = parse_interventions(PLAN, {"policy": CATEGORIES})
    storable.check(found, {"policy": "max"}, FLOORS)
    context = context_of(found, batch, published="redact", notes={"sample_level": 1})
    batch = dataclasses.replace(batch, mentions=mentions.look(batch, dialect_sample(batch.keys, context)))
    (stored,) = read(written([batch]))
    fresh = {name: one.decide(batch) for name, one in found.items()}
    again = {name: one.decide(stored.batch) for name, one in found.items()}
    assert len(stored.batch.passages) < len(batch.passages)
    assert any(decided.passages.any() and decided.rewritten.any() for decided in fresh.values())
    for name, measure in MEASURES.items():
        if name == "shift":
            # It counts words, and texts are not stored: see the test of what `apply` leaves out.
            continue
        first, second = measure(context), measure(context)
        first.add(batch, fresh)
        second.add(stored.batch, again)
        assert first.state() == second.state(), name
    rows = [
        list(attributes.rows(one, range(400), decided, context.conditions, {"policy": "p@1"}, "redact"))
        for one, decided in ((batch, fresh), (stored.batch, again))
    ]
    assert rows[0] == rows[1]


def test_passages_are_stored_as_far_down_as_a_rule_acts_on_them() -> None:
    found = parse_interventions(
        {
            "low": [{"when": "passage.hate >= 0.01 and sexual < 0.02", "do": "redact"}],
            "high": [{"when": "sexual >= 0.5 or share.harassment > 0.001", "do": "redact"}],
            "document": [{"when": "harassment >= 0.001", "do": "drop"}],
        },
        {"policy": CATEGORIES},
    )
    floors = floors_of(found, {"policy": CATEGORIES})
    assert floors == {"policy": {"sexual": 0.05, "hate": 0.01, "harassment": 0.05}}
    storable.check(found, {"policy": "max"}, floors)


def test_every_column_comes_back() -> None:
    batch = make_batch(
        ["Erste Zeile", "", "zwei\n\ndrei", " \n "],
        {"policy": {"hate": [0.5, 0.00001, 0.2]}},
        target=400,
        sources=["a", "b", "a", ""],
        domains=["x.example", "", "", ""],
        languages=["de", "und", "de", "und"],
        fields={"rating": [3, None, "x", [True, 1.5]]},
    )
    (stored,) = read(written([batch], ("rating",)))
    again = stored.batch
    assert (again.ids, again.sources, again.domains, again.languages) == (
        batch.ids, batch.sources, batch.domains, batch.languages,
    )  # fmt: skip
    assert again.keys.tolist() == batch.keys.tolist()
    assert (again.words.tolist(), again.bytes.tolist()) == (batch.words.tolist(), batch.bytes.tolist())
    assert stored.numbers.tolist() == [0, 2, 4, 6]
    assert stored.chars.tolist() == [11, 0, 10, 3]
    assert again.fields == batch.fields
    assert again.evaluator is None
    np.testing.assert_array_equal(again.scores["policy"].document, batch.scores["policy"].document)
    assert again.scores["policy"].unscored.tolist() == batch.scores["policy"].unscored.tolist()
    with pytest.raises(LookupError, match="texts were not read"):
        again.texts[0]


def test_where_batches_end_makes_no_difference(monkeypatch: pytest.MonkeyPatch) -> None:
    batch = bilingual(100, 7)
    monkeypatch.setattr(scorefile, "GROUP_ROWS", 32)
    whole = written([batch])
    pieces = written([take(batch, range(start, min(100, start + 7))) for start in range(0, 100, 7)])
    assert whole == pieces
    assert [len(stored.batch) for stored in read(whole)] == [32, 32, 32, 4]


def test_a_shard_without_documents_has_a_file_without_rows() -> None:
    sink = io.BytesIO()
    writer = ScoreWriter(sink, {"policy": ("hate",)}, FLOORS, ())
    writer.finish()
    assert read(sink.getvalue()) == []


def test_an_altered_file_is_refused() -> None:
    data = written([bilingual(10, 1)])
    with pytest.raises(ShardError, match="recorded sha256"):
        ScoreFile(data[:-1] + b"x", "scores/x.parquet", hashlib.sha256(data).hexdigest())
    with pytest.raises(ShardError, match="not a score file"):
        ScoreFile(b"PAR1", "scores/x.parquet", hashlib.sha256(b"PAR1").hexdigest())


REFUSED = [
    ("passage.hate >= 0.05", {"do": "redact"}, "max", "under 0.1"),
    ("hate >= 0.0999", {"do": "control_token", "per": "passage"}, "max", "under 0.1"),
    ("share.hate >= 0", {"do": "redact"}, "max", "under 0.1"),
    ("passage.hate >= 0.05", {"do": "drop"}, "topk_mean", "`aggregate: topk_mean`"),
    ("not (passage.hate >= 0.5)", {"do": "drop"}, "topk_mean", "`aggregate: topk_mean`"),
]
ALLOWED = [
    ("passage.hate >= 0.1", {"do": "redact"}, "topk_mean"),
    ("passage.hate >= 0.05", {"do": "drop"}, "max"),
    ("share.hate > 0", {"do": "redact"}, "max"),
    ("hate >= 0.01", {"do": "control_token"}, "max"),
    ("hate >= 0.5 and sexual < 0.01", {"do": "redact"}, "max"),
]


@pytest.mark.parametrize(("when", "then", "aggregate", "said"), REFUSED)
def test_rules_that_need_more_than_is_stored_are_refused(
    when: str, then: dict[str, str], aggregate: str, said: str
) -> None:
    found = parse_interventions({"mine": [{"when": when, **then}]}, {"policy": CATEGORIES})
    with pytest.raises(UsageError, match=f"mine: rule 1 .*{said}.*tamis run"):
        storable.check(found, {"policy": aggregate}, FLOORS)


@pytest.mark.parametrize(("when", "then", "aggregate"), ALLOWED)
def test_rules_that_need_no_more_are_not(when: str, then: dict[str, str], aggregate: str) -> None:
    found = parse_interventions({"mine": [{"when": when, **then}]}, {"policy": CATEGORIES})
    storable.check(found, {"policy": aggregate}, FLOORS)
