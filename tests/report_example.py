"""A report of realistic shape and numbers, made without a run: what the pages and tables are tested on."""

from __future__ import annotations

import math
from typing import Any

from tamis.interventions import report
from tamis.interventions.measures.base import Context
from tamis.interventions.measures.estimate import amounts, census, estimate, missing

CATEGORIES = ("sexual", "hate", "harassment", "violence", "self_harm")
LENGTHS = ("0", "1-49", "50-199", "200-999", "1000-4999", "5000+")
SEEN = 248_113
EDGES = [round(-12 + 0.75 * step, 2) for step in range(33)]
#: documents flagged before, removed share of them, and width of the log interval of the ratio
PREVALENCE = {
    "sexual": (2310, 0.71, 0.07),
    "hate": (1184, 0.62, 0.09),
    "harassment": (2742, 0.31, 0.05),
    "violence": (903, 0.02, 0.06),
    "self_harm": (21, 0.25, 0.9),
    "any": (6480, 0.48, 0.04),
}
INTERVENTIONS = {"drop-severe": (0.0194, 1.0), "redact-passages": (0.0, 0.7), "random-control": (0.0193, 0.0)}
RULES = {
    "drop-severe": ("hate >= 0.9 or sexual >= 0.9", "self_harm >= precision(0.95)", "harassment >= 0.5"),
    "redact-passages": ("passage.hate >= 0.8",),
    "random-control": ("random",),
}
SOURCES = {"news": 0.31, "forum": 0.22, "encyclopaedia": 0.17, "fiction": 0.15, "software": 0.09, "health": 0.06}
TILT = {"news": 0.4, "forum": 2.3, "encyclopaedia": 0.2, "fiction": 1.4, "software": 0.05, "health": 0.9}


def make(status: str = "published", **changes: Any) -> dict[str, Any]:
    """Returns the content of report.json; `changes` replaces fields of the context."""
    context = _context(**changes)
    results = {name: make_result(context) for name, make_result in RESULTS.items()}
    return report.assemble({**record(), "status": status}, results, context)


def record() -> dict[str, Any]:
    rules = {name: [{"when": when, "do": "drop"} for when in labels] for name, labels in RULES.items()}
    return {
        "run_id": "3f2a9c71d04be816",
        "name": "web-2026-11",
        "status": "published",
        "version": "0.1.0",
        "fingerprint": "c0ffee" * 10 + "abcd",
        "bundles": {"policy": "policy-en@8d1f02aa9c31"},
        "evaluator": "evaluator-en@51b7e90c22fd",
        "packages": {"apache-beam": "2.77.0", "numpy": "2.2.1", "scikit-learn": "1.7.0"},
        "plan": {"schema": 1, "name": "web-2026-11", "corpus": {"root": "corpus/web"}, "interventions": rules},
        "counts": {"seen": SEEN + 14, "kept": SEEN - 4813, "dropped": 4813, "quarantined": 14},
        "shards": 96,
        "gate": [
            {
                "name": "max_drop_rate",
                "limit": 0.05,
                "value": 0.0194,
                "passed": True,
                "sentence": "1.9400% meets gate.max_drop_rate 5.0000%",
            }
        ],
    }


def _context(**changes: Any) -> Context:
    checks = [
        {"check": "identity", "passed": True, "finding": "`policy` policy-en@8d1f is not evaluator-en@51b7"},
        {"check": "family", "passed": True, "finding": "`policy` is of the family fasttext, the evaluator of linear"},
        {"check": "training data", "passed": True, "finding": "`policy` and the evaluator share no training source"},
    ]
    fields: dict[str, Any] = {
        "interventions": RULES,
        "published": "drop-severe",
        "classifiers": {"policy": CATEGORIES},
        "conditions": dict.fromkeys(RULES, (("policy", "hate", 0.9), ("policy", "sexual", 0.9))),
        "evaluator": CATEGORIES,
        "evaluator_thresholds": dict.fromkeys(CATEGORIES, 0.5),
        "notes": {"independence": {"independent": True, "checks": checks}, "sample_level": 2},
    }
    return Context(**{**fields, **changes})


def _amounts(documents: float) -> dict[str, int]:
    return amounts((round(documents), round(documents * 612.4), round(documents * 3688.1)))


def _share(part: float, whole: float) -> dict[str, Any]:
    value = part / whole
    half = 1.96 * math.sqrt(max(value * (1 - value), 1e-9) / whole)
    return estimate(value, max(value - half, 0), min(value + half, 1), n=round(whole), method="Wilson 95 %")


def _ratio(value: float, width: float, n: int) -> dict[str, Any]:
    spread = math.exp(width)
    return estimate(value, value / spread, value * spread, n=n, method="domain bootstrap 95 %", unit="ratio")


def volume(context: Context) -> dict[str, Any]:
    return {
        "grade": "census",
        "seen": _amounts(SEEN),
        "lengths": list(LENGTHS),
        "interventions": {name: _volume(name, *INTERVENTIONS[name]) for name in context.interventions},
    }


def _volume(name: str, removed: float, effect: float) -> dict[str, Any]:
    gone = SEEN * removed
    rewritten = 0 if name != "redact-passages" else 0.0081 * SEEN
    parts = {
        "seen": _amounts(SEEN),
        "kept": _amounts(SEEN - gone),
        "removed": _amounts(gone),
        "rewritten": _amounts(rewritten),
        "tagged": _amounts(0.011 * SEEN if name == "drop-severe" else 0),
        "cut": _amounts(rewritten / 9),
        "removed_share": {unit: census(removed, n=SEEN) for unit in ("documents", "words", "bytes")},
        "actions": {"drop": _amounts(gone)},
    }
    rules = {
        label: {"action": "drop", "decided": _amounts(gone / (k + 1)), "fired": _amounts(gone / (k + 1) * 1.2)}
        for k, label in enumerate(RULES[name])
    }
    by = {"source": _slices(SOURCES, removed), "language": _slices({"en": 0.91, "und": 0.05, "de": 0.04}, removed)}
    by["length"] = _slices(dict(zip(LENGTHS, (0.001, 0.2, 0.35, 0.3, 0.12, 0.029), strict=True)), removed)
    together = [{"categories": ["sexual"], **_amounts(gone * 0.5)}, {"categories": ["hate", "sexual"], **_amounts(90)}]
    return {
        **parts,
        "rules": rules,
        "categories": {
            "removed": _categories(gone * effect),
            "rewritten": _categories(rewritten),
            "tagged": _categories(0),
        },
        "together": {"removed": together, "rewritten": [], "tagged": []},
        "by": by,
        "domains": _domains(removed),
    }


def _categories(documents: float) -> dict[str, Any]:
    shares = dict(zip(CATEGORIES, (0.5, 0.28, 0.17, 0.04, 0.01), strict=True))
    return {
        name: {
            "decided": _amounts(documents * part),
            "fired": _amounts(documents * part * 1.1),
            "alone": _amounts(documents * part * 0.9),
        }
        for name, part in shares.items()
    }


def _slices(shares: dict[str, float], removed: float) -> dict[str, Any]:
    return {
        name: {
            "seen": _amounts(SEEN * part),
            "removed": _amounts(SEEN * part * removed * TILT.get(name, 1)),
            "rewritten": _amounts(0),
            "tagged": _amounts(SEEN * part * 0.01),
            "removed_share": dict.fromkeys(
                ("documents", "words", "bytes"), census(removed * TILT.get(name, 1), n=round(SEEN * part))
            ),
        }
        for name, part in shares.items()
    }


def _domains(removed: float) -> dict[str, Any]:
    top = [
        {"domain": f"site{k}.example.com", "seen": _amounts(900 - 30 * k), "removed": _amounts(120 - 9 * k)}
        for k in range(12)
    ]
    return {"exact": True, "distinct": 18_204, "top": top, "top10_share": census(0.184, n=round(SEEN * removed))}


def prevalence(context: Context) -> dict[str, Any]:
    if not context.evaluator:
        return {"grade": "not measured", "reason": "the plan names no evaluator", "categories": [], "interventions": {}}
    n = SEEN // 4
    grade = "estimated" if context.independent else "relative"
    return {
        "grade": grade,
        "reason": None,
        "evaluated": {"documents": n, "words": n * 612},
        "evaluated_share": census(0.25, n=SEEN),
        "lengths": list(LENGTHS),
        "thresholds": dict(context.evaluator_thresholds),
        "categories": [*context.evaluator, "any"],
        "before": {},
        "interventions": {
            name: {category: _prevalence(category, INTERVENTIONS[name], n) for category in [*context.evaluator, "any"]}
            for name in context.interventions
        },
        "histograms": _histograms(context),
    }


def _prevalence(category: str, intervention: tuple[float, float], n: int) -> dict[str, Any]:
    flagged, caught, width = PREVALENCE[category]
    removed, effect = intervention
    left = round(flagged * (1 - caught * effect) * (1 - removed * (1 - effect)))
    kept = n * (1 - removed)
    ratio = _ratio((left / kept) / (flagged / n), width, n)
    few = missing("fewer than 10 flagged documents", n=n, unit="ratio")
    return {
        "before": _share(flagged, n),
        "after": _share(left, kept),
        "ratio": ratio,
        "before_words": _share(flagged * 0.8, n),
        "after_words": _share(left * 0.8, kept),
        "ratio_words": ratio if category != "self_harm" else few,
        "mean_before": estimate(0.014, 0.013, 0.015, n=n, method="normal 95 %", unit="score"),
        "mean_after": estimate(0.009, 0.008, 0.01, n=n, method="normal 95 %", unit="score"),
        "flagged": {"before": flagged, "after": left},
        "caught": _share(flagged - left, flagged),
        "by_length": {
            bucket: {
                "before": _share(flagged / 6, n / 6),
                "after": _share(left / 6, kept / 6),
                "ratio": ratio if bucket != "0" else few,
            }
            for bucket in LENGTHS
        },
    }


def _histograms(context: Context) -> dict[str, Any]:
    before = {
        name: [
            round(9e4 * math.exp(-((edge + 6 + k * 0.4) ** 2) / 7) + 300 / (1 + abs(edge - 3))) for edge in EDGES[:-1]
        ]
        for k, name in enumerate(CATEGORIES)
    }

    def part(counts: list[int], sharp: float) -> dict[str, Any]:
        gone = [round(c / (1 + math.exp(-sharp * (edge - 2)))) for c, edge in zip(counts, EDGES[:-1], strict=True)]
        random = [round(c * 0.019) for c in counts]
        return {
            "before": counts,
            "removed": {"drop-severe": gone, "redact-passages": [0] * 32, "random-control": random},
        }

    return {
        "edges": EDGES,
        "evaluator": {name: part(counts, 0.8) for name, counts in before.items()},
        "filter": {f"policy.{name}": part(counts, 6) for name, counts in before.items()},
    }


def coverage(context: Context) -> dict[str, Any]:
    reasons = {"empty": _amounts(41), "language": _amounts(9900), "failed": _amounts(0)}

    def scored(asked: int) -> dict[str, Any]:
        lost = round(asked * 0.04)
        return {
            "asked": asked,
            "scored": asked - lost,
            "unscored": lost,
            "share_unscored": census(lost / asked, n=asked),
            "share_unscored_words": census(0.051, n=asked),
            "reasons": reasons,
        }

    return {
        "documents": SEEN,
        "words": SEEN * 612,
        "classifiers": {"policy": scored(SEEN)},
        "evaluator": scored(SEEN // 4) if context.evaluator else None,
        "languages": {
            code: {
                "documents": round(SEEN * part),
                "words": round(SEEN * part * 612),
                "share": census(part, n=SEEN),
                "unscored": {"policy": round(SEEN * part) if code == "de" else 0},
            }
            for code, part in {"en": 0.91, "und": 0.05, "de": 0.04}.items()
        },
    }


def agreement(context: Context) -> dict[str, Any]:
    cells = [
        [i, j, round(4e4 * math.exp(-((i - 9) ** 2) / 18 - ((i - j) ** 2) / 9)) + (1 if abs(i - j) < 9 else 0)]
        for i in range(32)
        for j in range(32)
    ]
    at = {"filter_threshold": 0.9, "evaluator_threshold": 0.5, "both": 700, "filter_only": 190, "evaluator_only": 480}
    kappa = estimate(0.67, 0.63, 0.71, n=62_028, method="bootstrap 95 %", unit="kappa")
    pair = {
        "n": 62_028,
        "correlation": estimate(0.58, 0.57, 0.6, n=62_028, method="Fisher 95 %", unit="correlation"),
        "heatmap": [cell for cell in cells if cell[2]],
        "at": [{"intervention": name, **at, "neither": 60_658, "kappa": kappa} for name in context.interventions],
    }
    return {"grade": "estimated", "reason": None, "edges": EDGES, "pairs": {f"policy.{c}": pair for c in CATEGORIES}}


RESULTS = {"volume": volume, "prevalence": prevalence, "coverage": coverage, "agreement": agreement}
