"""A finished run as `tamis report` reads it: its report, and from its receipts what a comparison needs."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tamis.classifiers.errors import TamisError, UsageError
from tamis.interventions import comparison, report
from tamis.interventions.comparison import Arm
from tamis.interventions.measures.base import Context
from tamis.interventions.measures.prevalence import Prevalence
from tamis.interventions.sides import Side
from tamis.interventions.sides_checks import Ruler
from tamis.pipeline import manifest as manifests
from tamis.pipeline import receipt_files
from tamis.pipeline.canonical import canonical_bytes
from tamis.pipeline.manifest import Manifest
from tamis.pipeline.merging import ShardLine
from tamis.pipeline.receipts import Measured
from tamis.pipeline.storage import Store
from tamis.pipeline.uncollected import uncollected
from tamis.pipeline.wording import nearest

__all__ = ["FinishedRun"]

Json = dict[str, Any]


@dataclass(frozen=True)
class FinishedRun:
    """A finished run.

    Attributes:
        store: The output root that it lies under.
        manifest: Its record.
        report: The content of its report.json.
    """

    store: Store
    manifest: Manifest
    report: Json

    @classmethod
    def open(cls, store: Store, run_id: str) -> FinishedRun:
        """Opens a run.

        Raises:
            TamisError: There is no such run, it did not finish, or its report is not the one that it was finished with.
        """
        manifest, _ = manifests.read(store, run_id)
        return cls(store, manifest, _report(store, manifest))

    def sides(self, everything: bool, names: tuple[str, ...] = ()) -> list[Side]:
        """Returns the interventions that are compared: those named, all, or the one that the report is about.

        Raises:
            UsageError: The run has no intervention of that name.
            ShardError: A receipt is damaged, or not the one of the manifest.
        """
        known = self.report["interventions"]
        for name in names:
            if name not in known:
                raise UsageError(f"`--intervention {name}`: run {self.manifest.run_id} has none{nearest(name, known)}")
        lead = str(self.report["lead"])
        chosen = names or ([lead, *(name for name in self.report["order"] if name in known and name != lead)])
        ruler, arms = self._measured()
        return [
            Side(self.report, name, ruler, arms.get(name)) for name in (chosen if names or everything else chosen[:1])
        ]

    def _measured(self) -> tuple[Ruler, dict[str, Arm]]:
        digest, states = hashlib.sha256(_fields(self.manifest)), []
        with uncollected():
            for line in self.manifest.shards:
                found = self._receipt(line)
                digest.update(canonical_bytes([line.shard, found.input.sha256]))
                states.append(found.measures.get("prevalence") or {})
            arms = comparison.arms(Prevalence.merge(*states), _context(self.report))
        return self._ruler(digest.hexdigest()), {arm.name: arm for arm in arms}

    def _receipt(self, line: ShardLine) -> Measured:
        hints = "restore it, or run again", "see `tamis verify`"
        return receipt_files.of_line(self.store, self.manifest.spec.folder, line, *hints).measured("prevalence")

    def _ruler(self, corpus: str) -> Ruler:
        spec = self.manifest.spec
        evaluator = spec.plan.evaluator_ref()
        prevalence = self.report["measures"].get("prevalence") or {}
        aggregate = "" if evaluator is None else f" and {evaluator.aggregate} over them"
        return Ruler(
            corpus=corpus,
            shards=len(self.manifest.shards),
            documents=self.manifest.counts.seen,
            evaluator=spec.evaluator,
            reading=f"passages of about {spec.plan.passages.target} characters{aggregate}",
            thresholds=prevalence.get("thresholds") or {},
            level=spec.sample_level,
            filters=spec.bundles,
            version=spec.version,
            packages=self.manifest.packages,
        )


def _fields(manifest: Manifest) -> bytes:
    """What a document is, is told by where its id, text and domain are read."""
    corpus = manifest.spec.plan.corpus
    return canonical_bytes([corpus.fields.id, corpus.fields.text, corpus.fields.url, corpus.format])


def _context(content: Mapping[str, Any]) -> Context:
    """Returns as much of the context as the counts by intervention need."""
    prevalence = content["measures"].get("prevalence") or {}
    independence = content["provenance"].get("independence") or {}
    evaluator = tuple(name for name in prevalence.get("categories") or () if name != "any")
    return Context(
        interventions={name: () for name in content["order"] if name in content["interventions"]},
        published=content["run"].get("published"),
        classifiers={},
        conditions={},
        evaluator=evaluator,
        independent=prevalence.get("grade") != "relative" and bool(independence.get("independent", True)),
    )


def _report(store: Store, manifest: Manifest) -> Json:
    path = f"runs/{manifest.run_id}/report/report.json"
    try:
        data = store.read(path)
    except FileNotFoundError:
        raise TamisError(f"{store.root}/{path}: no such file; restore it, or run again") from None
    if hashlib.sha256(data).hexdigest() != manifest.report.get("report.json"):
        raise TamisError(f"{store.root}/{path}: not the report that the manifest records; see `tamis verify`")
    found: Json = json.loads(data)
    if found.get("schema") != report.SCHEMA:
        raise TamisError(
            f"{store.root}/{path}: `schema` {found.get('schema')} is not known to this version of tamis, which reads "
            f"{report.SCHEMA}: use the version that made the run"
        )
    return found
