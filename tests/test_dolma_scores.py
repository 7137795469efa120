"""Attributes of Dolma's taggers as scores of a plan: alignment, what is missing, the same numbers as in the rows."""

from __future__ import annotations

import gzip
import json
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from tamis.classifiers import passages
from tamis.classifiers.base import Unscored
from tamis.classifiers.errors import ShardError, UsageError
from tamis.pipeline import cli, plan
from tamis.pipeline.dolma_scores import DolmaScores

SCRIPTS = Path(__file__).parents[1] / "scripts"
COUNT = 60
Row = dict[str, Any]


def documents() -> list[Row]:
    return [{"id": f"d{k}", "text": f"héllo 😀 number {k} hate{k % 10:02d}"} for k in range(COUNT)]


def rows_of(found: Sequence[Row]) -> list[Row]:
    return [
        {"id": one["id"], "attributes": {"exp__t__hate": [[0, len(one["text"]), k / 100]], "exp__t__x": [[0, 1, 7.0]]}}
        for k, one in enumerate(found)
    ]  # fmt: skip


def write_rows(path: Path, rows: Sequence[Row]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(gzip.compress("".join(json.dumps(row) + "\n" for row in rows).encode(), mtime=0))


@pytest.fixture
def made(tmp_path: Path, marker_run: ModuleType) -> Callable[..., dict[str, Any]]:
    """Writes a corpus of two shards with attributes that `change` may change; returns a plan."""

    def make(change: Callable[[list[Row]], list[Row] | None] = lambda rows: rows, **ref: Any) -> dict[str, Any]:
        lists = marker_run.bundles(tmp_path / "bundles")
        found = documents()
        marker_run.corpus(tmp_path / "corpus", found)
        for k in range(2):
            rows = rows_of(found[k::2])
            changed = change(rows) if k == 0 else rows
            if changed is not None:
                write_rows(tmp_path / "attributes" / "exp" / f"part-{k}.jsonl.gz", changed)
        path = f"dolma:{tmp_path / 'attributes'}"
        given = {"path": path, "map": {"hate": "exp__t__hate"}, **ref}
        rules = {"drop": [{"when": "dolma.hate >= 0.25", "do": "drop"}], "null": []}
        rules["null"] = [{"when": "random", "match": "drop", "do": "drop"}]
        content: dict[str, Any] = marker_run.plan_of(
            tmp_path, tmp_path / "corpus", lists, classifiers={"dolma": given}, interventions=rules
        )
        return content

    return make


def attributes(run: Path, shard: str = "part-0.jsonl.gz") -> list[Row]:
    lines = gzip.decompress((run / "attributes" / shard).read_bytes()).splitlines()
    return [json.loads(line) for line in lines]


def test_the_rows_decide(made: Callable[..., dict[str, Any]], marker_run: ModuleType) -> None:
    run = marker_run.run(made())
    found = {row["id"]: row for shard in (0, 1) for row in attributes(run, f"part-{shard}.jsonl.gz")}
    assert len(found) == COUNT
    for k in range(2):
        for place, row in enumerate(rows_of(documents()[k::2])):
            mine = found[row["id"]]
            assert mine["attributes"]["dolma__hate"][0][2] == pytest.approx(place / 100)
            assert mine.get("removed", False) == (place >= 25)
    counts = json.loads((run / "MANIFEST.json").read_text())["counts"]
    assert (counts["kept"], counts["dropped"]) == (50, 10)
    assert cli.main(["verify", str(run)]) == 0


def _without(key: str) -> Callable[[list[Row]], list[Row]]:
    def change(rows: list[Row]) -> list[Row]:
        del rows[3]["attributes"][key]
        return rows

    return change


@pytest.mark.parametrize(
    ("change", "ref", "unscored"),
    [
        (lambda rows: None, {}, range(30)),
        (lambda rows: rows[:10], {}, range(10, 30)),
        (_without("exp__t__hate"), {}, [3]),
        (_without("exp__t__hate"), {"absent": 0}, []),
        (lambda rows: None, {"absent": 0}, range(30)),
    ],
)
def test_what_is_missing_is_unscored_and_never_0(
    change: Any, ref: dict[str, Any], unscored: Sequence[int], made: Callable[..., Any], marker_run: ModuleType
) -> None:
    run = marker_run.run(made(change, **ref))
    rows = attributes(run)
    assert [k for k, row in enumerate(rows) if "unscored" in row] == list(unscored)
    for k in unscored:
        assert rows[k]["unscored"] == {"dolma": "missing"}
        assert "dolma__hate" not in rows[k]["attributes"]
    if ref and not unscored:
        assert rows[3]["attributes"]["dolma__hate"][0][2] == 0


def _set(**changes: Any) -> Callable[[list[Row]], list[Row]]:
    def change(rows: list[Row]) -> list[Row]:
        rows[4] = {**rows[4], **changes}
        return rows

    return change


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda rows: rows[:5] + rows[6:], "part-0.jsonl.gz: row 5 has the id 'd12', the document in that place 'd10'"),
        (lambda rows: [*rows, rows[0]], "31 rows for 30 records"),
        (_set(attributes={"exp__t__hate": [[0, 3, 1.5]]}), "row 4 has a value of 1.5, and a score is from 0 to 1"),
        (_set(attributes={"exp__t__hate": [[0, 999, 0.5]]}), "row 4 has the span 0 to 999, and the text has"),
        (_set(attributes={"exp__t__hate": 3}), "row 4 is no row of attributes (Expected `array | null`, got `int`"),
        (_set(id=None), "row 4 is no row of attributes"),
    ],
)  # fmt: skip
def test_attributes_of_other_documents_are_an_error(
    change: Any, said: str, made: Callable[..., Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    content = made(change)
    path = tmp_path / "plan.yaml"
    path.write_text(json.dumps(content))
    assert cli.main(["run", str(path), "--direct_num_workers=1"]) == 1
    assert said in capsys.readouterr().err
    assert not (tmp_path / "out" / "CURRENT").exists()


def test_a_file_that_is_cut_is_an_error(made: Callable[..., Any], tmp_path: Path, marker_run: ModuleType) -> None:
    content = made()
    path = tmp_path / "attributes" / "exp" / "part-0.jsonl.gz"
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(ShardError, match=r"part-0\.jsonl\.gz"):
        marker_run.run(content)


def test_another_threshold_needs_no_tagger(
    made: Callable[..., Any], tmp_path: Path, marker_run: ModuleType, capsys: pytest.CaptureFixture[str]
) -> None:
    content = made()
    run = marker_run.run(content)
    content["interventions"]["drop"][0]["when"] = "dolma.hate >= 0.1"
    path = tmp_path / "plan.yaml"
    path.write_text(json.dumps({**content, "output": str(tmp_path / "again")}))
    assert cli.main(["apply", str(path), "--scores", str(run)]) == 0
    assert json.loads(capsys.readouterr().out)["counts"]["dropped"] == 40


@pytest.mark.parametrize(
    ("ref", "said"),
    [
        ({"map": {"hate": "exq__t__hate"}}, "no experiment `exq`; there are: exp"),
        ({"map": {"hate": "hate"}}, "attribute of each category, as in `map: {hate: experiment__tagger__label}`"),
        ({"map": None}, "needs the attribute of each category"),
        ({"path": "builtin:policy-en"}, "`map` and `absent` go with `path: dolma:ATTRIBUTES` only"),
        ({"absent": 1}, "write 0, or leave it out"),
        ({"path": "dolma:nowhere"}, "`dolma:nowhere`: no attributes there"),
    ],
)  # fmt: skip
def test_mistakes_in_the_plan_are_told(
    ref: dict[str, Any], said: str, made: Callable[..., Any], marker_run: ModuleType
) -> None:
    with pytest.raises(UsageError) as error:
        marker_run.run(made(**ref))
    assert said in str(error.value)


def test_an_evaluator_reads_texts() -> None:
    content = {
        "name": "x", "corpus": {"root": "c"}, "classifiers": {"p": "builtin:policy-en"}, "output": "o",
        "interventions": {"i": [{"when": "hate >= 0.5", "do": "drop"}]},
        "evaluator": {"path": "dolma:a", "map": {"hate": "e__t__l"}},
    }  # fmt: skip
    with pytest.raises(UsageError, match="an evaluator reads texts"):
        plan.parse(json.dumps(content))


def test_spans_score_the_passages_that_they_touch() -> None:
    texts = ["a " * 400, "", "b " * 300]
    cut = passages.split(texts)
    scores = DolmaScores("r", {"x": "e__t__x"}, {}, "0" * 12)
    spans = [[[(0.0, 10.0, 0.2), (390.0, 410.0, 0.9)]], [[(0.0, 0.0, 0.5)]], [None]]
    found = scores.scored(cut, spans)
    own = found.passage[: cut.document[1], 0]
    touched = [(cut.end[k] > 0 and cut.start[k] < 10, cut.end[k] > 390 and cut.start[k] < 410) for k in range(len(own))]
    assert own.tolist() == pytest.approx([max(0.2 * first, 0.9 * second) for first, second in touched])
    assert found.document[0, 0] == np.float32(0.9)
    assert np.isnan(found.document[1:]).all()
    assert found.unscored.tolist() == [0, Unscored.EMPTY, Unscored.MISSING]


def _dolma() -> Path | None:
    sys.path.insert(0, str(SCRIPTS))
    try:
        import peering
    finally:
        sys.path.remove(str(SCRIPTS))
    return peering.python_of("dolma").with_name("dolma") if peering.installed("dolma") else None


TAGGER = """
from dolma import add_tagger
from dolma.core.data_types import DocResult, Span
from dolma.core.taggers import BaseTagger


@add_tagger("words")
class Words(BaseTagger):
    def predict(self, doc):
        size = len(doc.text)
        spans = [Span(start=0, end=size, type="length", score=size % 10 / 10)]
        at = doc.text.find("hate07")
        return DocResult(doc=doc, spans=spans + ([Span(start=at, end=at + 6, type="seven", score=0.9)] * (at >= 0)))
"""


@pytest.mark.slow
@pytest.mark.skipif(_dolma() is None, reason="Dolma is installed by scripts/bench_peers, or scripts/interop")
def test_what_dolma_tags_is_what_is_decided_on(tmp_path: Path, marker_run: ModuleType) -> None:
    lists = marker_run.bundles(tmp_path / "bundles")
    marker_run.corpus(tmp_path / "documents", documents())
    (tmp_path / "tagger.py").write_text(TAGGER)
    tag = [_dolma(), "tag", "--documents", f"{tmp_path}/documents/*.jsonl.gz", "--taggers", "words"]
    tag += ["--experiment", "exp", "--tagger_modules", tmp_path / "tagger.py", "--processes", "2"]
    subprocess.run(list(map(str, tag)), check=True, capture_output=True)
    mapping = {"seven": "exp__words__seven", "length": "exp__words__length"}
    refs = {"dolma": {"path": f"dolma:{tmp_path / 'attributes'}", "map": mapping, "absent": 0}}
    rules = {"drop": [{"when": "seven >= 0.5", "do": "drop"}]}
    changes = {"classifiers": refs, "interventions": rules}
    run = marker_run.run(marker_run.plan_of(tmp_path, tmp_path / "documents", lists, **changes))
    assert json.loads((run / "MANIFEST.json").read_text())["counts"]["dropped"] == COUNT // 10
    for k in range(2):
        for row, document in zip(attributes(run, f"part-{k}.jsonl.gz"), documents()[k::2], strict=True):
            text = document["text"]
            assert row["attributes"]["dolma__length"] == [[0, len(text), len(text) % 10 / 10]]
            assert row.get("removed", False) == ("hate07" in text)
