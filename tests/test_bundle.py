from __future__ import annotations

import hashlib
import json
import shutil

import numpy as np
import pytest

from tamis.classifiers import bundle as bundles
from tamis.classifiers import bundle_facts
from tamis.classifiers.bundle import load, write
from tamis.classifiers.errors import BundleError, UsageError
from tamis.classifiers.linear_model import quantise
from tamis.classifiers.npz import write_arrays
from tamis.classifiers.passages import Passages

GOLDEN = ["What a calm evening by the lake.", "You grumpy old goose!", "", "日本語の文章です。"]
HEADER = {
    "name": "test-words",
    "version": "1",
    "kind": "lexicon",
    "categories": ["harassment", "hate"],
    "languages": ["en"],
    "normaliser": "web-1",
    "parameters": {"file": "terms.json"},
    "operating_points": {
        "hate": {
            "default": {"threshold": 0.5},
            "precision(0.95)": {"threshold": 0.75, "low": 0.7, "high": None},
            "fpr(0.001)": {"threshold": 0.9, "low": 0.8, "high": 1.0},
        }
    },
    "training": {"family": "lexicon", "sources": []},
}
# The categories stand in another order than in the header.
TERMS = {"format": 1, "terms": {"hate": {"grumpy": 0.5}, "harassment": {"silly goose": 1.0, "old goose": 0.75}}}
LINEAR = {
    **HEADER,
    "name": "test-linear",
    "kind": "linear",
    "categories": ["hate", "sexual"],
    "parameters": {"buckets": 4096, "categories": ["hate", "sexual"]},
    "calibration": {"hate": {"method": "piecewise_logit", "x": [-1.0, 1.0], "y": [-3.0, 0.5]}},
    "base_rates": {"hate": 0.01},
}


def lexicon(folder):
    folder.mkdir()
    (folder / "terms.json").write_text(json.dumps(TERMS))
    return write(folder, HEADER, GOLDEN, "# A card\n")


def linear(folder):
    folder.mkdir()
    weights, scale = quantise(np.random.default_rng(1).normal(size=(4096, 2)))
    write_arrays(folder / "weights.npz", {"weights": weights, "scale": scale, "intercept": np.zeros(2, np.float32)})
    return write(folder, LINEAR, GOLDEN)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    root = tmp_path_factory.mktemp("bundles")
    return {"lexicon": lexicon(root / "lexicon").folder, "linear": linear(root / "linear").folder}


@pytest.fixture
def copy(made, tmp_path):
    def make(kind="lexicon"):
        return shutil.copytree(made[kind], tmp_path / kind)

    return make


def reseal(folder, **changes):
    """Writes bundle.json anew, with true digests: what a careless or hostile author could do."""
    header = json.loads((folder / "bundle.json").read_text())
    for name in header["files"]:
        if (folder / name).exists():
            data = (folder / name).read_bytes()
            header["files"][name] = {"bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}
    (folder / "bundle.json").write_text(json.dumps({**header, **changes}))


def test_a_bundle_scores_in_the_order_of_its_header(made):
    bundle = load(made["lexicon"])
    assert bundle.categories == ("harassment", "hate")
    scores = bundle.score(Passages.of(["a grumpy old goose", "calm"]))
    assert scores.tolist() == [[0.75, 0.5], [0, 0]]
    assert (bundle.kind, bundle.languages, bundle.normaliser) == ("lexicon", ("en",), "web-1")
    assert bundle.card() == "# A card\n"
    digest = hashlib.sha256((made["lexicon"] / "bundle.json").read_bytes()).hexdigest()
    assert bundle.id == f"test-words@{digest[:12]}"
    assert load(str(made["lexicon"]), digest.upper()).id == bundle.id


def test_calibration_is_applied_and_raw_scores_stay(made):
    bundle = load(made["linear"])
    passages = Passages.of(["What a calm evening by the lake."])
    raw, score = bundle.raw(passages)[0], bundle.score(passages)[0]
    logit = np.log(raw[0] / (1 - raw[0]))
    expected = np.interp(logit, [-1, 1], [-3, 0.5]) + min(logit + 1, 0) + max(logit - 1, 0)
    assert np.log(score[0] / (1 - score[0])) == pytest.approx(expected, abs=1e-5)
    assert score[1] == raw[1]


def test_the_same_bundle_has_the_same_bytes(made, tmp_path):
    again = linear(tmp_path / "linear").folder
    for path in made["linear"].iterdir():
        assert (again / path.name).read_bytes() == path.read_bytes()
    text = (again / "bundle.json").read_text()
    assert text == json.dumps(json.loads(text), sort_keys=True, indent=1) + "\n"


def test_operating_points(made):
    bundle = load(made["lexicon"])
    assert bundle.threshold("hate", "precision", 0.95) == 0.75
    assert bundle.threshold("hate", "fpr", 1e-3) == 0.9
    assert bundle.threshold("hate", "default") == 0.5
    with pytest.raises(UsageError, match=r"has default, fpr\(0\.001\), precision\(0\.95\)"):
        bundle.threshold("hate", "precision", 0.99)
    with pytest.raises(UsageError, match="has none"):
        bundle.threshold("harassment", "recall", 0.9)


def change_byte(folder):
    path = folder / "terms.json"
    path.write_bytes(path.read_bytes().replace(b"silly", b"sully"))


def cut_file(folder):
    path = folder / "terms.json"
    path.write_bytes(path.read_bytes()[:-5])


def add_file(folder):
    (folder / "notes.txt").write_text("x")


def wrong_score(folder):
    path = folder / "golden.jsonl"
    path.write_text(path.read_text().replace("0.75", "0.7498"))
    reseal(folder)


def broken_golden(folder):
    (folder / "golden.jsonl").write_text('{"text": "x"}\n')
    reseal(folder)


def no_golden_text(folder):
    (folder / "golden.jsonl").write_text("")
    reseal(folder)


def unlisted_golden(folder):
    files = json.loads((folder / "bundle.json").read_text())["files"]
    del files["golden.jsonl"]
    (folder / "golden.jsonl").unlink()
    reseal(folder, files=files)


def escaping_file(folder):
    shutil.copy(folder / "terms.json", folder.parent / "terms.json")
    files = json.loads((folder / "bundle.json").read_text())["files"]
    reseal(folder, files={**files, "../terms.json": files["terms.json"]})


def not_json(folder):
    (folder / "bundle.json").write_text("{")


def header(**changes):
    return lambda folder: reseal(folder, **changes)


DAMAGES = {
    "a changed byte": (change_byte, "terms.json: expected sha256"),
    "a shorter file": (cut_file, "terms.json: expected .* bytes"),
    "a missing file": (lambda folder: (folder / "terms.json").unlink(), "terms.json: cannot be read"),
    "a further file": (add_file, "notes.txt"),
    "a wrong golden score": (wrong_score, "line 2 scores 0.7500 for harassment, recorded is 0.7498"),
    "broken golden texts": (broken_golden, "line 1"),
    "no golden text": (no_golden_text, "holds no text"),
    "no golden file": (unlisted_golden, "lists no golden.jsonl"),
    "a file outside": (escaping_file, "not a plain file name"),
    "no JSON": (not_json, "not a bundle header"),
    "format 2": (header(format=2), "format 2, this version of tamis reads 1"),
    "an unknown key": (header(colour="red"), "colour"),
    "an unknown kind": (header(kind="forest"), "forest"),
    "an unknown normaliser": (header(normaliser="web-9"), "web-9"),
    "other categories": (header(categories=["hate"]), "the model gives"),
    "no categories": (header(categories=[]), "categories"),
    "a strange name": (header(name="a\n<b>"), "name"),
    "thresholds for nothing": (header(operating_points={"spam": {}}), "spam"),
    "an unknown parameter": (header(parameters={"file": "terms.json", "colour": 1}), "colour"),
    "a broken curve": (header(calibration={"hate": {"method": "platt", "x": [], "y": []}}), "platt"),
    "no word list": (lambda f: ((f / "terms.json").write_text("[]"), reseal(f)), "no word list"),
}


@pytest.mark.parametrize(("damage", "message"), DAMAGES.values(), ids=DAMAGES)
def test_a_damaged_bundle_is_refused(copy, damage, message):
    folder = copy()
    damage(folder)
    with pytest.raises(BundleError, match=message) as caught:
        load(folder)
    assert not any(text and text in str(caught.value) for text in GOLDEN)


def pickled(folder):
    np.savez(folder / "weights.npz", weights=np.array([{}], object), scale=np.ones(2), intercept=np.ones(2))


def truncated(folder):
    path = folder / "weights.npz"
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 9 // 10])


@pytest.mark.parametrize("damage", [pickled, truncated])
@pytest.mark.parametrize("sealed", [False, True])
def test_damaged_weights_are_refused(copy, damage, sealed):
    folder = copy("linear")
    damage(folder)
    if sealed:
        reseal(folder)
    with pytest.raises(BundleError, match=r"weights\.npz"):
        load(folder)


def test_another_digest_than_the_plan_names_is_refused(made):
    with pytest.raises(BundleError, match="expected sha256 0000"):
        load(made["lexicon"], "0" * 64)


def test_references(made, tmp_path, monkeypatch):
    monkeypatch.setattr(bundle_facts, "_builtin_root", lambda: made["lexicon"].parent)
    assert bundles.builtins() == ["lexicon", "linear"]
    assert load("builtin:lexicon").name == "test-words"
    with pytest.raises(UsageError, match="did you mean `builtin:linear`"):
        load("builtin:linaer")
    with pytest.raises(UsageError, match="no such bundle"):
        load("builtin:../bundles0/lexicon")
    with pytest.raises(UsageError, match="no bundle there"):
        load(tmp_path)


def test_every_builtin_bundle_loads():
    for name in bundles.builtins():
        assert load(f"builtin:{name}").card()


def test_a_wrong_header_is_not_written(tmp_path):
    (tmp_path / "terms.json").write_text(json.dumps(TERMS))
    with pytest.raises(BundleError, match="colour"):
        write(tmp_path, {**HEADER, "colour": 1}, GOLDEN)
    with pytest.raises(BundleError, match="holds no text"):
        write(tmp_path, HEADER, [])
