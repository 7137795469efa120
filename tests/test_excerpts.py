"""Excerpts of documents in the report: only where the plan asks, few, masked, drawn by hash, never of some texts."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from tamis.interventions import masking, report_html
from tamis.interventions.batch import Batch
from tamis.interventions.measures.excerpts import Excerpts
from tamis.interventions.rules import parse_interventions
from tamis.interventions.testing import context_of, make_batch, take
from tamis.pipeline import cli, plan

RULES = {"drop": [{"when": "hate >= 0.5", "do": "drop"}, {"when": "sexual >= 0.5", "do": "redact"}]}
WORDS = ["willow", "marble", "lantern", "harbour", "meadow", "copper", "thistle", "velvet"]


def batch_of(texts: list[str], hate: list[float], sexual: list[float], **changes: Any) -> Batch:
    """A batch whose documents are one passage each; the evaluator thinks the opposite of hate."""
    scores = {"policy": {"sexual": sexual, "hate": hate}}
    evaluator = {"sexual": [0.0] * len(texts), "hate": [1 - one for one in hate]}
    found = make_batch(texts, scores, evaluator)
    return dataclasses.replace(found, showable=np.ones(len(texts), np.bool_), **changes)


def accumulated(batches: list[Batch], k: int = 3, **changes: Any) -> list[dict[str, Any]]:
    """The state of each batch."""
    interventions = parse_interventions(RULES, {"policy": ("sexual", "hate")})
    states = []
    for batch in batches:
        context = context_of(interventions, batch, excerpts=k, published="drop", **changes)
        measure = Excerpts(context)
        measure.add(batch, {name: one.decide(batch) for name, one in interventions.items()})
        states.append(measure.state())
    return states


def result(batch: Batch, k: int = 3) -> dict[str, Any]:
    interventions = parse_interventions(RULES, {"policy": ("sexual", "hate")})
    context = context_of(interventions, batch, excerpts=k, published="drop")
    return Excerpts.result(Excerpts.merge(*accumulated([batch], k)), context)


def many(number: int = 40) -> Batch:
    rng = np.random.default_rng(3)
    texts = [f"text number {k} of {WORDS[k % 8]}" for k in range(number)]
    return batch_of(texts, rng.uniform(0, 1, number).tolist(), rng.uniform(0, 1, number).tolist())


def test_excerpts_are_by_rule_and_category_and_few() -> None:
    found = result(many())
    assert list(found["rules"]) == ["drop: hate >= 0.5", "redact: sexual >= 0.5"]
    items = found["rules"]["drop: hate >= 0.5"]["hate"]
    assert len(items) == 3
    assert all(item["score"] >= 0.5 and item["text"].startswith("text number") for item in items)
    assert all(item["closed"] for item in found["rules"]["redact: sexual >= 0.5"]["sexual"])
    assert len(found["clean"]) == 3
    assert len(found["left"]) == 3


def test_nobody_can_pick_them_and_any_split_gives_the_same() -> None:
    batch = many()
    whole = Excerpts.merge(*accumulated([batch]))
    rows = np.arange(len(batch))
    split = accumulated([take(batch, rows[25:]), take(batch, rows[:7]), take(batch, rows[7:25])])
    assert Excerpts.merge(*split) == whole
    assert Excerpts.merge(*split, split[0]) == Excerpts.merge(Excerpts.merge(*split[:2]), split[2], {}) == whole
    assert json.loads(json.dumps(whole)) == whole


def test_without_the_plan_s_wish_there_is_nothing() -> None:
    assert accumulated([many()], 0) == [{}]


def test_where_nobody_has_looked_nothing_is_taken() -> None:
    assert accumulated([dataclasses.replace(many(), showable=None)]) == [{}]


def test_what_may_not_be_shown_is_not_taken() -> None:
    batch = many()
    hidden = np.array([k % 2 == 0 for k in range(len(batch))])
    told = json.dumps(accumulated([dataclasses.replace(batch, showable=~hidden)], 20))
    assert all((batch.texts[k] in told) <= (not hidden[k]) for k in range(len(batch)))
    assert any(batch.texts[k] in told for k in np.flatnonzero(~hidden))


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("write to jo.doe+x@mail.example now", "write to [mail] now"),
        ("see https://a.example/x?id=7 and www.b.example/y", "see [address] and [address]"),
        ("ring +49 (30) 123-45 67 8, room 12", "ring [number], room 12"),
        ("ask @some_one, not a@b", "ask [handle], not a@b"),
        ("\u202eback\x1b[31m red", "⟨U+202E⟩back red"),
    ],
)
def test_persons_and_tricks_are_masked(text: str, shown: str) -> None:
    assert masking.excerpt(text) == shown


def test_long_and_hostile_texts_are_capped(hostile: ModuleType) -> None:
    for payload in hostile.PAYLOADS:
        shown = masking.excerpt(payload * 3)
        assert len(shown) <= 340
        assert all(one.isprintable() for one in shown)


def documents() -> list[dict[str, Any]]:
    """Documents that a rule drops: harmless ones, ones that name minors, and one of a person's address."""
    found = [{"id": f"a{k}", "text": f"{WORDS[k % 8]} speaks hate{60 + k % 30}", "source": "x"} for k in range(30)]
    found += [{"id": f"b{k}", "text": f"a schoolgirl {WORDS[k % 8]} hate7{k} sexual4{k}"} for k in range(8)]
    return [*found, {"id": "c", "text": "hate99 jane@mail.example"}]


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory, marker_run: ModuleType) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("excerpts")
    made = marker_run.bundles(folder / "bundles")
    root = marker_run.corpus(folder / "corpus", documents())
    wishes = {"with": {"excerpts": 20}, "without": {}, "licensed": {"licence": "cc0-1.0"}}
    return {
        name: marker_run.run(marker_run.plan_of(folder / name, root, made, report=report))
        for name, report in wishes.items()
    }


def everything(run: Path) -> str:
    """What is written of a run but documents, and scores in binary."""
    parts = [*(run / "receipts").rglob("*.json"), *(run / "report").iterdir()]
    return "\n".join(path.read_text() for path in sorted(parts))


def test_a_run_holds_no_text_unless_its_plan_asks(runs: dict[str, Path]) -> None:
    plain = everything(runs["without"])
    assert not any(f"{word} speaks" in plain for word in WORDS)
    assert any(f"{word} speaks" in everything(runs["with"]) for word in WORDS)


def test_the_report_never_shows_minors_or_addresses(runs: dict[str, Path]) -> None:
    told = everything(runs["with"])
    assert "schoolgirl" not in told
    assert "jane" not in told
    assert "[mail]" in told


def test_excerpts_are_part_of_what_was_run_and_a_licence_is_not(runs: dict[str, Path]) -> None:
    facts = {name: json.loads((run / "MANIFEST.json").read_text())["spec"] for name, run in runs.items()}
    assert facts["with"]["fingerprint"] != facts["without"]["fingerprint"] == facts["licensed"]["fingerprint"]
    assert len({spec["run_id"] for spec in facts.values()}) == 3
    assert "license: cc0-1.0" in (runs["licensed"] / "report" / "README.md").read_text()
    assert "license: unknown" in (runs["without"] / "report" / "README.md").read_text()


def test_the_page_folds_them_and_says_so(runs: dict[str, Path]) -> None:
    page = (runs["with"] / "report" / "index.html").read_text()
    section = page.split('<section id="excerpts"')[1].split("</section>")[0]
    assert section.count('<details class="private">') >= 2
    assert "masked passages of a few documents" in page
    assert "no text of any document" in (runs["without"] / "report" / "index.html").read_text()


def test_applied_scores_have_no_text_and_the_report_says_so(
    runs: dict[str, Path], tmp_path: Path, marker_run: ModuleType
) -> None:
    spec = json.loads((runs["with"] / "MANIFEST.json").read_text())["spec"]
    content = {key: spec["plan"][key] for key in ("name", "corpus", "classifiers", "evaluator", "report", "publish")}
    content["interventions"] = {"drop": [{"when": "hate >= 0.7", "do": "drop"}]}
    path = tmp_path / "plan.yaml"
    path.write_text(json.dumps({**content, "output": str(tmp_path / "out")}))
    assert cli.main(["apply", str(path), "--scores", str(runs["with"])]) == 0
    (run,) = (tmp_path / "out" / "runs").glob("[!.]*")
    report = json.loads((run / "report" / "report.json").read_text())
    gaps = {gap["what"]: gap["reason"] for gap in report["not_measured"]}
    assert "no text that may be shown" in gaps["Excerpts"]
    assert "hold no words" in gaps["Vocabulary and topics lost"]
    assert "loaded no classifier" in gaps["Functional tests of the policy"]
    proxy = next(reason for what, reason in gaps.items() if "trained on the data" in what)
    assert "learns from texts" in proxy
    (banner,) = [one for one in report["banners"] if one["code"] == "applied"]
    for word in ("distribution shift", "functional tests", "proxy model", "excerpts"):
        assert word in banner["text"]


@pytest.mark.parametrize("number", [-1, 21])
def test_a_plan_asks_for_a_few(tmp_path: Path, marker_run: ModuleType, number: int) -> None:
    content = marker_run.plan_of(tmp_path, tmp_path, {"policy": "x", "evaluator": "y"}, report={"excerpts": number})
    with pytest.raises(Exception, match="write 0 to 20 passages"):
        plan.parse(json.dumps(content))


def test_hostile_excerpts_change_nothing_of_the_page(
    example_report: Callable[..., dict[str, Any]], hostile: ModuleType
) -> None:
    def page(payload: str) -> str:
        item = {"document": "0" * 16, "category": f"hate{payload}", "score": 0.5, "closed": False, "text": payload}
        both = [item, {**item, "closed": True}]
        found = {"each": 2, "intervention": "drop-severe", "rules": {f"r{payload}": {f"h{payload}": both}}}
        report = example_report()
        report["measures"]["excerpts"] = {**found, "clean": both, "left": []}
        return report_html.render(report)

    tags = page("~").count("<")
    for payload in hostile.PAYLOADS:
        assert page(payload).count("<") == tags, payload[:40]
