"""Parts of a model card that set a bundle beside something else: ordinary passages, a word list, single sources."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tamis.classifiers.evaluation_report import span, table

__all__ = ["random_sample", "single_sources"]


def random_sample(found: Mapping[str, Any] | None) -> list[str]:
    """What the bundle and a word list do to passages drawn at random, as Markdown; nothing where not measured."""
    if not found:
        return []
    rows = [
        (
            category, f"{values['positives']}, {_count(values['per_million'])}", name, point["flagged"],
            _count(point["flagged_per_million"]), span(point["precision"]), span(point["recall"]),
        )
        for category, values in found["categories"].items() for name, point in values["points"].items()
    ]  # fmt: skip
    listed = [
        (
            name, f"{v['found']} of {v['positives']}, {span(v['recall'])}", _count(v["list"]), _count(v["bundle"]),
            span(v["ratio"]),
        )
        for name, v in found["word_list"].items()
    ]  # fmt: skip
    return [
        "### On passages drawn at random\n",
        f"{found['passages']} passages of held-out documents that readers judged, drawn to stand for "
        f"{found['stand_for']}: each counts for those like it that were not read. A passage left in doubt counts for "
        "neither.\n",
        table(("category", "violating: read, per million", "point", "flagged: read", "flagged per million", "precision",
               "recall"), rows),
        "Against a word list (LDNOOBW) on the same passages, at the recall of the list: false flags per million benign "
        "passages.\n",
        table(("category", "found by the list, its recall", "list", "this bundle", "ratio"), listed),
    ]  # fmt: skip


def single_sources(rows: list[Mapping[str, Any]]) -> list[str]:
    """The bundle's AUPRC beside those of models of one source, as Markdown."""
    cells = [
        (r["set"], r["category"], r["auprc"], r["source"], r["single"], r.get("alike_source"), r.get("alike"))
        for r in rows
    ]
    note = (
        "The strongest model that one source alone gives, with the kind and hyper-parameters of the (first) model, "
        "from up to 12000 of its rows and ordinary text, without augmentation: of those whose identity terms count as "
        "they may, and for hate and harassment of those whose terms count alike, as this bundle's do.\n"
    )
    heads = ("set", "category", "AUPRC", "best source", "its AUPRC", "best with terms alike", "its AUPRC")
    return ["### Against single sources\n", note, table(heads, cells)]


def _count(value: Sequence[float] | None) -> str | None:
    return None if value is None else f"{value[0]:.0f} ({value[1]:.0f}–{value[2]:.0f})"
