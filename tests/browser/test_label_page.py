"""The label page as an annotator's browser sees it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from tamis.interventions import label_page, masking

Go = Callable[..., Any]

CATEGORIES = ("sexual", "hate", "harassment")
TASKS = [("a1", "A calm evening by the lake."), ("b2", "Second text.\n\nWith a paragraph."), ("c3", "Third text.")]


def page(tasks: list[tuple[str, str]] | None = None, categories: tuple[str, ...] = CATEGORIES) -> str:
    return label_page.render(tasks or TASKS, categories, "f" * 64)


def begin(seen: Any, name: str = "ana") -> Any:
    seen.page.fill("#annotator", name)
    seen.page.press("#annotator", "Enter")
    return seen.page


def saved(seen: Any, key: str = "x") -> dict[str, Any]:
    with seen.page.expect_download() as waiting:
        seen.page.keyboard.press(key)
    found: dict[str, Any] = json.loads(Path(waiting.value.path()).read_text())
    return found


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_the_page_is_quiet_and_fits(visit: Go, width: int, scheme: str) -> None:
    seen = visit(page(), width, scheme)
    begin(seen)
    assert seen.console == []
    assert seen.requests == [seen.address]
    wider = seen.page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    assert wider == 0


def test_everything_is_done_by_keys(visit: Go) -> None:
    seen = visit(page())
    assert "Content notice" in seen.page.inner_text("#start")
    keys = begin(seen).keyboard
    assert seen.page.inner_text("#text") == "A calm evening by the lake."
    keys.press("2")
    keys.press("3")
    keys.press("3")
    assert seen.page.get_attribute("#label-1", "aria-pressed") == "true"
    assert seen.page.inner_text("#next").startswith("Save and next")
    keys.press("Enter")
    keys.press("s")
    assert "2 of 3 done" in seen.page.inner_text("#count")
    keys.press("b")
    keys.press("1")
    keys.press("n")
    keys.press("Enter")
    assert "Done" in seen.page.inner_text("main")
    with seen.page.expect_download() as waiting:
        seen.page.click("#export-done")
    assert waiting.value.suggested_filename == "labels-ana.json"
    assert json.loads(Path(waiting.value.path()).read_text()) == {
        "format": 1,
        "tasks_sha256": "f" * 64,
        "annotator": "ana",
        "labels": {
            "a1": {"sexual": 0, "hate": 1, "harassment": 0},
            "b2": {"sexual": 1, "hate": 0, "harassment": 0},
            "c3": {"sexual": 0, "hate": 0, "harassment": 0},
        },
    }
    assert seen.console == []


def test_work_goes_on_after_the_browser_was_closed(visit: Go) -> None:
    seen = visit(page())
    begin(seen).keyboard.press("Enter")
    seen.page.reload()
    begin(seen)
    assert "1 of 3 done" in seen.page.inner_text("#count")
    assert seen.page.inner_text("#text").startswith("Second text.")
    seen.page.reload()
    assert begin(seen, "ben").inner_text("#count").startswith("0 of 3 done")


def test_labels_are_taken_over_from_a_file(visit: Go, tmp_path: Path) -> None:
    seen = visit(page())
    begin(seen).keyboard.press("2")
    seen.page.keyboard.press("Enter")
    labels = saved(seen)
    file = tmp_path / "labels.json"
    file.write_text(json.dumps(labels))
    other = visit(page())
    other.page.set_input_files("#import", str(file))
    other.page.wait_for_function("document.getElementById('import-note').textContent !== ''")
    assert "1 label of ana taken over" in other.page.inner_text("#import-note")
    begin(other)
    assert "1 of 3 done" in other.page.inner_text("#count")
    file.write_text(json.dumps({**labels, "tasks_sha256": "0" * 64}))
    third = visit(page())
    third.page.set_input_files("#import", str(file))
    third.page.wait_for_function("document.getElementById('import-note').textContent !== ''")
    assert third.page.inner_text("#import-note") == "Not labels of these tasks."


def test_a_category_may_be_left_out(visit: Go) -> None:
    seen = visit(page())
    seen.page.uncheck("#ask-0")
    begin(seen)
    assert seen.page.locator("#label-0").is_hidden()
    seen.page.keyboard.press("1")
    seen.page.keyboard.press("2")
    seen.page.keyboard.press("Enter")
    assert saved(seen)["labels"] == {"a1": {"hate": 1, "harassment": 0}}


def test_masked_words_are_shown_on_request(visit: Go, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(masking, "MASKED", frozenset([masking.fingerprint("grumbly")]))
    seen = visit(page([("a1", "you grumbly goose"), ("b2", "plain")]))
    begin(seen)
    assert seen.page.inner_text("#text") == "you g•••••y goose"
    seen.page.keyboard.press("r")
    assert seen.page.inner_text("#text") == "you grumbly goose"
    seen.page.keyboard.press("Enter")
    assert seen.page.locator("#reveal").is_hidden()


def test_there_is_a_break_and_the_order_stays(visit: Go) -> None:
    tasks = [(f"t{k}", f"Text {k}.") for k in range(60)]
    seen = visit(page(tasks))
    begin(seen)
    for _ in range(50):
        seen.page.keyboard.press("n")
    assert "You have judged 50 texts" in seen.page.inner_text("main")
    seen.page.keyboard.press("Enter")
    assert seen.page.inner_text("#text") == "Text 50."


def test_hostile_texts_stay_text(visit: Go, hostile: ModuleType) -> None:
    payloads = [payload for payload in hostile.PAYLOADS if payload.strip()]
    seen = visit(page([(f"t{k}", f"x {payload}") for k, payload in enumerate(payloads)], ("hate", payloads[0])))
    begin(seen)
    while seen.page.locator("#work").is_visible() or seen.page.locator("#pause").is_visible():
        if seen.page.locator("#work").is_visible():
            assert seen.page.locator("#text > *").count() == 0
        seen.page.keyboard.press("Enter")
    assert seen.page.evaluate("window.hit") is None
    assert seen.dialogs == []
    assert seen.requests == [seen.address]
    assert seen.console == []
    assert seen.page.locator("main").count() == 1


def test_nothing_else_may_run_or_load(visit: Go) -> None:
    seen = visit(page())
    seen.page.evaluate(
        """() => {
          const script = document.createElement('script');
          script.textContent = 'window.hit = 1';
          document.body.append(script);
          const image = document.createElement('img');
          image.src = 'http://attacker.invalid/p.png';
          document.body.append(image);
        }"""
    )
    seen.page.wait_for_timeout(100)
    assert seen.page.evaluate("window.hit") is None
    refused = [line for line in seen.console if "Content Security Policy" in line]
    assert any("script" in line for line in refused)
    assert any("image" in line for line in refused)
