"""The report of collateral damage, frontier, functional tests and differences, from the real measures."""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from tamis.interventions import functional_policy, report, report_html, report_terminal
from tamis.interventions.batch import Batch
from tamis.interventions.measures.table import MEASURES
from tamis.interventions.rules import parse_interventions
from tamis.interventions.testing import context_of, make_batch

Build = Callable[..., dict[str, Any]]
PLAN = {
    "drop": [{"when": "hate >= 0.5", "do": "drop"}],
    "strict": [{"when": "hate >= 0.3", "do": "drop"}],
    "tag": [{"when": "hate >= 0.5", "do": "tag"}],
}


def sibling(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, Path(__file__).with_name(f"{name}.py"))
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


CORPUS: Callable[..., Batch] = sibling("test_collateral").corpus


def build(batch: Batch, plan: dict[str, Any] | None = None, **changes: Any) -> dict[str, Any]:
    """Returns the content of report.json of a run over one batch."""
    found = parse_interventions(plan or PLAN, {"policy": ("hate",)})
    fields = {"published": next(iter(found)), "notes": {"sample_level": 0}, **changes}
    context = context_of(found, batch, **fields)
    decided = {name: one.decide(batch) for name, one in found.items()}
    states = {}
    for name, kind in MEASURES.items():
        measure = kind(context)
        measure.add(batch, decided)
        states[name] = measure.state()

    def decide(texts: Any) -> Any:
        scores = [0.9 if "muslim" in text.lower() else 0.1 for text in texts]
        tested = make_batch(texts, {"policy": {"hate": scores}}, target=0)
        return {name: one.decide(tested) for name, one in found.items()}, np.zeros(len(texts), np.bool_)

    more = {functional_policy.NAME: functional_policy.measure(decide, context)}
    return report.build({"run_id": "0" * 16, "name": "n", "status": "published"}, states, context, more)


class Page(HTMLParser):
    """The text of a page, and the start tags with their attributes."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.words: list[str] = []
        self.tags: list[Any] = []
        self.feed(html)
        self.text = " ".join(" ".join(self.words).replace("\u202f", " ").split())

    def handle_data(self, data: str) -> None:
        self.words.append(data)

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        self.tags.append((tag, tuple(attrs)))


@pytest.fixture(scope="module")
def unfair() -> dict[str, Any]:
    return build(CORPUS(6000, 1, unfair=0.3))


@pytest.fixture(scope="module")
def fair() -> dict[str, Any]:
    return build(CORPUS(6000, 2, rate=0.08))


def banner(found: dict[str, Any]) -> dict[str, str] | None:
    return next((one for one in found["banners"] if one["code"] == "collateral"), None)


def test_a_filter_that_removes_mentions_raises_a_red_banner(unfair: dict[str, Any], fair: dict[str, Any]) -> None:
    raised = banner(unfair)
    assert raised is not None
    assert raised["level"] == "red"
    assert "Documents that name gay are removed" in raised["text"]
    assert banner(fair) is None
    text = Page(report_html.render(unfair)).text
    assert "as often removed: documents that name gay" in text
    assert "Collateral damage" in report_terminal.plain(unfair)
    assert "no group beyond doubt" in Page(report_html.render(fair)).text


def test_removals_that_the_evaluator_finds_justified_are_a_note() -> None:
    # The filter removes what is flagged, and the group's documents are flagged more often: it is not the filter.
    rng = np.random.default_rng(3)
    n = 8000
    about = rng.random(n) < 0.2
    bad = rng.random(n) < np.where(about, 0.2, 0.04)
    removed = bad | (rng.random(n) < 0.03)
    texts = ["gay people and so on" if one else "a garden and so on" for one in about]
    batch = make_batch(
        texts, {"policy": {"hate": np.where(removed, 0.9, 0.1).tolist()}}, {"hate": np.where(bad, 0.9, 0.1).tolist()},
        target=0, languages=["en"] * n,
    )  # fmt: skip
    raised = banner(build(batch))
    assert raised is not None
    assert raised["level"] == "amber"
    assert "that the evaluator finds clean 0." in raised["text"] or "finds clean 1." in raised["text"]
    relative = banner(build(batch, independent=False))
    assert relative is not None
    assert relative["level"] == "red"


def test_the_first_screen_has_both_plots_and_the_sections_follow(fair: dict[str, Any]) -> None:
    html = report_html.render(fair)
    first, rest = html.split('<nav aria-label="Sections">')
    assert 'id="first-frontier-t"' in first
    assert 'id="first-collateral-compact-t"' in first
    for anchor in ("collateral", "functional", "frontier", "compare"):
        assert f'<section id="{anchor}"' in rest
    text = Page(rest).text
    assert "Against a random removal of the same size" in text
    assert "Paired differences" in text
    assert "documents flagged in any category than" in text or "No detectable difference" in text
    assert "None" not in text
    assert "nan" not in text.split()


def test_a_dependent_evaluator_draws_no_frontier_on_the_first_screen() -> None:
    html = report_html.render(build(CORPUS(3000, 4, rate=0.08), independent=False))
    first, rest = html.split('<nav aria-label="Sections">')
    assert "first-frontier" not in first
    assert '<section id="frontier"' in rest


@pytest.mark.parametrize("changes", [{"evaluator": (), "evaluator_thresholds": {}}, {"published": None}])
def test_reports_without_evaluator_or_publication(changes: dict[str, Any]) -> None:
    found = build(CORPUS(600, 5, rate=0.1), **changes)
    assert json.loads(json.dumps(found, allow_nan=False)) == found
    text = Page(report_html.render(found)).text
    assert "None" not in text
    report_terminal.plain(found)


def test_page_and_table_come_out_the_same_from_the_file(unfair: dict[str, Any]) -> None:
    stored = json.loads(json.dumps(unfair, sort_keys=True))
    assert report_html.render(stored) == report_html.render(unfair)
    assert report_terminal.plain(stored) == report_terminal.plain(unfair)


def test_hostile_names_of_interventions_and_sources_change_nothing_but_text(hostile: ModuleType) -> None:
    batch = CORPUS(1500, 6, rate=0.1)
    plain = Page(report_html.render(build(batch)))
    for payload in hostile.PAYLOADS[::5]:
        names = [f"{payload}{k}" for k in range(3)]
        html = report_html.render(build(batch, dict(zip(names, PLAN.values(), strict=True))))
        assert Page(html).tags == plain.tags, payload
