"""Functional tests of a policy: sentences with a known verdict, run through the whole plan.

A classifier that scores a sentence right is not yet a policy that treats it right: between them stand normalisation,
passages, languages, thresholds and rules. So every sentence goes through all of them, by itself and as a paragraph of
a longer plain text, since a filter of documents never sees a bare sentence. An intervention *acts* on a document when
one of its rules fires, whatever it does then.

Sentences of one template differ in nothing but the identity that they name. Where an intervention treats one of them
otherwise than most of its template, the identity is the reason: a *flip*. Intervals are Wilson's on the effective
number of sentences: those of one template are alike, by the intraclass correlation that they show, and wholly so where
all sentences of a functionality are treated alike.

Result (estimates are described in `measures.estimate`):

    {
      "suite": {"cases": int, "templates": int,        with an identity
                "identities": int, "sha256": str, "carriers": int},
      "interventions": {
        NAME: {
          "looks_for": [CATEGORY, …],                  categories that its rules compare
          "on_carriers": int,                          plain texts that it acts on without any sentence
          "settings": {"alone" | "embedded": {
            "unscored": int,                           sentences that no classifier scored
            "functionalities": {NAME: {"expected": "pass" | "flag", "cases": int, "right": estimate}},
            "identities": {NAME: {"cases": int, "right": estimate, "blocked": int, "missed": int, "flips": estimate}},
            "flips": estimate                          share of the templates' sentences that flip
          }}
        }
      }
    }

`right` is the share treated as expected: left alone, or acted on; what should be flagged counts where the intervention
looks for its category. `blocked` counts flips of sentences that should pass, `missed` those that should be flagged.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from tamis.classifiers.functional import Case
from tamis.interventions.functional_cases import SETTINGS, Suite, carriers, suite
from tamis.interventions.intervals import Z95, student, wilson
from tamis.interventions.measures.base import Context
from tamis.interventions.measures.estimate import Estimate, Grade, estimate, missing
from tamis.interventions.verdict import Decisions

__all__ = ["NAME", "Decide", "clustered", "measure"]

#: Name of the result among the report's measures.
NAME: Final = "functional"

#: decide(texts) -> what each intervention decided on each text, and which texts no classifier scored, bool [n].
Decide = Callable[[Sequence[str]], tuple[Mapping[str, Decisions], NDArray[np.bool_]]]

Flags = NDArray[np.bool_]
Json = dict[str, Any]


def measure(decide: Decide, context: Context) -> Json:
    """Runs the suite through a plan.

    Args:
        decide: The plan: texts in, decisions out.
        context: What the measures know about the run.
    """
    cases = suite()
    decided, unscored = decide(cases.texts())
    return {
        "suite": {
            "cases": len(cases.cases),
            "templates": len(_with_identity(cases)),
            "identities": len({case.identity for case in cases.cases if case.identity}),
            "sha256": cases.sha256,
            "carriers": len(carriers()),
        },
        "interventions": {name: _intervention(cases, decided[name], unscored, name, context) for name in decided},
    }


def _with_identity(cases: Suite) -> set[int]:
    return {template for case, template in zip(cases.cases, cases.templates, strict=True) if case.identity}


def _intervention(cases: Suite, decided: Decisions, unscored: Flags, name: str, context: Context) -> Json:
    acted, count = np.asarray(decided.action > 0), len(cases.cases)
    looks_for = _looks_for(name, context)
    return {
        "looks_for": looks_for,
        "on_carriers": int(np.count_nonzero(acted[2 * count :])),
        "settings": {
            setting: _setting(cases, acted[k * count :][:count], unscored[k * count :][:count], looks_for)
            for k, setting in enumerate(SETTINGS)
        },
    }


def _looks_for(name: str, context: Context) -> list[str]:
    """Returns the categories that an intervention's rules compare; a finer one (`hate/threatening`) by its parent."""
    found = (category.removeprefix("share.") for _, category, _ in context.conditions.get(name, ()))
    parents = dict.fromkeys(category.partition("/")[0] for category in found)
    if "any" not in parents:
        return list(parents)
    return list(dict.fromkeys(one.partition("/")[0] for names in context.classifiers.values() for one in names))


def _setting(cases: Suite, acted: Flags, unscored: Flags, looks_for: Sequence[str]) -> Json:
    wanted = np.array([case.flag for case in cases.cases])
    counted = np.array([not case.flag or case.category in looks_for for case in cases.cases])
    flips = _flips(cases, acted)
    return {
        "unscored": int(np.count_nonzero(unscored)),
        "functionalities": _functionalities(cases, acted == wanted, counted),
        "identities": _identities(cases.cases, acted == wanted, flips, counted),
        "flips": _flip_rate(cases, flips, counted & np.array([bool(case.identity) for case in cases.cases])),
    }


def _functionalities(cases: Suite, right: Flags, counted: Flags) -> Json:
    rows: dict[str, list[int]] = defaultdict(list)
    for i, case in enumerate(cases.cases):
        rows[case.functionality].append(i)
    return {
        name: {
            "expected": "flag" if cases.cases[found[0]].flag else "pass",
            "cases": len(found),
            "right": _right([i for i in found if counted[i]], right, cases.templates),
        }
        for name, found in rows.items()
    }


def _right(rows: Sequence[int], right: Flags, templates: Sequence[int]) -> Estimate:
    if not rows:
        return missing("no rule looks for this category", grade=Grade.NOT_MEASURED)
    return clustered(right[list(rows)], [templates[i] for i in rows])


def _flips(cases: Suite, acted: Flags) -> Flags:
    """Says which sentences are treated otherwise than most of their template, bool [n]; half and half flips none."""
    by_template: dict[int, list[int]] = defaultdict(list)
    for i, template in enumerate(cases.templates):
        by_template[template].append(i)
    flips = np.zeros(len(acted), np.bool_)
    for rows in by_template.values():
        share = float(acted[rows].mean())
        if share != 0.5:
            flips[rows] = acted[rows] != (share > 0.5)
    return flips


def _identities(cases: Sequence[Case], right: Flags, flips: Flags, counted: Flags) -> Json:
    rows: dict[str, list[int]] = defaultdict(list)
    for i, case in enumerate(cases):
        if case.identity and counted[i]:
            rows[case.identity].append(i)
    return {name: _identity(found, cases, right, flips) for name, found in rows.items()}


def _identity(rows: Sequence[int], cases: Sequence[Case], right: Flags, flips: Flags) -> Json:
    # Each sentence of an identity is of another template.
    missed = sum(bool(flips[i]) for i in rows if cases[i].flag)
    return {
        "cases": len(rows),
        "right": clustered(right[rows], rows),
        "blocked": int(np.count_nonzero(flips[rows])) - missed,
        "missed": missed,
        "flips": clustered(flips[rows], rows),
    }


def _flip_rate(cases: Suite, flips: Flags, chosen: Flags) -> Estimate:
    rows = np.flatnonzero(chosen).tolist()
    if not rows:
        return missing("the suite has no templates", grade=Grade.NOT_MEASURED)
    return clustered(flips[rows], [cases.templates[i] for i in rows])


def clustered(hits: Flags, clusters: Sequence[int]) -> Estimate:
    """Estimates a share of items that come in clusters.

    The design effect is 1 + (m - 1) rho with m the mean size of the cluster that an item is in, and rho the intraclass
    correlation by analysis of variance; 1 where there is no variance to tell it from.

    Args:
        hits: Items that count, bool [n], at least one.
        clusters: Cluster of each.
    """
    n, share = len(hits), float(np.mean(hits))
    sizes = np.unique(np.asarray(clusters), return_inverse=True)
    counts = np.bincount(sizes[1]).astype(np.float64)
    sums = np.bincount(sizes[1], hits).astype(np.float64)
    k = len(counts)
    rho = _intraclass(counts, sums, share)
    effect = 1 + (float((counts**2).sum()) / n - 1) * rho
    # Few clusters tell little about how alike they are; where all are alike the clusters are the items.
    z = student(k - 1) if 0 < rho < 1 and k > 1 else Z95
    effective = n / effect
    low, high = wilson(share * effective, effective, z)
    method = f"Wilson 95 %, {k} templates, design effect {effect:.2f}" if k < n else "Wilson 95 %"
    return estimate(share, min(low, share), max(high, share), n=n, method=method, grade=Grade.CENSUS)


def _intraclass(counts: NDArray[np.float64], sums: NDArray[np.float64], share: float) -> float:
    n, k = float(counts.sum()), len(counts)
    if k == n:
        return 0.0
    if share in (0.0, 1.0) or k == 1:
        return 1.0
    between = float((counts * (sums / counts - share) ** 2).sum()) / (k - 1)
    within = float((sums * (1 - sums / counts)).sum()) / (n - k)
    typical = (n - float((counts**2).sum()) / n) / (k - 1)
    return min(1.0, max(0.0, (between - within) / (between + (typical - 1) * within)))
