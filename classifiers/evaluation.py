"""Evaluation of a bundle: labelled sets, functional suites and ordinary text, in one report.

The kind of a file is told from its columns: a CSV with `functionality` is a suite; a file whose rows have no known
label is ordinary text, of which the share flagged is measured per document; any other is a labelled set.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np

from tamis.classifiers import functional
from tamis.classifiers.bundle import Bundle, load
from tamis.classifiers.datasets import LabelledSet, read
from tamis.classifiers.errors import UsageError
from tamis.classifiers.evaluation_measures import bias_by_identity, decisions, ranking, reliability, wilson
from tamis.classifiers.evaluation_report import markdown, plots
from tamis.classifiers.identity import mentioned
from tamis.classifiers.passages import Passages, split
from tamis.classifiers.scorer import Scorer

__all__ = ["evaluate", "measure"]

#: Upper bounds of the length buckets, in characters.
_LENGTHS: Final = (100, 400, 1600)
_FEWEST: Final = 20


def evaluate(bundle: Bundle | str, data_paths: Sequence[str | Path], out_folder: str | Path) -> dict[str, Any]:
    """Evaluates a bundle and writes `evaluation.json`, `evaluation.md` and one SVG a plot.

    Args:
        bundle: The bundle, or a reference to one.
        data_paths: Labelled sets, functional suites and ordinary text (JSONL or CSV).
        out_folder: Folder to write into; made if missing.

    Returns:
        What is written into evaluation.json.

    Raises:
        UsageError: A file cannot be used; the message says why.
        BundleError: The bundle is damaged.
    """
    loaded = load(bundle) if isinstance(bundle, str) else bundle
    report = measure(loaded, data_paths)
    out = Path(out_folder)
    out.mkdir(parents=True, exist_ok=True)
    (out / "evaluation.json").write_text(json.dumps(report, sort_keys=True, indent=1) + "\n", "utf-8")
    (out / "evaluation.md").write_text(markdown(report), "utf-8")
    for name, svg in plots(report).items():
        (out / f"{name}.svg").write_text(svg, "utf-8")
    return report


def measure(bundle: Bundle, data_paths: Sequence[str | Path]) -> dict[str, Any]:
    """The figures of `evaluate`, without writing anything: `bundle`, `sets`, `suites`, `ordinary`."""
    if not data_paths:
        raise UsageError("evaluate: no data; name one or more labelled files, suites or ordinary texts")
    report: dict[str, Any] = {"bundle": bundle.id, "sets": {}, "suites": {}, "ordinary": {}}
    for path in map(Path, data_paths):
        name = path.name.split(".")[0]
        if _is_suite(path):
            report["suites"][name] = _suite(bundle, path)
            continue
        data = read(path, bundle.categories)
        if np.isnan(data.labels).all():
            report["ordinary"][name] = _ordinary(bundle, data)
        else:
            report["sets"][name] = _labelled(bundle, data)
    return report


def _is_suite(path: Path) -> bool:
    if path.suffix != ".csv" or not path.is_file():
        return False
    with path.open("rb") as handle:
        return b"functionality" in handle.readline()


def _suite(bundle: Bundle, path: Path) -> dict[str, Any]:
    cases = functional.read_cases(path)
    scores = bundle.score(Passages.of([case.text for case in cases]))
    out: dict[str, Any] = {}
    for point in ("default", "precision(0.5)", "recall(0.8)"):
        limits = {name: _points(bundle, name).get(point) for name in bundle.categories}
        known = {name: float(limit) for name, limit in limits.items() if limit is not None}
        if len(known) == len(bundle.categories):
            out[point] = functional.by_functionality(cases, scores, bundle.categories, known)
    return out


def _ordinary(bundle: Bundle, data: LabelledSet) -> dict[str, Any]:
    """Share of documents, and of passages, above each threshold; violating documents are among them."""
    passages = split(data.texts)
    scored = Scorer(bundle).score(passages, ["en"] * len(data))
    out: dict[str, Any] = {"documents": len(data), "passages": len(passages), "flagged": {}}
    for j, category in enumerate(bundle.categories):
        out["flagged"][category] = {
            name: {
                "documents": wilson(int((scored.document[:, j] >= limit).sum()), len(data)),
                "passages": wilson(int((scored.passage[:, j] >= limit).sum()), len(passages)),
            }
            for name, limit in _points(bundle, category).items()
        }
    return out


def _labelled(bundle: Bundle, data: LabelledSet) -> dict[str, Any]:
    scores = bundle.score(Passages.of(data.texts)).astype(np.float64)
    out: dict[str, Any] = {}
    for j, category in enumerate(bundle.categories):
        known = data.known(category) & ~np.isnan(scores[:, j])
        if known.any():
            part = data.take(known)
            out[category] = _category(bundle, category, part, part.labels[:, j] == 1, scores[known, j])
    return out


def _category(bundle: Bundle, category: str, data: LabelledSet, labels: Any, scores: Any) -> dict[str, Any]:
    limits = _points(bundle, category)
    out = ranking(labels, scores)
    out["points"] = decisions(labels, scores, limits, bundle.header.base_rates.get(category))
    out["reliability"] = reliability(labels, scores, _to_base_rate(labels, bundle.header.base_rates.get(category)))
    out["by_source"] = _slices(labels, scores, data.sources)
    out["by_length"] = _slices(labels, scores, [_bucket(text) for text in data.texts])
    declared = any(data.identities)
    names = [frozenset({i}) if i else frozenset[str]() for i in data.identities] if declared else [
        mentioned(text) for text in data.texts
    ]  # fmt: skip
    out["identity"] = bias_by_identity(labels, scores, names, limits)
    return out


def _to_base_rate(labels: Any, base_rate: float | None) -> Any:
    positives = int(labels.sum())
    if base_rate is None or not 0 < positives < len(labels):
        return None
    return np.where(labels, base_rate / positives, (1 - base_rate) / (len(labels) - positives))


def _slices(labels: Any, scores: Any, keys: Sequence[str]) -> dict[str, Any]:
    """Ranking per slice; None, with its size, for one with fewer than 20 rows or one class."""
    names = np.array(keys)
    out: dict[str, Any] = {}
    for name in sorted(set(keys)):
        rows = names == name
        both = 0 < int(labels[rows].sum()) < int(rows.sum())
        out[name] = ranking(labels[rows], scores[rows]) if both and rows.sum() >= _FEWEST else {"rows": int(rows.sum())}
    return out if len(out) > 1 else {}


def _bucket(text: str) -> str:
    for limit in _LENGTHS:
        if len(text) <= limit:
            return f"up to {limit} characters"
    return f"over {_LENGTHS[-1]} characters"


def _points(bundle: Bundle, category: str) -> Mapping[str, float]:
    return {name: point.threshold for name, point in bundle.operating_points.get(category, {}).items()}
