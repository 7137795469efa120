"""What a refreshed run keeps of the run before it: how much is evaluated, and the rates of random controls.

Both follow the size and the first documents of a corpus, and are part of a run's fingerprint. If they were set anew
whenever a shard is added, no receipt could be taken over, and no number compared with yesterday's. So a refresh keeps
them while the plan still asks for the same; `tamis refresh --rescale` sets them anew.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib import metadata

from tamis.pipeline.plan import Plan
from tamis.pipeline.runspec import RunSpec

__all__ = ["keeps_evaluation", "keeps_rates"]


def keeps_evaluation(plan: Plan, evaluator: str | None, before: RunSpec | None) -> bool:
    """Whether a plan evaluates as a run did: the same evaluator, and as much of the corpus.

    Args:
        plan: The plan.
        evaluator: Bundle id of its evaluator.
        before: The run before; None = there is none, or its levels are not to be kept.
    """
    return before is not None and plan.evaluate == before.plan.evaluate and evaluator == before.evaluator


def keeps_rates(plan: Plan, bundles: Mapping[str, str], before: RunSpec | None) -> bool:
    """Whether a plan's interventions remove what those of a run did, so that random controls still match them."""
    if before is None or before.scores is not None:
        return False
    same = plan.interventions == before.plan.interventions and plan.classifiers == before.plan.classifiers
    same = same and plan.passages == before.plan.passages and plan.corpus.fields == before.plan.corpus.fields
    return same and dict(bundles) == before.bundles and before.version == metadata.version("tamis")
