from __future__ import annotations

import json
from collections.abc import Callable
from html.parser import HTMLParser
from typing import Any

import pytest

from tamis.interventions import report, report_html, report_terminal
from tamis.interventions.measures.table import MEASURES
from tamis.interventions.report_order import ordered
from tamis.interventions.rules import parse_interventions
from tamis.interventions.testing import context_of, random_batch

Make = Callable[..., dict[str, Any]]


class Page(HTMLParser):
    """The tags, attributes and text of a page."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())


def codes(report: dict[str, Any]) -> set[str]:
    return {banner["code"] for banner in report["banners"]}


def test_schema_stands_first_and_the_content_is_plain_json(example_report: Make) -> None:
    report = example_report()
    assert next(iter(report)) == "schema"
    assert report["schema"] == 1
    assert json.loads(json.dumps(report, allow_nan=False)) == report


def test_page_and_table_come_out_the_same_from_the_file(example_report: Make) -> None:
    report = example_report()
    stored = json.loads(json.dumps(report, sort_keys=True))
    assert report_html.render(stored) == report_html.render(report)
    assert report_terminal.plain(stored) == report_terminal.plain(report)
    rules = list(report["interventions"])
    text = Page(report_html.render(stored)).text
    assert [text.index(name) for name in rules] == sorted(text.index(name) for name in rules)


def test_headline_rows_join_prevalence_and_volume(example_report: Make) -> None:
    rows = {row["category"]: row for row in example_report()["headline"]}
    assert list(rows) == ["sexual", "hate", "harassment", "violence", "self_harm", "any"]
    assert rows["hate"]["grade"] == "estimated"
    assert rows["self_harm"]["grade"] == "not resolvable"
    assert rows["hate"]["removed"]["documents"] < rows["any"]["removed"]["documents"]


def test_the_verdict_says_what_happened(example_report: Make) -> None:
    verdict = example_report()["verdict"]
    words = verdict["sentence"].replace("\u202f", " ")
    assert verdict["grade"] == "estimated"
    assert words.startswith("drop-severe removed 1.94 % of documents and 1.94 % of words")
    assert "documents flagged in any category fell by 47 % [45–49]: sexual fell by 70 % [68–72]" in words
    assert "No detectable change in violence." in words
    assert "Too few cases to say anything about self-harm." in words


@pytest.mark.parametrize(
    ("changes", "code", "grade"),
    [
        ({}, None, "estimated"),
        ({"independent": False}, "not-independent", "relative"),
        ({"evaluator": (), "independent": False}, "no-evaluator", "not measured"),
        ({"published": None}, "shadow", "estimated"),
    ],
)
def test_banners_and_grades(example_report: Make, changes: dict[str, Any], code: str | None, grade: str) -> None:
    report = example_report(**changes)
    assert report["verdict"]["grade"] == grade
    assert code is None or code in codes(report)
    assert ("not-independent" in codes(report)) == (code == "not-independent")
    text = Page(report_html.render(report)).text
    assert all(" ".join(banner["text"].split()) in text for banner in report["banners"])


def test_a_dependent_evaluator_gives_no_headline_number(example_report: Make) -> None:
    report = example_report(independent=False)
    assert "cannot be said" in report["verdict"]["sentence"]
    assert "fell" not in report["verdict"]["sentence"]
    html = report_html.render(report)
    first, rest = html.split('<nav aria-label="Sections">')
    assert "×0.30" not in first
    assert "×0.30" in rest
    assert "evaluator-relative change (not residual prevalence)" in Page(rest).text
    assert "evaluator-relative change (not residual prevalence)" in report_terminal.plain(report)


def test_a_refused_run_published_nothing(example_report: Make) -> None:
    report = example_report(status="refused")
    assert "refused" in codes(report)
    assert "would remove 1.94" in report["verdict"]["sentence"]
    assert not report["interventions"]["drop-severe"]["published"]
    assert "not published" in Page(report_html.render(report)).text
    assert "drop-severe (not published)" in report_terminal.plain(report)


def test_what_is_not_measured_is_never_zero(example_report: Make) -> None:
    report = example_report(evaluator=(), independent=False)
    row = report["headline"][0]
    assert row["before"]["value"] is None
    assert row["before"]["reason"] == "the plan names no evaluator"
    text = Page(report_html.render(report)).text
    assert "not measured" in text
    assert "Prevalence before and after" in text
    assert "not measured" in report_terminal.plain(report)


def test_the_page_holds_no_script_and_no_address(example_report: Make) -> None:
    page = Page(report_html.render(example_report()))
    assert {tag for tag, _ in page.tags}.isdisjoint(
        {"script", "link", "img", "iframe", "object", "embed", "form", "base"}
    )
    for _, attributes in page.tags:
        assert not any(name.startswith("on") or name in {"src", "srcset", "style", "action"} for name in attributes)
        assert str(attributes.get("href", "#")).startswith("#")


def test_anchors_and_ids_resolve(example_report: Make) -> None:
    page = Page(report_html.render(example_report()))
    ids = [attributes["id"] for _, attributes in page.tags if attributes.get("id")]
    assert len(ids) == len(set(ids))
    targets = {str(attributes["href"])[1:] for tag, attributes in page.tags if tag == "a"}
    labels = {part for _, attributes in page.tags for part in str(attributes.get("aria-labelledby") or "").split()}
    assert targets | labels <= set(ids)


def test_the_terminal_table_fits_eighty_columns_without_colour(example_report: Make) -> None:
    lines = report_terminal.plain(example_report()).splitlines()
    assert max(len(line) for line in lines) <= 80
    assert not any("\x1b" in line for line in lines)
    assert any(line.startswith("hate") and "×0.39 [0.35–0.42]" in line for line in lines)
    assert any(line.startswith("random-control (shadow)") for line in lines)


@pytest.fixture(scope="module")
def measured() -> dict[str, Any]:
    """A report from the real measures over a random corpus, merged from two shards."""
    plan = {
        "drop-severe": [{"when": "hate >= 0.9 or sexual >= 0.9", "do": "drop"}, {"when": "any >= 0.7", "do": "tag"}],
        "redact": [{"when": "passage.hate >= 0.8", "do": "redact"}],
    }
    shards = [random_batch(2000, seed=seed) for seed in (1, 2)]
    interventions = parse_interventions(plan, {name: scores.categories for name, scores in shards[0].scores.items()})
    context = context_of(interventions, shards[0], published="drop-severe")
    states: dict[str, Any] = {}
    for name, kind in MEASURES.items():
        states[name] = {}
        for batch in shards:
            measure = kind(context)
            measure.add(batch, {key: one.decide(batch) for key, one in interventions.items()})
            states[name] = kind.merge(states[name], measure.state())
    return report.build({"run_id": "0" * 16, "name": "random", "status": "published"}, states, context)


def test_real_measures_make_a_whole_report(measured: dict[str, Any]) -> None:
    json.dumps(measured, allow_nan=False)
    assert set(measured["measures"]) == {*MEASURES, "comparison"} - {"excerpts"}
    rows = {row["category"]: row for row in measured["headline"]}
    assert rows["hate"]["ratio"]["high"] < 1
    assert rows["hate"]["removed"]["documents"] > 0
    assert rows["harassment"]["removed"]["documents"] == 0
    assert measured["verdict"]["grade"] == "estimated"


def test_real_measures_render(measured: dict[str, Any]) -> None:
    text = Page(report_html.render(measured)).text
    for heading in ("Safety: what is left", "Flow: what was removed", "Coverage", "Agreement of filter and evaluator"):
        assert heading in text
    assert "None" not in text
    assert "nan" not in text.split()
    assert "drop-severe (published)" in report_terminal.plain(measured)


def test_a_report_is_sorted_once_and_shown_alike(example_report: Make) -> None:
    made = example_report()
    sorted_once = ordered(made)
    assert ordered(sorted_once) is sorted_once
    assert list(sorted_once["headline"][0]) == list(ordered(dict(made))["headline"][0])
    assert report_html.render(sorted_once) == report_html.render(made)
    assert report_terminal.plain(sorted_once) == report_terminal.plain(made)
