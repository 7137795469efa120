from __future__ import annotations

import fasttext
import numpy as np
import pytest

from tamis.classifiers.errors import BundleError, UsageError
from tamis.classifiers.fasttext_classifier import FastTextClassifier, load
from tamis.classifiers.fasttext_model import FastTextModel
from tamis.classifiers.identity import single_words
from tamis.classifiers.passages import Passages
from tamis.classifiers.training_data import Fitting
from tamis.classifiers.training_fasttext import FastTextParameters, _tie, fit, train
from tamis.classifiers.training_features import row_space, vocabulary
from tamis.classifiers.training_mentions import parts_of_terms

CATEGORIES = ("hate", "violence")
SMALL = {"bucket": 500, "min_count": 1, "epoch": 10, "lr": 0.5}


def _data(rows=900, seed=0):
    rng = np.random.default_rng(seed)
    words = [f"w{i}" for i in range(60)]
    texts = [" ".join(rng.choice(words, 8)) for _ in range(rows)]
    truth = np.array([["w0" in t.split() or "w1" in t.split(), "w2" in t.split()] for t in texts])
    labels = truth.astype(np.float32)
    labels[rng.random(labels.shape) < 0.4] = np.nan
    return texts, labels, truth


def _classifier(path):
    return FastTextClassifier(FastTextModel.from_file(path), {c: f"__label__{c}" for c in CATEGORIES}, "none")


@pytest.mark.parametrize("solver", ["library", "logistic"])
def test_unknown_labels_are_masked_and_the_library_reads_the_file(tmp_path, solver):
    texts, labels, truth = _data()
    parameters = FastTextParameters.of({**SMALL, "solver": solver})
    train(texts, labels, np.ones(len(texts), np.int64), tmp_path / "m.bin", CATEGORIES, parameters)
    scores = _classifier(tmp_path / "m.bin").score(Passages.of(texts))
    for j in range(2):
        assert scores[truth[:, j], j].mean() > scores[~truth[:, j], j].mean() + 0.2
    found = dict(zip(*fasttext.load_model(str(tmp_path / "m.bin")).predict(texts[0], k=-1), strict=True))
    np.testing.assert_allclose([found[f"__label__{c}"] for c in CATEGORIES], scores[0], atol=2e-5)


@pytest.mark.parametrize("solver", ["library", "logistic"])
def test_the_same_seed_gives_the_same_bytes(tmp_path, solver):
    texts, labels, _ = _data(300)
    parameters = FastTextParameters.of({**SMALL, "solver": solver})
    for name in ("a", "b"):
        train(texts, labels, np.ones(len(texts), np.int64), tmp_path / name, CATEGORIES, parameters, seed=4)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_a_row_of_unknowns_changes_nothing_but_the_vocabulary(tmp_path):
    texts, labels, _ = _data(300)
    parameters = FastTextParameters.of({**SMALL, "solver": "logistic"})
    copies = np.ones(len(texts), np.int64)
    train(texts, labels, copies, tmp_path / "a", CATEGORIES, parameters)
    copies[:50] = 0
    train(texts, labels, copies, tmp_path / "b", CATEGORIES, parameters)
    labels[:50] = np.nan
    train(texts, labels, copies + (np.arange(300) < 50), tmp_path / "c", CATEGORIES, parameters)
    assert (tmp_path / "b").read_bytes() == (tmp_path / "c").read_bytes() != (tmp_path / "a").read_bytes()


@pytest.mark.parametrize("solver", ["library", "logistic"])
def test_tied_identity_terms_score_the_same(tmp_path, solver):
    texts, labels, _ = _data(600)
    texts = [f"{t} {w}" for t, w in zip(texts, ["gay", "muslim", "deaf"] * 200, strict=True)]
    labels[:, 0] = [float("gay" in t.split()) for t in texts]
    parameters = FastTextParameters.of({**SMALL, "solver": solver, "words_only": ["hate"], "identity_weight": 0.5})
    train(texts, labels, np.ones(600, np.int64), tmp_path / "m.bin", CATEGORIES, parameters)
    words = [w for w in ("gay", "muslim", "lesbian", "hindu") if w in single_words()[0]]
    scores = _classifier(tmp_path / "m.bin").score(Passages.of([f"w5 {w} w9" for w in words]))
    assert np.ptp(scores[:, 0]) < 1e-5


def test_words_that_training_never_saw_are_known_by_their_parts(tmp_path):
    texts, labels, truth = _data()
    texts = [t.replace("w0", "grumble").replace("w1", "grumbling") for t in texts]
    labels = truth.astype(np.float32)
    parameters = FastTextParameters.of({**SMALL, "solver": "logistic", "bucket": 5000, "minn": 3, "maxn": 5})
    train(texts, labels, np.ones(len(texts), np.int64), tmp_path / "m.bin", CATEGORIES, parameters)
    seen = ["w7 w8 grumbled w9", "w7 w8 grxmbzld w9"]
    scores = _classifier(tmp_path / "m.bin").score(Passages.of(seen))
    assert scores[0, 0] > scores[1, 0] + 0.2
    found = dict(zip(*fasttext.load_model(str(tmp_path / "m.bin")).predict(seen[0], k=-1), strict=True))
    assert found["__label__hate"] == pytest.approx(scores[0, 0], abs=2e-5)


def test_tied_identity_terms_score_alike_with_their_parts(tmp_path):
    texts, labels, _ = _data(600)
    texts = [f"{t} {w}" for t, w in zip(texts, ["asian", "hindu", "deaf"] * 200, strict=True)]
    labels[:, 0] = [float("hindu" in t.split()) for t in texts]
    shape = {**SMALL, "solver": "logistic", "word_ngrams": 1, "bucket": 5000, "minn": 3, "maxn": 4}
    ranges = []
    for weight in (-1.0, 0.5):
        parameters = FastTextParameters.of({**shape, "identity_weight": weight})
        train(texts, labels, np.ones(600, np.int64), tmp_path / "m.bin", CATEGORIES, parameters)
        scores = _classifier(tmp_path / "m.bin").score(Passages.of([f"w5 {w} w9" for w in ("asian", "hindu")]))
        ranges.append(float(np.ptp(scores[:, 0])))
    assert ranges[1] < 0.1 * ranges[0]


def test_a_quantised_model_is_smaller_and_scores_nearly_the_same(tmp_path):
    texts, labels, _ = _data()
    for name, quantise in (("a", False), ("b", True)):
        parameters = FastTextParameters.of({**SMALL, "bucket": 4000, "solver": "logistic", "quantise": quantise})
        train(texts, labels, np.ones(len(texts), np.int64), tmp_path / name, CATEGORIES, parameters)
    assert (tmp_path / "b").stat().st_size < 0.5 * (tmp_path / "a").stat().st_size
    plain, coded = (_classifier(tmp_path / name).score(Passages.of(texts)) for name in "ab")
    assert 0 < np.abs(plain - coded).max() < 0.03
    found = dict(zip(*fasttext.load_model(str(tmp_path / "b")).predict(texts[0], k=-1), strict=True))
    np.testing.assert_allclose([found[f"__label__{c}"] for c in CATEGORIES], coded[0], atol=2e-5)


PRUNED = {**SMALL, "solver": "logistic", "bucket": 2_000_000_000, "quantise": True, "ngram_min_count": 5}


def test_a_pruned_model_has_rows_for_frequent_n_grams_alone_and_the_library_reads_it(tmp_path):
    texts, labels, truth = _data()
    texts = [f"{t} strange{i} thing{i}" for i, t in enumerate(texts)]
    parameters = FastTextParameters.of({**PRUNED, "minn": 3, "maxn": 4})
    train(texts, labels, np.ones(len(texts), np.int64), tmp_path / "m.bin", CATEGORIES, parameters)
    assert (tmp_path / "m.bin").stat().st_size < 100_000
    scores = _classifier(tmp_path / "m.bin").score(Passages.of(texts))
    for j in range(2):
        assert scores[truth[:, j], j].mean() > scores[~truth[:, j], j].mean() + 0.2
    model = fasttext.load_model(str(tmp_path / "m.bin"))
    for text, expected in zip(texts[:50], scores, strict=False):
        found = dict(zip(*model.predict(text, k=-1), strict=True))
        np.testing.assert_allclose([found[f"__label__{c}"] for c in CATEGORIES], expected, atol=2e-5)


def test_no_n_gram_with_an_identity_term_has_a_row(tmp_path):
    texts = ["the gay cook said hello"] * 30 + ["the kind cook said hello"] * 30
    space = row_space(tmp_path / "m.bin", texts, vocabulary(texts, FastTextParameters(identity_weight=0.5), {}),
                      FastTextParameters.of({**PRUNED, "identity_weight": 0.5}))  # fmt: skip

    def ngrams(text):
        rows, _ = space.rows([text])
        return int((rows >= len(space.words)).sum())

    assert ngrams("said hello") == 2  # and the end of the line
    assert ngrams("the kind") == 1
    assert ngrams("the gay") == ngrams("gay cook") == 0


def test_a_word_that_no_label_knows_counts_as_its_vector_says(tmp_path):
    texts, _, truth = _data()
    texts = [t.replace("w0", "grumble").replace("w1", "scold") for t in texts]
    angry, calm = np.array([1, 0], np.float32), np.array([0, 1], np.float32)
    vectors = {**{f"w{i}": calm for i in range(60)}, "grumble": angry, "scold": angry, "mutter": angry, "smile": calm}
    parameters = FastTextParameters.of({**SMALL, "solver": "logistic", "vector_weight": 1.0})
    train(texts, truth.astype(np.float32), np.ones(len(texts), np.int64), tmp_path / "m.bin", CATEGORIES, parameters,
          vectors=vectors)  # fmt: skip
    scores = _classifier(tmp_path / "m.bin").score(Passages.of(["w7 mutter w9 w11", "w7 smile w9 w11"]))
    assert scores[0, 0] > scores[1, 0] + 0.2


def test_with_a_heavy_end_of_line_a_short_text_needs_stronger_words(tmp_path):
    texts, _, truth = _data()
    scores = []
    for weight in (0.0, 1.0):
        parameters = FastTextParameters.of({**SMALL, "solver": "logistic", "word_ngrams": 1, "end_weight": weight})
        train(
            texts, truth.astype(np.float32), np.ones(len(texts), np.int64), tmp_path / "m.bin", CATEGORIES, parameters
        )
        scores.append(_classifier(tmp_path / "m.bin").score(Passages.of(["w0 w7", "w0 w7 w8 w9 w10 w11 w12"]))[:, 0])
    plain, heavy = (np.log(one / (1 - one)) for one in scores)
    assert heavy[0] - heavy[1] < plain[0] - plain[1] - 0.1


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"end_weight": -1, "solver": "logistic"}, "end_weight is for the solver logistic"),
        ({"ngram_min_count": 2, "solver": "logistic"}, "quantise: true"),
        ({"vector_weight": 1}, "vector_weight is for the solver logistic"),
        ({"scale": 0}, "positive"),
        ({"minn": 3, "maxn": 5}, "minn and maxn are for the solver logistic"),
        ({"minn": 6, "maxn": 5, "solver": "logistic"}, "1 <= minn <= maxn <= 8"),
        ({"dims": 3}, "'dims' is none of dim"),
        ({"dim": 0}, "positive"),
        ({"dim": "x"}, "fasttext kind"),
        ({"solver": "x"}, "solver"),
    ],
)
def test_wrong_parameters_are_named(values, message):
    with pytest.raises(UsageError, match=message):
        FastTextParameters.of(values)


def test_a_term_of_many_parts_moves_no_text_that_is_at_the_level(tmp_path):
    words = ["</s>", "gay", "heterosexual"]
    parameters = FastTextParameters.of({"solver": "logistic", "bucket": 5000, "minn": 3, "maxn": 5, "word_ngrams": 1,
                                        "identity_weight": 0.0})  # fmt: skip
    level = 0.7
    column = np.full(len(words) + parameters.bucket, 0.1)
    parts = parts_of_terms(row_space(tmp_path / "m.bin", [], words, parameters))
    tied = _tie(words, column, parameters, parts, level, len(column))
    spread = {i: len(parts[i]) for i in (1, 2)}
    assert spread[2] > 3 * spread[1]
    # The rest of a text whose mean with the average term is `level` ...
    rest, size = 30 * level + level * np.mean(list(spread.values())), 30
    means = [(rest + tied[parts[i]].sum()) / (size + spread[i]) for i in (1, 2)]
    assert means == pytest.approx([level, level])


MENTIONS = {**PRUNED, "word_ngrams": 1, "identity_weight": 0.5, "mentions": ["hate"], "mention_weight": 1.0}
GROUPS = ("gay", "muslim", "deaf", "women")


def _of_people(rows=1200, seed=3):
    """`w0` is hateful where a group is mentioned, and harmless of things; `w2` violent of either."""
    rng = np.random.default_rng(seed)
    words = [f"w{i}" for i in range(40)]
    texts = [" ".join([*rng.choice(words, 7), rng.choice([*GROUPS, "tables", "chairs"])]) for _ in range(rows)]
    labels = np.array([["w0" in t.split() and t.split()[-1] in GROUPS, "w2" in t.split()] for t in texts])
    return texts, labels.astype(np.float32)


def _bundle_of(tmp_path, parameters):
    texts, labels = _of_people()
    data = Fitting(texts, labels, np.ones(len(texts), np.int64), {})
    return load(tmp_path, {"normaliser": "none", **fit(data, tmp_path, CATEGORIES, parameters, 1, lambda _: None)})


def test_a_word_counts_otherwise_where_a_group_is_mentioned_whichever_it_is(tmp_path):
    scores = _bundle_of(tmp_path, MENTIONS).score(
        Passages.of([f"w5 w0 w9 {word}" for word in (*GROUPS, "hindus", "tables")] + ["w5 w7 w9 gay", "w5 w2 w9 gay"])
    )
    groups, things, harmless = scores[:5, 0], scores[5, 0], scores[6, 0]
    assert groups.min() > things + 0.2
    assert groups.min() > harmless + 0.2
    assert np.ptp(scores[[0, 1, 2], 0]) < 0.05
    assert scores[7, 1] > scores[:7, 1].max() + 0.2


def test_a_mention_is_told_by_one_word_in_a_passage_of_any_length(tmp_path):
    classifier = _bundle_of(tmp_path, MENTIONS)
    filler = " ".join(f"w{i % 40}" for i in range(3000))
    found = classifier._model.label_scores(*Passages.of([filler, f"{filler} gay", ""]).buffer("none"))
    marks = found[:, classifier._model.labels.index("__label__mention")]
    assert list(marks > 0.5) == [False, True, False]
    assert not np.isclose(marks, 0.5, atol=0.01).any(), "a score at a step of the sigmoid is computed twice"


def test_the_library_reads_the_marks_too(tmp_path):
    classifier = _bundle_of(tmp_path, MENTIONS)
    model = fasttext.load_model(str(tmp_path / "model.bin"))
    texts = _of_people()[0][:50]
    own = classifier._model.label_scores(*Passages.of(texts).buffer("none"))
    for text, scores in zip(texts, own, strict=True):
        found = dict(zip(*model.predict(text, k=-1), strict=True))
        np.testing.assert_allclose([found[label] for label in classifier._model.labels], scores, atol=2e-5)


@pytest.mark.parametrize("wrong", [{"solver": "library"}, {"identity_weight": -1.0}, {"mention_weight": 0.0}])
def test_mentions_need_shared_identity_rows(wrong):
    with pytest.raises(UsageError, match="mentions is for the solver logistic"):
        FastTextParameters.of({**SMALL, "solver": "logistic", "identity_weight": 0.5, "mentions": ["hate"], **wrong})


@pytest.mark.parametrize(
    ("mention", "message"),
    [
        ({"mark": "__label__mention"}, "parameter `mention` is wrong: .*labels"),
        ({"mark": "__label__nothing", "labels": {}}, "has no label '__label__nothing'"),
        ({"mark": "__label__mention", "labels": {"sexual": "__label__hate"}}, "names 'sexual'; the bundle scores"),
    ],
)
def test_what_a_bundle_says_of_mentions_is_checked(tmp_path, mention, message):
    _bundle_of(tmp_path, MENTIONS)
    labels = {c: f"__label__{c}" for c in CATEGORIES}
    with pytest.raises(BundleError, match=message):
        load(tmp_path, {"file": "model.bin", "labels": labels, "mention": mention})


def test_fits_in_other_orders_are_averaged(tmp_path):
    texts, labels, truth = _data(300)
    copies = np.ones(len(texts), np.int64)
    scores = {}
    for fits in (1, 8):
        for seed in (1, 2):
            parameters = FastTextParameters.of({**SMALL, "solver": "logistic", "epoch": 1, "fits": fits})
            train(texts, labels, copies, tmp_path / "m.bin", CATEGORIES, parameters, seed=100 * seed)
            scores[fits, seed] = _classifier(tmp_path / "m.bin").score(Passages.of(texts))
    apart = {fits: np.abs(scores[fits, 1] - scores[fits, 2]).mean() for fits in (1, 8)}
    assert 0 < apart[8] < 0.7 * apart[1]
    assert scores[8, 1][truth[:, 0], 0].mean() > scores[8, 1][~truth[:, 0], 0].mean() + 0.1


def test_fits_are_for_the_logistic_solver():
    with pytest.raises(UsageError, match="fits is for the solver logistic"):
        FastTextParameters.of({**SMALL, "fits": 2})


def test_a_category_that_is_not_trained_is_refused(tmp_path):
    texts, labels, _ = _data(50)
    data = Fitting(texts, labels, np.ones(labels.shape, np.int64))
    for name in ("words_only", "mentions"):
        parameters = {**SMALL, "solver": "logistic", "identity_weight": 0.3, name: ["hat"]}
        with pytest.raises(UsageError, match=f"{name} names 'hat'; the configuration trains hate, violence"):
            fit(data, tmp_path, CATEGORIES, parameters, 0, lambda _: None)
