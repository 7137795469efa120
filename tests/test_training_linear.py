from __future__ import annotations

import numpy as np
import pytest

from tamis.classifiers import linear_model
from tamis.classifiers.errors import UsageError
from tamis.classifiers.passages import Passages
from tamis.classifiers.training_data import Fitting
from tamis.classifiers.training_linear import fit

CATEGORIES = ("hate", "violence")
SMALL = {"buckets": 2**14, "min_count": 1, "alpha": 1e-5, "char_ngrams": (3, 4)}


def _fit(folder, texts, labels, **parameters):
    folder.mkdir(exist_ok=True)
    copies = np.ones(labels.shape, np.int64)
    loader = fit(Fitting(texts, labels, copies), folder, CATEGORIES, {**SMALL, **parameters}, 3, lambda _: None)
    return linear_model.load(folder, {**loader, "normaliser": "none"})


def _data(rows=600):
    rng = np.random.default_rng(1)
    words = [f"word{i}" for i in range(60)]
    texts = [" ".join(rng.choice(words, 8)) for _ in range(rows)]
    truth = np.array([["word0" in t.split(), "word2" in t.split()] for t in texts])
    labels = truth.astype(np.float32)
    labels[rng.random(labels.shape) < 0.4] = np.nan
    return texts, labels, truth


def test_unknown_labels_are_masked(tmp_path):
    texts, labels, truth = _data()
    scores = _fit(tmp_path / "a", texts, labels).score(Passages.of(texts))
    for j in range(2):
        assert scores[truth[:, j], j].mean() > scores[~truth[:, j], j].mean() + 0.2


def test_the_same_seed_gives_the_same_bytes(tmp_path):
    texts, labels, _ = _data(200)
    for name in ("a", "b"):
        _fit(tmp_path / name, texts, labels)
    assert (tmp_path / "a" / "weights.npz").read_bytes() == (tmp_path / "b" / "weights.npz").read_bytes()


def test_tied_identity_terms_score_nearly_the_same(tmp_path):
    texts, labels, _ = _data(600)
    texts = [f"{t} {w}" for t, w in zip(texts, ["gay", "muslim", "deaf"] * 200, strict=True)]
    labels[:, 0] = [float("gay" in t.split()) for t in texts]
    probes = Passages.of(["gay", "muslim", "hindu", "lesbian"])
    plain = _fit(tmp_path / "a", texts, labels, word_ngrams=(1, 1)).score(probes)[:, 0]
    tied = _fit(tmp_path / "b", texts, labels, word_ngrams=(1, 1), identity_weight=0.5, keep=0.0).score(probes)[:, 0]
    assert np.ptp(plain) > 0.5
    assert np.ptp(tied) < 0.2


def test_a_wrong_parameter_is_named(tmp_path):
    with pytest.raises(UsageError, match="'bucket' is none of"):
        _fit(tmp_path / "a", *_data(50)[:2], bucket=4)


def test_a_word_that_no_label_knows_counts_as_its_vector_says(tmp_path):
    texts, _, truth = _data()
    texts = [t.replace("word0", "grumble").replace("word2", "scold") for t in texts]
    angry, calm = np.array([1, 0], np.float32), np.array([0, 1], np.float32)
    vectors = {**{f"word{i}": calm for i in range(60)}, "grumble": angry, "mutter": angry, "smile": calm}
    data = Fitting(texts, truth.astype(np.float32), np.ones(truth.shape, np.int64), vectors=vectors)
    parameters = {**SMALL, "char_ngrams": None, "vector_weight": 1.0, "keep": 0.0}
    loader = fit(data, tmp_path, CATEGORIES, parameters, 3, lambda _: None)
    model = linear_model.load(tmp_path, {**loader, "normaliser": "none"})
    scores = model.score(Passages.of(["word7 mutter word9", "word7 smile word9"]))
    assert scores[0, 0] > scores[1, 0] + 0.2
