from __future__ import annotations

import math

import pytest

from tamis.interventions import report_format as fmt


@pytest.mark.parametrize(
    ("number", "shown"),
    [(0.0214, "2.14"), (0, "0"), (1, "100"), (0.979, "97.9"), (0.00021, "0.0210"), (1e-9, "<\u202f0.00001")],
)
def test_percent(number: float, shown: str) -> None:
    assert fmt.percent(number) == f"{shown}\u202f%"


@pytest.mark.parametrize("nothing", [None, math.nan, math.inf, "x"])
def test_what_is_no_number_is_never_zero(nothing: object) -> None:
    assert fmt.percent(nothing) == fmt.ratio(nothing) == fmt.count(nothing) == fmt.size(nothing) == fmt.DASH


@pytest.mark.parametrize(
    ("number", "shown"), [(0, "0 labels"), (1, "1 label"), (1234, "1,234 labels"), (None, f"{fmt.DASH} labels")]
)
def test_one_thing_is_not_several(number: int | None, shown: str) -> None:
    assert fmt.several(number, "label") == shown


@pytest.mark.parametrize(("number", "shown"), [(0.381, "×0.38"), (1.036, "×1.04"), (0.0052, "×0.0052"), (12.3, "×12")])
def test_ratio(number: float, shown: str) -> None:
    assert fmt.ratio(number) == shown


@pytest.mark.parametrize(
    ("number", "shown"), [(999, "999 B"), (12_345, "12.3 kB"), (3e9, "3.00 GB"), (2e13, "20.0 TB")]
)
def test_size(number: float, shown: str) -> None:
    assert fmt.size(number).replace("\u202f", " ") == shown


def test_intervals() -> None:
    assert fmt.ratio_interval({"value": 0.4, "low": 0.32, "high": 0.45}) == "0.32–0.45"
    assert fmt.ratio_interval({"value": 0.4, "low": 0.32, "high": None}) == "0.32–∞"
    assert fmt.ratio_interval({"value": 0.4}) == ""
    assert fmt.percent_interval({"value": 0.02, "low": 0.0198, "high": 0.0231}) == "1.98–2.31\u202f%"


def test_a_census_has_no_interval_to_show() -> None:
    assert fmt.percent_interval({"value": 0.02, "low": 0.02, "high": 0.02}) == ""


@pytest.mark.parametrize(("value", "words"), [(0.38, "62 % less"), (1.04, "4 % more"), (1.001, "unchanged")])
def test_change(value: float, words: str) -> None:
    assert fmt.change({"value": value}).replace("\u202f", " ") == words
