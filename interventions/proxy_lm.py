"""What the data teaches a model: a trigram trained on equal tokens of before and after, and asked the same things.

For every intervention: the probability that a continuation of a harmless prompt holds a toxic term, exactly, for each
bucket of prompts; the same as the literature's TP and EMT over 25 continuations; and bits per byte on held-out texts,
general ones and ones about identity and health. Each stands beside a random removal of as many tokens, the placebo.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from tamis.classifiers.base import Classifier
from tamis.interventions import proxy_arms, proxy_held_out, proxy_result, proxy_texts
from tamis.interventions.proxy_arms import BLOCKS, Arm
from tamis.interventions.proxy_experiment import Experiment
from tamis.interventions.proxy_intervention import Head, Ran
from tamis.interventions.proxy_lanes import Flags
from tamis.interventions.proxy_numbers import Numbers, Replicated
from tamis.interventions.proxy_pool import Pooled
from tamis.interventions.proxy_sample import SampledDocument

__all__ = ["DEFAULT_TOKENS", "Settings", "evaluate"]

#: Tokens that each model is trained on, where the plan does not say.
DEFAULT_TOKENS: Final = 1_000_000
#: Tokens below which a model has learnt nothing worth asking about.
MINIMUM_TOKENS: Final = 20_000

Progress = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Settings:
    """How the experiment is run.

    Attributes:
        interventions: Names, in the plan's order.
        lexicon: The word list that makes a continuation toxic.
        lexicon_id: Its identity, for the report.
        independent: Whether the list is independent of the filter, by the same checks as for an evaluator.
        checks: What those checks found.
        flags: Says which of some terms the filter flags in a harmless sentence; None where it is not known.
        tokens: Most tokens to train a model on.
        workers: Threads; the numbers do not depend on it.
        unlearnable: Interventions whose effect this model cannot show, with the reason.
    """

    interventions: Sequence[str]
    lexicon: Classifier
    lexicon_id: str
    independent: bool = False
    checks: Sequence[Mapping[str, Any]] = ()
    flags: Flags | None = None
    tokens: int = DEFAULT_TOKENS
    workers: int = 1
    unlearnable: Mapping[str, str] = field(default_factory=dict)


def evaluate(
    documents: Sequence[SampledDocument], settings: Settings, progress: Progress = lambda _: None
) -> dict[str, Any]:
    """Runs the experiment.

    Args:
        documents: The sample, in any order.
        settings: How to run it.
        progress: Told what is going on, a line at a time.

    Returns:
        The content of `measures.proxy` in report.json, see `proxy_result`; the same for the same documents, whatever
        their order.
    """
    progress("proxy: cutting the sample into words")
    pooled = Pooled.of(documents, settings.interventions)
    reasons = {name: reason for name in settings.interventions if (reason := _reason(pooled, name, settings))}
    tested = [name for name in settings.interventions if name not in reasons]
    head = Head(settings.lexicon_id, settings.independent, settings.checks, pooled)
    if not tested:
        return proxy_result.content(head, reasons, settings.interventions, None)
    arms, tokens = pooled.arms(tested, settings.tokens)
    progress(f"proxy: {len(tested)} interventions, {tokens:,} tokens a model; finding n-grams and terms")
    held_out = [*proxy_texts.held_out(), *proxy_held_out.sets(pooled.held_texts, settings.lexicon)]
    experiment = Experiment(pooled.words, arms, settings.lexicon, settings.flags, proxy_texts.prompts(), held_out)
    numbers = Numbers.of(experiment)
    found, floors = _run(experiment, numbers, arms, settings.workers, progress)
    ran = Ran(experiment, numbers, dict(zip(_names(tested), found, strict=True)), floors, arms, tokens)
    return proxy_result.content(head, reasons, settings.interventions, ran)


def _names(tested: Sequence[str]) -> list[tuple[str, str]]:
    """Names the arms in their order: (kind, intervention)."""
    return [("before", ""), *((kind, name) for name in tested for kind in ("after", "placebo"))]


def _reason(pooled: Pooled, name: str, settings: Settings) -> str | None:
    """Returns why an intervention cannot be tested, None where it can."""
    if name in settings.unlearnable:
        return settings.unlearnable[name]
    if pooled.total < MINIMUM_TOKENS:
        return f"the sample holds {pooled.total:,} tokens; a model needs {MINIMUM_TOKENS:,}"
    if not pooled.changed(name):
        return proxy_result.SAME
    if pooled.left(name) < MINIMUM_TOKENS:
        return f"{pooled.left(name):,} tokens are left after it; a model needs {MINIMUM_TOKENS:,}"
    return None


def _run(
    experiment: Experiment, numbers: Numbers, arms: Sequence[Arm], workers: int, progress: Progress
) -> tuple[list[Replicated], list[dict[tuple[str, ...], float]]]:
    """Runs every arm as it is, unlearnt, and without each group; returns the numbers of each arm and its floors."""
    jobs = [(arm, unlearnt) for unlearnt in (False, True) for arm in arms]
    for block in range(BLOCKS):
        jobs += [(proxy_arms.without(arm, block), False) for arm in arms]

    def told(done: int) -> None:
        if done % len(arms) == 0:
            progress(f"proxy: {done} of {len(jobs)} models")

    outcomes = experiment.run_all(jobs, workers, told)
    taken = [numbers.take(outcome) for outcome in outcomes]
    n = len(arms)
    found = [
        Replicated(taken[i], [taken[at + i] for at in range(2 * n, len(taken), n)], outcomes[i].bits) for i in range(n)
    ]
    return found, taken[n : 2 * n]
