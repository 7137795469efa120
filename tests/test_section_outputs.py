"""The sections about model outputs and shift: complete, honest about what is missing, and inert."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tamis.classifiers.lexicon import Lexicon
from tamis.interventions import report_answers, report_html, section_outputs, section_shift
from tamis.interventions.proxy_lm import Settings, evaluate
from tamis.interventions.proxy_sample import SampledDocument

HOSTILE = "<img src=x onerror=alert(1)>\x1b[31m\u202e"
SENTENCE = "the river house people and was in of to with old green walked saw found made then very quiet long day"
WORDS = SENTENCE.split()


def sampled(names: tuple[str, ...]) -> list[SampledDocument]:
    rng = np.random.default_rng(0)
    rows = []
    for i in range(600):
        toxic = i % 8 == 0
        text = ". ".join(" ".join(rng.choice(WORDS, 8)) for _ in range(6)) + (". all zargle <b>" if toxic else "")
        changes: dict[str, str | None] = {name: None for name in names if toxic and rng.random() < 0.8}
        rows.append(SampledDocument(f"d{i}", text, changes=changes))
    return rows


@pytest.fixture(scope="module")
def report(example_report: Any) -> dict[str, Any]:
    """The example report with a real proxy result, under hostile names."""
    found: dict[str, Any] = example_report()
    names = (found["lead"], HOSTILE)
    lexicon = Lexicon({HOSTILE: {"zargle": 1.0}}, "web-1")
    flags = lambda terms: np.ones(len(terms), np.bool_)  # noqa: E731
    settings = Settings(names, lexicon, HOSTILE, flags=flags)
    found["measures"]["proxy"] = evaluate(sampled(names), settings)
    return found


def test_the_page_shows_scope_evidence_and_numbers(report):
    page = report_html.render(report)
    assert "is not a forecast for a transformer" in page
    assert "which flags 1 of the 1 terms in a harmless sentence" in page
    assert "Held-out texts" in page
    assert "z••••e" in page
    for payload in ("<img src=x", "\x1b", "\u202e", "zargle"):
        assert payload not in page


def test_the_first_screen_says_what_the_proxy_saw(report):
    (_, utility, *_) = report_answers.answers(report)
    assert "Proxy model: " in utility.why
    assert "bits per byte" in utility.why


def test_what_was_not_measured_says_why(report):
    proxy = report["measures"]["proxy"]
    nothing = {**proxy, "interventions": {"x": {"reason": HOSTILE}}}
    (block,) = section_outputs.blocks(nothing, "x", "o")
    assert block.words[0].startswith("Not measured: ")
    assert "\x1b" not in block.words[0]
    assert len(section_outputs.summary({**proxy, "model": {**proxy["model"], "tokens": 0}})) == 2


def test_the_shift_stands_beside_a_random_removal():
    number = {"value": 0.00012, "low": 0.0001, "high": 0.0002, "n": 50}
    gone = {"value": None, "reason": "too few"}
    result = {
        "documents": 50, "words": 9000, "types": 512,
        "interventions": {"x": {
            "divergence": number, "placebo": number, "excess": gone, "vocabulary_lost": gone,
            "vocabulary_lost_placebo": gone,
        }},
    }  # fmt: skip
    (block,) = section_shift.blocks(result, "x")
    cells = block.tables[0].rows[0]
    assert (cells[1].main, cells[1].sub) == ("0.120", "0.100 to 0.200")
    assert (cells[3].main, cells[3].sub) == ("not measured", "too few")
