"""Numbers as words on a page: few digits, the interval beside them, and never 0 for "not measured".

An estimate is a mapping `{"value", "low", "high", "n", "method"}`; one that could not be made is
`{"value": None, "reason": "…"}`. Every function here takes either.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

__all__ = [
    "DASH",
    "THIN",
    "Estimate",
    "absent",
    "change",
    "count",
    "digits",
    "is_measured",
    "percent",
    "percent_interval",
    "ratio",
    "ratio_interval",
    "several",
    "size",
]

Estimate = Mapping[str, Any]

#: What stands in the place of a number that there is none of.
DASH = "–"
#: A narrow no-break space, between a number and its unit.
THIN = "\u202f"


def is_measured(estimate: object) -> bool:
    """Says whether an estimate holds a finite number."""
    if not isinstance(estimate, Mapping):
        return False
    value = estimate.get("value")
    return isinstance(value, int | float) and math.isfinite(value)


def absent(estimate: Estimate) -> str:
    """Returns what is said in the place of an estimate that holds no number: nobody looked, or nobody can tell."""
    return "not resolvable" if estimate.get("grade") == "not resolvable" else "not measured"


def count(number: object) -> str:
    """Returns a whole number with its thousands set apart: `1,234,567`."""
    return f"{number:,.0f}" if isinstance(number, int | float) and math.isfinite(number) else DASH


def several(number: object, noun: str) -> str:
    """Returns a number of things: `1 flagged document`, `1,234 flagged documents`."""
    return f"{count(number)} {noun}{'' if number == 1 else 's'}"


def size(number: object) -> str:
    """Returns bytes in the largest fitting unit of 1,000: `12.3 MB`."""
    if not isinstance(number, int | float) or not math.isfinite(number):
        return DASH
    for unit in ("B", "kB", "MB", "GB"):
        if abs(number) < 1000:
            return f"{digits(number)}{THIN}{unit}"
        number /= 1000
    return f"{digits(number)}{THIN}TB"


def digits(number: float, significant: int = 3) -> str:
    """Returns a number with at most so many significant digits, without an exponent: `0.00214`, `1,230`."""
    if not math.isfinite(number):
        return DASH
    if number == 0:
        return "0"
    places = significant - 1 - math.floor(math.log10(abs(number)))
    return f"{round(number, places):,.{max(places, 0)}f}"


def percent(share: object, significant: int = 3) -> str:
    """Returns a share in [0, 1] as a percentage: `2.14 %`."""
    if not isinstance(share, int | float) or not math.isfinite(share):
        return DASH
    return f"{_bounded(100 * share, significant)}{THIN}%"


def ratio(number: object) -> str:
    """Returns an after/before ratio with a multiplication sign: `×0.38`, `×1.04`, `×0.0052`."""
    if not isinstance(number, int | float) or not math.isfinite(number):
        return DASH
    return f"×{_ratio(number)}"


def percent_interval(estimate: Estimate) -> str:
    """Returns the interval of a share: `1.98–2.31 %`; empty where there is none."""
    text = _interval(estimate, lambda number: _bounded(100 * number, 3))
    return f"{text}{THIN}%" if text else ""


def ratio_interval(estimate: Estimate) -> str:
    """Returns the interval of a ratio: `0.32–0.45`; empty where there is none."""
    return _interval(estimate, _ratio)


def change(estimate: Estimate) -> str:
    """Returns a ratio as a change in words: `62 % less`, `4 % more`, `unchanged`."""
    value = float(estimate["value"])
    points = abs(round(100 * (value - 1)))
    if points == 0:
        return "unchanged"
    return f"{points}{THIN}% {'less' if value < 1 else 'more'}"


def _interval(estimate: Estimate, show: Callable[[float], str]) -> str:
    low, high = estimate.get("low"), estimate.get("high")
    if (low is None and high is None) or low == high:
        # A count over everything has no interval.
        return ""
    left = DASH if low is None else show(float(low))
    right = "∞" if high is None or math.isinf(high) else show(float(high))
    return f"{left}–{right}"


def _ratio(number: float) -> str:
    return f"{number:.2f}" if 0.1 <= abs(number) < 10 else _bounded(number, 2)


def _bounded(number: float, significant: int) -> str:
    # Below a hundred-thousandth more zeros say nothing that a reader could compare.
    return f"<{THIN}0.00001" if 0 < abs(number) < 1e-5 else digits(number, significant)
