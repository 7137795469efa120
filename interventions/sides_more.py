"""What else each of several runs says of itself, without differences: utility, collateral, tests, outputs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from tamis.interventions.report_parts import result_of
from tamis.interventions.section_collateral import rows_of

__all__ = ["MORE", "more"]

Json = dict[str, Any]

#: What is read off a report for each side, with what the number is: "share", "ratio", or the unit of a difference.
MORE: Final = {
    "clean_removed": ("Clean documents removed", "share"),
    "removed_clean": ("Of the removed, clean", "share"),
    "worst_group": ("Removal of the group that is hit most, over documents that name none", "ratio"),
    "divergence": ("Shift of the words beyond a random removal, bits", "bits"),
    "vocabulary_lost": ("Different words lost", "share"),
    "flips": ("Test sentences treated otherwise for the identity that they name", "share"),
    "toxic_outputs": ("Proxy model: toxic continuations of neutral prompts, after ÷ before", "ratio"),
    "bits_per_byte": ("Proxy model: held-out text, bits per byte more after than before", "bits"),
}


def more(report: Mapping[str, Any], name: str) -> Json:
    """Returns the numbers of `MORE` for one intervention, null for what its run did not measure.

    Args:
        report: The content of report.json.
        name: The intervention.
    """
    collateral, shift, functional, proxy = (result_of(report, key, name) for key in _MEASURES)
    benign = collateral.get("benign") or {}
    rows = rows_of(collateral) if collateral else []
    return {
        "clean_removed": benign.get("of_clean"),
        "removed_clean": benign.get("of_removed"),
        "worst_group": rows[0][1]["ratio"] if rows else None,
        "worst_group_name": rows[0][0] if rows else None,
        "groups_flagged": len(collateral.get("flagged") or ()) if collateral else None,
        "divergence": shift.get("excess"),
        "vocabulary_lost": shift.get("vocabulary_lost"),
        "flips": _at(functional, "settings", "alone", "flips"),
        "toxic_outputs": _at(proxy, "buckets", "neutral", "ratio"),
        "bits_per_byte": _at(proxy, "perplexity", "corpus general", "difference"),
    }


_MEASURES: Final = ("collateral", "shift", "functional", "proxy")


def _at(value: Any, *keys: str) -> Any:
    for key in keys:
        value = value.get(key) if isinstance(value, Mapping) else None
    return value
