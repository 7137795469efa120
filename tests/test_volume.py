"""Volume: the counts of a small corpus, worked out by hand."""

from __future__ import annotations

from typing import Any

from tamis.interventions.measures.base import Context
from tamis.interventions.measures.volume import Volume
from tamis.interventions.rules import parse_interventions
from tamis.interventions.testing import context_of, make_batch

TEXTS = ["one two three", "one two", "quiet", "", "loud words here.\n\ncalm words here.\n\n", "a b c d"]
#: Passage scores; the fourth document has no passage, the fifth has two.
HATE = [0.95, 0.6, 0.1, 0.9, 0.1, 0.95]
SEXUAL = [0.95, 0.1, 0.1, 0.1, 0.1, 0.1]


def result() -> tuple[dict[str, Any], Context]:
    batch = make_batch(
        TEXTS,
        {"policy": {"hate": HATE, "sexual": SEXUAL}},
        target=16,
        sources=["forum", "forum", "news", "", "news", "forum"],
        domains=["a.example", "b.example", "", "", "b.example", "a.example"],
    )
    plan = {
        "drop": [
            {"when": "hate >= 0.9 and words < 6", "do": "drop", "name": "severe"},
            {"when": "sexual >= 0.9", "do": "drop"},
            {"when": "hate >= 0.5", "do": "tag"},
        ],
        "redact": [{"when": "passage.hate >= 0.9 and words >= 6", "do": "redact"}],
        "by-source": [{"when": "source == 'news'", "do": "drop"}],
    }
    found = parse_interventions(plan, {"policy": ("hate", "sexual")})
    context = context_of(found, batch)
    measure = Volume(context)
    measure.add(batch, {name: one.decide(batch) for name, one in found.items()})
    return Volume.result(measure.state(), context), context


def of(documents: int, words: int, size: int) -> dict[str, int]:
    return {"documents": documents, "words": words, "bytes": size}


def test_totals() -> None:
    found, _ = result()
    drop = found["interventions"]["drop"]
    assert found["seen"] == of(6, 16, 68)
    assert drop["removed"] == of(2, 7, 20)
    assert drop["kept"] == of(4, 9, 48)
    assert drop["tagged"] == of(2, 8, 43)
    assert drop["rewritten"] == drop["cut"] == of(0, 0, 0)
    assert drop["removed_share"]["words"]["value"] == 7 / 16
    assert drop["removed_share"]["words"]["grade"] == "census"
    assert drop["actions"] == {"tag": of(2, 8, 43), "drop": of(2, 7, 20)}


def test_rules_that_decided_and_that_fired() -> None:
    rules = result()[0]["interventions"]["drop"]["rules"]
    assert rules["severe"] == {"action": "drop", "decided": of(2, 7, 20), "fired": of(2, 7, 20)}
    assert rules["drop: sexual >= 0.9"] == {"action": "drop", "decided": of(0, 0, 0), "fired": of(1, 3, 13)}
    assert rules["tag: hate >= 0.5"]["fired"] == of(4, 15, 63)


def test_categories_that_decided_fired_and_fired_alone() -> None:
    drop = result()[0]["interventions"]["drop"]
    assert drop["categories"]["removed"] == {
        "hate": {"decided": of(2, 7, 20), "fired": of(2, 7, 20), "alone": of(1, 4, 7)},
        "sexual": {"decided": of(0, 0, 0), "fired": of(1, 3, 13), "alone": of(0, 0, 0)},
    }
    assert drop["categories"]["tagged"]["hate"]["alone"] == of(2, 8, 43)
    assert drop["together"]["removed"] == [
        {"categories": ["hate"], **of(1, 4, 7)},
        {"categories": ["hate", "sexual"], **of(1, 3, 13)},
    ]


def test_redaction_is_a_rewrite_and_counts_what_it_cuts() -> None:
    redact = result()[0]["interventions"]["redact"]
    assert redact["removed"] == of(0, 0, 0)
    assert redact["rewritten"] == of(1, 6, 36)
    assert redact["cut"] == of(1, 3, 18)


def test_a_rule_without_a_score_counts_under_no_category() -> None:
    part = result()[0]["interventions"]["by-source"]
    assert part["removed"]["documents"] == 2
    assert part["categories"]["removed"] == {}
    assert part["together"]["removed"] == [{"categories": [], **of(2, 7, 41)}]


def test_slices() -> None:
    by = result()[0]["interventions"]["drop"]["by"]
    assert list(by["source"]) == ["forum", "news", ""]
    assert by["source"]["forum"]["removed"] == of(2, 7, 20)
    assert by["source"]["forum"]["removed_share"]["documents"]["value"] == 2 / 3
    assert by["source"]["news"]["tagged"]["documents"] == 1
    assert by["language"]["en"]["seen"] == of(6, 16, 68)
    assert by["length"]["0"]["seen"] == of(1, 0, 0)
    assert by["length"]["0"]["removed_share"]["words"]["value"] is None
    assert by["length"]["1-49"]["removed"]["documents"] == 2
    assert by["length"]["5000+"]["removed_share"]["documents"]["reason"]


def test_domains() -> None:
    parts = result()[0]["interventions"]
    domains = parts["drop"]["domains"]
    assert domains["exact"] is True
    assert domains["distinct"] == 2
    assert domains["top"] == [{"domain": "a.example", "seen": of(2, 7, 20), "removed": of(2, 7, 20)}]
    assert domains["top10_share"]["value"] == 1
    assert parts["redact"]["domains"]["top10_share"]["value"] is None
