"""A run beside the run before it: what changed, by the web or by the bundle; what the gate makes of it."""

from __future__ import annotations

import json

import pytest

from tamis.classifiers import bundle
from tamis.classifiers.errors import RaceLost
from tamis.pipeline import cli, manifest, since
from tamis.pipeline.merging import ShardLine
from tamis.pipeline.receipts import Counts
from tamis.pipeline.storage import open_store


def report(world, run_id=None):
    folder = world.output / "runs" / (run_id or world.current()) / "report"
    return json.loads((folder / "report.json").read_text())


def drift(world):
    return report(world)["measures"]["drift"]


def stricter(world, role="policy"):
    """Replaces a bundle by one whose scores are higher: what had 10 % has 45 % now."""
    folder = world.folder / "bundles" / role
    header, terms = json.loads((folder / "bundle.json").read_text()), json.loads((folder / "terms.json").read_text())
    prefix = "" if role == "policy" else "e"
    terms["terms"]["hate"] = {f"{prefix}hate{k:02d}": min(0.99, k / 100 + 0.35) for k in range(1, 100)}
    other = world.folder / "bundles" / f"{role}-2"
    other.mkdir()
    (other / "terms.json").write_text(json.dumps(terms))
    made = {**header, "version": "2"}
    for key in ("files", "format", "calibration", "base_rates", "metrics"):
        made.pop(key, None)
    bundle.write(other, made, ["plain words", f"{prefix}hate50"], "# Words\n")
    return str(other)


def toxic(world, first, count):
    return [
        {"id": f"n{k}", "text": f"hate{80 + k % 15} ehate{70 + k % 20} new{k}", "source": "s"}
        for k in range(first, first + count)
    ]


def test_the_first_run_is_compared_with_none(world):
    world.refresh()
    found = report(world)
    assert "drift" not in found["measures"]
    assert any(gap["what"] == "Change against the previous run" for gap in found["not_measured"])
    assert not (world.output / "runs" / world.current() / "report" / "refresh.json").exists()
    assert manifest.read(open_store(str(world.output)), world.current())[0].previous is None


def test_new_documents_are_the_webs(world):
    world.refresh()
    first = world.current()
    world.put("part-9.jsonl.gz", toxic(world, 0, 120))
    (world.corpus / "part-2.jsonl.gz").unlink()
    world.refresh()
    found = drift(world)
    assert found["previous"] == first
    assert found["shards"] == {"new": 1, "changed": 0, "unchanged": 2, "retired": 1}
    assert found["documents"] == {"then": 180, "now": 240}
    assert found["drop_rate"]["then"] == pytest.approx(0.2)
    assert found["drop_rate"]["now"] == pytest.approx((24 + 120) / 240)
    assert found["instruments"] == []
    assert found["bundle"] == {"reason": "the same bundles scored both runs"}
    web = found["web"]
    assert web["shards"] == {"then": 2, "now": 1}
    assert web["documents"] == {"then": 120, "now": 120}
    assert web["scores"]["policy.hate"]["psi"] > 1 > web["scores"]["policy.sexual"]["psi"]
    change = web["prevalence"]["corpus"]["hate"]["change"]
    assert 0.7 < change["low"] < change["value"] < change["high"] <= 1
    codes = {banner["code"]: banner["text"] for banner in report(world)["banners"]}
    assert codes["drift"].startswith("New and changed shards score unlike the others, most in policy.hate: PSI")
    assert "instrument" not in codes
    files = json.loads((world.output / "runs" / world.current() / "report" / "refresh.json").read_text())
    assert files["paths"] == {"new": ["part-9.jsonl.gz"], "changed": [], "retired": ["part-2.jsonl.gz"]}


def test_another_bundle_on_the_same_documents_is_the_bundles(world):
    world.refresh()
    before = world.content["classifiers"]["policy"]
    world.content["classifiers"] = {"policy": stricter(world)}
    assert len(world.refresh()) == 3
    found = drift(world)
    assert [one["what"] for one in found["instruments"]] == ["policy"]
    assert found["instruments"][0]["then"].startswith("policy@")
    assert before != world.content["classifiers"]["policy"]
    bundle_part = found["bundle"]
    assert bundle_part["shards"] == {"then": 3, "now": 3}
    assert bundle_part["scores"]["policy.hate"]["psi"] > 1
    assert bundle_part["scores"]["policy.sexual"]["psi"] == 0
    # The evaluator is the same, and so are the documents.
    assert bundle_part["prevalence"]["corpus"]["hate"]["change"]["value"] == 0
    assert found["web"] == {"reason": "no shard is new or changed"}


def test_both_at_once_are_told_apart(world):
    world.refresh()
    world.content["classifiers"] = {"policy": stricter(world)}
    world.put("part-9.jsonl.gz", world.documents(9000, 60))
    world.refresh()
    found = drift(world)
    assert found["bundle"]["scores"]["policy.hate"]["psi"] > 1
    assert "instrument" in {banner["code"] for banner in report(world)["banners"]}
    # The new shard is like the others, judged by the bundle of now.
    assert found["web"]["scores"]["policy.hate"]["psi"] < 0.01
    assert found["documents"] == {"then": 180, "now": 240}


def test_another_evaluator_is_another_ruler(world):
    world.content["gate"] = {"max_prevalence_change": 0.0}
    world.refresh()
    world.content["evaluator"] = stricter(world, "evaluator")
    world.refresh()
    found = drift(world)
    assert "another ruler" in found["prevalence"]["reason"]
    assert found["prevalence"]["corpus"] == {}
    # On the same documents it says how far the ruler moved.
    assert found["bundle"]["prevalence"]["corpus"]["hate"]["change"]["value"] > 0.5
    (check,) = [one for one in report(world)["run"]["gate"] if one["name"] == "max_prevalence_change"]
    assert (check["passed"], check["value"]) == (True, None)
    assert "was not measured: the evaluator was" in check["sentence"]


@pytest.mark.parametrize(
    ("gate", "said"),
    [
        ({"max_drift_psi": 0.2}, "(policy.hate) breaks gate.max_drift_psi 0.2"),
        ({"max_drop_rate_change": 0.1}, "breaks gate.max_drop_rate_change 10 points"),
        ({"min_documents_ratio": 2.5}, "breaks gate.min_documents_ratio ×2.5"),
        ({"max_prevalence_change": 0.05}, "breaks gate.max_prevalence_change 5 points"),
    ],
)
def test_a_run_that_differs_too_much_is_refused_and_can_be_looked_at(world, capsys, gate, said):
    # The evaluator sees what the filter lets through.
    world.refresh()
    first = world.current()
    world.content["gate"] = gate
    world.put(
        "part-9.jsonl.gz", [{**one, "text": one["text"].replace("hate8", "hate4")} for one in toxic(world, 0, 150)]
    )
    world.put("part-8.jsonl.gz", toxic(world, 500, 100))
    found = world.prepare()
    assert world.finish(found) == "refused"
    assert world.current() == first
    run = f"{world.output}/runs/{found.checked.spec.run_id}"
    content = report(world, found.checked.spec.run_id)
    (banner,) = [one for one in content["banners"] if one["code"] == "refused"]
    assert said in banner["text"]
    capsys.readouterr()
    assert cli.main(["report", run]) == 0
    assert "since run" in capsys.readouterr().err
    assert cli.main(["inspect", run, "--limit", "2", "--json"]) == 0
    assert len(capsys.readouterr().out.splitlines()) == 2
    assert cli.main(["verify", run]) == 0
    # The same again is refused again, without another word.
    assert world.finish(world.prepare()) == "refused"


def test_the_gates_of_a_run_that_has_lost_the_race_are_checked_beside_the_winner(world):
    world.content["gate"] = {"min_documents_ratio": 0.9}
    world.refresh()
    world.put("part-8.jsonl.gz", world.documents(800, 10))
    mine = world.prepare()
    world.put("part-9.jsonl.gz", world.documents(900, 200))
    theirs = world.prepare()
    assert world.finish(theirs) == "published"
    (world.corpus / "part-9.jsonl.gz").unlink()
    with pytest.raises(RaceLost, match="was published after"):
        world.finish(mine)
    again = world.prepare()
    assert again.checked.spec.run_id == mine.checked.spec.run_id
    with pytest.raises(RaceLost, match=r"not published beside run .*: ×0.487 breaks gate.min_documents_ratio ×0.9"):
        world.finish(again)
    assert world.current() == theirs.checked.spec.run_id


def test_a_run_before_that_is_gone_is_no_reason_to_fail_where_nothing_asks_for_it(world):
    world.refresh()
    (world.output / "runs" / world.current() / "report" / "report.json").unlink()
    world.put("part-9.jsonl.gz", world.documents(900, 20))
    found = world.prepare()
    assert world.finish(found) == "published"
    assert "drift" not in report(world)["measures"]
    (world.output / "runs" / world.current() / "report" / "report.json").unlink()
    world.content["gate"] = {"max_drift_psi": 10.0}
    found = world.prepare()
    assert world.finish(found) == "refused"
    assert "cannot be read" in report(world, found.checked.spec.run_id)["run"]["gate"][-1]["sentence"]


def line(shard, receipt="r", source="i"):
    return ShardLine(shard, receipt, Counts(), 0, source)


def test_shards_are_compared_by_the_bytes_that_went_in():
    before = [line("a"), line("b", source="1"), line("c"), line("d", "r1", ""), line("e", "r1", "")]
    after = [line("a", "other receipt"), line("b", "r2", "2"), line("new"), line("d", "r1", ""), line("e", "r2", "")]
    found = since.delta(before, after)
    assert found.counted() == {"new": 1, "changed": 2, "unchanged": 2, "retired": 1}
    assert found.paths() == {"new": ["new"], "changed": ["b", "e"], "retired": ["c"]}
    assert [one.shard for one in found.fresh()] == ["b", "e", "new"]
