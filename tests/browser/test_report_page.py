"""The report as a reader's browser sees it."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from tamis.interventions import report_html

Make = Callable[..., dict[str, Any]]
Go = Callable[..., Any]

#: Text that is painted fainter than WCAG AA's 4.5:1 against the page, with its ratio.
CONTRAST = """
() => {
  const parse = (c) => (c.match(/[\\d.]+/g) || []).map(Number);
  const light = (c) => {
    const f = (v) => ((v /= 255) <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
    return 0.2126 * f(c[0]) + 0.7152 * f(c[1]) + 0.0722 * f(c[2]);
  };
  const behind = (node) => {
    for (let n = node; n; n = n.parentElement) {
      const c = parse(getComputedStyle(n).backgroundColor);
      if (c.length === 3 || c[3] > 0) return c;
    }
    return [255, 255, 255];
  };
  const faint = [];
  for (const node of document.querySelectorAll("body *")) {
    const words = [...node.childNodes].some((n) => n.nodeType === 3 && n.data.trim());
    if (!words || !node.checkVisibility() || node.closest("title, desc, style")) continue;
    const style = getComputedStyle(node);
    const paint = node instanceof SVGElement ? style.fill : style.color;
    const [a, b] = [light(parse(paint)), light(behind(node))].sort((x, y) => y - x);
    const ratio = (a + 0.05) / (b + 0.05);
    if (ratio < 4.5) faint.push(`${node.tagName}.${node.getAttribute("class")}: ${ratio.toFixed(2)}`);
  }
  return [...new Set(faint)];
}
"""


def overflow(page: Any) -> int:
    """Pixels by which the page is wider than the window."""
    return int(page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth"))


def open_all(page: Any) -> None:
    page.evaluate("document.querySelectorAll('details').forEach((d) => { d.open = true; })")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 768, 390])
def test_the_page_is_quiet_and_fits(visit: Go, example_report: Make, width: int, scheme: str) -> None:
    seen = visit(report_html.render(example_report()), width, scheme)
    open_all(seen.page)
    assert seen.console == []
    assert seen.requests == [seen.address]
    assert overflow(seen.page) == 0
    assert seen.page.evaluate(CONTRAST) == []


def test_the_first_screen_answers_the_four_questions(visit: Go, example_report: Make) -> None:
    page = visit(report_html.render(example_report())).page
    for words in ("What did it do to safety?", "What did it cost?", "Who bears it?", "How sure are we?"):
        box = page.get_by_text(words).bounding_box()
        assert box["y"] < 900
    assert page.locator("table.headline tbody tr").first.bounding_box()["y"] < 900
    assert page.title() == "web-2026-11: intervention report · tamis"


@pytest.mark.parametrize("width", [1280, 390])
def test_the_line_of_no_change_has_no_gap_in_a_tall_row(visit: Go, example_report: Make, width: int) -> None:
    report = example_report()
    row = report["interventions"][report["lead"]]["headline"][1]
    row["ratio"] = {"value": None, "grade": "not measured", "reason": "a reason that fills many short lines " * 6}
    page = visit(report_html.render(report), width).page
    rows = page.evaluate(
        """() => [...document.querySelectorAll(".headline td.strip")].map((cell) => {
          const [line, box] = [cell.querySelector(".zero"), cell].map((node) => node.getBoundingClientRect());
          return {height: box.height, missing: box.height - line.height, left: line.left};
        })"""
    )
    assert max(one["height"] for one in rows) > 100
    assert all(abs(one["missing"]) <= 1.5 for one in rows)
    assert len({round(one["left"]) for one in rows}) == 1


def test_red_banners_stand_before_the_verdict(visit: Go, example_report: Make) -> None:
    page = visit(report_html.render(example_report(independent=False))).page
    banner, verdict = page.locator(".banner.red"), page.locator(".verdict")
    assert banner.bounding_box()["y"] < verdict.bounding_box()["y"]
    assert page.locator(".evidence .grade").inner_text() == "relative"


def test_the_policy_of_the_page_blocks_a_script(visit: Go, example_report: Make) -> None:
    page = visit(report_html.render(example_report())).page
    blocked = page.evaluate(
        """() => new Promise((done) => {
          document.addEventListener("securitypolicyviolation", (event) => done(event.effectiveDirective));
          const script = document.createElement("script");
          script.textContent = "window.hit = 1";
          document.head.append(script);
          setTimeout(() => done("nothing was blocked"), 2000);
        })"""
    )
    assert blocked.startswith("script-src")
    assert page.evaluate("window.hit === undefined")


@pytest.mark.parametrize("turn", [0, 1, 2])
def test_hostile_names_do_nothing(visit: Go, example_report: Make, hostile: ModuleType, turn: int) -> None:
    report = example_report()
    shift = turn * len(hostile.PAYLOADS) // 3
    payloads = hostile.PAYLOADS[shift:] + hostile.PAYLOADS[:shift]
    seen = visit(report_html.render(hostile.poison(report, hostile.names(report), payloads)), 390)
    open_all(seen.page)
    seen.page.wait_for_timeout(200)
    assert seen.console == []
    assert seen.dialogs == []
    assert seen.requests == [seen.address]
    assert seen.page.url == seen.address
    assert seen.page.evaluate("window.hit === undefined")
    assert seen.page.locator("script, img, iframe, object, embed, form, input, link, base, video, math").count() == 0
    assert seen.page.evaluate("[...document.links].every((a) => a.getAttribute('href').startsWith('#'))")
    assert overflow(seen.page) == 0


def test_tables_scroll_inside_their_own_box(visit: Go, example_report: Make) -> None:
    page = visit(report_html.render(example_report()), 390).page
    wide = page.evaluate(
        "[...document.querySelectorAll('.scroll')].filter((b) => b.scrollWidth > b.clientWidth).length"
    )
    assert wide > 0
    assert overflow(page) == 0


def test_paper_shows_what_is_folded(visit: Go, example_report: Make) -> None:
    page = visit(report_html.render(example_report())).page
    page.emulate_media(media="print")
    plan = page.locator("pre", has_text="schema: 1")
    assert plan.evaluate("(node) => node.getBoundingClientRect().height") > 20
    assert not page.locator("nav").is_visible()


def excerpts_of(payloads: list[str]) -> dict[str, Any]:
    """Excerpts that hold payloads where a corpus has a say."""
    items = [
        {"document": "0" * 16, "category": f"hate{one}", "score": 0.5, "closed": k % 2 == 1, "text": one}
        for k, one in enumerate(payloads)
    ]
    rules = {f"rule {one}": {f"hate{one}": items[k : k + 2]} for k, one in enumerate(payloads[:20])}
    return {"each": 20, "intervention": "drop-severe", "rules": rules, "clean": items[:20], "left": items[20:40]}


def test_hostile_excerpts_do_nothing_and_are_not_printed(visit: Go, example_report: Make, hostile: ModuleType) -> None:
    report = example_report()
    report["measures"]["excerpts"] = excerpts_of(hostile.PAYLOADS)
    seen = visit(report_html.render(report), 390)
    assert not seen.page.locator("#excerpts table").first.is_visible()
    open_all(seen.page)
    seen.page.wait_for_timeout(200)
    assert seen.page.locator("#excerpts table").first.is_visible()
    assert seen.console == []
    assert seen.dialogs == []
    assert seen.requests == [seen.address]
    assert seen.page.evaluate("window.hit === undefined")
    assert seen.page.locator("script, img, iframe, object, embed, form, input, link, base, video, math").count() == 0
    assert overflow(seen.page) == 0
    seen.page.emulate_media(media="print")
    assert not seen.page.locator("#excerpts table").first.is_visible()


@pytest.fixture(scope="module")
def compared(example_report: Make) -> dict[str, Any]:
    """Three runs side by side, of other documents each."""
    from tamis.interventions import sides
    from tamis.interventions.comparison import Arm
    from tamis.interventions.sides_checks import Ruler

    none = Arm("", {}, {}, (np.zeros(64), np.zeros(64)), (np.zeros(64), np.zeros(64)))
    rulers = [Ruler(f"corpus {k}", 96, 248_113, "e@1", "passages", {}, 2, {"p": "p@1"}, "0.1.0", {}) for k in range(3)]
    return sides.build([sides.Side(example_report(), "drop-severe", ruler, none) for ruler in rulers])


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_the_comparison_is_quiet_and_fits(visit: Go, compared: dict[str, Any], width: int, scheme: str) -> None:
    seen = visit(report_html.render_sides(compared), width, scheme)
    open_all(seen.page)
    assert seen.console == []
    assert seen.requests == [seen.address]
    assert overflow(seen.page) == 0
    assert seen.page.evaluate(CONTRAST) == []
    assert seen.page.get_by_text("Other documents: effects are compared").is_visible()
