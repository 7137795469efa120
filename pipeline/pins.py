"""What a refreshed run keeps of the run before it: how much is evaluated, and the rates of random controls.

Both follow the size and the first documents of a corpus, and are part of a run's fingerprint. If they were set anew
whenever a shard is added, no receipt could be taken over, and no number compared with yesterday's. So a refresh keeps
them while the plan still asks for the same; `tamis refresh --rescale` sets them anew.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib import metadata
from typing import TYPE_CHECKING

import msgspec

from tamis.classifiers.errors import UsageError
from tamis.pipeline.canonical import canonical_bytes
from tamis.pipeline.plan import Plan
from tamis.pipeline.runspec import RunSpec, identified
from tamis.pipeline.storage import Store

if TYPE_CHECKING:
    from tamis.interventions.rules import Intervention

__all__ = ["RATES", "keeps_evaluation", "keeps_rates", "keeps_scores", "record_rates", "recorded_rates"]

#: Where the rates of random controls are kept for the later launches of a run.
RATES = ".tamis/rates"

_RATES = msgspec.json.Decoder(dict[str, float])


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
    same = same and plan.quarantine_minors == before.plan.quarantine_minors
    same = same and plan.passages == before.plan.passages and plan.corpus.fields == before.plan.corpus.fields
    return same and dict(bundles) == before.bundles and before.version == metadata.version("tamis")


def keeps_scores(before: RunSpec, after: RunSpec, interventions: Mapping[str, Intervention]) -> bool:
    """Whether the scores that a run has stored are those that another would make: only rules differ between them.

    Args:
        before: The run that has the scores.
        after: The run that is to be made.
        interventions: Its interventions.
    """
    plans = before.plan, after.plan
    # Further fields are read with the documents, and what is written concerns no score.
    same = [before.plan.passages == after.plan.passages, before.plan.corpus.format == after.plan.corpus.format]
    same += [getattr(plans[0].corpus.fields, key) == getattr(plans[1].corpus.fields, key) for key in ("id", "text")]
    same += [getattr(before, key) == getattr(after, key) for key in ("version", "evaluator", "sample_level", "scores")]
    refs = [plan.refs() for plan in plans]
    same += [before.bundles.get(name) == identity for name, identity in after.bundles.items()]
    if not all(same) or before.scores is not None:
        return False
    evaluators = [plan.evaluator_ref() for plan in plans]
    same = [refs[0][name].aggregate == refs[1][name].aggregate for name in after.bundles]
    same += [(one and one.aggregate) == (other and other.aggregate) for one, other in [evaluators]]
    same += [
        before.floors.get(name, {}).get(category, 1.0) <= floor
        for name, found in after.floors.items()
        for category, floor in found.items()
    ]
    return all(same) and _decidable(before, after, interventions)


def _decidable(before: RunSpec, after: RunSpec, interventions: Mapping[str, Intervention]) -> bool:
    # Not at the top: commands that ask for the rates alone would wait for NumPy.
    from tamis.pipeline import storable

    try:
        aggregates = {name: ref.aggregate for name, ref in after.plan.refs().items()}
        storable.check(interventions, aggregates, before.floors)
    except UsageError:
        return False
    return True


def recorded_rates(store: Store, spec: RunSpec) -> dict[str, float] | None:
    """Returns the rates that an earlier launch of a run has set, None where none has.

    A shard that cannot be read is missing from the pilot. When it is repaired the pilot would give other rates, which
    would make another run of it: the shards that were finished would be done again.
    """
    try:
        return _RATES.decode(store.read(_path(spec)))
    except (FileNotFoundError, msgspec.DecodeError):
        return None


def record_rates(store: Store, spec: RunSpec) -> None:
    """Leaves the rates of a run for its later launches."""
    if spec.rates:
        store.write(_path(spec), canonical_bytes(spec.rates) + b"\n")


def _path(spec: RunSpec) -> str:
    return f"{RATES}/{identified(spec, rates={}, contents='').run_id}.json"
