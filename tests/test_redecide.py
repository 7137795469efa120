"""A refresh under other rules: unchanged shards are decided on their stored scores, byte for byte as if scored anew."""

from __future__ import annotations

import json
import shutil

import pytest

from tamis.pipeline import cli, scoring
from tamis.pipeline.storage import open_store

PLAIN, MORE = "plain words here. " * 30, "more words. " * 20
#: Several passages each, of which one is to be redacted.
TEXTS = [f"{PLAIN}\n\nhate{10 + k % 80} and ehate{10 + k % 50} {MORE}\n\nthe end sexual{5 + k % 90}" for k in range(40)]


@pytest.fixture
def scored(world, monkeypatch):
    """The world after a run, with long documents, a bad line and a synthetic id; counts documents that are scored."""
    long = [
        {"id": f"t{k}", "text": text, "source": "s", "url": f"https://h{k % 5}.example/"}
        for k, text in enumerate(TEXTS)
    ]
    world.put("part-0.jsonl.gz", [*long, {"text": "no id hate60"}, {"id": 5, "text": 7}])
    world.content["gate"] = {"max_quarantine": 0.5}
    world.refresh()
    world.documents_scored = 0
    score = scoring.score

    def counting(bench, documents, **more):
        world.documents_scored += len(documents)
        return score(bench, documents, **more)

    monkeypatch.setattr(scoring, "score", counting)
    return world


OTHER = {
    "rules": {"interventions": {"drop": [{"when": "hate >= 0.3", "do": "drop"}]}},
    "redaction": {
        "interventions": {
            "drop": [{"when": "passage.hate >= 0.4", "do": "redact"}, {"when": "sexual >= 0.5", "do": "drop"}]
        }
    },
    "several": {
        "interventions": {
            "drop": [{"when": "words < 20 or any >= 0.6", "do": "drop"}],
            "tag": [{"when": "share.hate >= 0.1", "do": "control_token"}],
        }
    },
    "published": {"publish": "redact"},
}


@pytest.mark.parametrize("name", ["rules", "redaction", "several", "published"])
def test_it_is_byte_for_byte_a_full_run(scored, name):
    shutil.copytree(scored.output, scored.folder / "copy")
    scored.content = {key: value for key, value in {**scored.content, **OTHER[name]}.items() if value is not None}
    scored.put("part-9.jsonl.gz", scored.documents(900, 30))
    found = scored.prepare()
    assert found.checked.spec.redecide is not None
    assert found.checked.spec.reuse is None
    assert scored.finish(found) == "published"
    # The pilot scores nothing, and of the shards only the new one is scored.
    assert scored.documents_scored == 30
    redecided = scored.output
    scored.content["output"] = str(scored.folder / "copy")
    found = scored.prepare()
    assert scored.finish(found, reusing=False) == "published"
    assert scored.documents_scored > 150
    assert scored.tree(redecided) == scored.tree(scored.output)
    assert cli.main(["verify", str(redecided)]) == 0


def test_what_was_decided_again_is_taken_over_the_next_time(scored):
    scored.content.update(OTHER["rules"])
    scored.refresh()
    assert scored.documents_scored == 0
    scored.put("part-9.jsonl.gz", scored.documents(900, 30))
    assert scored.refresh() == ["part-9.jsonl.gz"]
    assert scored.documents_scored == 30


@pytest.mark.parametrize(
    "change",
    [
        {"evaluator": None},
        {"passages": {"target": 300}},
        {"evaluate": {"sample": 10}},
        # A rule that acts on passages below those that were stored.
        {"interventions": {"drop": [{"when": "passage.hate >= 0.01", "do": "redact"}]}},
    ],
)
def test_scores_that_would_not_be_the_same_are_not_used(scored, change):
    scored.content = {key: value for key, value in {**scored.content, **change}.items() if value is not None}
    found = scored.prepare()
    assert found.differs
    assert found.checked.spec.redecide is None


@pytest.mark.parametrize("damage", ["cut", "gone"])
def test_a_shard_whose_scores_are_damaged_is_scored(scored, damage):
    path = scored.output / "runs" / scored.current() / "scores" / "part-1.jsonl.gz.parquet"
    path.unlink() if damage == "gone" else path.write_bytes(path.read_bytes()[:-5])
    scored.content.update(OTHER["rules"])
    scored.refresh()
    assert scored.documents_scored == 60


def test_a_changed_shard_is_scored(scored):
    scored.put("part-1.jsonl.gz", scored.documents(5000, 50))
    scored.content.update(OTHER["rules"])
    scored.refresh()
    assert scored.documents_scored == 50


def test_after_an_apply_the_scores_are_those_of_the_run_it_was_decided_from(scored, capsys):
    plan = scored.folder / "plan.yaml"
    base = scored.current()
    scored.content.update(OTHER["rules"])
    plan.write_text(json.dumps(scored.content))
    assert cli.main(["apply", str(plan), "--scores", str(scored.output)]) == 0
    assert json.loads(capsys.readouterr().out)["run_id"] == scored.current() != base
    assert scored.prepare().checked.spec.redecide == base
    scored.put("part-9.jsonl.gz", scored.documents(900, 30))
    scored.refresh()
    assert scored.documents_scored == 30
    assert open_store(str(scored.output)).size(f"runs/{scored.current()}/scores/part-0.jsonl.gz.parquet")
