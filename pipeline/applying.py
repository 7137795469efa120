"""Before stored scores are decided on again: whether they are the ones that the plan asks for. Fails closed."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass

import msgspec
import numpy as np

from tamis.classifiers import bundle_facts
from tamis.classifiers.errors import UsageError
from tamis.interventions import sampling
from tamis.interventions.batch import Batch
from tamis.interventions.measures.base import Context
from tamis.interventions.measures.collateral import dialect_sample
from tamis.interventions.mentions import Mentions
from tamis.interventions.rules import Intervention
from tamis.pipeline import binding, fetched, runspec, storable
from tamis.pipeline.described import Described, Models
from tamis.pipeline.plan import ClassifierRef, Plan
from tamis.pipeline.runspec import RunSpec
from tamis.pipeline.stored_run import StoredRun, fit

__all__ = ["Application", "check"]

_AGAIN = "or run the plan with `tamis run`, which scores anew"


@dataclass(frozen=True)
class Application:
    """A plan that may be applied to stored scores.

    Attributes:
        spec: The resolved run.
        source: The run that has the scores.
        interventions: The plan's interventions in order.
        context: What the measures must know.
    """

    spec: RunSpec
    source: StoredRun
    interventions: Mapping[str, Intervention]
    context: Context

    def fitted(self, batch: Batch) -> Batch:
        """Returns a batch of the stored run as a run of this plan would have scored it."""
        return dataclasses.replace(fit(batch, self.spec), mentions=self._mentions(batch))

    def _mentions(self, batch: Batch) -> Mentions | None:
        found = batch.mentions
        if found is None:
            return None
        looked = dialect_sample(batch.keys, self.context)
        return dataclasses.replace(found, dialects=np.where(looked[:, None], found.dialects, np.nan))


def check(plan: Plan, source: StoredRun) -> Application:
    """Checks that stored scores are enough for a plan, and resolves the run.

    Raises:
        UsageError: The plan asks for what was not stored; the message says what to change.
        BundleError: A bundle's header is damaged.
    """
    _check_corpus(plan, source.spec.plan)
    models = _models(plan, source.spec)
    points: dict[str, float] = {}
    interventions = binding.interventions_of(plan, models, points)
    storable.check(interventions, {name: ref.aggregate for name, ref in plan.refs().items()}, source.spec.floors)
    level = _level(plan, source.spec)
    spec = runspec.resolve(plan, models.ids(), models.evaluator_id(), level, source.spec.inputs, source.manifest.run_id)
    spec = msgspec.structs.replace(spec, points=points, pilot=source.spec.pilot, pilot_scale=source.spec.pilot_scale)
    if any(item.matches for item in interventions.values()):
        spec = runspec.identified(spec, rates=binding.rates_of(interventions, source.pilot()))
    ready = binding.calibrated(interventions, spec.rates)
    return Application(spec, source, ready, binding.context_of(spec, models, ready))


def _check_corpus(plan: Plan, scored: Plan) -> None:
    """Checks that plan and scores speak of the same documents, cut in the same way; where they lie may differ."""
    _same("passages.target", plan.passages.target, scored.passages.target)
    for key in ("shards", "format"):
        _same(f"corpus.{key}", getattr(plan.corpus, key), getattr(scored.corpus, key))
    for key in ("id", "text", "source", "url"):
        _same(f"corpus.fields.{key}", getattr(plan.corpus.fields, key), getattr(scored.corpus.fields, key))
    for name, path in plan.corpus.fields.extra.items():
        _same(f"corpus.fields.extra.{name}", path, scored.corpus.fields.extra.get(name))


def _same(key: str, wanted: object, stored: object) -> None:
    if wanted != stored:
        raise UsageError(f"`{key}`: the plan says {wanted}, the scores were made with {stored}: change it, {_AGAIN}")


def _models(plan: Plan, scored: RunSpec) -> Models:
    """Reads what the plan's classifiers say of themselves, and checks that the scores are theirs."""
    stored = scored.plan.refs()
    found: dict[str, Described] = {}
    for name, ref in plan.refs().items():
        if name not in stored:
            known = ", ".join(f"`{one}`" for one in stored)
            raise UsageError(f"`classifiers.{name}`: the run has scores of {known}: remove it, {_AGAIN}")
        found[name] = _described(f"classifiers.{name}", ref, stored[name], scored.bundles[name])
    evaluator, before = plan.evaluator_ref(), scored.plan.evaluator_ref()
    if evaluator is None:
        return Models(found, None)
    if before is None or scored.evaluator is None:
        raise UsageError(f"`evaluator`: the run was made without one: remove it, {_AGAIN}")
    return Models(found, _described("evaluator", evaluator, before, scored.evaluator))


def _described(key: str, ref: ClassifierRef, stored: ClassifierRef, identity: str) -> Described:
    _same(f"{key}.aggregate", ref.aggregate, stored.aggregate)
    one = _read(ref)
    if one.id != identity:
        raise UsageError(
            f"`{key}`: {ref.path} is {one.id}, the scores were made with {identity}: name that bundle, {_AGAIN}"
        )
    return one


def _read(ref: ClassifierRef) -> Described:
    if ref.path.startswith("plugin:"):
        # A plugin has no header: what it says of itself is said by its code.
        from tamis.classifiers import plugin

        return plugin.load(ref.path)
    if ref.attributes is not None:
        from tamis.pipeline import dolma_scores

        return dolma_scores.load(ref)
    return bundle_facts.read(fetched.bundle_folder(ref.path, ref.sha256), ref.sha256)


def _level(plan: Plan, scored: RunSpec) -> int | None:
    """Returns the evaluation's sampling level, as the launcher of a run of this plan would have set it."""
    if plan.evaluator is None or plan.evaluate.sample == 0:
        return None
    if plan.evaluate.sample == scored.plan.evaluate.sample and scored.sample_level is not None:
        # A refreshed run keeps the level of the run before it, whatever its corpus has grown to.
        return scored.sample_level
    documents = scored.pilot_scale * sum(part.documents * part.scale for part in scored.pilot)
    level = sampling.level_for(round(documents), plan.evaluate.sample)
    if scored.sample_level is None or level < scored.sample_level:
        sample = scored.plan.evaluate.sample
        raise UsageError(
            f"`evaluate.sample: {plan.evaluate.sample}`: the evaluator's scores are those of a sample of {sample}: "
            f"write at most {sample}, {_AGAIN}"
        )
    return level
