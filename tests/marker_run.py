"""Runs over documents whose scores are written into them, with two word lists as classifiers: small, exact and fast.

A document that holds the word `hate37` scores 0.37 for hate by the filter, and `ehate37` does so by the evaluator.
"""

from __future__ import annotations

import gzip
import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from tamis.classifiers import bundle
from tamis.pipeline import manifest, merging, plan, preflight, publish
from tamis.pipeline.shard import filter_shard
from tamis.pipeline.storage import open_store

CATEGORIES = ("sexual", "hate", "harassment", "violence", "self_harm")
INTERVENTIONS = {
    "drop": [{"when": "hate >= 0.5", "do": "drop"}, {"when": "any >= 0.3", "do": "tag", "name": "tag the rest"}],
    "redact": [{"when": "passage.hate >= 0.5", "do": "redact"}],
}


def bundles(folder: Path) -> dict[str, str]:
    """Writes the two word lists; returns where they lie, by role."""
    made = {}
    for role, prefix in (("policy", ""), ("evaluator", "e")):
        terms = {one: {f"{prefix}{one}{k:02d}": k / 100 for k in range(1, 100)} for one in CATEGORIES}
        path = folder / role
        path.mkdir(parents=True)
        (path / "terms.json").write_text(json.dumps({"format": 1, "terms": terms}))
        point = {"default": {"threshold": 0.5}, "precision(0.9)": {"threshold": 0.9}}
        header = {
            "name": role,
            "version": "1",
            "kind": "lexicon",
            "categories": list(CATEGORIES),
            "languages": [],
            "normaliser": "none",
            "parameters": {"file": "terms.json"},
            "operating_points": dict.fromkeys(CATEGORIES, point),
            "training": {"family": role, "sources": [{"name": f"{role} source", "families": [f"{role} labels"]}]},
        }
        bundle.write(path, header, ["plain words", f"{prefix}hate50"], "# Words\n")
        made[role] = str(path)
    return made


def corpus(folder: Path, documents: Sequence[Mapping[str, Any]], shards: int = 2) -> Path:
    """Writes documents, dealt out to shards in turn."""
    folder.mkdir(parents=True)
    for k in range(shards):
        lines = [json.dumps(document) + "\n" for document in documents[k::shards]]
        (folder / f"part-{k}.jsonl.gz").write_bytes(gzip.compress("".join(lines).encode(), mtime=0))
    return folder


def plan_of(folder: Path, root: Path, made: Mapping[str, str], **changes: Any) -> dict[str, Any]:
    """Returns a plan as it would stand in YAML; None leaves a key out."""
    plan = {
        "name": "markers",
        "corpus": {"root": str(root), "shards": "*.jsonl.gz", "fields": {"source": "source", "url": "url"}},
        "classifiers": {"policy": made["policy"]},
        "evaluator": made["evaluator"],
        "interventions": INTERVENTIONS,
        "publish": "drop",
        "output": str(folder / "out"),
        **changes,
    }
    return {key: value for key, value in plan.items() if value is not None}


def tree(root: Path) -> dict[str, str]:
    """Returns the sha256 of every file under a folder, hidden ones too, by path."""
    files = (path for path in root.rglob("*") if path.is_file())
    return {path.relative_to(root).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def run(content: Mapping[str, Any]) -> Path:
    """Runs a plan without an engine; returns the run's folder."""
    checked = preflight.check(plan.parse(json.dumps(content)))
    store = open_store(checked.spec.plan.output)
    spec = msgspec.structs.replace(checked.spec, base=manifest.base_of(store))
    merged = merging.merge(merging.of_receipt(filter_shard(checked.bench, shard)) for shard in checked.shards)
    assert publish.finish(store, spec, merged, checked.bench.context) in ("published", "measured")
    return Path(spec.plan.output) / spec.folder


def make(folder: Path, documents: Sequence[Mapping[str, Any]], **changes: Any) -> Path:
    """Writes bundles and corpus under a folder and runs; returns the run's folder."""
    made = bundles(folder / "bundles")
    return run(plan_of(folder, corpus(folder / "corpus", documents), made, **changes))


def grow(folder: Path, documents: Sequence[Mapping[str, Any]], **changes: Any) -> Path:
    """Adds a shard to the corpus that `make` wrote and runs again, beside the run that is published."""
    (folder / "corpus" / "part-9.jsonl.gz").write_bytes(
        gzip.compress("".join(json.dumps(one) + "\n" for one in documents).encode(), mtime=0)
    )
    made = {role: str(folder / "bundles" / role) for role in ("policy", "evaluator")}
    return run(plan_of(folder, folder / "corpus", made, **changes))
