"""The network kind: what its scores are, that no group is told from another, and what is refused."""

from __future__ import annotations

import json

import numpy as np
import pytest

from tamis.classifiers.errors import BundleError, UsageError
from tamis.classifiers.fasttext_model import FastTextModel
from tamis.classifiers.fasttext_parameters import FastTextParameters
from tamis.classifiers.network import load
from tamis.classifiers.network_descent import Table, Texts, descend
from tamis.classifiers.network_kernel import Layers, blocked, forward
from tamis.classifiers.network_parameters import NetworkParameters
from tamis.classifiers.npz import read_arrays, write_arrays
from tamis.classifiers.passages import Passages
from tamis.classifiers.training_data import Fitting
from tamis.classifiers.training_features import row_space, vocabulary
from tamis.classifiers.training_mentions import Mentions
from tamis.classifiers.training_network import fit

CATEGORIES = ("hate", "violence")
LINEAR = {
    "bucket": 100_000, "min_count": 1, "ngram_min_count": 3, "quantise": True, "minn": 3, "maxn": 4,
    "identity_weight": 0.3, "mentions": ["hate"], "scale": 5,
}  # fmt: skip
PART = {"units": 6, "hidden": 12, "epoch": 20, "rate": 2.0}
SMALL = {"networks": [PART], "linear": LINEAR}


def _data(rows=1200, seed=0):
    """One word alone is harmless, and so is the other: only both together violate, as no sum over words can say."""
    rng = np.random.default_rng(seed)
    words = [f"w{i}" for i in range(40)]
    groups = ["asian", "hindu", "baker", "grocer"] * (rows // 4)
    texts = []
    for group in groups:
        first, last = (word if rng.random() < 0.5 else "plain" for word in ("flame", "candle"))
        texts.append(" ".join([first, *rng.choice(words, 5), group, *rng.choice(words, 2), last]))
    truth = np.array([[("flame" in t) != ("candle" in t), "w2" in t.split()] for t in texts])
    labels = truth.astype(np.float32)
    labels[rng.random(labels.shape) < 0.2] = np.nan
    return Fitting(texts, labels, np.ones(labels.shape, np.int64)), truth


def _fitted(folder, data, **changes):
    folder.mkdir(exist_ok=True)
    return fit(data, folder, CATEGORIES, {**SMALL, **changes}, 3, lambda _: None)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    data, truth = _data()
    folder = tmp_path_factory.mktemp("network")
    return folder, _fitted(folder, data, linear_weights={"hate": 0.1}), data, truth


def _told(folder, parameters):
    """Mean score of violations less that of other texts, for each category, on texts that were not trained on."""
    data, truth = _data(seed=1)
    scores = load(folder, parameters).score(Passages.of(data.texts))
    return [scores[truth[:, j], j].mean() - scores[~truth[:, j], j].mean() for j in range(2)]


def test_it_learns_what_no_sum_over_words_can_tell(made):
    folder, parameters, _, _ = made
    assert min(_told(folder, parameters)) > 0.3


def test_the_linear_model_alone_does_not(tmp_path):
    data, _ = _data()
    hate, violence = _told(tmp_path, _fitted(tmp_path, data, networks=[{**PART, "weight": 0}]))
    assert abs(hate) < 0.15 < violence


def test_scores_are_those_of_the_definition(made):
    folder, parameters, data, _ = made
    texts = data.texts[:50]
    found = FastTextModel.from_file(folder / "model.bin").logits(*Passages.of(texts).buffer("none")).astype(np.float64)
    shapes = {
        "mention": (6,), "linear": (6, 2), "inner": (6, 12), "threshold": (12,), "outer": (12, 2), "bias": (2,),
    }  # fmt: skip
    net = read_arrays(folder / "network.npz", {k: (np.dtype(np.float32), v) for k, v in shapes.items()})
    mentions = np.array([("asian" in t) or ("hindu" in t) for t in texts])
    assert (mentions == (found[:, -1] > 0)).all()
    average = found[:, 3:-1] + mentions[:, None] * net["mention"]
    hidden = np.maximum(0, net["threshold"] + average @ net["inner"])
    linear = found[:, :2].copy()
    linear[mentions, 0] = found[mentions, 2]
    logits = linear + net["bias"] + average @ net["linear"] + hidden @ net["outer"]
    np.testing.assert_allclose(load(folder, parameters).score(Passages.of(texts)), 1 / (1 + np.exp(-logits)), atol=1e-5)


def test_a_score_does_not_depend_on_the_batch(made):
    folder, parameters, data, _ = made
    classifier = load(folder, parameters)
    together = classifier.score(Passages.of(data.texts[:64]))
    alone = np.concatenate([classifier.score(Passages.of([text])) for text in data.texts[:64]])
    assert (together == alone).all()


def test_no_passage_has_no_score(made):
    folder, parameters, _, _ = made
    assert load(folder, parameters).score(Passages.of([])).shape == (0, 2)


def test_the_same_data_give_the_same_bytes(tmp_path):
    data, _ = _data(400)
    for name in ("a", "b"):
        _fitted(tmp_path / name, data, networks=[{**PART, "epoch": 2}])
    for file in ("model.bin", "network.npz"):
        assert (tmp_path / "a" / file).read_bytes() == (tmp_path / "b" / file).read_bytes()


def test_what_is_unknown_teaches_nothing(tmp_path):
    data, _ = _data(400)
    data.labels[:40] = np.nan
    _fitted(tmp_path / "a", data, networks=[{**PART, "epoch": 2}])
    data.copies[:40] = 7
    _fitted(tmp_path / "b", data, networks=[{**PART, "epoch": 2}])
    assert (tmp_path / "a" / "network.npz").read_bytes() == (tmp_path / "b" / "network.npz").read_bytes()


def test_groups_are_scored_alike_though_their_names_are_long_and_short(tmp_path):
    data, _ = _data()
    data.labels[:, 0] = [float("hindu" in text) for text in data.texts]  # a corpus that hates one group
    scores = load(tmp_path, _fitted(tmp_path, data)).score(
        Passages.of([f"w5 w9 {w} w11 w12 w7" for w in ("asian", "hindu", "transgender", "lesbian")])
    )
    assert np.ptp(scores[:, 0]) < 0.05


def test_identity_terms_add_nothing_to_an_average(tmp_path):
    texts = ["the hindu cook said hello to the asian baker"] * 20
    parameters = FastTextParameters.of({**LINEAR, "solver": "logistic"})
    space = row_space(tmp_path / "m.bin", texts, vocabulary(texts, parameters, {}), parameters)
    terms = Mentions.of(space)
    rest, mentions = terms.apart(space.matrix(["said hello hindu", "said hello"]))
    assert mentions.tolist() == [True, False]
    table = np.random.default_rng(0).normal(size=(space.width, 3))
    level = np.array([0.4, -1.0, 2.0])
    terms.tie(table, level)
    # At the level the parts of a term change nothing; what is left is the mean as if the term were one row of 0.
    tied, without = space.matrix(["said hello hindu"]) @ table, rest[:1] @ table
    size = space.matrix(["said hello hindu"]).sum() / space.matrix(["said hello hindu"]).data.min()
    n_parts = terms.sizes[list(terms.terms).index(space.words.index("hindu"))] - 1
    np.testing.assert_allclose(tied, without * (size - n_parts) / size + level * n_parts / size, atol=1e-9)


def test_a_step_descends_the_gradient():
    """Against the loss itself, by finite differences: plain steps of the rows are minus rate times its derivatives."""
    rng = np.random.default_rng(1)

    def floats(*shape):
        return rng.normal(size=shape).astype(np.float32)

    layers = Layers(floats(3, 2), floats(3, 5), floats(5), floats(5, 2), floats(2))
    table = Table(floats(4, 3), floats(2, 3))
    texts = Texts(
        np.array([0, 3]), np.array([0, 2, 3], np.int32), floats(3), floats(1, 2),
        np.array([[1, 0]], np.float32), np.array([[1.5, 1]], np.float32),
    )  # fmt: skip

    def loss(rows):
        average = texts.values @ rows[texts.rows] + texts.dense[0] @ table.dense
        logits = forward(average[None].astype(np.float32), blocked(layers))[0].astype(np.float64)
        return float(1.5 * np.log1p(np.exp(-logits[0])) + np.log1p(np.exp(logits[1])))

    before = table.rows.copy()
    slope = np.zeros_like(before)
    for place in np.ndindex(*before.shape):
        up, down = before.copy(), before.copy()
        up[place] += 1e-2
        down[place] -= 1e-2
        slope[place] = (loss(up) - loss(down)) / 2e-2
    squares = Layers(*(np.full_like(part, 1e6) for part in layers))
    rates = np.array([1e-3, 1e-3, 1e-3], np.float32)
    descend(np.array([0]), texts, table, Layers(*(p.copy() for p in layers)), squares, rates, 1.0, 0.0, 5.0)
    np.testing.assert_allclose((before - table.rows) / 1e-3, slope, rtol=0.05, atol=2e-3)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"networks": [{"units": 1}]}, "expected 2"),
        ({"networks": [{"hidden": 0}]}, "1 to 1024"),
        ({"networks": [{"rate": 0}]}, "must be positive"),
        ({"networks": []}, "at least one"),
        ({"networks": [{"weight": -1}]}, "weight is -1"),
        ({"networks": [{"unit": 4}]}, "'unit' is none of"),
        ({"linear_weights": {"hate": -0.5}}, "weight of hate is -0.5"),
        ({"linear_weights": {"hat": 0.5}}, "names 'hat'; the configuration trains hate, violence"),
        ({"unit": 4}, "'unit' is none of"),
        ({"linear": {**LINEAR, "solver": "library"}}, "solver"),
        ({"linear": {**LINEAR, "mentions": ["hat"]}}, "mentions names 'hat'"),
    ],
)
def test_wrong_hyper_parameters(tmp_path, changes, message):
    with pytest.raises(UsageError, match=message):
        NetworkParameters.of({**SMALL, **changes}, CATEGORIES)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"file": "../model.bin"}, "name of a file"),
        ({"hidden": 5}, r"network\.npz"),
        ({"hidden": 100_000}, "hidden units"),
        ({"categories": ["violence", "hate"]}, "labels"),
        ({"mentions": ["sexual"]}, "names 'sexual'"),
        ({"mentions": []}, r"network\.npz|labels"),
        ({"extra": 1}, "extra"),
    ],
)
def test_wrong_parameters_of_a_bundle(made, changes, message):
    folder, parameters, _, _ = made
    with pytest.raises(BundleError, match=message):
        load(folder, json.loads(json.dumps({**parameters, **changes})))


def test_a_network_of_no_numbers_is_refused(made, tmp_path):
    folder, parameters, _, _ = made
    (tmp_path / "model.bin").write_bytes((folder / "model.bin").read_bytes())
    arrays = dict(np.load(folder / "network.npz"))
    arrays["bias"][0] = np.nan
    write_arrays(tmp_path / "network.npz", arrays)
    with pytest.raises(BundleError, match="not finite"):
        load(tmp_path, parameters)


def test_networks_are_added_up_as_their_weights_say(tmp_path):
    data, _ = _data(600)
    alone = []
    for name, weights in (("a", (1, 0)), ("b", (0, 1)), ("both", (1, 1))):
        parts = [{**PART, "weight": weight, "units": 6 + k, "hidden": 12 + k} for k, weight in enumerate(weights)]
        scores = load(tmp_path / name, _fitted(tmp_path / name, data, networks=parts, linear_weight=0)).score(
            Passages.of(data.texts)
        )
        alone.append(np.log(scores / (1 - scores)).astype(np.float64))
    first, second, both = (logits - logits.mean(axis=0) for logits in alone)
    first, second = first / first.std(axis=0), second / second.std(axis=0)
    np.testing.assert_allclose(both / both.std(axis=0), (first + second) / (first + second).std(axis=0), atol=0.1)


def test_a_network_sees_only_its_sources(tmp_path):
    data, _ = _data(600)
    lying = Fitting(
        [*data.texts, *data.texts],
        np.concatenate([data.labels, 1 - data.labels]),
        np.ones((1200, 2), np.int64),
        sources=["true"] * 600 + ["lies"] * 600,
    )
    told = []
    for sources in (["true"], ["lies"]):
        folder = tmp_path / sources[0]
        part = {**PART, "sources": sources}
        told.append(_told(folder, _fitted(folder, lying, networks=[part], linear_weight=0))[1])
    assert told[0] > 0.3
    assert told[1] < -0.3


def test_a_source_that_is_not_there_is_refused(tmp_path):
    data, _ = _data(40)
    with pytest.raises(UsageError, match="'forum' has no row"):
        _fitted(tmp_path, data, networks=[{**PART, "sources": ["forum"]}])


def test_a_category_that_a_network_has_no_label_of_is_left_to_the_others(tmp_path):
    data, _ = _data(600)
    data.labels[:, 1] = np.where(np.arange(600) < 300, data.labels[:, 1], np.nan)
    halves = Fitting(data.texts, data.labels, data.copies, sources=["a"] * 300 + ["b"] * 300)
    parts = [PART, {**PART, "sources": ["b"]}]
    assert _told(tmp_path, _fitted(tmp_path, halves, networks=parts))[1] > 0.2


@pytest.mark.parametrize(
    ("units", "hidden", "categories"), [(1, 1, 1), (24, 64, 5), (7, 65, 8), (3, 200, 9), (5, 10, 17)]
)
def test_a_network_of_any_size_is_computed_as_defined(units, hidden, categories):
    rng = np.random.default_rng(hidden)
    shapes = [(units, categories), (units, hidden), (hidden,), (hidden, categories), (categories,)]
    layers = Layers(*(rng.normal(size=shape).astype(np.float32) for shape in shapes))
    averages = rng.normal(size=(40, units)).astype(np.float32)
    averages[7] = np.nan
    expected = (
        layers.bias
        + averages @ layers.linear
        + np.maximum(0, layers.threshold + averages @ layers.inner) @ layers.outer
    )
    np.testing.assert_allclose(forward(averages, blocked(layers)), expected, rtol=1e-3, atol=1e-3)
