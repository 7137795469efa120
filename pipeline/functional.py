"""The functional tests as a part of publishing a run: sentences go through the run's own classifiers and rules."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tamis.interventions import functional_policy
from tamis.interventions.verdict import Decisions
from tamis.pipeline import scoring
from tamis.pipeline.document import Document
from tamis.pipeline.workbench import Workbench

__all__ = ["measured"]


def measured(bench: Workbench) -> dict[str, Any]:
    """Returns the result of the functional tests, by its name among the report's measures."""
    # What the evaluator thinks of the sentences plays no part.
    bench = dataclasses.replace(bench, evaluator=None)
    decide = functools.partial(_decide, bench)
    return {functional_policy.NAME: functional_policy.measure(decide, bench.context)}


def _decide(bench: Workbench, texts: Sequence[str]) -> tuple[Mapping[str, Decisions], NDArray[np.bool_]]:
    """Treats texts as a run treats documents that have no source, no url and no further fields."""
    documents = [Document(id=f"functional-{number}", text=text) for number, text in enumerate(texts)]
    batch = scoring.score(bench, documents)
    unscored = np.logical_and.reduce([scores.unscored != 0 for scores in batch.scores.values()])
    return {name: one.decide(batch) for name, one in bench.interventions.items()}, unscored
