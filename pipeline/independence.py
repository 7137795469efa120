"""Is the evaluator independent of the filter? A certificate, checked in code, that the report prints.

An evaluator that shares the filter's errors sees what the filter removed and little of what it left: the residual
that it reports is too small by an amount that nobody can know. Independence is judged by identity, by family of
model and by training data; what was measured is said beside what was only declared.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tamis.pipeline.described import Described

__all__ = ["Certificate", "certificate"]


@dataclass(frozen=True, slots=True)
class Certificate:
    """What was checked.

    Attributes:
        independent: Whether every check passed.
        findings: One sentence a check.
    """

    independent: bool
    findings: tuple[tuple[str, bool, str], ...]

    def record(self) -> dict[str, Any]:
        """Returns the certificate as plain data for the report."""
        checks = [{"check": name, "passed": passed, "finding": text} for name, passed, text in self.findings]
        return {"independent": self.independent, "checks": checks}


def certificate(classifiers: Mapping[str, Described], evaluator: Described | None) -> Certificate:
    """Checks an evaluator against every classifier of the filter."""
    if evaluator is None:
        return Certificate(False, (("evaluator", False, "the plan names no evaluator: nothing is measured"),))
    findings: list[tuple[str, bool, str]] = []
    for name, bundle in classifiers.items():
        findings += [_identity(name, bundle, evaluator), _family(name, bundle, evaluator)]
        findings += [_sources(name, bundle, evaluator), _labels(name, bundle, evaluator)]
    return Certificate(all(passed for _, passed, _ in findings), tuple(findings))


def _identity(name: str, bundle: Described, evaluator: Described) -> tuple[str, bool, str]:
    same = bundle.id == evaluator.id
    text = "is the evaluator itself: the measurement is circular" if same else f"{bundle.id} is not {evaluator.id}"
    return "identity", not same, f"`{name}` {text}"


def _family(name: str, bundle: Described, evaluator: Described) -> tuple[str, bool, str]:
    mine, other = _model_families(bundle), _model_families(evaluator)
    text = f"`{name}` is of the family {' and '.join(mine)}, the evaluator of {' and '.join(other)}"
    return "family", not set(mine) & set(other), text


def _sources(name: str, bundle: Described, evaluator: Described) -> tuple[str, bool, str]:
    mine, other = _source_keys(bundle), _source_keys(evaluator)
    if not mine or not other:
        return "training data", False, f"`{name}` or the evaluator declares no training sources: cannot be checked"
    shared = sorted(mine & other)
    text = f"share training sources: {', '.join(shared)}" if shared else "share no training source"
    return "training data", not shared, f"`{name}` and the evaluator {text}"


def _labels(name: str, bundle: Described, evaluator: Described) -> tuple[str, bool, str]:
    shared = sorted(_families(bundle) & _families(evaluator))
    text = f"share label sources: {', '.join(shared)}" if shared else "share no label source"
    return "labels", not shared, f"`{name}` and the evaluator {text}"


def _model_families(bundle: Described) -> list[str]:
    """The family of the model; of a combination that of every member."""
    found = bundle.training.get("family", bundle.kind)
    return sorted(map(str, found)) if isinstance(found, list | tuple) else [str(found)]


def _source_keys(bundle: Described) -> set[str]:
    return {str(item["name"]) for item in bundle.training.get("sources", ())}


def _families(bundle: Described) -> set[str]:
    return {str(family) for item in bundle.training.get("sources", ()) for family in item.get("families", ())}
