"""The library is the reference: the same model must give the same scores, whatever the text and the settings."""

from __future__ import annotations

import os
import random
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import fasttext
import numpy as np
import pytest
from numpy.typing import NDArray

from tamis.classifiers import fasttext_model
from tamis.classifiers.errors import BundleError
from tamis.classifiers.fasttext_classifier import load
from tamis.classifiers.fasttext_features import features
from tamis.classifiers.fasttext_kernel import average
from tamis.classifiers.fasttext_model import FastTextModel
from tamis.classifiers.fasttext_product import multiply_as_library
from tamis.classifiers.line_kernel import one_line
from tamis.classifiers.passages import Passages

#: Texts that each model is compared on; TAMIS_SLOW=1 takes a hundred thousand.
TEXTS = 100_000 if os.environ.get("TAMIS_SLOW") else 2_500

#: Settings of training, and of quantising afterwards.
MODELS: dict[str, tuple[dict[str, Any], dict[str, Any] | None]] = {
    "softmax": ({"loss": "softmax"}, None),
    "ova, bigrams": ({"loss": "ova", "wordNgrams": 2}, None),
    "ns, trigrams": ({"loss": "ns", "wordNgrams": 3}, None),
    "hs, bigrams": ({"loss": "hs", "wordNgrams": 2}, None),
    "softmax, subwords": ({"loss": "softmax", "minn": 3, "maxn": 6}, None),
    "ova, subwords from one letter, bigrams": ({"loss": "ova", "minn": 1, "maxn": 3, "wordNgrams": 2}, None),
    "hs, subwords, more labels than columns": ({"loss": "hs", "minn": 2, "maxn": 4, "labels": 40}, None),
    "ova, wide": ({"loss": "ova", "labels": 12, "dim": 16}, None),
    "two labels": ({"loss": "softmax", "labels": 2, "wordNgrams": 2}, None),
    "quantised softmax": ({"loss": "softmax", "wordNgrams": 2}, {}),
    "quantised ova, norms": ({"loss": "ova", "wordNgrams": 2}, {"qnorm": True}),
    "quantised ova, subwords, odd parts": ({"loss": "ova", "minn": 3, "maxn": 6}, {"dsub": 3}),
    "quantised hs, more labels than columns": ({"loss": "hs", "labels": 40, "minn": 2, "maxn": 4}, {"qnorm": True}),
    "pruned softmax": ({"loss": "softmax", "wordNgrams": 2}, {"cutoff": 600}),
    "pruned ova, subwords, retrained": (
        {"loss": "ova", "minn": 3, "maxn": 6, "wordNgrams": 2},
        {"cutoff": 900, "retrain": True, "qnorm": True},
    ),
    "quantised output": ({"loss": "ova", "labels": 300, "wordNgrams": 2}, {"qout": True}),
    "quantised output, norms": ({"loss": "softmax", "labels": 300}, {"qout": True, "qnorm": True}),
}

LETTERS = "abcdefghijklmnopqrstuvwxyzéüßñøčжщяאשعم中文語日한국😀🎉\u0301\u200d-'.,!"
SPACES = [" "] * 12 + ["  ", "\t", "\r", "\v", "\f", "\0", " \t ", "\u00a0", "\u2003", "\x1c", "\x85"]


def read_as_it_is(texts):
    """Texts as lines, with fastText's end marker in them: the normaliser `none` would break it up."""
    passages = Passages.of(texts)
    return one_line(passages.data, passages.bounds)


def words(rng: random.Random, n: int) -> list[str]:
    return ["".join(rng.choices(LETTERS, k=rng.randint(1, 9))) for _ in range(n)]


def texts(rng: random.Random, known: Sequence[str], n: int) -> list[str]:
    """Texts of known, unknown and altered words, special tokens, and any white space but line feeds."""
    made = []
    for _ in range(n):
        parts = []
        for _ in range(rng.choice([0, 1, 2, 5, 20, 60])):
            word = rng.choice(known) if rng.random() < 0.8 else "".join(words(rng, 1))
            odd = rng.random()
            word = word.upper() if odd < 0.03 else "__label__" + word if odd < 0.04 else word
            parts += ["</s>" if odd > 0.998 else word, rng.choice(SPACES)]
        made.append("".join(parts))
    return [*made[: n - 3], "", " \t", "</s>"]


@pytest.fixture(scope="module")
def vocabulary() -> list[str]:
    return sorted(set(words(random.Random(5), 900)))


@pytest.fixture(scope="module")
def train(tmp_path_factory: pytest.TempPathFactory, vocabulary: list[str]) -> Callable[..., Path]:
    """Trains a small model whose labels depend on the words, and returns its file."""
    folder = tmp_path_factory.mktemp("models")

    def make(settings: dict[str, Any], quantising: dict[str, Any] | None = None) -> Path:
        settings = dict(settings)
        rng, n_labels = random.Random(7), settings.pop("labels", 5)
        lines = []
        for _ in range(max(600, 6 * n_labels)):
            chosen = rng.choices(vocabulary, k=rng.randint(3, 25))
            names = {f"__label__{vocabulary.index(word) % n_labels}" for word in chosen[: rng.randint(1, 2)]}
            lines.append(" ".join([*sorted(names), *chosen]))
        data = folder / "train.txt"
        data.write_text("\n".join(lines) + "\n", "utf-8")
        defaults = {"dim": 11, "bucket": 3000, "epoch": 8, "lr": 0.4, "thread": 1, "verbose": 0, "minCount": 1}
        model = fasttext.train_supervised(str(data), **{**defaults, **settings})
        if quantising is not None:
            model.quantize(str(data), verbose=0, thread=1, **quantising)
        path = folder / "model.bin"
        model.save_model(str(path))
        return path

    return make


def library_scores(path: Path, labels: Sequence[str], batch: Sequence[str]) -> NDArray[np.float64]:
    """Scores by the library, NaN where it returns no label at all, 0 for labels below its threshold."""
    column = {label: i for i, label in enumerate(labels)}
    scores = np.zeros((len(batch), len(labels)))
    for row, (names, values) in enumerate(zip(*fasttext.load_model(str(path)).predict(list(batch), k=-1), strict=True)):
        scores[row, [column[name] for name in names]] = np.minimum(values, 1)
        if not names:
            scores[row] = np.nan
    return scores


def own_scores(model: FastTextModel, batch: Sequence[str]) -> NDArray[np.float32]:
    return model.label_scores(*read_as_it_is(batch))


@pytest.mark.parametrize("name", MODELS)
def test_scores_are_the_library_s(name: str, train: Callable[..., Path], vocabulary: list[str]) -> None:
    path = train(*MODELS[name])
    model = FastTextModel.from_file(path)
    batch = texts(random.Random(name), vocabulary, TEXTS)
    own, library = own_scores(model, batch), library_scores(path, model.labels, batch)
    np.testing.assert_allclose(own, library, rtol=0, atol=1e-5)
    assert own.dtype == np.float32
    assert np.nanmin(own) >= 0
    assert np.nanmax(own) <= 1
    assert np.nanstd(own, axis=0).min() > 0  # not all alike, or the comparison would say nothing


@pytest.mark.parametrize("name", ["ova, bigrams", "softmax, subwords", "quantised ova, norms"])
def test_large_models_are_not_projected_and_score_alike(
    name: str, train: Callable[..., Path], vocabulary: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = train(*MODELS[name])
    batch = texts(random.Random(1), vocabulary, 500)
    monkeypatch.setattr(fasttext_model, "MEMORY", 0)
    model = FastTextModel.from_file(path)
    np.testing.assert_allclose(own_scores(model, batch), library_scores(path, model.labels, batch), rtol=0, atol=1e-5)


def test_logits_are_nearer_to_the_library_s_than_the_margin_around_a_step(
    train: Callable[..., Path], vocabulary: list[str]
) -> None:
    model = FastTextModel.from_file(train({"loss": "ova", "wordNgrams": 2, "dim": 64, "lr": 2.0, "epoch": 30}))
    data, bounds = read_as_it_is(texts(random.Random(8), vocabulary, 2000))
    own = average(data, bounds, model._tables, model._rows, model._counts)[:, : len(model.labels)]
    inputs, output, norms = model._exact or pytest.fail("a model with steps")
    rows, ends = features(data, bounds, np.arange(bounds.size - 1), model._tables)
    library = multiply_as_library(inputs.take(rows), ends, output, norms)
    within = np.abs(library) < 8.1
    assert 0.2 < within.mean() < 0.99
    assert np.abs(own - library)[within].max() < fasttext_model.NEAR / 2


def test_a_quantised_model_that_expands_too_far_is_refused(
    train: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = train({"loss": "ova"}, {})
    monkeypatch.setattr(fasttext_model, "MEMORY", 0)
    monkeypatch.setattr(fasttext_model, "EXPANDED", 1000)
    with pytest.raises(BundleError, match="GiB when expanded"):
        FastTextModel.from_file(path)


def test_scores_do_not_depend_on_the_batch(train: Callable[..., Path], vocabulary: list[str]) -> None:
    model = FastTextModel.from_file(train({"loss": "ova", "wordNgrams": 2, "minn": 3, "maxn": 5}))
    batch = texts(random.Random(3), vocabulary, 300)
    together = own_scores(model, batch)
    one_by_one = np.concatenate([own_scores(model, [text]) for text in batch])
    np.testing.assert_array_equal(together, one_by_one)
    assert own_scores(model, []).shape == (0, 5)


def test_a_line_feed_is_white_space(train: Callable[..., Path], vocabulary: list[str]) -> None:
    model = FastTextModel.from_file(train({"loss": "softmax", "wordNgrams": 2}))
    text = " ".join(vocabulary[:9]).encode()
    data = np.frombuffer(text + text.replace(b" ", b"\n"), np.uint8)
    scores = model.label_scores(data, np.array([0, len(text), 2 * len(text)]))
    np.testing.assert_array_equal(scores[0], scores[1])


def test_a_text_of_which_the_model_knows_nothing_is_unscored(train: Callable[..., Path], vocabulary: list[str]) -> None:
    path = train({"loss": "ova", "wordNgrams": 2}, {"cutoff": 300})
    model = FastTextModel.from_file(path)
    batch = ["zzzzqqqq", *texts(random.Random(9), vocabulary, 200)]
    own, library = own_scores(model, batch), library_scores(path, model.labels, batch)
    np.testing.assert_array_equal(np.isnan(own), np.isnan(library))


def test_a_model_of_one_label(train: Callable[..., Path]) -> None:
    for loss in ("softmax", "hs"):
        model = FastTextModel.from_file(train({"loss": loss, "labels": 1}))
        np.testing.assert_array_equal(own_scores(model, ["any text"]), [[1]])


def test_categories_take_the_scores_of_their_labels(train: Callable[..., Path], vocabulary: list[str]) -> None:
    path = train({"loss": "softmax", "labels": 3})
    classifier = load(path.parent, {"file": path.name, "labels": {"hate": "__label__2", "violence": "__label__0"}})
    model = FastTextModel.from_file(path)
    batch = [text.replace("</s>", "") for text in texts(random.Random(4), vocabulary, 50)]
    scores = own_scores(model, batch)
    assert classifier.categories == ("hate", "violence")
    np.testing.assert_array_equal(
        classifier.score(Passages.of(batch)),
        scores[:, [model.labels.index("__label__2"), model.labels.index("__label__0")]],
    )


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"labels": {"hate": "__label__9"}}, "no label '__label__9'; it has .*'__label__0'"),
        ({"labels": {}}, "`labels` is missing"),
        ({"labels": {"hate": 3}}, "`labels` is missing"),
        ({"labels": None}, "`labels` is missing"),
        ({"file": "../model.bin"}, "`file` is '../model.bin'"),
        ({"file": ".."}, "`file` is"),
        ({"file": None}, "`file` is None"),
        ({"file": "absent.bin"}, "absent.bin"),
    ],
)
def test_wrong_parameters_are_named(train: Callable[..., Path], parameters: dict[str, Any], message: str) -> None:
    path = train({"loss": "ova"})
    right = {"file": path.name, "labels": {"hate": "__label__0"}}
    with pytest.raises(BundleError, match=message):
        load(path.parent, {**right, **parameters})
