"""What a worker needs to process shards: verified bundles, parsed rules, the measures' context. Loaded once."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass

from tamis.classifiers import bundle as bundles
from tamis.classifiers import plugin
from tamis.classifiers.bundle import Bundle
from tamis.classifiers.errors import BundleError
from tamis.classifiers.plugin import Plugin
from tamis.classifiers.scorer import Scorer
from tamis.interventions.measures.base import Context
from tamis.interventions.rules import Intervention
from tamis.pipeline import dolma_scores, fetched
from tamis.pipeline.binding import calibrated, context_of, interventions_of
from tamis.pipeline.described import Models
from tamis.pipeline.dolma_scores import DolmaScores
from tamis.pipeline.plan import ClassifierRef, Plan
from tamis.pipeline.runspec import RunSpec

__all__ = ["LoadedModels", "Workbench", "load_models"]

Loaded = Bundle | Plugin | DolmaScores


@dataclass(frozen=True)
class LoadedModels(Models):
    """The classifiers of a plan, loaded and verified."""

    classifiers: Mapping[str, Loaded]
    evaluator: Bundle | Plugin | None


@dataclass(frozen=True, slots=True)
class Workbench:
    """Everything that processing a shard needs, bound to one run.

    Attributes:
        spec: The resolved run.
        models: Its bundles.
        scorers: A scorer a classifier that reads texts, by the plan's name.
        imported: The classifiers that read what others scored, by the plan's name.
        evaluator: The evaluator's scorer, None where the plan has none.
        interventions: The plan's interventions in order.
        context: What the measures must know.
    """

    spec: RunSpec
    models: LoadedModels
    scorers: Mapping[str, Scorer]
    imported: Mapping[str, DolmaScores]
    evaluator: Scorer | None
    interventions: Mapping[str, Intervention]
    context: Context

    @classmethod
    def load(cls, spec: RunSpec) -> Workbench:
        """Loads and verifies the models, and checks that they are those that the launcher saw.

        Raises:
            BundleError: A bundle is damaged, altered, or not the one that the run was launched with.
        """
        models = load_models(spec.plan)
        _check_same(spec, models)
        return cls.assemble(spec, models)

    def bound(self, spec: RunSpec) -> Workbench:
        """Returns the same models and rules, bound to a spec that differs only in how the run is published."""
        return dataclasses.replace(self, spec=spec)

    @classmethod
    def assemble(cls, spec: RunSpec, models: LoadedModels) -> Workbench:
        """Binds loaded models to a run."""
        interventions = calibrated(interventions_of(spec.plan, models), spec.rates)
        refs = spec.plan.refs()
        imported = {name: one for name, one in models.classifiers.items() if isinstance(one, DolmaScores)}
        scorers = {
            name: _scorer(one, refs[name])
            for name, one in models.classifiers.items() if not isinstance(one, DolmaScores)
        }  # fmt: skip
        reference = spec.plan.evaluator_ref()
        evaluator = None if models.evaluator is None or reference is None else _scorer(models.evaluator, reference)
        context = context_of(spec, models, interventions)
        return cls(spec, models, scorers, imported, evaluator, interventions, context)


def _scorer(bundle: Bundle | Plugin, ref: ClassifierRef) -> Scorer:
    return Scorer(bundle, aggregate=ref.aggregate)


def load_models(plan: Plan) -> LoadedModels:
    """Loads and verifies every bundle that a plan names."""
    loaded = {name: _load(ref) for name, ref in plan.refs().items()}
    ref = plan.evaluator_ref()
    return LoadedModels(loaded, None if ref is None else load_classifier(ref))


def _load(ref: ClassifierRef) -> Loaded:
    return dolma_scores.load(ref) if ref.attributes is not None else load_classifier(ref)


def load_classifier(ref: ClassifierRef) -> Bundle | Plugin:
    """Loads and verifies one classifier: `builtin:NAME`, `plugin:NAME`, or a bundle's folder or URL."""
    if ref.path.startswith(plugin.PREFIX):
        return plugin.load(ref.path)
    return bundles.load(fetched.bundle_folder(ref.path, ref.sha256), ref.sha256)


def _check_same(spec: RunSpec, models: Models) -> None:
    wanted = {**spec.bundles, "evaluator": spec.evaluator}
    found = {**models.ids(), "evaluator": models.evaluator_id()}
    for name, identity in wanted.items():
        if found[name] != identity:
            raise BundleError(
                f"classifier `{name}`: the run was launched with {identity}, this worker has {found[name]}; "
                "install the same version of tamis and the same bundles on launcher and workers"
            )
