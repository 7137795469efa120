"""A finished run whose scores can be used again."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from tamis.classifiers.base import BatchScores
from tamis.classifiers.errors import ShardError, UsageError
from tamis.interventions import sampling
from tamis.interventions.batch import Batch
from tamis.pipeline import manifest as manifests
from tamis.pipeline import receipt_files
from tamis.pipeline.manifest import Manifest
from tamis.pipeline.merging import ShardLine
from tamis.pipeline.receipts import Brief
from tamis.pipeline.runspec import RunSpec
from tamis.pipeline.scale import EVALUATION_SALT
from tamis.pipeline.scoreread import ScoreFile
from tamis.pipeline.storage import Store

__all__ = ["StoredRun", "fit"]

_RESTORE = "restore it, or score the corpus anew"


@dataclass(frozen=True)
class StoredRun:
    """A finished run with its score files.

    Attributes:
        store: The output root that it lies under.
        manifest: Its record.
    """

    store: Store
    manifest: Manifest

    @classmethod
    def open(cls, store: Store, run_id: str) -> StoredRun:
        """Opens a run.

        Raises:
            UsageError: It was itself decided from the scores of another run.
            TamisError: There is no such run, or it did not finish.
        """
        manifest, _ = manifests.read(store, run_id)
        if manifest.spec.scores is not None:
            raise UsageError(
                f"{store.root}/runs/{run_id}: has no scores of its own, it was decided from those of run "
                f"{manifest.spec.scores}: name that one"
            )
        return cls(store, manifest)

    @property
    def spec(self) -> RunSpec:
        """What was run."""
        return self.manifest.spec

    def receipt(self, line: ShardLine) -> tuple[Brief, str]:
        """Reads the receipt of a shard, and the version of the input that it speaks of.

        Raises:
            ShardError: It is missing, altered, or not the one of the manifest.
        """
        sealed = receipt_files.of_line(self.store, self.spec.folder, line, _RESTORE, _RESTORE)
        return sealed.brief(), sealed.version

    def scores(self, receipt: Brief) -> ScoreFile:
        """Opens the score file of a shard.

        Raises:
            ShardError: It is missing, or not the one that the receipt speaks of.
        """
        output = receipt.outputs.get("scores")
        if output is None:
            raise ShardError(f"run {self.manifest.run_id}: shard {receipt.shard} has no score file: score it anew")
        path = f"{self.spec.folder}/{output.path}"
        try:
            data = self.store.read(path)
        except FileNotFoundError:
            raise ShardError(f"{self.store.root}/{path}: no such file; {_RESTORE}") from None
        return ScoreFile(data, f"{self.store.root}/{path}", output.sha256)

    def categories(self) -> Mapping[str, tuple[str, ...]]:
        """Returns the categories of each classifier and of the evaluator, in the order of their scores."""
        return self.scores(self.receipt(self.manifest.shards[0])[0]).categories

    def pilot(self) -> Iterator[tuple[float, Batch]]:
        """Yields the documents that the launcher looked at, and how many times these documents each shard is."""
        lines = {line.shard: line for line in self.manifest.shards}
        for part in self.spec.pilot:
            for stored in self.scores(self.receipt(lines[part.shard])[0]).head(part.documents):
                yield part.scale, stored.batch


def fit(batch: Batch, spec: RunSpec) -> Batch:
    """Returns a batch of a stored run with the classifiers, the fields and the evaluation of another run."""
    evaluator, evaluated = None, np.zeros(len(batch), np.bool_)
    if spec.evaluator is not None and batch.evaluator is not None:
        evaluated = _sampled(batch, spec.sample_level)
        evaluator = _only(batch.evaluator, evaluated)
    scores = {name: batch.scores[name] for name in spec.bundles}
    fields = {name: batch.fields[name] for name in spec.plan.corpus.fields.extra}
    return dataclasses.replace(batch, scores=scores, evaluator=evaluator, evaluated=evaluated, fields=fields)


def _sampled(batch: Batch, level: int | None) -> Any:
    if level is None:
        return np.zeros(len(batch), np.bool_)
    return sampling.sampled(batch.keys, EVALUATION_SALT, level)


def _only(scores: BatchScores, chosen: Any) -> BatchScores:
    document = np.where(chosen[:, None], scores.document, np.float32(np.nan))
    unscored = np.where(chosen, scores.unscored, np.uint8(0))
    return BatchScores(scores.categories, document, scores.passage, unscored)
