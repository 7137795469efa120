"""Names and ids are written by strangers: whatever they hold, the page's structure and the terminal stay ours."""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Callable
from html.parser import HTMLParser
from types import ModuleType
from typing import Any

import pytest
from rich.cells import cell_len

from tamis.interventions import report_html, report_terminal

Make = Callable[..., dict[str, Any]]
Tag = tuple[str, tuple[tuple[str, str | None], ...]]


class Structure(HTMLParser):
    """Start tags with all their attributes, in order: what must not depend on any name."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[Tag] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, tuple(attrs)))


@pytest.fixture(scope="module")
def small(example_report: Make) -> dict[str, Any]:
    return example_report(
        interventions={"drop-severe": ("hate >= 0.9",)},
        classifiers={"policy": ("sexual", "hate")},
        evaluator=("sexual", "hate"),
        evaluator_thresholds={"sexual": 0.5, "hate": 0.5},
    )


def payload_ids(payload: str) -> str:
    return ascii(payload)[1:25]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "payload" in metafunc.fixturenames:
        from importlib.util import module_from_spec, spec_from_file_location
        from pathlib import Path

        spec = spec_from_file_location("hostile", Path(__file__).with_name("hostile.py"))
        assert spec is not None
        assert spec.loader is not None
        module = module_from_spec(spec)
        spec.loader.exec_module(module)
        metafunc.parametrize("payload", module.PAYLOADS, ids=payload_ids)


def test_there_are_enough_payloads(hostile: ModuleType) -> None:
    assert len(set(hostile.PAYLOADS)) >= 60


@pytest.fixture(scope="module")
def benign(small: dict[str, Any], hostile: ModuleType) -> dict[str, Counter[Tag]]:
    """Structure of the page with a harmless string behind every other one, and with none."""
    return {
        mark: _structure(report_html.render(hostile.poison(small, hostile.names(small), [mark]))) for mark in ("~", "")
    }


def test_no_payload_changes_the_page(
    small: dict[str, Any], hostile: ModuleType, benign: dict[str, Counter[Tag]], payload: str
) -> None:
    page = report_html.render(hostile.poison(small, hostile.names(small), [payload]))
    assert _structure(page) == benign["~" if payload else ""]
    assert _unseen(page) == set()
    page.encode("utf-8")


def test_no_payload_reaches_the_terminal(small: dict[str, Any], hostile: ModuleType, payload: str) -> None:
    shown = report_terminal.plain(hostile.poison(small, hostile.names(small), [payload]))
    odd = {c for c in shown if not c.isprintable() and c not in "\n\u202f"}
    assert odd == set()
    assert max(cell_len(line) for line in shown.splitlines()) <= 80


def _structure(page: str) -> Counter[Tag]:
    # The geometry of a plot depends on the order of its rows, which names decide; its elements do not.
    geometry = {"x", "y", "x1", "x2", "y1", "y2", "cx", "cy", "d", "width", "height"}
    tags = Structure(page).tags
    return Counter((tag, tuple(pair for pair in attributes if pair[0] not in geometry)) for tag, attributes in tags)


def _unseen(page: str) -> set[str]:
    """Characters of the page that a reader would not see, or that reorder what he sees."""
    return {c for c in set(page) if unicodedata.category(c) in {"Cc", "Cf", "Cs", "Zl", "Zp"} and c != "\n"}
