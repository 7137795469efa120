"""From labels to `labels.json`: the estimates of every category, how far annotators agree, what was skipped.

    {
      "intervention": NAME, "outcome": "removed" | "acted on",
      "annotators": [NAME, …], "asked": int, "labelled": int, "skipped": int, "withheld": int,
      "documents": int, "unscored": int,               documents that the sample stands for; those that it does not
      "strata": [{"side", "low", "high", "documents", "planned", "labelled"}],
      "categories": {CATEGORY: {
        "before", "residual", "precision", "recall", "ratio": estimate,
        "floor": number | null,                        residual below which these labels certify nothing
        "positive": int, "labels": int,
        "agreement": {"items", "equal", "alpha", "kappa"}
      }}                                               the categories that were asked for, and "any" last
    }

The numbers speak of `documents` scored documents, see `audit_estimates`. A document counts as labelled where one
annotator labelled it; where several did, as the mean of their labels, and intervals are widened by how much more some
find than others, see `audit_annotators`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from tamis.interventions.audit_agreement import agreement
from tamis.interventions.audit_annotators import leniency_error, widened
from tamis.interventions.audit_design import Stratum
from tamis.interventions.audit_estimates import Tally, evaluate, floor
from tamis.interventions.measures.histogram import BINS, EDGES

__all__ = ["ANY", "build"]

ANY: Final = "any"

#: Annotator -> item -> category -> label; None where the annotator skipped the item.
Labels = Mapping[str, Mapping[str, Mapping[str, int] | None]]


def build(
    strata: Sequence[Stratum],
    items: Mapping[str, int],
    withheld: Sequence[int],
    categories: Sequence[str],
    labels: Labels,
) -> dict[str, Any]:
    """Returns what labels say.

    Args:
        strata: The strata of the plan.
        items: Stratum of each document that was to be labelled, by item.
        withheld: Strata of the documents that are shown to nobody, one entry each.
        categories: The categories that were asked for.
        labels: The labels.
    """
    names = [*categories, *([ANY] if len(categories) > 1 else [])]
    by_category = {name: _of_category(labels, items, name, categories) for name in names}
    done = {item for one in by_category.values() for given in one.values() for item in given}
    skipped = {item for given in labels.values() for item in items if item in given and given[item] is None} - done
    refused = [*(items[item] for item in sorted(skipped)), *withheld]
    return {
        "annotators": sorted(labels),
        "asked": len(items) + len(withheld),
        "labelled": len(done),
        "skipped": len(skipped),
        "withheld": len(withheld),
        "documents": sum(one.documents for one in strata),
        "strata": [_stratum(k, one, items, done) for k, one in enumerate(strata)],
        "categories": {name: _category(strata, items, refused, found) for name, found in by_category.items()},
    }


def _of_category(
    labels: Labels, items: Mapping[str, int], name: str, categories: Sequence[str]
) -> dict[str, dict[str, int]]:
    """Returns the labels of one category, by annotator and item."""
    found: dict[str, dict[str, int]] = {}
    for annotator, given in labels.items():
        values = {item: _label(given[item], name, categories) for item in items if item in given}
        found[annotator] = {item: value for item, value in values.items() if value is not None}
    return found


def _label(given: Mapping[str, int] | None, name: str, categories: Sequence[str]) -> int | None:
    """Returns a label; "any" is 1 where one category is, and 0 where all are known to be 0."""
    if given is None:
        return None
    if name != ANY:
        return given.get(name)
    if any(given.get(category) == 1 for category in categories):
        return 1
    return 0 if all(given.get(category) == 0 for category in categories) else None


def _category(
    strata: Sequence[Stratum],
    items: Mapping[str, int],
    refused: Sequence[int],
    by_annotator: Mapping[str, Mapping[str, int]],
) -> dict[str, Any]:
    """Returns the numbers of one category.

    Tasks come in an order by hash, so what an annotator has not reached yet is missing at random and left out; what
    was skipped or withheld (`refused`, by stratum) is not, and is in the intervals.
    """
    positive, count = [0.0] * len(strata), [0] * len(strata)
    for item, stratum in items.items():
        given = [labels[item] for labels in by_annotator.values() if item in labels]
        if given:
            positive[stratum] += sum(given) / len(given)
            count[stratum] += 1
    tallies = [Tally(one, positive[k], count[k], refused.count(k)) for k, one in enumerate(strata)]
    error = leniency_error(by_annotator)
    found = evaluate(tallies)
    wider = {key: widened(found[key], error) for key in ("before", "residual", "precision")}
    return {
        **found,
        **wider,
        "floor": floor(tallies),
        "positive": round(sum(positive), 2),
        "labels": sum(count),
        "agreement": agreement(by_annotator),
    }


def _stratum(k: int, one: Stratum, items: Mapping[str, int], done: set[str]) -> dict[str, Any]:
    return {
        "side": one.side,
        "low": _score(one.first),
        "high": _score(one.last),
        "documents": one.documents,
        "planned": one.labels,
        "labelled": sum(1 for item in done if items[item] == k),
    }


def _score(bin: int) -> float:
    """Returns the score at which a bin begins; 0 for the first, 1 after the last."""
    return 0.0 if bin <= 0 else 1.0 if bin >= BINS else round(float(EDGES[bin]), 6)
