"""A small corpus that changes, and a plan that follows it: what the tests of refreshing share."""

from __future__ import annotations

import gzip
import hashlib
import json
from pathlib import Path

import msgspec

from tamis.pipeline import listed, manifest, merging, plan, publish, refresh, shard
from tamis.pipeline.storage import open_store


def documents(first, count):
    """Returns documents of which one in five is to be dropped."""
    return [
        {
            "id": f"d{k}",
            "text": f"hate{90 if k % 5 == 0 else 10} ehate{80 if k % 7 == 0 else 20} word{k}",
            "source": "s",
        }
        for k in range(first, first + count)
    ]


def tree(folder):
    """Returns the digest of every file under a folder."""
    files = sorted(path for path in Path(folder).rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


class World:
    """A corpus of three shards, a plan, and what was processed of it."""

    documents = staticmethod(documents)
    tree = staticmethod(tree)

    def __init__(self, folder, marker_run, monkeypatch):
        self.folder, self.corpus = folder, folder / "corpus"
        for k in range(3):
            self.put(f"part-{k}.jsonl.gz", documents(100 * k, 60))
        self.content = marker_run.plan_of(folder, self.corpus, marker_run.bundles(folder / "bundles"))
        self.content["corpus"]["shards"] = "**/*.jsonl.gz"
        self.processed = []
        process = shard._process

        def counting(bench, one, store):
            self.processed.append(one.path)
            return process(bench, one, store)

        monkeypatch.setattr(shard, "_process", counting)

    def put(self, name, found):
        """Writes a shard."""
        lines = "".join(json.dumps(document) + "\n" for document in found)
        (self.corpus / name).parent.mkdir(parents=True, exist_ok=True)
        (self.corpus / name).write_bytes(gzip.compress(lines.encode(), mtime=0))

    @property
    def plan(self):
        return plan.parse(json.dumps(self.content))

    @property
    def output(self):
        return Path(self.content["output"])

    def prepare(self, **options):
        return refresh.prepare(self.plan, **options)

    def finish(self, found, reusing=True):
        """Makes the run of a refresh without an engine; returns its status."""
        spec = found.checked.spec if reusing else msgspec.structs.replace(found.checked.spec, reuse=None, redecide=None)
        bench, store = found.checked.bench.bound(spec), open_store(spec.plan.output)
        listed.write(store, spec.run_id, found.checked.shards)
        merged = merging.merge(merging.of_receipt(shard.filter_shard(bench, one)) for one in found.checked.shards)
        return publish.finish(store, spec, merged, bench.context)

    def refresh(self, reusing=True, **options):
        """Refreshes; returns what was processed, None where there was nothing to do."""
        self.processed.clear()
        found = self.prepare(**options)
        if found.nothing:
            return None
        assert self.finish(found, reusing) == "published"
        return list(self.processed)

    def current(self):
        return manifest.read_current(open_store(str(self.output))).run_id
