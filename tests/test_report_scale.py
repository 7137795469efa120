"""A report of a thousand shards from their receipts: those of a small real run, repeated under other names.

TAMIS_SLOW=1 asks for a thousand; by default it is a tenth, in a tenth of the time.
"""

from __future__ import annotations

import os
import time
from pathlib import Path
from types import ModuleType
from typing import Any

import msgspec
import pytest

from tamis.interventions import report, report_html
from tamis.pipeline import manifest as manifests
from tamis.pipeline import merging, receipts
from tamis.pipeline.finished_run import FinishedRun
from tamis.pipeline.storage import open_store
from tamis.pipeline.uncollected import uncollected
from tamis.pipeline.workbench import Workbench

SHARDS = 1000 if os.environ.get("TAMIS_SLOW") else 100
#: CPU seconds that a shard's part may take.
LIMIT = 10 / 1000


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory, marker_run: ModuleType) -> Path:
    """A run of two shards whose receipts have something to say."""
    documents = [
        {
            "id": f"d{k}",
            "text": f"plain text {k} hate{k % 99 + 1:02d} ehate{(3 * k) % 99 + 1:02d} sexual{(7 * k) % 99 + 1:02d}",
            "source": f"source {k % 7}",
            "url": f"http://site{k % 300}.example/{k}",
        }
        for k in range(2000)
    ]
    made: Path = marker_run.make(tmp_path_factory.mktemp("scale"), documents)
    return made


def repeated(run: Path) -> tuple[Any, list[bytes]]:
    """The run's spec, and many receipts: the few that there are, under other names."""
    store = open_store(str(run.parents[1]))
    manifest, _ = manifests.read(store, run.name)
    own = [receipts.decode(path.read_bytes(), path.name)[0] for path in sorted((run / "receipts").rglob("*.json"))]
    every = [
        msgspec.structs.replace(own[k % len(own)], shard=f"{k:04d}/{own[k % len(own)].shard}") for k in range(SHARDS)
    ]
    return msgspec.structs.replace(manifest.spec), [receipts.encode(one, "v") for one in every]


def merged(files: list[bytes]) -> merging.Merged:
    """Merges receipts as the job does: a few at a time."""
    waiting: list[merging.Merged] = []
    for data in files:
        waiting.append(merging.of_receipt(receipts.decode(data, "receipt")[0]))
        if len(waiting) == 64:
            waiting = [merging.merge(waiting)]
    return merging.merge(waiting)


def test_many_shards_are_rendered_in_time(run: Path) -> None:
    spec, files = repeated(run)
    context = Workbench.load(spec).context
    merging.merge([])
    start = time.process_time()
    with uncollected():
        found = merged(files)
        counts = msgspec.to_builtins(found.counts)
        record = {"run_id": spec.run_id, "name": "many", "status": "published", "counts": counts, "shards": SHARDS}
        content = report.build(record, found.states, context)
        page = report_html.render(content)
    spent = time.process_time() - start
    assert content["measures"]["volume"]["seen"]["documents"] == 1000 * SHARDS
    assert f"{SHARDS:,} shards" in page
    # What is paid once, however many shards there are: laying out the page.
    assert spent < LIMIT * SHARDS + 1


def test_comparing_decodes_only_what_is_compared(run: Path) -> None:
    found = FinishedRun.open(open_store(str(run.parents[1])), run.name)
    sealed = receipts.unseal(next((run / "receipts").rglob("*.json")).read_bytes(), "receipt")
    assert set(sealed.measured("prevalence").measures) == {"prevalence"}
    assert [side.intervention for side in found.sides(everything=True)] == ["drop", "redact"]
