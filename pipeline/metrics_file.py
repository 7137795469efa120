"""A run's figures in Prometheus' text format, for the node exporter's textfile collector or a push of your own."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from tamis.pipeline import atomic
from tamis.pipeline.errors import UsageError
from tamis.pipeline.observing import Ending
from tamis.pipeline.runspec import RunSpec

__all__ = ["MetricsFile"]

STATUSES = ("published", "measured", "refused", "failed", "unchanged", "submitted")
_OUTCOMES = ("seen", "kept", "dropped", "quarantined")


class MetricsFile:
    """Writes the file, whole or not at all, when the run has ended.

    Args:
        path: Where.
    """

    def __init__(self, path: str) -> None:
        self._path = Path(path)

    def started(self, spec: RunSpec) -> None:  # noqa: ARG002 - the protocol's
        """Checks that the file can be written and its package is there."""
        try:
            import prometheus_client  # noqa: F401
        except ImportError:
            raise UsageError("`--metrics` needs the package prometheus-client: pip install 'tamis[ops]'") from None
        if not self._path.parent.is_dir():
            raise UsageError(f"`--metrics {self._path}`: there is no folder {self._path.parent}: make it")

    def ended(self, ending: Ending) -> None:
        """Writes the file."""
        from prometheus_client import CollectorRegistry, generate_latest

        registry = CollectorRegistry()
        _fill(registry, ending)
        atomic.write_bytes(self._path, generate_latest(registry))


def _fill(registry: Any, ending: Ending) -> None:
    plan = ending.spec.plan.name
    _gauge(registry, "run_timestamp_seconds", "When the last launch ended.", {(plan,): time.time()})
    _gauge(registry, "run_duration_seconds", "Wall-clock time of the last launch.", {(plan,): ending.seconds})
    states = {(plan, status): float(status == ending.status) for status in STATUSES}
    _gauge(registry, "run_status", "1 for how the last launch ended.", states, "status")
    if ending.manifest is None:
        return
    counts = {(plan, name): getattr(ending.manifest.counts, name) for name in _OUTCOMES}
    _gauge(registry, "documents", "Documents of the run.", counts, "outcome")
    _gauge(registry, "shards", "Shards of the run.", {(plan,): len(ending.manifest.shards)})
    _gate(registry, ending.manifest.gate, plan)
    _prevalence(registry, ending.report or {}, plan)


def _gauge(registry: Any, name: str, text: str, values: dict[Any, float], *labels: str) -> None:
    from prometheus_client import Gauge

    gauge = Gauge(f"tamis_{name}", text, ["plan", *labels], registry=registry)
    for key, value in values.items():
        gauge.labels(*key).set(value)


def _gate(registry: Any, checks: list[dict[str, Any]], plan: str) -> None:
    passed = {(plan, item["name"]): float(item["passed"]) for item in checks}
    _gauge(registry, "gate_passed", "1 for a condition of publishing that holds.", passed, "condition")
    for part in ("value", "limit"):
        found = {(plan, item["name"]): item[part] for item in checks if isinstance(item[part], (int, float))}
        _gauge(registry, f"gate_{part}", f"The {part} of a condition of publishing.", found, "condition")


def _prevalence(registry: Any, report: dict[str, Any], plan: str) -> None:
    """Shares with their intervals; what was not measured is not there, rather than 0."""
    found = {}
    for row in _rows(report):
        for when in ("before", "after"):
            estimate = row.get(when) or {}
            for bound in ("value", "low", "high"):
                if estimate.get(bound) is not None:
                    found[plan, row["category"], when, bound] = estimate[bound]
    _gauge(
        registry,
        "prevalence_ratio",
        "Share of documents that the evaluator flags, with its 95 % interval.",
        found,
        "category",
        "when",
        "bound",
    )


def _rows(report: dict[str, Any]) -> list[dict[str, Any]]:
    """Returns the before/after table of the published intervention, or of the first."""
    rows: list[dict[str, Any]] = report.get("headline") or []
    return rows
