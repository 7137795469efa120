from __future__ import annotations

import json
import random

import numpy as np
import pytest
import yaml

from tamis.classifiers import bundle, calibration, card, evaluation
from tamis.classifiers.errors import BundleError, UsageError
from tamis.classifiers.passages import Passages
from tamis.classifiers.training import train
from tamis.classifiers.training_config import load

WORDS = [f"word{i}" for i in range(300)]
PARAMETERS = {
    "fasttext": {"solver": "logistic", "bucket": 300, "min_count": 1},
    "linear": {"buckets": 2**12, "min_count": 1, "alpha": 1e-5, "epochs": 4},
}


def _rows(count, seed, marker=("hate", "grum")):
    rng = random.Random(seed)
    for _ in range(count):
        bad = rng.random() < 0.4
        words = rng.choices(WORDS, k=9) + ([marker[1]] if bad else [])
        rng.shuffle(words)
        yield {"text": " ".join(words), marker[0]: int(bad)}


def _config(folder, kind="fasttext", **changes):
    for name, seed, marker in (("a", 1, ("hate", "grum")), ("b", 2, ("violence", "snarl"))):
        lines = [json.dumps(row) for row in _rows(900, seed, marker)]
        (folder / f"{name}.jsonl").write_text("\n".join(lines) + "\n")
    (folder / "plain.jsonl").write_text("\n".join(
        json.dumps({"text": " ".join(random.Random(i).choices(WORDS, k=12)), "hate": 0, "violence": 0})
        for i in range(500)
    ))  # fmt: skip
    content = {
        "name": "small", "kind": kind, "categories": ["hate", "violence"], "seed": 5, "background": ["plain"],
        "base_rates": {"hate": 0.01, "violence": 0.02}, "parameters": PARAMETERS.get(kind, {}),
        "sources": [
            {"name": n, "path": f"{n}.jsonl", "licence": "CC0", "labelled_by": ["us"], "disguise": 0.1, "embed": 0.2,
             "swap": 0.2}
            for n in ("a", "b", "plain")
        ],
        **changes,
    }  # fmt: skip
    (folder / "config.yaml").write_text(yaml.safe_dump(content))
    return folder / "config.yaml"


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("made")
    lines = []
    train(_config(folder), folder / "bundle", lines.append, folder, "make it")
    assert any("reading a" in line for line in lines)
    return folder / "bundle"


@pytest.mark.parametrize("kind", ["fasttext", "linear"])
def test_a_bundle_is_trained_calibrated_and_verified(tmp_path, kind):
    built = train(_config(tmp_path, kind), tmp_path / "bundle", root=tmp_path)
    scores = built.score(Passages.of(["word1 grum word2 word8", "word1 word3 word2 word8", "word5 snarl word9"]))
    assert scores[0, 0] > 10 * scores[1, 0]
    assert scores[2, 1] > 10 * scores[1, 1]
    assert built.operating_points["hate"]["recall(0.9)"].threshold > 0
    assert built.training["family"] == kind
    assert [s["families"] for s in built.training["sources"]] == [["us"]] * 3
    again = train(_config(tmp_path, kind), tmp_path / "again", root=tmp_path)
    assert again.id == built.id


def test_search_takes_the_best_on_the_tuning_split(tmp_path):
    search = [{"word_ngrams": 1, "alpha": 100.0}, {"word_ngrams": 1, "alpha": 1e-8}]
    built = train(_config(tmp_path, search=search), tmp_path / "bundle", root=tmp_path)
    tried = [row["mean_average_precision"] for row in built.training["search"]]
    assert built.training["hyper_parameters"]["alpha"] == search[int(np.argmax(tried))]["alpha"]


def test_held_out_text_is_removed(tmp_path):
    config = _config(tmp_path, held_out=["a.jsonl"], sources=yaml.safe_load(_config(tmp_path).read_text())["sources"])
    with pytest.raises(UsageError, match="category hate has"):
        train(config, tmp_path / "bundle", root=tmp_path)
    assert not (tmp_path / "bundle").exists()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"kin": "x"}, "unknown field `kin`"),
        ({"kind": "tree"}, "kind 'tree' is none of fasttext, linear, lexicon, network, combination"),
        ({"base_rates": {"hate": 0.1}}, "base_rates: found"),
        ({"base_rates": {"hate": 0.1, "violence": 1.0}}, "between 0 and 1"),
        ({"split": {"train": 1.0}}, "expected train, tune and calibrate"),
        ({"background": ["c"]}, "'c' is not the name of a source"),
        ({"contradictions": "majority"}, "expected error or unknown"),
        ({"background_weight": 1.5}, "expected 0 up to below 1"),
        (
            {
                "background": [],
                "sources": [{"name": "a", "path": "a.jsonl", "licence": "CC0", "labelled_by": [], "clip": 1}],
            },
            "clip: 'a' is no background",
        ),
        ({"kind": "combination"}, "members: a combination has one or more"),
        ({"members": [{"kind": "linear"}]}, "another kind has none"),
        (
            {"kind": "combination", "members": [{"kind": "tree"}]},
            "kind 'tree' is none of fasttext, linear, lexicon, network$",
        ),
        ({"kind": "combination", "members": [{"kind": "combination"}]}, "kind 'combination' is none of"),
        ({"kind": "combination", "members": [{"kind": "linear", "sources": ["q"]}]}, "'q' is not the name of a source"),
        (
            {"kind": "combination", "members": [{"kind": "linear", "counts_for": ["x"]}]},
            "counts_for: 'x' is no category",
        ),
        ({"kind": "combination", "members": [{"kind": "linear", "counts_for": ["hate"]}]}, "none counts for violence"),
        ({"kind": "combination", "members": [{"kind": "linear"}], "search": [{}]}, "search: the tuning split is used"),
        (
            {"kind": "combination", "members": [{"kind": "linear"}], "parameters": {"method": "vote"}},
            "expected method stacking or average",
        ),
        ({"golden": "none.txt"}, "golden texts cannot be read"),
        (
            {"categories": ["hate", "violence", "sexual"], "base_rates": {"hate": 0.1, "violence": 0.1, "sexual": 0.1}},
            "no labelled row",
        ),
    ],
)
def test_a_wrong_configuration_is_named_and_nothing_is_written(tmp_path, changes, message):
    with pytest.raises(UsageError, match=message):
        train(_config(tmp_path, **changes), tmp_path / "bundle", root=tmp_path)
    assert not (tmp_path / "bundle").exists()


def test_contradictory_labels_stop_the_training(tmp_path):
    config = _config(tmp_path)
    with (tmp_path / "b.jsonl").open("a") as out:
        for row in list(_rows(3, 1)):
            out.write(json.dumps({**row, "hate": 1 - row["hate"]}) + "\n")
    with pytest.raises(UsageError, match="contradictory labels: 3 text"):
        train(config, tmp_path / "bundle", root=tmp_path)


def test_an_existing_folder_is_not_overwritten(tmp_path):
    (tmp_path / "bundle").mkdir()
    with pytest.raises(UsageError, match="exists already"):
        train(_config(tmp_path), tmp_path / "bundle", root=tmp_path)


@pytest.mark.parametrize("content", ["a: [", "- 1\n", "\x00"])
def test_a_configuration_that_is_none(tmp_path, content):
    (tmp_path / "c.yaml").write_text(content)
    with pytest.raises(UsageError, match=r"c\.yaml"):
        load(tmp_path / "c.yaml")


@pytest.mark.parametrize(("name", "damage"), [
    ("model.bin", lambda data: data[:1000] + bytes([data[1000] ^ 1]) + data[1001:]),
    ("model.bin", lambda data: data[: len(data) * 9 // 10]),
    ("golden.jsonl", lambda data: data[:-1]),
])  # fmt: skip
def test_a_damaged_bundle_fails_closed(made, tmp_path, name, damage):
    for path in made.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    (tmp_path / name).write_bytes(damage((tmp_path / name).read_bytes()))
    with pytest.raises(BundleError, match=name):
        bundle.load(str(tmp_path))


def test_calibrating_anew_moves_the_scores_to_the_new_base_rate(made, tmp_path):
    (tmp_path / "mine.jsonl").write_text("\n".join(json.dumps(row) for row in _rows(600, 9)))
    again = calibration.calibrate(made, [tmp_path / "mine.jsonl"], tmp_path / "again", {"hate": 0.2})
    text = Passages.of(["word1 grum word2 word8"])
    old = bundle.load(str(made))
    assert again.score(text)[0, 0] > old.score(text)[0, 0]
    assert again.score(text)[0, 1] == pytest.approx(old.score(text)[0, 1], abs=1e-6)
    assert again.header.base_rates == {"hate": 0.2, "violence": 0.02}


def test_calibrating_needs_labels_and_a_new_folder(made, tmp_path):
    (tmp_path / "few.jsonl").write_text("\n".join(json.dumps(row) for row in _rows(10, 9)))
    with pytest.raises(UsageError, match="no category has 20 positives"):
        calibration.calibrate(made, [tmp_path / "few.jsonl"], tmp_path / "again")
    (tmp_path / "mine.jsonl").write_text("\n".join(json.dumps(row) for row in _rows(600, 9)))
    with pytest.raises(UsageError, match="exists already"):
        calibration.calibrate(made, [tmp_path / "mine.jsonl"], tmp_path)


def test_the_card_tells_sources_points_and_how_to_rebuild(made):
    text = card.render(bundle.load(str(made)))
    assert (made / "README.md").read_text() == text
    for part in ("## Training data", "CC0", "precision(0.8)", "make it", "expected calibration error", "<svg"):
        assert part in text


def test_finishing_adds_metrics_and_renders_the_card_again(made, tmp_path):
    for path in made.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    (tmp_path / "set.jsonl").write_text("\n".join(json.dumps({**row, "identity": "gay"}) for row in _rows(80, 3)))
    found = evaluation.measure(bundle.load(str(made)), [tmp_path / "set.jsonl"])
    (tmp_path / "set.jsonl").unlink()
    done = card.finish(tmp_path, {"evaluation": {**found, "sets": found["sets"], "suites": {}, "ordinary": {}}})
    assert "On evaluation sets" in done.card()
    assert "| set | hate |" in done.card()


def test_evaluating_writes_json_markdown_and_plots(made, tmp_path):
    (tmp_path / "set.jsonl").write_text("\n".join(json.dumps({**row, "identity": "gay"}) for row in _rows(300, 3)))
    (tmp_path / "web.jsonl").write_text('{"text": "word1 word2"}\n{"text": "grum grum <b> | word2"}\n')
    (tmp_path / "suite.csv").write_text(
        'functionality,case,label,templ,group\nplain,"word1 word2",non-hateful,1,\nbad,"word4 grum",hateful,2,gay\n'
    )
    report = evaluation.evaluate(
        str(made), [tmp_path / n for n in ("set.jsonl", "web.jsonl", "suite.csv")], tmp_path / "out"
    )
    assert report == json.loads((tmp_path / "out" / "evaluation.json").read_text())
    hate = report["sets"]["set"]["hate"]
    assert hate["auroc"][0] > 0.95
    assert hate["identity"]["terms"]["gay"]["subgroup_auc"] > 0.95
    assert report["suites"]["suite"]["default"]["bad"] == {"cases": 1, "expected": "flag", "flagged": 1.0, "right": 1.0}
    assert report["ordinary"]["web"]["documents"] == 2
    assert (tmp_path / "out" / "reliability-set-hate.svg").read_text().startswith("<svg")
    assert "## Ordinary text: web" in (tmp_path / "out" / "evaluation.md").read_text()


def test_evaluating_nothing_is_an_error(made, tmp_path):
    with pytest.raises(UsageError, match="no data"):
        evaluation.evaluate(str(made), [], tmp_path)
