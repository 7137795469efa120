"""The evaluation as Markdown, and its plots as inline SVG without a script."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any, Final

__all__ = ["markdown", "plots", "reliability_svg", "table"]

_SIDE: Final = 240
_EDGE: Final = 36


def table(head: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """A Markdown table; cells are escaped, None is "not measured"."""
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    lines += ["| " + " | ".join(_cell(value) for value in row) + " |" for row in rows]
    return "\n".join(lines) + "\n"


def markdown(report: Mapping[str, Any]) -> str:
    """The report that `evaluate` writes."""
    parts = [f"# Evaluation of {report['bundle']}\n", "Intervals are 95 %.\n"]
    for name, categories in report["sets"].items():
        parts.append(f"## {name}\n")
        parts.append(ranking_table({name: categories}))
        for category, found in categories.items():
            parts += _category(category, found)
    for name, points in report["suites"].items():
        parts += _suite(name, points)
    for name, found in report["ordinary"].items():
        parts += _ordinary(name, found)
    return "\n".join(parts)


def ranking_table(sets: Mapping[str, Any]) -> str:
    """AUROC and AUPRC of each category of each set."""
    rows = [
        (name, category, f"{found['positives']} of {found['rows']}", span(found["auroc"]), span(found["auprc"]))
        for name, categories in sets.items()
        for category, found in categories.items()
    ]
    return table(("set", "category", "positives", "AUROC", "AUPRC"), rows)


def span(value: Sequence[float] | None, percent: bool = False) -> str | None:
    """A value with its interval."""
    if value is None:
        return None
    middle, low, high = (f"{100 * v:.3g} %" if percent else f"{v:.3f}" for v in value)
    return f"{middle} ({low}–{high})"


def _category(category: str, found: Mapping[str, Any]) -> list[str]:
    parts = [f"### {category}\n"]
    rows = [
        (
            name,
            point["threshold"],
            span(point["recall"]),
            span(point["fpr"]),
            point["precision"],
            point["precision_at_base_rate"],
        )
        for name, point in found["points"].items()
    ]
    parts.append(
        table(("point", "threshold", "recall", "false-positive rate", "precision here", "at the base rate"), rows)
    )
    parts.append(f"Expected calibration error at the base rate: {found['reliability']['ece']}.\n")
    for title in ("by_source", "by_length"):
        if found[title]:
            cells = [(k, v["rows"], span(v.get("auroc")), span(v.get("auprc"))) for k, v in found[title].items()]
            parts.append(table((title.replace("_", " "), "rows", "AUROC", "AUPRC"), cells))
    if found["identity"]["terms"]:
        parts += _identity(found["identity"])
    return parts


def _identity(found: Mapping[str, Any]) -> list[str]:
    spread = [(n, v["median"], v["largest"], v["term"], v["ratio"]) for n, v in found["fpr"].items()]
    terms = [
        (term, v["rows"], v["subgroup_auc"], v["bpsn_auc"], v["bnsp_auc"], v["fpr"].get("default"))
        for term, v in found["terms"].items()
    ]
    return [
        table(("point", "median false-positive rate of the terms", "largest", "of", "ratio"), spread),
        table(("term", "rows", "subgroup AUC", "BPSN AUC", "BNSP AUC", "FPR at default"), terms),
    ]


def _suite(name: str, points: Mapping[str, Any]) -> list[str]:
    parts = [f"## {name}\n"]
    for point, found in points.items():
        rows = [(n, v["cases"], v["expected"], v["flagged"], v["right"]) for n, v in found.items()]
        parts += [f"At {point}:\n", table(("functionality", "cases", "expected", "flagged", "right"), rows)]
    return parts


def _ordinary(name: str, found: Mapping[str, Any]) -> list[str]:
    rows = [
        (category, point, span(value["documents"], True), span(value["passages"], True))
        for category, points in found["flagged"].items()
        for point, value in points.items()
    ]
    head = f"## Ordinary text: {name} ({found['documents']} documents, {found['passages']} passages)\n"
    return [head, table(("category", "point", "documents flagged", "passages flagged"), rows)]


def plots(report: Mapping[str, Any]) -> dict[str, str]:
    """SVG by name: a reliability diagram per set and category."""
    return {
        f"reliability-{name}-{category}": reliability_svg(found["reliability"], f"{category}, {name}")
        for name, categories in report["sets"].items()
        for category, found in categories.items()
    }


def reliability_svg(found: Mapping[str, Any], title: str) -> str:
    """A reliability diagram: mean score against share of positives, with the diagonal."""
    points = [(_at(mean), _at(rate, True)) for mean, rate, _ in found["bins"]]
    marks = "".join(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3.5" fill="#2563a8"/>' for x, y in points)
    line = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    low, high, size = _EDGE, _EDGE + _SIDE, _SIDE + 2 * _EDGE
    text = f"{escape(title)}: expected calibration error {found['ece']:.4f}"
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {size} {size + 14}" width="{size}" role="img" '
        f'aria-label="{text}" font-family="sans-serif" font-size="10"><rect x="{low}" y="{low}" width="{_SIDE}" '
        f'height="{_SIDE}" fill="none" stroke="#888"/>'
        f'<line x1="{low}" y1="{high}" x2="{high}" y2="{low}" stroke="#bbb"/>'
        f'<polyline points="{line}" fill="none" stroke="#2563a8"/>{marks}<text x="{low}" y="{low - 10}">{text}</text>'
        f'<text x="{low}" y="{high + 14}">0</text><text x="{high - 6}" y="{high + 14}">1</text>'
        f'<text x="{low + 70}" y="{high + 28}">mean score</text><text x="6" y="{low + 120}" '
        f'transform="rotate(-90 14 {low + 130})">share of positives</text></svg>'
    )


def _at(value: float, up: bool = False) -> float:
    return _EDGE + _SIDE * (1 - value if up else value)


def _cell(value: object) -> str:
    if value is None:
        return "not measured"
    text = f"{value:.4g}" if isinstance(value, float) else str(value)
    return text.replace("|", "\\|").replace("\n", " ").replace("<", "&lt;")
