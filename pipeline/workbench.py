"""What a worker needs to process shards: verified bundles, parsed rules, the measures' context. Loaded once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from tamis.classifiers import bundle as bundles
from tamis.classifiers import plugin
from tamis.classifiers.bundle import Bundle
from tamis.classifiers.errors import BundleError
from tamis.classifiers.plugin import Plugin
from tamis.classifiers.scorer import Scorer
from tamis.interventions.measures.base import Context
from tamis.interventions.rules import Intervention, parse_interventions
from tamis.pipeline.independence import certificate
from tamis.pipeline.plan import ClassifierRef, Plan
from tamis.pipeline.runspec import RunSpec

__all__ = ["Models", "Workbench", "load_models"]

SALT = "tamis"

Loaded = Bundle | Plugin


@dataclass(frozen=True, slots=True)
class Models:
    """The bundles of a plan, loaded and verified."""

    classifiers: Mapping[str, Loaded]
    evaluator: Loaded | None

    def ids(self) -> dict[str, str]:
        """Returns the bundle id of each classifier, by the plan's name."""
        return {name: bundle.id for name, bundle in self.classifiers.items()}

    def evaluator_id(self) -> str | None:
        """Returns the evaluator's bundle id, None where the plan has none."""
        return None if self.evaluator is None else self.evaluator.id


@dataclass(frozen=True, slots=True)
class Workbench:
    """Everything that processing a shard needs, bound to one run.

    Attributes:
        spec: The resolved run.
        models: Its bundles.
        scorers: A scorer a classifier, by the plan's name.
        evaluator: The evaluator's scorer, None where the plan has none.
        interventions: The plan's interventions in order.
        context: What the measures must know.
    """

    spec: RunSpec
    models: Models
    scorers: Mapping[str, Scorer]
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

    @classmethod
    def assemble(cls, spec: RunSpec, models: Models) -> Workbench:
        """Binds loaded models to a run."""
        parsed = interventions_of(spec.plan, models)
        interventions = {
            name: item.calibrated(spec.rates) if item.matches and spec.rates else item for name, item in parsed.items()
        }
        refs = spec.plan.refs()
        scorers = {name: _scorer(bundle, refs[name]) for name, bundle in models.classifiers.items()}
        reference = spec.plan.evaluator_ref()
        evaluator = None if models.evaluator is None or reference is None else _scorer(models.evaluator, reference)
        context = context_of(spec, models, interventions)
        return cls(spec, models, scorers, evaluator, interventions, context)


def _scorer(bundle: Loaded, ref: ClassifierRef) -> Scorer:
    return Scorer(bundle, aggregate=ref.aggregate)


def load_models(plan: Plan) -> Models:
    """Loads and verifies every bundle that a plan names."""
    loaded = {name: load_classifier(ref) for name, ref in plan.refs().items()}
    ref = plan.evaluator_ref()
    return Models(loaded, None if ref is None else load_classifier(ref))


def load_classifier(ref: ClassifierRef) -> Loaded:
    """Loads and verifies one classifier: `builtin:NAME`, `plugin:NAME` or a bundle's folder."""
    return plugin.load(ref.path) if ref.path.startswith(plugin.PREFIX) else bundles.load(ref.path, ref.sha256)


def _check_same(spec: RunSpec, models: Models) -> None:
    wanted = {**spec.bundles, "evaluator": spec.evaluator}
    found = {**models.ids(), "evaluator": models.evaluator_id()}
    for name, identity in wanted.items():
        if found[name] != identity:
            raise BundleError(
                f"classifier `{name}`: the run was launched with {identity}, this worker has {found[name]}; "
                "install the same version of tamis and the same bundles on launcher and workers"
            )


def interventions_of(plan: Plan, models: Models) -> dict[str, Intervention]:
    """Parses a plan's rules against the categories and operating points of its bundles."""
    categories = {name: bundle.categories for name, bundle in models.classifiers.items()}

    def lookup(classifier: str, category: str, kind: str, value: float) -> float:
        return models.classifiers[classifier].threshold(category, kind, value)

    return parse_interventions(plan.interventions, categories, lookup, fields=tuple(plan.corpus.fields.extra))


def context_of(spec: RunSpec, models: Models, interventions: Mapping[str, Intervention]) -> Context:
    """Returns what the measures must know about a run."""
    evaluator = models.evaluator
    independence = certificate(models.classifiers, evaluator)
    return Context(
        interventions={name: item.labels for name, item in interventions.items()},
        published=spec.plan.publish,
        actions={name: item.actions for name, item in interventions.items()},
        classifiers={name: bundle.categories for name, bundle in models.classifiers.items()},
        conditions={name: tuple(item.conditions) for name, item in interventions.items()},
        evaluator=() if evaluator is None else evaluator.categories,
        evaluator_thresholds={} if evaluator is None else evaluator_thresholds(evaluator),
        salt=SALT,
        independent=independence.independent,
        notes={"independence": independence.record(), "sample_level": spec.sample_level},
    )


def evaluator_thresholds(bundle: Loaded) -> dict[str, float]:
    """Returns the evaluator's default operating point of each category."""
    return {category: bundle.threshold(category, "default", None) for category in bundle.categories}
