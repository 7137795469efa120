import re
from pathlib import Path

import fasttext
import numpy as np
import pytest

from tamis.classifiers import bundle
from tamis.classifiers.errors import BundleError, UsageError
from tamis.classifiers.passages import Passages
from tamis.classifiers.wrap import export_linear, wrap_fasttext, wrap_lexicon

README = Path(__file__).resolve().parent.parent / "classifiers" / "README.md"


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    folder = tmp_path_factory.mktemp("model")
    text = "".join(f"__label__bad fool number {i}\n__label__good lovely day {i}\n" for i in range(50))
    (folder / "train.txt").write_text(text)
    trained = fasttext.train_supervised(str(folder / "train.txt"), dim=4, epoch=5, thread=1, verbose=0)
    trained.save_model(str(folder / "model.bin"))
    return folder / "model.bin"


def test_a_fasttext_file_becomes_a_bundle_with_the_librarys_scores(model, tmp_path):
    made = wrap_fasttext(model, {"harassment": "__label__bad"}, tmp_path / "made", "mine")
    labels, scores = fasttext.load_model(str(model)).predict("fool number 3", k=2)
    expected = dict(zip(labels, scores, strict=True))["__label__bad"]
    assert np.allclose(bundle.load(tmp_path / "made").score(Passages.of(["fool number 3"])), expected, atol=1e-5)
    assert made.threshold("harassment", "default") == 0.5


def test_a_label_that_the_model_lacks_is_named_with_those_that_it_has(model, tmp_path):
    with pytest.raises(UsageError, match="has no label __label__worse; it has __label__"):
        wrap_fasttext(model, {"hate": "__label__worse"}, tmp_path / "made", "mine")
    assert not (tmp_path / "made").exists()


def test_what_is_there_already_is_not_overwritten(model, tmp_path):
    (tmp_path / "file").write_text("mine")
    with pytest.raises(UsageError, match="is not empty"):
        wrap_fasttext(model, {"hate": "__label__bad"}, tmp_path, "mine")


def test_a_damaged_model_is_refused(model, tmp_path):
    cut = tmp_path / "cut.bin"
    cut.write_bytes(model.read_bytes()[:-100])
    with pytest.raises(BundleError):
        wrap_fasttext(cut, {"hate": "__label__bad"}, tmp_path / "made", "mine")


def test_a_word_list_becomes_a_bundle_with_its_severities_as_scores(tmp_path):
    (tmp_path / "words.json").write_text('{"format": 1, "terms": {"hate": {"grum": 0.7, "very grum": 0.9}}}')
    made = wrap_lexicon(tmp_path / "words.json", tmp_path / "made", "mine")
    scores = bundle.load(tmp_path / "made").score(Passages.of(["G.R.U.M", "very grum", "calm"]))
    assert np.allclose(scores[:, 0], [0.7, 0.9, 0], atol=1e-6)
    assert (made.kind, made.categories, made.normaliser) == ("lexicon", ("hate",), "web-1")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", 'expected {"format": 1.*no word list'),
        ('{"format": 1, "terms": {"hate": {"a": 2}}}', "term 1 of category hate: expected a severity above 0"),
        (None, "no such file; expected a word list in JSON"),
    ],
)
def test_what_is_no_word_list_is_refused(tmp_path, content, message):
    if content:
        (tmp_path / "words.json").write_text(content)
    with pytest.raises(UsageError, match=message):
        wrap_lexicon(tmp_path / "words.json", tmp_path / "made", "mine")
    assert not (tmp_path / "made").exists()


def test_coefficients_of_another_shape_are_refused(tmp_path):
    parameters = {"categories": ["hate"], "buckets": 2**10, "normaliser": "web-1"}
    with pytest.raises(BundleError, match=r"expected coefficients of shape \(1, 1024\)"):
        export_linear(np.zeros((1, 4)), np.zeros(1), parameters, tmp_path / "made", "mine")


def test_the_documented_example_runs(tmp_path, monkeypatch, capsys):
    (code,) = re.findall(r"<!-- test: linear -->\n```python\n(.*?)```", README.read_text(), re.DOTALL)
    monkeypatch.chdir(tmp_path)
    exec(compile(code, "README.md", "exec"), {})
    assert capsys.readouterr().out.startswith("my-linear-bundle@")
    assert bundle.load("my-linear-bundle").score(Passages.of(["such a fool"]))[0, 0] > 0.5
