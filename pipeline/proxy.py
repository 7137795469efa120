"""The proxy evaluation as a part of publishing a run: reads the shards' samples, asks the models, remembers the answer.

It is the one measure that does not add up over shards, so it runs once, when the run ends. How far it is stands in a
small file in the run's folder while it runs, for whoever watches.
"""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from tamis.classifiers import bundle
from tamis.classifiers.base import Classifier
from tamis.classifiers.errors import TamisError, UsageError
from tamis.classifiers.passages import Passages
from tamis.interventions import proxy_lm, proxy_texts
from tamis.interventions.toxic_terms import terms
from tamis.pipeline import manifest as manifests
from tamis.pipeline import samples
from tamis.pipeline.independence import certificate
from tamis.pipeline.merging import Merged
from tamis.pipeline.outputs import lines_name
from tamis.pipeline.plan import Plan
from tamis.pipeline.progress import LAST_STAGE
from tamis.pipeline.runspec import RunSpec
from tamis.pipeline.storage import Store
from tamis.pipeline.workbench import Workbench

__all__ = ["NAME", "lexicon_of", "measured"]

#: Name of the result among the report's measures.
NAME = "proxy"
#: Where the result is kept.
REPORT = "report.json"
#: Seconds between two lines; on an object store each is a request.
EVERY_S = 2.0
#: Threads at most: every one holds a model.
MOST_WORKERS = 8

_TOKENS = "a trigram forgets a control token after two words; `tamis generations score` measures it on a real model"


#: Harmless sentences that a term is put into to see whether it is the filter's own; and harmless words for comparison.
_CARRIERS = (
    "He read the word {} from the page and went on.",
    "Somebody had written {} on the board in the hall.",
    "The entry for {} is on page forty of the book.",
    "In the second row of the file the text is {} and the date is missing.",
    "On the last jar the label said {} in small letters.",
    "I think that {} is the word that she was looking for.",
)
_HARMLESS = ("table", "river", "window", "music", "bread", "seven")


class Lexicon(Classifier, Protocol):
    """A word list that says who it is."""

    @property
    def id(self) -> str:
        """Name and digest."""

    @property
    def kind(self) -> str:
        """Kind of classifier."""

    @property
    def training(self) -> Mapping[str, Any]:
        """What it was made of."""

    def threshold(self, category: str, point: str, value: float | None = None) -> float:
        """Returns the threshold of an operating point."""


def lexicon_of(plan: Plan) -> Lexicon:
    """Returns the word list that the plan's proxy output is scored with.

    Raises:
        UsageError: The plan names a bundle that is no word list, or one of words that every text has.
    """
    ref = plan.evaluate.proxy_lexicon
    if ref is None:
        return terms()
    found = bundle.load(ref)
    if found.kind != "lexicon":
        raise UsageError(
            f"`evaluate.proxy_lexicon: {ref}` is of the kind {found.kind}; the proxy counts words, so name a bundle of "
            "the kind lexicon, or leave the key out for the list that ships with tamis"
        )
    made = _Severities(found)
    neutral = [prompt.text for prompt in proxy_texts.prompts() if prompt.bucket == proxy_texts.PRIMARY]
    if (made.score(Passages.of(neutral)) > 0).any(axis=1).all():
        raise UsageError(
            f"`evaluate.proxy_lexicon: {ref}` has a term in every neutral prompt, so none can be asked: take common "
            "words out of the list"
        )
    return made


class _Severities:
    """A word list as it is: what the terms weigh, 0 for a text without any. Its calibrated scores are never 0."""

    def __init__(self, found: bundle.Bundle) -> None:
        self.categories, self.id, self.kind, self.training = found.categories, found.id, found.kind, found.training
        self.score, self.threshold = found.raw, found.threshold


def measured(store: Store, spec: RunSpec, merged: Merged, bench: Workbench) -> dict[str, Any]:
    """Returns the proxy's result under its name, nothing where the plan does not ask for it.

    Args:
        store: The output root.
        spec: The run.
        merged: The merge of every shard's receipt; none failed.
        bench: The run's models and rules.

    Raises:
        ShardError: A sample is damaged.
    """
    if spec.proxy_level is None:
        return {}
    known = _remembered(store, spec, merged)
    if known is not None:
        return {NAME: known}
    with _told(store, spec.folder) as tell:
        tell("proxy: reading the sample")
        names = [lines_name(spec.plan.corpus, line.shard) for line in merged.sorted_shards()]
        paths = [f"{spec.folder}/{samples.ROLE}/{name}" for name in names]
        rows = [row for path in paths for row in samples.read(store, path)]
        result = proxy_lm.evaluate(rows, _settings(spec, bench), tell)
    return {NAME: {**result, "level": spec.proxy_level}}


def _remembered(store: Store, spec: RunSpec, merged: Merged) -> Any:
    """Returns the result of the same run if it has ended before: a rerun with nothing to do takes no minutes."""
    try:
        manifest, _ = manifests.read(store, spec.run_id)
        data = store.read(f"{spec.folder}/report/{REPORT}")
        if manifest.shards != merged.sorted_shards() or manifest.report[REPORT] != hashlib.sha256(data).hexdigest():
            return None
        return json.loads(data)["measures"][NAME]
    except (TamisError, FileNotFoundError, KeyError, ValueError):
        return None


def _settings(spec: RunSpec, bench: Workbench) -> proxy_lm.Settings:
    lexicon = lexicon_of(spec.plan)
    found = certificate(bench.models.classifiers, lexicon)
    return proxy_lm.Settings(
        interventions=list(bench.interventions),
        lexicon=lexicon,
        lexicon_id=lexicon.id,
        independent=found.independent,
        checks=found.record()["checks"],
        flags=lambda texts: _flagged(bench, texts),
        tokens=spec.plan.evaluate.proxy_tokens,
        workers=min(len(os.sched_getaffinity(0)), MOST_WORKERS),
        unlearnable={
            name: _TOKENS
            for name, item in bench.interventions.items()
            if "control_token" in item.actions and set(item.actions) <= {"control_token", "tag"}
        },
    )


def _flagged(bench: Workbench, terms: Sequence[str]) -> NDArray[np.bool_]:
    """Says which terms make some harmless sentence reach a threshold of some intervention.

    A classifier is not made for single words, and may flag any of them alone. Sentences that it flags with a harmless
    word too are left out; where these are all of them, every term counts as flagged.
    """
    usable = [carrier for carrier in _CARRIERS if not _reached(bench, [carrier.format(w) for w in _HARMLESS]).any()]
    found = [_reached(bench, [carrier.format(term) for term in terms]) for carrier in usable]
    return np.logical_or.reduce(found) if found else np.ones(len(terms), np.bool_)


def _reached(bench: Workbench, texts: Sequence[str]) -> NDArray[np.bool_]:
    """Says which texts, as one passage each, reach a threshold of some intervention."""
    found = np.zeros(len(texts), np.bool_)
    cut, languages = Passages.of(texts), ["en"] * len(texts)
    scores = {name: scorer.score(cut, languages) for name, scorer in bench.scorers.items()}
    for conditions in bench.context.conditions.values():
        for classifier, category, threshold in conditions:
            own = scores[classifier]
            if category in own.categories:
                found |= own.document[:, own.categories.index(category)] >= threshold
    return found


@contextmanager
def _told(store: Store, folder: str) -> Iterator[Callable[[str], None]]:
    """Yields a function that leaves a line in the run's folder, now and then; it is gone at the end."""
    last = -EVERY_S

    def tell(line: str) -> None:
        nonlocal last
        if time.monotonic() - last >= EVERY_S:
            store.write(f"{folder}/{LAST_STAGE}", f"{line}\n".encode())
            last = time.monotonic()

    try:
        yield tell
    finally:
        store.delete(f"{folder}/{LAST_STAGE}")
