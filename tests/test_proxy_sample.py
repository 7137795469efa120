"""The sample that the proxy learns from: which documents, how much of each, and what became of them."""

from __future__ import annotations

import zlib
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from tamis.interventions import sampling
from tamis.interventions.batch import Batch
from tamis.interventions.proxy_sample import SALT, TEXT_CAP, SampledDocument, level_for_tokens, sample
from tamis.interventions.rules import parse_interventions
from tamis.interventions.testing import make_batch, scores_of
from tamis.pipeline import samples
from tamis.pipeline.storage import LocalStore

PLAN: dict[str, list[dict[str, Any]]] = {
    "drop": [{"when": "hate >= 0.5", "do": "drop"}],
    "redact": [{"when": "passage.hate >= 0.5", "do": "redact", "replace": "[cut]"}],
    "mark": [{"when": "hate >= 0.5", "do": "control_token"}],
    "tag": [{"when": "hate >= 0.5", "do": "tag"}],
}
FOUND = parse_interventions(PLAN, {"policy": ("hate",)})


def taken(batch: Batch, level: int = 0) -> list[SampledDocument]:
    return list(sample(batch, {name: one.decide(batch) for name, one in FOUND.items()}, FOUND, level))


def test_what_became_of_a_document_is_said_by_intervention():
    texts = ["a short good text", "a short bad text", "First part. " * 40 + "\n\n" + "Second part. " * 40]
    batch = make_batch(texts, {"policy": {"hate": [0.1, 0.9, 0.1, 0.8]}}, domains=["", "a.example", ""])
    assert len(batch.passages) == 4
    good, bad, long = taken(batch)
    assert (good.changes, good.domain) == ({}, 0)
    assert bad.changes == {"drop": None, "redact": "[cut]"}
    assert (bad.text, bad.domain) == ("a short bad text", zlib.crc32(b"a.example"))
    assert long.changes["drop"] is None
    cut = long.changes["redact"]
    assert cut is not None
    assert cut.startswith("First part. First")
    assert cut.endswith("[cut]")
    assert "Second" not in cut
    assert "mark" not in long.changes


def test_the_sample_is_the_one_of_the_permanent_random_numbers():
    texts = [f"text number {i}" for i in range(300)]
    batch = make_batch(texts, {"policy": {"hate": [0.1] * 300}}, ids=[f"id-{i}" for i in range(300)])
    expected = np.flatnonzero(sampling.sampled(batch.keys, SALT, 3))
    assert [one.id for one in taken(batch, 3)] == [f"id-{i}" for i in expected]
    assert {one.id for one in taken(batch, 3)} <= {one.id for one in taken(batch, 2)}
    assert 20 < len(expected) < 60


def test_long_texts_are_cut_at_a_passage_and_their_changes_with_them():
    text = "One sentence of some words. " * 2000
    batch = make_batch([text], {})
    passages = batch.passages
    scores = np.full((len(passages), 1), 0.1, np.float32)
    scores[0], scores[-1] = 0.9, 0.9
    batch = replace(batch, scores={"policy": scores_of(("hate",), scores, batch.passages)})
    (one,) = taken(batch)
    assert TEXT_CAP - 800 < len(one.text) <= TEXT_CAP
    assert text.startswith(one.text)
    changed = one.changes["redact"]
    assert changed is not None
    assert changed == "[cut]" + one.text[int(passages.end[0]) :]


def test_other_languages_and_minors_are_withheld():
    batch = make_batch(
        ["ein deutscher Text", "some text", "unclear", ""],
        {"policy": {"hate": [0.1] * 4}, "extra": {"sexual/minors": [0.0, 0.7, 0.0, 0.0]}},
        target=0,
        languages=["de", "en", "und", "en"],
    )
    found = taken(batch)
    assert [one.withheld for one in found] == ["language", "sexual/minors", "", ""]
    assert [one.text for one in found] == ["", "", "unclear", ""]


def test_what_may_be_sexual_and_names_a_minor_is_copied_nowhere():
    texts = ["a child in a garden", "a child in a story", "a quiet garden"]
    batch = make_batch(texts, {"policy": {"sexual": [0.3, 0.001, 0.3]}}, target=0)
    found = [one.withheld for one in samples.taken(batch, {}, {}, 0)]
    assert found == ["sexual/minors", "", ""]


@pytest.mark.parametrize(("words", "wanted", "level"), [(100, 1000, 0), (2000, 1000, 1), (1e9, 1_000_000, 10)])
def test_the_level_leaves_up_to_twice_the_tokens(words, wanted, level):
    assert level_for_tokens(words, wanted) == level
    assert words * 1.2 / 2**level <= 2 * wanted


@pytest.mark.parametrize("name", ["part.jsonl", "part.jsonl.gz", "part.jsonl.zst"])
def test_the_files_give_back_what_was_written(tmp_path, name):
    from tamis.pipeline.decompress import compression_of
    from tamis.pipeline.writer import ByteWriter

    rows = [
        SampledDocument("a", "text\nwith lines \u2028 and ünicode", "forum", 12, {"x": None, "y": "other"}),
        SampledDocument("b", "", withheld="language"),
        SampledDocument("c", "plain"),
    ]
    store = LocalStore(str(tmp_path))
    with store.open_write(name) as sink, ByteWriter(sink, compression_of(name)) as writer:
        writer.write(samples.encode(rows))
    assert list(samples.read(store, name)) == rows


def test_a_damaged_or_missing_file_is_an_error_that_shows_no_text(tmp_path):
    from tamis.classifiers.errors import ShardError

    (tmp_path / "bad.jsonl").write_bytes(b'{"id": 5, "text": "zargle"}\n')
    for name in ("bad.jsonl", "none.jsonl"):
        with pytest.raises(ShardError, match="run again") as error:
            list(samples.read(LocalStore(str(tmp_path)), name))
        assert "zargle" not in str(error.value)
