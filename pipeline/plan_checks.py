"""What the types of a plan cannot say: numbers in their range, names that exist, roots that can be reached."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tamis.classifiers.errors import UsageError
from tamis.pipeline import locations
from tamis.pipeline.targets import TARGETS
from tamis.pipeline.wording import nearest

if TYPE_CHECKING:
    from tamis.pipeline.plan import ClassifierRef, Gate, Plan

__all__ = ["check"]


def check(plan: Plan) -> None:
    """Checks a plan that has the right types.

    Raises:
        UsageError: The first thing that is wrong, with its key.
    """
    _check_names(plan)
    _check_corpus(plan)
    for key, ref in _refs(plan).items():
        _check_root(key, ref.path, written=False)
        _check_map(key, ref, reads_text=key == "evaluator")
    _check_gate(plan.gate)
    _check_numbers(plan)


def _check_names(plan: Plan) -> None:
    if not plan.classifiers:
        raise UsageError("`classifiers` is empty; name at least one, such as `policy: builtin:policy-en`")
    if "evaluator" in plan.classifiers:
        # Attributes and score files name the evaluator's scores so.
        raise UsageError("`classifiers.evaluator`: that is the name of the evaluator's scores; give it another name")
    if not plan.interventions:
        raise UsageError("`interventions` is empty; name at least one with a rule `{when: …, do: …}`")
    if plan.publish is not None and plan.publish not in plan.interventions:
        hint = nearest(plan.publish, plan.interventions)
        raise UsageError(f"`publish: {plan.publish}` names no intervention of this plan{hint}")


def _check_corpus(plan: Plan) -> None:
    size, target = plan.corpus.split_bytes, plan.corpus.write
    if size is not None and size < 1:
        raise UsageError(f"`corpus.split_bytes: {size}` is no size; write a number of bytes, or null to split nothing")
    if target is not None and target not in TARGETS:
        raise UsageError(f"`corpus.write: {target}` is not written{nearest(target, TARGETS)}")
    _check_root("corpus.root", plan.corpus.root, written=False)
    _check_root("output", plan.output, written=True)


def _refs(plan: Plan) -> dict[str, ClassifierRef]:
    refs = {f"classifiers.{name}": ref for name, ref in plan.refs().items()}
    evaluator = plan.evaluator_ref()
    return refs if evaluator is None else {**refs, "evaluator": evaluator}


def _check_gate(gate: Gate) -> None:
    for label, value in _shares(gate).items():
        if value is not None and not 0 <= value <= 1:
            raise UsageError(f"`gate.{label}: {value}` is not a share; write a number from 0 to 1")
    for label, least in (("max_collateral", 1), ("max_drift_psi", 0), ("min_documents_ratio", 0), ("min_documents", 0)):
        value = getattr(gate, label)
        if value is not None and not value >= least:
            raise UsageError(f"`gate.{label}: {value}` is out of range; write {least} or more")


def _check_numbers(plan: Plan) -> None:
    sample, tokens = plan.evaluate.sample, plan.evaluate.proxy_tokens
    if not 50 <= plan.passages.target <= 4000:
        raise UsageError(f"`passages.target: {plan.passages.target}` is out of range; write 50 to 4000 characters")
    if not 0 <= plan.report.excerpts <= 20:
        raise UsageError(f"`report.excerpts: {plan.report.excerpts}` is out of range; write 0 to 20 passages")
    if sample < 0:
        raise UsageError(f"`evaluate.sample: {sample}` is negative; write a number of documents")
    if not 20_000 <= tokens <= 20_000_000:
        raise UsageError(f"`evaluate.proxy_tokens: {tokens}` is out of range; write 20000 to 20000000 tokens")


def _check_root(key: str, root: str, written: bool) -> None:
    """Checks that a root is a folder or a URL of a known storage, without credentials in it."""
    try:
        location = locations.parse(root)
    except UsageError as error:
        raise UsageError(f"`{key}`: {error}") from None
    if written and location is not None and location.scheme in locations.READ_ONLY:
        raise UsageError(
            f"`{key}: {root}`: {location.scheme}:// is read only; write to a folder, s3://, gs:// or az://"
        )


def _check_map(key: str, ref: ClassifierRef, *, reads_text: bool = False) -> None:
    """Checks that attributes of Dolma have a map, that nothing else has one, and that the evaluator reads texts."""
    example = "`map: {hate: experiment__tagger__label}`"
    if ref.attributes is None:
        if ref.map is not None or ref.absent is not None:
            raise UsageError(f"`{key}`: `map` and `absent` go with `path: dolma:ATTRIBUTES` only; remove them")
    elif reads_text:
        raise UsageError(f"`{key}: {ref.path}`: an evaluator reads texts, attributes stand for them: name a bundle")
    elif not ref.map or not all("__" in attribute for attribute in ref.map.values()):
        raise UsageError(f"`{key}: {ref.path}` needs the attribute of each category, as in {example}")
    elif ref.absent not in (None, 0):
        raise UsageError(f"`{key}.absent: {ref.absent}`: write 0, or leave it out: such documents are unscored then")
    elif ref.sha256 is not None:
        raise UsageError(f"`{key}.sha256` is that of a bundle; remove it")


def _shares(gate: Gate) -> dict[str, float | None]:
    names = ("max_drop_rate", "max_quarantine", "max_unscored", "max_prevalence_change", "max_drop_rate_change")
    return {name: getattr(gate, name) for name in names}
